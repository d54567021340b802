"""What a bank's files may hold. Mistakes are reported in one line, before memory is taken and entries are drawn."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.info import MAX_CLASS_VALUE, BankInfo, entry_dtype
from domaingan.core.errors import DataError
from domaingan.core.reading import check_regular_file, open_regular_file
from domaingan.data import DOMAINS

MAX_SHOWN_LENGTH = 60
"""Characters of an array's shape that a message shows."""

Array = NDArray[Any]

# ------------------------------------------------------------------ bank.json


def check_bank_info(info: BankInfo, path: Path) -> None:
    """Refuse an info that no bank has.

    Args:
        info: of the bank.
        path: the file it was read from.

    Raises:
        DataError: the number of dimensions is not 2 or 3; there is no channel; a name occurs twice; a mask cannot hold
            a class value; or a bank of frames has what only scans have, or the other way round.
    """
    if info.spatial_dims not in (2, 3):
        raise DataError(f"spatial_dims {info.spatial_dims}", path=path, expected="2 or 3")
    if info.domain.is_rgb and info.spatial_dims != 2:
        raise DataError("frames of 3 dimensions", path=path, expected="2, or scans")
    if not info.channels:
        raise DataError("no channels", path=path, expected="at least one")
    _check_unique_names(info, path)
    _check_class_values(info, path)
    _check_domain(info, path)
    try:
        entry_dtype(info)
    except (ValueError, TypeError) as error:
        raise DataError(f"conditions that make no columns ({error})", path=path, expected="other names") from None


def _check_unique_names(info: BankInfo, path: Path) -> None:
    """Refuse a list in which a name occurs twice."""
    lists = {"channels": info.channels, "subjects": info.subjects, "hosts": info.hosts, "numbers": info.numbers}
    for condition, values in info.conditions.items():
        lists[f"condition {condition}"] = values
    for name, values in lists.items():
        if len(set(values)) < len(values):
            raise DataError(f"{name} with a name twice", path=path, expected="every name once")


def _check_class_values(info: BankInfo, path: Path) -> None:
    """Refuse a class value that a mask cannot hold."""
    least = 1 if info.kind == "crops" else 0  # 0 is beside a crop's object, but a class like any other in a scene
    for name, value in info.classes.items():
        if not least <= value <= MAX_CLASS_VALUE:
            raise DataError(f"class {name} of value {value}", path=path, expected=f"{least} to {MAX_CLASS_VALUE}")


def _check_domain(info: BankInfo, path: Path) -> None:
    """Refuse what only banks of the other domain have."""
    other = next(domain for domain in DOMAINS.values() if domain != info.domain)
    has_own_condition = info.domain.class_condition in info.conditions
    if other.class_condition in info.conditions and not has_own_condition:
        found = f"the condition {other.class_condition!r}"
    elif info.supporting_classes and not info.domain.has_ground:
        found = "what objects stand on"
    else:
        return
    raise DataError(f"domain {info.domain.name!r} with {found}", path=path, expected=f'"domain": "{other}"')


# ----------------------------------------------------------------- .npy files


def open_array(path: Path, ndim: int, dtypes: tuple[type, ...] = ()) -> Array:
    """Open an array that stays on disk, if the file holds all that its header describes.

    Args:
        path: a ``.npy`` file.
        ndim: the number of dimensions that it must have.
        dtypes: the types that it may have; any unless given.

    Returns:
        The array, mapped from the file.

    Raises:
        DataError: the file is missing or no ``.npy`` file, has another type or number of dimensions, or is shorter than
            its header says.
    """
    check_regular_file(path)
    try:
        shape, dtype, data_start, file_size = _parse_header(path)
    except DataError:
        raise
    except Exception as error:  # NumPy reads the header as text of Python, which fails in many ways
        reason = str(error).split("\n", 1)[0][:200]
        raise _make_damage_error(reason, path) from None
    if dtype.hasobject:
        raise DataError(f"an array of {dtype}", path=path, expected="numbers, no Python objects")
    allowed = [np.dtype(kind) for kind in dtypes]
    if allowed and dtype not in allowed:
        raise DataError(f"an array of {dtype}", path=path, expected=" or ".join(map(str, allowed)))
    if any(length < 0 for length in shape) or len(shape) != ndim:
        found = f"an array of shape {_shorten_shape(shape)}"
        raise DataError(found, path=path, expected=f"{ndim} sizes, none negative")
    needed = data_start + math.prod(shape) * dtype.itemsize
    if needed > file_size:
        raise _make_damage_error(f"{file_size:,} bytes of the {needed:.3g} that its header tells of", path)
    try:
        return np.lib.format.open_memmap(path, mode="r")  # unlike np.load, never a zip archive or a pickle
    except (ValueError, OSError, EOFError, OverflowError) as error:
        raise _make_damage_error(str(error), path) from None


def _make_damage_error(reason: str, path: Path) -> DataError:
    return DataError(f"cannot be read ({reason})", path=path, expected="a whole .npy file")


def _parse_header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any], int, int]:
    """Read the shape and the type, where the data begin, and the size of the file."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with open_regular_file(path) as file:
        version = np.lib.format.read_magic(file)
        if version not in readers:
            raise DataError(f"a .npy file of version {version[0]}.{version[1]}", path=path, expected="1.0 or 2.0")
        shape, _, dtype = readers[version](file)
        return shape, dtype, file.tell(), path.stat().st_size


def _shorten_shape(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) <= MAX_SHOWN_LENGTH else f"{text[:MAX_SHOWN_LENGTH]}…"


# ---------------------------------------------------------------- entries.npy


def check_entries(entries: Array, info: BankInfo, path: Path) -> None:
    """Refuse rows with impossible values.

    Args:
        entries: ``(N,)`` rows of :func:`domaingan.banks.entry_dtype`.
        info: of the bank.
        path: the file they were read from.

    Raises:
        DataError: a position lies outside its list, a spacing is not positive, or a measurement is not a number.
    """
    lists = {"subject": info.subjects, "host": info.hosts}
    for condition, values in info.conditions.items():
        lists[f"condition:{condition}"] = values
    for column, names in lists.items():
        codes = entries[column]
        if (codes >= len(names)).any():
            expected = f"at most {len(names)} of them, as in bank.json"
            raise DataError(f"{column} {codes.max()}", path=path, expected=expected)
        if (codes < -1).any():
            raise DataError(f"{column} {codes.min()}", path=path, expected="-1 (not known) or a place in its list")
    _check_measurements(entries, info, path)


def _check_measurements(entries: Array, info: BankInfo, path: Path) -> None:
    """Refuse lengths, places and numbers that nothing can have."""
    spacing = entries["spacing"]
    is_wrong = ~(np.isfinite(spacing) & (spacing > 0))
    if is_wrong.any():
        raise DataError(f"spacing {spacing[is_wrong][0]:g}", path=path, expected="positive numbers, in mm")
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
