"""What a bank's files may hold: told in one line before anything is drawn, and before memory is asked for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.info import BankInfo, entry_dtype
from domaingan.core.errors import DataError
from domaingan.core.reading import check_regular_file, open_regular_file
from domaingan.data import DOMAINS

MAX_CLASS_VALUE = 255
"""Masks are of bytes."""

Array = NDArray[Any]


def check_bank_info(info: BankInfo, path: Path) -> None:
    """Refuse a description that no bank has.

    Args:
        info: of the bank.
        path: the file it was read from.

    Raises:
        DataError: another number of dimensions than 2 or 3, no channel, two of one name, a class value that a mask
            cannot hold, or what scans have in a bank of frames, or the other way round.
    """
    if info.spatial_dims not in (2, 3):
        raise DataError(f"spatial_dims {info.spatial_dims}", path=path, expected="2 or 3")
    if info.domain.is_rgb and info.spatial_dims != 2:
        raise DataError("frames of 3 dimensions", path=path, expected="2, or scans")
    if not info.channels:
        raise DataError("no channels", path=path, expected="at least one")
    lists = {"channels": info.channels, "subjects": info.subjects, "hosts": info.hosts, "numbers": info.numbers}
    for name, values in (lists | {f"condition {name}": values for name, values in info.conditions.items()}).items():
        if len(set(values)) < len(values):
            raise DataError(f"{name} with a name twice", path=path, expected="every name once")
    least = 1 if info.kind == "crops" else 0  # in whole frames 0 may be a class
    for name, value in info.classes.items():
        if not least <= value <= MAX_CLASS_VALUE:
            raise DataError(f"class {name} of value {value}", path=path, expected=f"{least} to {MAX_CLASS_VALUE}")
    other = next(domain for domain in DOMAINS.values() if domain != info.domain)
    is_others = other.class_condition in info.conditions and info.domain.class_condition not in info.conditions
    if is_others or (not info.domain.has_ground and info.supporting_classes):
        what = f"the condition {other.class_condition!r}" if is_others else "what objects stand on"
        raise DataError(f"domain {info.domain.name!r} with {what}", path=path, expected=f'"domain": "{other}"')
    try:
        entry_dtype(info)
    except (ValueError, TypeError) as error:
        raise DataError(f"conditions that make no columns ({error})", path=path, expected="other names") from None


def open_array(path: Path, ndim: int, dtypes: tuple[type, ...] = ()) -> Array:
    """Open an array that stays on disk, if the file holds all that its header says.

    Args:
        path: a ``.npy`` file.
        dimensions: how many it has.
        kinds: types that its numbers may be of; any unless given.

    Raises:
        DataError: it is no such file, is of another type or number of dimensions, or of fewer bytes than it says.
    """
    check_regular_file(path)
    try:
        shape, dtype, start, size = _read_header(path)
    except DataError:
        raise
    except Exception as error:  # NumPy reads the header as text of Python, which fails in many ways
        reason = str(error).split("\n", 1)[0][:200]
        raise DataError(f"cannot be read ({reason})", path=path, expected="a whole .npy file") from None
    if dtype.hasobject:
        raise DataError(f"an array of {dtype}", path=path, expected="numbers, no Python objects")
    if dtypes and dtype not in [np.dtype(kind) for kind in dtypes]:
        raise DataError(f"an array of {dtype}", path=path, expected=" or ".join(str(np.dtype(kind)) for kind in dtypes))
    if any(n < 0 for n in shape) or len(shape) != ndim:
        raise DataError(
            f"an array of shape {_shorten_shape(shape)}", path=path, expected=f"{ndim} sizes, none negative"
        )
    needed = start + math.prod(shape) * dtype.itemsize
    if needed > size:
        found = f"cannot be read ({size:,} bytes of the {needed:.3g} that its header tells of)"
        raise DataError(found, path=path, expected="a whole .npy file")
    try:
        return np.lib.format.open_memmap(path, mode="r")  # unlike np.load, never a zip archive or a pickle
    except (ValueError, OSError, EOFError, OverflowError) as error:
        raise DataError(f"cannot be read ({error})", path=path, expected="a whole .npy file") from None


def _read_header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any], int, int]:
    """Shape, type, where the numbers begin, and the size of the file."""
    with open_regular_file(path) as file:
        version = np.lib.format.read_magic(file)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise DataError(f"a .npy file of version {version[0]}.{version[1]}", path=path, expected="1.0 or 2.0")
        shape, _, dtype = readers[version](file)
        return shape, dtype, file.tell(), path.stat().st_size


def _shorten_shape(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) <= 60 else f"{text[:60]}…"


def check_entries(entries: Array, info: BankInfo, path: Path) -> None:
    """Refuse rows that no entry has.

    Args:
        entries: ``(N,)`` of :func:`domaingan.banks.info.entry_dtype`.
        info: of the bank.
        path: the file they were read from.

    Raises:
        DataError: a position in a list that has no such place, a spacing that is not positive, or what should be a
            number and is none.
    """
    lists = {"subject": info.subjects, "host": info.hosts}
    lists |= {f"condition:{name}": values for name, values in info.conditions.items()}
    for column, names in lists.items():
        codes = entries[column]
        if (codes >= len(names)).any():
            expected = f"at most {len(names)} of them, as in bank.json"
            raise DataError(f"{column} {codes.max()}", path=path, expected=expected)
        if (codes < -1).any():
            raise DataError(f"{column} {codes.min()}", path=path, expected="-1 (not known) or a place in its list")
    _check_measurements(entries, info, path)


def _check_measurements(entries: Array, info: BankInfo, path: Path) -> None:
    spacing = entries["spacing"]
    wrong = ~(np.isfinite(spacing) & (spacing > 0))
    if wrong.any():
        raise DataError(f"spacing {spacing[wrong][0]:g}", path=path, expected="positive numbers, in mm")
    if (entries["source_size"] < 0).any():
        raise DataError(f"source_size {entries['source_size'].min()}", path=path, expected="0 (not known) or more")
    for column in ("centre", "radius_mm", "contrast", "depth"):
        if not np.isfinite(entries[column]).all():
            raise DataError(f"{column} that is no number", path=path, expected="finite numbers")
    if (entries["radius_mm"] < 0).any():
        raise DataError(f"radius_mm {entries['radius_mm'].min():g}", path=path, expected="0 or more")
    for name in info.numbers:
        if np.isinf(entries[f"number:{name}"]).any():
            raise DataError(f"number:{name} that is infinite", path=path, expected="a number, or NaN (not known)")
