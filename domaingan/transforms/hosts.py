"""What the transforms of other libraries share: a bank and the hosts' classes as users have them, images as samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters import open_bank
from domaingan.adapters.folders import Kind
from domaingan.adapters.tables import parse_classes
from domaingan.bank import Bank, BankInfo
from domaingan.blend import Relight
from domaingan.blend.fitting import refuse_other_channels
from domaingan.errors import DataError
from domaingan.files import read_json
from domaingan.sample import Sample, Schema

Classes = Schema | Mapping[str, Any] | str | Path | None
"""How the values of the hosts' masks may be named: a dataset's schema, ``{name: value}``, a ``classes.json`` or what
would be in one; None where they are the bank's own."""

SLACK = 0.25
"""Frames may leave [0, 1] by this much, as sharp resizing makes them; 0 to 255 or whitened is another matter."""


def opened(bank: Bank | str | Path, kind: Kind) -> Bank:
    """A bank, or what :func:`domaingan.adapters.open_bank` makes of a folder.

    Raises:
        DataError: it is of another kind, or as of :func:`domaingan.adapters.open_bank`.
    """
    bank = bank if isinstance(bank, Bank) else open_bank(bank, kind)
    if bank.info.kind != kind:
        raise DataError(f"a bank of {bank.info.kind}", path=bank.path, expected=f"a bank of {kind}")
    return bank


def schema_of(classes: Classes, bank: Bank) -> Schema:
    """The schema of hosts that a bank's crops go into, or that get its scenes' looks.

    Args:
        classes: names the values of the hosts' masks. Frames that crops go into need it, and objects named in it: what
            crops stand on are classes, too.
        bank: says everything else.

    Raises:
        DataError: it is missing, or not as :class:`domaingan.adapters.tables.Classes` says.
    """
    info = bank.info
    if isinstance(classes, Schema):
        return classes
    if classes is None:
        if _stand_on_classes(info):
            raise DataError("a bank of frames' crops", path=bank.path, expected="classes=, the values of the masks")
        classes = info.classes
    path = Path("classes") if isinstance(classes, Mapping) else Path(classes)
    stored = classes if isinstance(classes, Mapping) else read_json(path)
    if not isinstance(stored.get("classes"), Mapping):
        stored = {"classes": dict(stored)}
    named = parse_classes(dict(stored), path)
    if _stand_on_classes(info) and not named.objects:
        raise DataError("no objects named", path=path, expected='{"classes": {name: value}, "objects": [name]}')
    return Schema(
        "arrays",
        info.domain,
        info.spatial_dims,
        tuple(info.channels),
        named.foreground,
        tuple(named.ignore),
        tuple(named.objects),
        ground=named.grounds,
        region=named.region,
    )


def _stand_on_classes(info: BankInfo) -> bool:
    return info.domain == "frame" and info.kind == "crops"


def named_values(schema: Schema) -> dict[str, Any]:
    """What :func:`schema_of` makes an equal schema of, in plain lists and dictionaries."""
    values: dict[str, Any] = {"ignore": list(schema.ignore), "objects": list(schema.objects)}
    if schema.ground:
        values["ground"] = {name: list(below) for name, below in schema.ground.items()}
    if schema.region:
        values["region"] = [list(corner) for corner in schema.region]
    return {"classes": dict(schema.classes)} | values


BYTES = 255.0
"""What is 1 in a frame of bytes."""


def to_sample(image: NDArray[Any], info: BankInfo) -> Sample:
    """A channel-first image as the host of a bank, its pixels as they are: frames of bytes get a range.

    Args:
        image: ``(C, *spatial)``, integers or floats; of frames uint8, or floats in [0, 1].
        info: of the bank that goes into it.

    Raises:
        DataError: other channels or dimensions than the bank's, or a frame of another range. NaN is refused later.
    """
    refuse_other_channels(image, info)
    if info.domain == "scan":
        return Sample(np.ascontiguousarray(image))  # scans are measured as a whole
    if image.dtype == np.uint8:
        return Sample(image, meta={"range": np.array([[0, BYTES]] * len(image), dtype=np.float32)})
    if image.dtype.kind != "f":
        raise DataError(f"a frame of {image.dtype}", expected="floats in [0, 1], or uint8")
    low, high = float(image.min()), float(image.max())
    if low < -SLACK or high > 1 + SLACK:
        raise DataError(f"a frame of {low:g} to {high:g}", expected="floats in [0, 1], or uint8")
    return Sample(image)


def host_of(
    image: NDArray[Any], mask: NDArray[Any] | None, known: Mapping[str, Any] | None, schema: Schema, info: BankInfo
) -> Sample:
    """A channel-first image as the host of a bank, with its mask and what else is known of it.

    Args:
        image: see :func:`to_sample`.
        mask: ``(*spatial)`` class values of any type, or None.
        known: more of ``Sample.meta``, and under ``condition`` the sample's conditions.
        schema: of the hosts.
        info: of the bank.

    Raises:
        DataError: as of :func:`to_sample` and :func:`to_mask`, or a mask of another shape than the image.
    """
    host = to_sample(image, info)
    if mask is not None and mask.shape != host.shape:
        raise DataError(f"a mask {mask.shape}", expected=f"{host.shape}, as the image is")
    meta = host.meta | dict(known or {})
    condition = dict(meta.pop("condition", {}))
    return replace(host, mask=None if mask is None else to_mask(mask, schema), condition=condition, meta=meta)


def relit(relight: Relight, host: Sample, seed: int) -> Sample:
    """A host, as of :func:`host_of`, under the look that follows from the seed.

    Raises:
        DataError: a host without a mask, to be relit class by class.
    """
    if relight.method_name == "lut" and host.mask is None:
        raise DataError("no mask", expected="a mask of classes beside the image, by which lut goes")
    return relight(host, np.random.default_rng(seed))


def to_mask(mask: NDArray[Any], schema: Schema) -> NDArray[Any]:
    """A ``(*spatial)`` mask of whatever type as integers that hold every class.

    Raises:
        DataError: fractions, or a type that is too small for a class.
    """
    top = max(schema.classes.values(), default=0)
    if mask.dtype == bool:
        mask = mask.view(np.uint8)
    if mask.dtype.kind == "f":
        whole = mask.astype(np.int32)
        if not np.array_equal(whole, mask):
            raise DataError("a mask of fractions", expected="class values")
        return whole
    if mask.dtype.kind not in "iu" or top > np.iinfo(mask.dtype).max:
        raise DataError(f"a mask of {mask.dtype}", expected=f"a type that holds {top}")
    return mask
