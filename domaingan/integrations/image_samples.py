"""What the transforms of other libraries share: a bank and the hosts' classes as users have them, images as samples."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.class_definitions import parse_classes
from domaingan.adapters.mask_values import list_allowed_values, make_unknown_values_error
from domaingan.bank_folders import open_bank
from domaingan.banks import Bank, BankInfo, BankKind
from domaingan.blend import Relight
from domaingan.blend.checks import check_channels
from domaingan.blend.looks import PER_CLASS
from domaingan.core.errors import DataError
from domaingan.core.reading import read_json
from domaingan.data import IntensityRange, Sample, Schema

Classes = Schema | Mapping[str, Any] | str | Path | None
"""How the values of the hosts' masks may be named: a dataset's schema, ``{name: value}``, a ``classes.json`` or what
would be in one; None where they are the bank's own."""

WHOLE_NUMBER_TOLERANCE = 1e-3
"""A label may be off a whole number by this much, as masks on disk may: resampling leaves 4e-15."""

UNKNOWN_SPACING_WARNING = (
    "the size of a host's pixels is not known: taken as 1 mm; spacing= says it in mm, one number an axis"
)

FRAME_RANGE_TOLERANCE = 0.25
"""Frames may leave [0, 1] by this much, as sharp resizing makes them; 0 to 255 or whitened is another matter."""


def resolve_bank(bank: Bank | str | Path, kind: BankKind) -> Bank:
    """A bank, or what :func:`domaingan.bank_folders.open_bank` makes of a folder.

    Raises:
        DataError: it is of another kind, or as of :func:`domaingan.bank_folders.open_bank`.
    """
    bank = bank if isinstance(bank, Bank) else open_bank(bank, kind)
    if bank.info.kind != kind:
        raise DataError(f"a bank of {bank.info.kind}", path=bank.path, expected=f"a bank of {kind}")
    return bank


def make_schema(classes: Classes, bank: Bank) -> Schema:
    """The schema of hosts that a bank's crops go into, or that get its scenes' looks.

    Args:
        classes: names the values of the hosts' masks. Frames that crops go into need it, and objects named in it: what
            crops stand on are classes, too.
        bank: says everything else.

    Raises:
        DataError: it is missing, or not as :class:`domaingan.adapters.class_definitions.ClassDefinitions` says.
    """
    info = bank.info
    if isinstance(classes, Schema):
        return classes
    if classes is None:
        if _has_ground_classes(info):
            raise DataError("a bank of frames' crops", path=bank.path, expected="classes=, the values of the masks")
        classes = info.classes
    path = Path("classes") if isinstance(classes, Mapping) else Path(classes)
    stored = classes if isinstance(classes, Mapping) else read_json(path)
    if not isinstance(stored.get("classes"), Mapping):
        stored = {"classes": dict(stored)}
    named = parse_classes(dict(stored), path)
    if _has_ground_classes(info) and not named.objects:
        raise DataError("no objects named", path=path, expected='{"classes": {name: value}, "objects": [name]}')
    return Schema(
        "arrays",
        info.domain,
        info.spatial_dims,
        tuple(info.channels),
        named.foreground_classes,
        tuple(named.ignore),
        tuple(named.objects),
        ground=named.supporting_classes,
        region=named.region,
    )


def _has_ground_classes(info: BankInfo) -> bool:
    return info.domain.has_ground and info.kind == "crops"


def dump_schema(schema: Schema) -> dict[str, Any]:
    """What :func:`make_schema` makes an equal schema of, in plain lists and dictionaries."""
    values: dict[str, Any] = {"ignore": list(schema.ignore), "objects": list(schema.objects)}
    if schema.ground:
        values["ground"] = {name: list(below) for name, below in schema.ground.items()}
    if schema.region:
        values["region"] = [list(corner) for corner in schema.region]
    return {"classes": dict(schema.classes)} | values


MAX_BYTE = 255.0
"""What is 1 in a frame of bytes."""


def convert_image(image: NDArray[Any], info: BankInfo) -> Sample:
    """A channel-first image as the host of a bank, its pixels as they are: frames of bytes get a range.

    Args:
        image: ``(C, *spatial)``, integers or floats; of frames uint8, or floats in [0, 1].
        info: of the bank that goes into it.

    Raises:
        DataError: other channels or dimensions than the bank's, or a frame of another range. NaN is refused later.
    """
    check_channels(image, info)
    if info.domain.has_body:
        return Sample(np.ascontiguousarray(image))  # scans are measured as a whole
    if image.dtype == np.uint8:
        ends = np.array([[0, MAX_BYTE]] * len(image), dtype=np.float32)
        return Sample(image, intensity_range=IntensityRange(ends))
    if image.dtype.kind != "f":
        raise DataError(f"a frame of {image.dtype}", expected="floats in [0, 1], or uint8")
    low, high = float(image.min()), float(image.max())
    if low < -FRAME_RANGE_TOLERANCE or high > 1 + FRAME_RANGE_TOLERANCE:
        raise DataError(f"a frame of {low:g} to {high:g}", expected="floats in [0, 1], or uint8")
    return Sample(image)


def _parse_numbers(values: Any) -> NDArray[Any]:
    """An array of numbers; of anything else one of none."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return np.zeros(0)


@dataclass
class OneTimeWarnings:
    """Warnings that a transform gives once each."""

    issued: set[str] = field(default_factory=set)

    def warn(self, text: str) -> None:
        """Give this warning, unless it was given before."""
        if text not in self.issued:
            self.issued.add(text)
            warnings.warn(text, UserWarning, stacklevel=3)


def read_spacing(value: Any, dims: int, what: str = "spacing") -> tuple[float, ...]:
    """Read the size of a pixel: one number, or one for each of ``dims`` axes, in mm.

    Args:
        value: a number, a sequence, an array or a tensor.
        dims: 2 or 3.
        what: how the value is called in messages.

    Raises:
        DataError: it is none of these, has another length, or a size is not positive.
    """
    try:
        sizes = [float(size) for size in np.asarray(value, dtype=np.float64).reshape(-1)]
    except (TypeError, ValueError):
        sizes = []
    sizes = sizes * dims if len(sizes) == 1 else sizes
    if len(sizes) != dims or not all(0 < size < np.inf for size in sizes):
        raise DataError(f"{what} {value!r}", expected=f"{dims} positive numbers, in mm")
    return tuple(sizes)


def read_host_info(host_info: Any, shape: tuple[int, ...], key: str) -> dict[str, Any]:
    """Read what else is known of a host, as a user has it: arrays may be tensors or lists.

    Args:
        known: a dictionary as of ``Sample.meta``, and under ``condition`` the sample's conditions; or None.
        shape: of the image, without channels.
        key: under which it was found, for messages.

    Raises:
        DataError: it is no dictionary, or an entry of it has another form.
    """
    if host_info is None:
        return {}
    if not isinstance(host_info, Mapping):
        expected = "a dictionary with what is known of the host, or another meta_key="
        raise DataError(f"{key!r} is a {type(host_info).__name__}", expected=expected)
    meta = {str(name): value for name, value in host_info.items() if value is not None}
    if "spacing" in meta:
        meta["spacing"] = read_spacing(meta["spacing"], len(shape), f"{key}['spacing']")
    if "foreground" in meta:
        inside = _parse_numbers(meta["foreground"])
        if inside.size != np.prod(shape):
            raise DataError(f"{key}['foreground'] {inside.shape}", expected=f"{shape}, as the image is")
        meta["foreground"] = inside.reshape(shape) > 0
    if "range" in meta:
        ends = _parse_numbers(meta["range"])
        if ends.ndim != 2 or ends.shape[1] != 2 or not (ends[:, 0] < ends[:, 1]).all():
            raise DataError(f"{key}['range'] {meta['range']!r}", expected="two values a channel, the lower first")
        meta["range"] = ends.astype(np.float32)
    if not isinstance(meta.get("condition", {}), Mapping):
        raise DataError(f"{key}['condition'] {meta['condition']!r}", expected="{condition: value}")
    return meta


def add_host_name(host_info: Mapping[str, Any], info: BankInfo, warnings_once: OneTimeWarnings) -> dict[str, Any]:
    """What is known of a host, called as a bank that is bound to it calls it; said once where it is bound to others."""
    name = str(host_info.get("name", ""))
    if not info.hosts or name in info.hosts:
        return dict(host_info)
    found = find_host_name(name, info.hosts)
    if not found:
        bound = f"the bank is bound to {len(info.hosts)} hosts, such as {info.hosts[0]!r}"
        asked = repr(name) if name else "an image without a name"
        warnings_once.warn(
            f"{bound}; none is named by {asked}, so nothing of theirs is pasted: meta={{'name': …}} names it"
        )
    return {**host_info, "name": found or name}


def find_host_name(file: str, hosts: Sequence[str]) -> str:
    """The host that a file belongs to, out of those that a bank is bound to; empty where none or several fit.

    A host is named in a path by consecutive folders, or by the file: its stem, or the beginning of that up to an
    underscore (``case_0000.nii.gz`` of ``case``), below the folders of the host's name. The longest name wins.

    >>> find_host_name("/data/s1/t1.nii.gz", ["s1", "s10"])
    's1'
    >>> find_host_name("imagesTr/BRATS_004_0000.nii.gz", ["BRATS_004", "BRATS_005"])
    'BRATS_004'
    """
    folders = list(Path(file).parts)
    stem = Path(folders.pop().removesuffix(".gz")).stem if folders else ""
    found = [host for host in hosts if _is_host_in_path(host.split("/"), folders, stem)]
    longest = max((len(host) for host in found), default=0)
    found = [host for host in found if len(host) == longest]
    return found[0] if len(found) == 1 else ""


def _is_host_in_path(host: Sequence[str], folders: Sequence[str], stem: str) -> bool:
    """Whether the parts of a host's name are in a path, given as its folders and the stem of its file."""
    *parents, last = host
    rest = iter(folders)
    if (stem == last or stem.startswith(f"{last}_")) and all(part in rest for part in parents):
        return True
    starts = range(len(folders) - len(host) + 1)
    return any(list(folders[start : start + len(host)]) == list(host) for start in starts)


def make_host(
    image: NDArray[Any],
    mask: NDArray[Any] | None,
    host_info: Mapping[str, Any],
    schema: Schema,
    info: BankInfo,
    *,
    is_changed: bool = True,
) -> Sample:
    """A channel-first image as the host of a bank, with its mask and what else is known of it.

    Args:
        image: see :func:`convert_image`.
        mask: ``(*spatial)`` class values of any type, or None.
        known: as of :func:`read_host_info`.
        schema: of the hosts.
        info: of the bank.
        is_changed: whether something is written into the mask: then all of its values must be known.

    Raises:
        DataError: as of :func:`convert_image` and :func:`convert_mask`, or a mask of another shape than the image.
    """
    host = convert_image(image, info)
    if mask is not None and mask.shape != host.shape:
        raise DataError(f"a mask {mask.shape}", expected=f"{host.shape}, as the image is")
    meta = host.meta | dict(host_info)
    condition = dict(meta.pop("condition", {}))
    mask = None if mask is None else convert_mask(mask, schema, is_changed=is_changed)
    return replace(host, mask=mask, condition=condition, meta=meta)


def relight_host(relight: Relight, host: Sample, seed: int) -> Sample:
    """A host, as of :func:`make_host`, under the look that follows from the seed.

    Raises:
        DataError: a host without a mask, to be relit class by class.
    """
    if relight.method_name == PER_CLASS and host.mask is None:
        raise DataError("no mask", expected="a mask of classes beside the image, which reinhard-per-class needs")
    return relight(host, np.random.default_rng(seed))


def convert_mask(mask: NDArray[Any], schema: Schema, *, is_changed: bool = True) -> NDArray[Any]:
    """A ``(*spatial)`` mask of whatever type as integers that hold every class.

    Raises:
        DataError: fractions, values that no class has (of what is changed), or a type that is too small for a class.
    """
    top = max(schema.classes.values(), default=0)
    if mask.dtype == bool:
        mask = mask.view(np.uint8)
    if mask.dtype.kind == "f":
        mask = _round_mask(mask)
        mask = mask.astype(np.int32) if max(list_allowed_values(schema)) > 255 else mask
    if mask.dtype.kind not in "iu" or top > np.iinfo(mask.dtype).max:
        raise DataError(f"a mask of {mask.dtype}", expected=f"a type that holds {top}")
    strangers = _find_unknown_values(mask, list_allowed_values(schema)) if is_changed else []
    if strangers:
        error = make_unknown_values_error(strangers, Path(), schema)
        raise DataError(error.found, expected=f"{error.expected}, or classes= that name it")
    return mask


def _round_mask(mask: NDArray[Any]) -> NDArray[Any]:
    """A mask of floats as whole numbers: bytes, where they can be."""
    with np.errstate(invalid="ignore"):  # of NaN and what is too large: it does not come back the same
        small = mask.astype(np.uint8)
    if np.array_equal(small, mask):
        return small
    if not np.isfinite(mask).all():
        raise DataError("a mask with NaN or infinite values", expected="class values")
    whole = np.rint(mask)
    if np.abs(whole - mask).max(initial=0) > WHOLE_NUMBER_TOLERANCE or np.abs(whole).max(initial=0) >= 2**31:
        raise DataError("a mask of fractions", expected="class values")
    return whole.astype(np.int32)


def _find_unknown_values(mask: NDArray[Any], class_values: Sequence[int]) -> list[int]:
    """The values in a mask of integers that are none of ``known``, in order."""
    low, high = int(mask.min(initial=0)), int(mask.max(initial=0))
    if low >= 0 and high <= 255:  # bytes lose what is known faster than NumPy finds what is not
        stored = mask.astype(np.uint8, copy=False).tobytes(order="A")
        return sorted(set(stored.translate(None, delete=bytes(value for value in class_values if value <= 255))))
    return sorted(set(np.unique(mask).tolist()) - set(class_values))
