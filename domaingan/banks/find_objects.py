"""From one sample to the crops of its objects: which they are, and the region around each with its mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks import measure_source_size
from domaingan.data import ConditionValue, Sample, Schema
from domaingan.imaging.body_axes import BodyAxes, get_body_axes, to_body_coordinates
from domaingan.imaging.intensity import (
    compute_equivalent_radius,
    find_body_extent,
    find_nonzero,
    find_ring,
    get_foreground,
    get_scaling,
    label_components,
    measure_contrast,
    measure_surface_depth,
    to_scaled,
    with_foreground,
)
from domaingan.imaging.padded_crops import count_voxels, crop_padded
from domaingan.imaging.ranges import Scaling
from domaingan.imaging.resample import resize

MIN_OBJECT_PIXELS = {2: 12, 3: 30}
"""Smallest object that becomes a crop, in pixels or voxels; smaller specks are counted as left out."""

MAX_FLOAT16_VALUE = 60_000.0
"""Where scaled values are cut off, as float16 ends at 65,504 (a channel that is almost flat has no range)."""

GROUND_SEARCH_PIXELS = 3
"""So many pixels below an object say what it stands on."""

MAX_OCCLUDED_BASE_SHARE = 0.5
"""Where another object lies right below more than this share of an object's base, it hides its feet."""

BOX_WITHOUT_MASK = "objects with a box but no mask"
"""Why objects are left out of which nothing tells the pixels."""

CROP_MARGIN_FACTOR = 1.25
"""How much larger than the object a crop must be to hold some of its surroundings."""


@dataclass(frozen=True)
class FoundObject:
    """One object of a sample: its crop, and what is known of it.

    Attributes:
        image: ``(C, *size)`` scaled units.
        mask: ``(*size)`` class values, 0 outside the object.
        spacing, extent, centre, radius_mm, contrast, depth: as in :func:`domaingan.banks.entry_dtype`.
        voxels: pixels of each class value in the crop's mask.
        subject: whom the sample belongs to, as :attr:`domaingan.data.Sample.unit`.
        drive: the same without the time, as :attr:`domaingan.data.Sample.group`.
        condition: the sample's.
        low, high: the object's corners in the sample, as shares of its shape.
        below: of frames, the class that it stands on, -1 where that is not seen.
        hidden: of frames, whether another object hides what it stands on.
        scaling: how its sample was brought to scaled units.
    """

    image: NDArray[np.float16]
    mask: NDArray[np.uint8]
    spacing: tuple[float, ...]
    source_size: tuple[int, ...]
    centre: NDArray[np.float32]
    radius_mm: float
    contrast: float
    depth: float
    voxels: Counter[int]
    subject: str
    group: str
    condition: dict[str, ConditionValue]
    low_corner: tuple[float, ...]
    high_corner: tuple[float, ...]
    supporting_class: int = -1
    is_occluded: bool = False
    scaling: Scaling | None = None


def find_objects(sample: Sample, schema: Schema, size: int, left_out: Counter[str]) -> list[FoundObject]:
    """Every object of one sample as a crop of ``size``; what is not taken is counted in ``left_out``."""
    left_out.update(_count_without_mask(sample))
    if sample.mask is None:
        return []
    layers = list(_separate_objects(sample, schema))
    if not layers:
        return []
    scan = schema.domain.has_body
    measured = with_foreground(sample, schema.domain)
    inside, scaling = get_foreground(measured), get_scaling(measured, schema.domain)
    scaled = to_scaled(sample.image, scaling.ends)
    air = ~inside & (sample.mask == 0)
    for i in np.flatnonzero(scaling.absolute):  # of a fixed range air is not at or below 0 by itself
        scaled[i, air] = np.minimum(scaled[i, air], 0)
    box = find_body_extent(inside) if inside.any() else None
    depth = measure_surface_depth(inside, sample.spacing) if scan else np.zeros(sample.shape, dtype=np.float32)
    fewest = MIN_OBJECT_PIXELS[sample.spatial_dims]
    if sample.instances is None:  # else whoever told objects apart has left out the small ones
        fewest = max(fewest, schema.min_area)
    found = []
    for own, where in layers:
        if (own[where] > 0).sum() < fewest:
            left_out[f"objects under {fewest} pixels"] += 1
            continue
        crop = replace(_crop_object(sample, scaled, own, where, box, depth, size), scaling=scaling)
        if crop.voxels:
            found.append(crop if scan else _with_ground_contact(crop, own, where, sample.mask, schema))
        else:
            left_out[f"objects too thin to be shrunk to {size} pixels"] += 1
    return found


def _count_without_mask(sample: Sample) -> dict[str, int]:
    """What cannot be cut as its pixels are not known, and how often."""
    if sample.boxes is None:
        return {"samples without a mask": 1} if sample.mask is None else {}
    known = sample.instances if sample.mask is not None else np.zeros(1, np.int32)
    alone = 0 if known is None else len(sample.boxes) - len(np.unique(known[known > 0]))
    return {BOX_WITHOUT_MASK: alone} if alone > 0 else {}


def _separate_objects(sample: Sample, schema: Schema) -> Iterator[tuple[NDArray[Any], tuple[slice, ...]]]:
    """Each object of a sample: its class values on the whole grid, 0 elsewhere, and the part that holds it."""
    assert sample.mask is not None
    values = [schema.get_class_value(name) for name in (schema.objects or schema.classes)]
    wanted = np.where(np.isin(sample.mask, [v for v in values if v not in schema.ignore]), sample.mask, 0)
    if sample.instances is not None:
        numbered = [sample.instances]
    elif schema.objects:  # objects touch one another: each class has components of its own. Lesions' classes nest.
        numbered = [label_components(wanted == v)[0] for v in values]
    else:
        numbered = [label_components(wanted)[0]]
    for labels in numbered:
        for number, where in enumerate(ndimage.find_objects(labels), start=1):
            if where is not None:
                own = np.zeros(wanted.shape, dtype=wanted.dtype)
                own[where] = np.where(labels[where] == number, wanted[where], 0)
                if sample.instances is not None and sample.labels is not None:
                    own[where][own[where] != sample.labels[number - 1]] = 0
                yield own, where


def _with_ground_contact(
    crop: FoundObject, object_mask: NDArray[Any], extent: tuple[slice, ...], mask: NDArray[Any], schema: Schema
) -> FoundObject:
    """The crop with what is found up to 3 pixels below the lowest quarter of its object."""
    body = object_mask[extent] > 0
    feet = body[-max(1, len(body) // 4) :]
    columns = np.flatnonzero(feet.any(axis=0))
    lowest = extent[0].stop - 1 - feet[::-1, columns].argmax(axis=0)
    columns += extent[1].start
    objects = [schema.classes[name] for name in schema.objects]
    beneath = mask[extent[0].stop : extent[0].stop + GROUND_SEARCH_PIXELS, columns]
    values, counts = np.unique(beneath[~np.isin(beneath, [*objects, *schema.ignore])], return_counts=True)
    touched = np.isin(mask[np.minimum(lowest + 1, len(mask) - 1), columns], objects) & (lowest + 1 < len(mask))
    below = int(values[counts.argmax()]) if len(values) else -1
    return replace(crop, supporting_class=below, is_occluded=bool(touched.mean() > MAX_OCCLUDED_BASE_SHARE))


def _to_body_position(centre: NDArray[Any], body: tuple[slice, ...] | None, axes: BodyAxes) -> NDArray[np.float32]:
    """A place relative to the body's box, 0 to 1 along the body's axes; all 0 (not known) where no body is there."""
    if body is None:
        return np.zeros(len(centre), dtype=np.float32)
    low, high = np.array([side.start for side in body]), np.array([side.stop for side in body])
    inside = np.clip((centre - low) / (high - low), 0, 1)
    return to_body_coordinates(inside, axes).astype(np.float32)


def _crop_object(
    sample: Sample,
    scaled: NDArray[np.float32],
    mask: NDArray[Any],
    where: tuple[slice, ...],
    box: tuple[slice, ...] | None,
    depth: NDArray[np.float32],
    size: int,
) -> FoundObject:
    low, high = np.array([s.start for s in where]), np.array([s.stop for s in where])
    corner, extent = find_crop_box(low, high, size)
    image = downscale_to(crop_padded(scaled, corner, extent), size)
    piece = downscale_to(crop_padded(mask, corner, extent, fill=0).astype(np.uint8), size, is_mask=True)
    spacing = tuple(s * extent / size for s in sample.spacing)
    volume = float((piece > 0).sum() * np.prod(spacing))
    rim = find_ring(piece, inside=find_nonzero(image))
    return FoundObject(
        image=to_float16(image),
        mask=piece,
        spacing=spacing,
        source_size=tuple(measure_source_size(sample)),
        centre=_to_body_position((low + high) / 2, box, get_body_axes(sample)),
        radius_mm=compute_equivalent_radius(volume, sample.spatial_dims),
        contrast=float(measure_contrast(image, piece, rim)[0]),
        depth=float(depth[mask > 0].min()),
        voxels=count_voxels(piece),
        subject=sample.statistical_unit,
        group=sample.group,
        condition=dict(sample.condition),
        low_corner=tuple((low / sample.shape).tolist()),
        high_corner=tuple((high / sample.shape).tolist()),
    )


def find_crop_box(low: NDArray[Any], high: NDArray[Any], size: int) -> tuple[NDArray[Any], int]:
    """Corner and edge of the square or cube that is cut around an object: ``size``, or more for one that is large."""
    edge = int(max(size, np.ceil((high - low).max() * CROP_MARGIN_FACTOR)))
    return (low + high) // 2 - edge // 2, edge


def downscale_to(piece: NDArray[Any], size: int, *, is_mask: bool = False) -> NDArray[Any]:
    """What was cut, a mask (``label``) or an image with channels first, at most ``size`` pixels an edge."""
    dims = piece.ndim if is_mask else piece.ndim - 1
    return piece if piece.shape[-1] <= size else resize(piece, (size,) * dims, is_mask=is_mask)


def to_float16(image: NDArray[np.float32]) -> NDArray[np.float16]:
    """An image as banks store it."""
    return np.clip(image, -MAX_FLOAT16_VALUE, MAX_FLOAT16_VALUE).astype(np.float16)
