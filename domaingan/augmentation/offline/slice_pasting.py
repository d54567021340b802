"""Pasting 2D crops into the slices of a volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.blend import Paste
from domaingan.blend.scan.host_range import find_host_range
from domaingan.data import (
    SCAN,
    IntensityRange,
    PastedCrop,
    PasteResult,
    Record,
    Sample,
    Schema,
    Source,
    read_pasted_crops,
)
from domaingan.data.slice_axes import find_slice_axis, make_slice_name
from domaingan.imaging.body_axes import get_body_axes, slice_geometry
from domaingan.imaging.intensity import (
    get_foreground,
    with_foreground,
)


def make_slice_schema(schema: Schema, dims: int) -> Schema:
    """Make the schema of the hosts as a bank of ``dims`` dimensions sees them: to a 2D bank, volumes are slices."""
    if dims == 2 and schema.domain.has_body:
        return replace(schema, spatial_dims=2)
    return schema


def paste_volume(paste: Paste, sample: Sample, schema: Schema, rng: np.random.Generator) -> Sample:
    """Paste 2D crops into the slices of a volume that is no record of a dataset.

    The slices lie across the axis that the volume's shape and spacing suggest.

    Args:
        paste: of a 2D bank.
        sample: the volume, of known spacing.
        schema: the hosts'.
        rng: source of every draw.

    Returns:
        The volume, as of :func:`paste_slices`.
    """
    affine = np.zeros((4, 4))
    for axis, (body_axis, sign) in enumerate(get_body_axes(sample)):
        affine[body_axis, axis] = sign
    rows = tuple(map(tuple, affine.tolist()))
    record = Record(sample.name, shape=sample.shape, spacing=sample.spacing, affine=rows)
    return paste_slices(paste, sample, find_slice_axis(record), schema, rng)


def paste_slices(
    paste: Paste,
    sample: Sample,
    axis: int,
    schema: Schema,
    rng: np.random.Generator,
    crops: Sequence[PastedCrop | Mapping[str, Any]] | None = None,
) -> Sample:
    """Paste 2D crops into the slices of a volume; body and intensity range are those of the whole volume.

    Slices have the names that :func:`domaingan.views.slices.slice_volumes` gives them, so that bound crops find them.

    Args:
        paste: of a 2D bank.
        sample: the volume.
        axis: across the slices.
        schema: the volumes'.
        rng: source of every draw.
        crops: what was pasted into this volume before (its ``pasted_crops``), to be pasted again in the same way.

    Returns:
        The volume with the crops; one without a mask is returned as it is.
    """
    if sample.mask is None:
        return replace(sample, paste_result=PasteResult())
    measured = with_foreground(sample, SCAN)
    inside = get_foreground(measured)
    intensity = IntensityRange(find_host_range(measured, paste.bank.info))
    geometry = slice_geometry(sample, axis)
    image, mask = sample.image.copy(), sample.mask.copy()
    pasted: list[PastedCrop] = []
    for index in range(sample.shape[axis]):
        body = np.take(inside, index, axis)
        if not body.any():
            continue
        piece = Sample(
            np.take(image, index, axis + 1),
            np.take(mask, index, axis),
            source=Source(make_slice_name(sample.name, index, sample.shape[axis])),
            geometry=geometry,
            foreground=body,
            intensity_range=intensity,
        )
        if crops is None:
            after = paste(piece, rng)
        else:
            after = paste.redo(piece, [crop for crop in read_pasted_crops(crops) if crop.slice_index == index])
        _get_slice(image, index, axis + 1)[...] = after.image
        _get_slice(mask, index, axis)[...] = after.mask
        pasted += [replace(crop, slice_index=index) for crop in after.pasted_crops]
    return replace(sample, image=image, mask=mask, paste_result=PasteResult(tuple(pasted)))


def _get_slice(array: NDArray[Any], index: int, axis: int) -> NDArray[Any]:
    """Get a slice as a view, which can be written into."""
    return np.moveaxis(array, axis, 0)[index]
