"""From one sample to the crops of its objects: which they are, and the region around each with its mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks import extent_of
from domaingan.data import Sample, Schema, Value
from domaingan.imaging.body_axes import Axes, axes_of, to_body
from domaingan.imaging.intensity import (
    body_box,
    components,
    contrast,
    foreground,
    radius_of,
    ring,
    scaling_of,
    surface_depth,
    tissue,
    to_scaled,
)
from domaingan.imaging.padded_crops import voxels_of, window
from domaingan.imaging.ranges import Scaling
from domaingan.imaging.resample import resize

MIN_PIXELS = {2: 12, 3: 30}
"""Smallest object that becomes a crop, in pixels or voxels; smaller specks are counted as left out."""

HALF_RANGE = 60_000.0
"""Where scaled values are cut off, as float16 ends at 65,504 (a channel that is almost flat has no range)."""

BENEATH = 3
"""So many pixels below an object say what it stands on."""

HIDDEN = 0.5
"""Where another object lies right below more than this share of an object's base, it hides its feet."""

BOX_ALONE = "objects with a box but no mask"
"""Why objects are left out of which nothing tells the pixels."""

MARGIN = 1.25
"""How much larger than the object a crop must be to hold some of its surroundings."""


@dataclass(frozen=True)
class Found:
    """One object of a sample: its crop, and what is known of it.

    Attributes:
        image: ``(C, *size)`` scaled units.
        mask: ``(*size)`` class values, 0 outside the object.
        spacing, extent, centre, radius_mm, contrast, depth_mm: as in :func:`domaingan.banks.entry_dtype`.
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
    extent: tuple[int, ...]
    centre: NDArray[np.float32]
    radius_mm: float
    contrast: float
    depth_mm: float
    voxels: Counter[int]
    subject: str
    drive: str
    condition: dict[str, Value]
    low: tuple[float, ...]
    high: tuple[float, ...]
    below: int = -1
    hidden: bool = False
    scaling: Scaling | None = None


def find_objects(sample: Sample, schema: Schema, size: int, left_out: Counter[str]) -> list[Found]:
    """Every object of one sample as a crop of ``size``; what is not taken is counted in ``left_out``."""
    left_out.update(_count_without_mask(sample))
    if sample.mask is None:
        return []
    layers = list(_layers(sample, schema))
    if not layers:
        return []
    scan = schema.domain.has_body
    inside = foreground(sample) if scan else np.ones(sample.shape, dtype=bool)
    scaling = scaling_of(replace(sample, meta=sample.meta | {"foreground": inside}), schema.domain)
    scaled = to_scaled(sample.image, scaling.ends)
    air = ~inside & (sample.mask == 0)
    for i in np.flatnonzero(scaling.absolute):  # of a fixed range air is not at or below 0 by itself
        scaled[i, air] = np.minimum(scaled[i, air], 0)
    box = body_box(inside) if inside.any() else None
    depth = surface_depth(inside, sample.spacing) if scan else np.zeros(sample.shape, dtype=np.float32)
    fewest = MIN_PIXELS[sample.spatial_dims]
    if sample.instances is None:  # else whoever told objects apart has left out the small ones
        fewest = max(fewest, schema.min_area)
    found = []
    for own, where in layers:
        if (own[where] > 0).sum() < fewest:
            left_out[f"objects under {fewest} pixels"] += 1
            continue
        crop = replace(_cut(sample, scaled, own, where, box, depth, size), scaling=scaling)
        if crop.voxels:
            found.append(crop if scan else _standing(crop, own, where, sample.mask, schema))
        else:
            left_out[f"objects too thin to be shrunk to {size} pixels"] += 1
    return found


def _count_without_mask(sample: Sample) -> dict[str, int]:
    """What cannot be cut as its pixels are not known, and how often."""
    if sample.boxes is None:
        return {"samples without a mask": 1} if sample.mask is None else {}
    known = sample.instances if sample.mask is not None else np.zeros(1, np.int32)
    alone = 0 if known is None else len(sample.boxes) - len(np.unique(known[known > 0]))
    return {BOX_ALONE: alone} if alone > 0 else {}


def _layers(sample: Sample, schema: Schema) -> Iterator[tuple[NDArray[Any], tuple[slice, ...]]]:
    """Each object of a sample: its class values on the whole grid, 0 elsewhere, and the part that holds it."""
    assert sample.mask is not None
    values = [schema.class_value(name) for name in (schema.objects or schema.classes)]
    wanted = np.where(np.isin(sample.mask, [v for v in values if v not in schema.ignore]), sample.mask, 0)
    if sample.instances is not None:
        numbered = [sample.instances]
    elif schema.objects:  # objects touch one another: each class has components of its own. Lesions' classes nest.
        numbered = [components(wanted == v)[0] for v in values]
    else:
        numbered = [components(wanted)[0]]
    for labels in numbered:
        for number, where in enumerate(ndimage.find_objects(labels), start=1):
            if where is not None:
                own = np.zeros(wanted.shape, dtype=wanted.dtype)
                own[where] = np.where(labels[where] == number, wanted[where], 0)
                if sample.instances is not None and sample.labels is not None:
                    own[where][own[where] != sample.labels[number - 1]] = 0
                yield own, where


def _standing(crop: Found, own: NDArray[Any], where: tuple[slice, ...], mask: NDArray[Any], schema: Schema) -> Found:
    """The crop with what is found up to 3 pixels below the lowest quarter of its object."""
    body = own[where] > 0
    feet = body[-max(1, len(body) // 4) :]
    columns = np.flatnonzero(feet.any(axis=0))
    lowest = where[0].stop - 1 - feet[::-1, columns].argmax(axis=0)
    columns += where[1].start
    objects = [schema.classes[name] for name in schema.objects]
    beneath = mask[where[0].stop : where[0].stop + BENEATH, columns]
    values, counts = np.unique(beneath[~np.isin(beneath, [*objects, *schema.ignore])], return_counts=True)
    touched = np.isin(mask[np.minimum(lowest + 1, len(mask) - 1), columns], objects) & (lowest + 1 < len(mask))
    below = int(values[counts.argmax()]) if len(values) else -1
    return replace(crop, below=below, hidden=bool(touched.mean() > HIDDEN))


def _relative(middle: NDArray[Any], box: tuple[slice, ...] | None, axes: Axes) -> NDArray[np.float32]:
    """A place relative to the body's box, 0 to 1 along the body's axes; all 0 (not known) where no body is there."""
    if box is None:
        return np.zeros(len(middle), dtype=np.float32)
    low, high = np.array([side.start for side in box]), np.array([side.stop for side in box])
    inside = np.clip((middle - low) / (high - low), 0, 1)
    return to_body(inside, axes).astype(np.float32)


def _cut(
    sample: Sample,
    scaled: NDArray[np.float32],
    mask: NDArray[Any],
    where: tuple[slice, ...],
    box: tuple[slice, ...] | None,
    depth: NDArray[np.float32],
    size: int,
) -> Found:
    low, high = np.array([s.start for s in where]), np.array([s.stop for s in where])
    corner, extent = around(low, high, size)
    image = shrunk(window(scaled, corner, extent), size)
    piece = shrunk(window(mask, corner, extent, empty=0).astype(np.uint8), size, label=True)
    spacing = tuple(s * extent / size for s in sample.spacing)
    volume = float((piece > 0).sum() * np.prod(spacing))
    rim = ring(piece, inside=tissue(image))
    return Found(
        image=halved(image),
        mask=piece,
        spacing=spacing,
        extent=tuple(extent_of(sample)),
        centre=_relative((low + high) / 2, box, axes_of(sample)),
        radius_mm=radius_of(volume, sample.spatial_dims),
        contrast=float(contrast(image, piece, rim)[0]),
        depth_mm=float(depth[mask > 0].min()),
        voxels=voxels_of(piece),
        subject=sample.unit,
        drive=sample.group,
        condition=dict(sample.condition),
        low=tuple((low / sample.shape).tolist()),
        high=tuple((high / sample.shape).tolist()),
    )


def around(low: NDArray[Any], high: NDArray[Any], size: int) -> tuple[NDArray[Any], int]:
    """Corner and edge of the square or cube that is cut around an object: ``size``, or more for one that is large."""
    edge = int(max(size, np.ceil((high - low).max() * MARGIN)))
    return (low + high) // 2 - edge // 2, edge


def shrunk(piece: NDArray[Any], size: int, *, label: bool = False) -> NDArray[Any]:
    """What was cut, a mask (``label``) or an image with channels first, at most ``size`` pixels an edge."""
    dims = piece.ndim if label else piece.ndim - 1
    return piece if piece.shape[-1] <= size else resize(piece, (size,) * dims, label=label)


def halved(image: NDArray[np.float32]) -> NDArray[np.float16]:
    """An image as banks store it."""
    return np.clip(image, -HALF_RANGE, HALF_RANGE).astype(np.float16)
