"""The objects of one sample: which there are, and the crop around each of them with its mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks.ground_contact import find_ground_contact
from domaingan.banks.info import measure_source_size
from domaingan.data import ConditionValue, Sample, Schema
from domaingan.imaging.body_axes import BodyAxes, get_body_axes, to_body_coordinates
from domaingan.imaging.distances import measure_surface_depth
from domaingan.imaging.intensity import (
    compute_equivalent_radius,
    find_body_extent,
    find_nonzero,
    find_ring,
    get_foreground,
    get_scaling,
    label_components,
    measure_contrast,
    to_scaled,
    with_foreground,
)
from domaingan.imaging.padded_crops import count_voxels, crop_padded
from domaingan.imaging.ranges import Scaling
from domaingan.imaging.resample import resize

MIN_OBJECT_PIXELS = {2: 12, 3: 30}
"""The smallest object that becomes a crop, in pixels or voxels, by dimensions. Smaller ones are counted as left out."""

MAX_FLOAT16_VALUE = 60_000.0
"""Scaled values are clipped here, as float16 ends at 65,504. A channel that is almost flat reaches such values."""

BOX_WITHOUT_MASK = "objects with a box but no mask"
"""Why an object is left out whose pixels are not known."""

CROP_MARGIN_FACTOR = 1.25
"""A crop is at least this much larger than its object, so that it shows some of the surroundings."""

Extent = tuple[slice, ...]
"""A box in an array."""


@dataclass(frozen=True)
class FoundObject:
    """One object of a sample: its crop, and what is known of it.

    Attributes:
        image: ``(C, *size)`` scaled units.
        mask: ``(*size)`` class values, 0 outside the object.
        spacing, source_size, centre, radius_mm, contrast: as in :func:`domaingan.banks.entry_dtype`.
        depth: how far the shallowest pixel of the object lies below the body's surface, in mm; 0 in frames.
        voxels: number of pixels of each class value in the crop's mask.
        subject: whom the crop belongs to, as :attr:`domaingan.data.Sample.statistical_unit`.
        group: the subject or the drive, as :attr:`domaingan.data.Sample.group`.
        condition: the sample's.
        low_corner, high_corner: corners of the object in the sample, as shares of its shape.
        supporting_class: class value that the object stands on (frames); -1 if it is not seen.
        is_occluded: whether another object hides where the object touches the ground (frames).
        scaling: how the sample was brought to scaled units.
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

    @property
    def main_class(self) -> int:
        """The class value of most of its pixels."""
        return self.voxels.most_common(1)[0][0]


@dataclass(frozen=True)
class _MeasuredSample:
    """A sample with all that is measured once for all of its objects.

    Attributes:
        sample: image and mask.
        scaled: ``(C, *spatial)`` the image in scaled units.
        scaling: how it was brought there.
        body: the box around the body; None where no body is seen.
        depth: ``(*spatial)`` mm below the body's surface; 0 in frames.
    """

    sample: Sample
    scaled: NDArray[np.float32]
    scaling: Scaling
    body: Extent | None
    depth: NDArray[np.float32]


def find_objects(sample: Sample, schema: Schema, size: int, left_out: Counter[str]) -> list[FoundObject]:
    """Find every object of a sample, and crop it.

    Args:
        sample: a sample with or without a mask.
        schema: of its dataset; it names the classes that are objects.
        size: edge of a crop in pixels.
        left_out: what is not taken is counted here by reason; it is changed in place.

    Returns:
        The objects in the order of instances or of scanning.
    """
    left_out.update(_count_without_mask(sample))
    if sample.mask is None:
        return []
    separated = list(_separate_objects(sample, schema))
    if not separated:
        return []
    measured = _measure_sample(sample, schema)
    min_pixels = MIN_OBJECT_PIXELS[sample.spatial_dims]
    if sample.instances is None:  # else the adapter that separated them has left out the small ones
        min_pixels = max(min_pixels, schema.min_area)
    objects = []
    for object_mask, extent in separated:
        if (object_mask[extent] > 0).sum() < min_pixels:
            left_out[f"objects under {min_pixels} pixels"] += 1
            continue
        found = _crop_object(measured, object_mask, extent, size)
        if not found.voxels:
            left_out[f"objects too thin to be shrunk to {size} pixels"] += 1
            continue
        if schema.domain.has_ground:
            supporting_class, is_occluded = find_ground_contact(object_mask, extent, sample.mask, schema)
            found = replace(found, supporting_class=supporting_class, is_occluded=is_occluded)
        objects.append(found)
    return objects


def _count_without_mask(sample: Sample) -> dict[str, int]:
    """Count what cannot be cropped because its pixels are not known, by reason."""
    if sample.boxes is None:
        return {"samples without a mask": 1} if sample.mask is None else {}
    if sample.mask is None:
        instances_with_mask = 0
    elif sample.instances is None:
        return {}
    else:
        instances_with_mask = len(np.unique(sample.instances[sample.instances > 0]))
    n = len(sample.boxes) - instances_with_mask
    return {BOX_WITHOUT_MASK: n} if n > 0 else {}


def _separate_objects(sample: Sample, schema: Schema) -> Iterator[tuple[NDArray[Any], Extent]]:
    """Yield the class values of each object, 0 elsewhere, and the box that holds it.

    Where nothing separates the objects, those of frames are the connected components of each class, as objects of two
    classes touch one another. Of scans they are the components of all classes together, as the classes of a lesion
    are nested.
    """
    assert sample.mask is not None
    values = [schema.get_class_value(name) for name in (schema.objects or schema.classes)]
    kept_values = [value for value in values if value not in schema.ignore]
    class_values = np.where(np.isin(sample.mask, kept_values), sample.mask, 0)
    if sample.instances is not None:
        numberings = [sample.instances]
    elif schema.objects:
        numberings = [label_components(class_values == value)[0] for value in values]
    else:
        numberings = [label_components(class_values)[0]]
    for numbering in numberings:
        for number, extent in enumerate(ndimage.find_objects(numbering), start=1):
            if extent is None:
                continue
            object_mask = np.zeros(class_values.shape, dtype=class_values.dtype)
            object_mask[extent] = np.where(numbering[extent] == number, class_values[extent], 0)
            if sample.instances is not None and sample.labels is not None:
                inside = object_mask[extent]
                inside[inside != sample.labels[number - 1]] = 0
            yield object_mask, extent


def _measure_sample(sample: Sample, schema: Schema) -> _MeasuredSample:
    """Measure the body, its depth and the intensity range of a sample."""
    assert sample.mask is not None
    measured = with_foreground(sample, schema.domain)
    inside = get_foreground(measured)
    scaling = get_scaling(measured, schema.domain)
    scaled = to_scaled(sample.image, scaling.ends)
    is_air = ~inside & (sample.mask == 0)
    for channel in np.flatnonzero(scaling.absolute):  # of a fixed range air is not at or below 0 by itself
        scaled[channel, is_air] = np.minimum(scaled[channel, is_air], 0)
    body = find_body_extent(inside) if inside.any() else None
    if schema.domain.has_body:
        depth = measure_surface_depth(inside, sample.spacing)
    else:
        depth = np.zeros(sample.shape, dtype=np.float32)
    return _MeasuredSample(sample, scaled, scaling, body, depth)


def _crop_object(measured: _MeasuredSample, object_mask: NDArray[Any], extent: Extent, size: int) -> FoundObject:
    """Crop one object, and measure it."""
    sample = measured.sample
    low = np.array([side.start for side in extent])
    high = np.array([side.stop for side in extent])
    corner, edge = find_crop_box(low, high, size)
    image = downscale_to(crop_padded(measured.scaled, corner, edge), size)
    mask_patch = crop_padded(object_mask, corner, edge, fill=0).astype(np.uint8)
    mask = downscale_to(mask_patch, size, is_mask=True)
    spacing = tuple(step * edge / size for step in sample.spacing)
    volume = float((mask > 0).sum() * np.prod(spacing))
    ring = find_ring(mask, inside=find_nonzero(image))
    return FoundObject(
        image=to_float16(image),
        mask=mask,
        spacing=spacing,
        source_size=tuple(measure_source_size(sample)),
        centre=_to_body_position((low + high) / 2, measured.body, get_body_axes(sample)),
        radius_mm=compute_equivalent_radius(volume, sample.spatial_dims),
        contrast=float(measure_contrast(image, mask, ring)[0]),
        depth=float(measured.depth[object_mask > 0].min()),
        voxels=count_voxels(mask),
        subject=sample.statistical_unit,
        group=sample.group,
        condition=dict(sample.condition),
        low_corner=tuple((low / sample.shape).tolist()),
        high_corner=tuple((high / sample.shape).tolist()),
        scaling=measured.scaling,
    )


def _to_body_position(point: NDArray[Any], body: Extent | None, axes: BodyAxes) -> NDArray[np.float32]:
    """Express a point relative to the body's box, 0 to 1 along the body's axes; all 0 (not known) without a body."""
    if body is None:
        return np.zeros(len(point), dtype=np.float32)
    low = np.array([side.start for side in body])
    high = np.array([side.stop for side in body])
    relative = np.clip((point - low) / (high - low), 0, 1)
    return to_body_coordinates(relative, axes).astype(np.float32)


# ------------------------------------------------------------------- patches


def find_crop_box(low: NDArray[Any], high: NDArray[Any], size: int) -> tuple[NDArray[Any], int]:
    """Find the square or cube to crop around an object.

    Args:
        low: ``(dims,)`` first pixel of the object along each axis.
        high: ``(dims,)`` last pixel along each axis, plus 1.
        size: edge of the crops of the bank, in pixels.

    Returns:
        The corner, which may lie outside the image, and the edge in pixels: ``size``, or more for a large object.
    """
    longest_side = (high - low).max()
    edge = int(max(size, np.ceil(longest_side * CROP_MARGIN_FACTOR)))
    return (low + high) // 2 - edge // 2, edge


def downscale_to(patch: NDArray[Any], size: int, *, is_mask: bool = False) -> NDArray[Any]:
    """Downscale a square or cubic patch to an edge of ``size`` pixels, if it is larger.

    Args:
        patch: ``(C, *spatial)``, or a mask ``(*spatial)``.
        size: edge in pixels.
        is_mask: whether the patch is a mask, whose values must stay as they are.
    """
    dims = patch.ndim if is_mask else patch.ndim - 1
    if patch.shape[-1] <= size:
        return patch
    return resize(patch, (size,) * dims, is_mask=is_mask)


def to_float16(image: NDArray[np.float32]) -> NDArray[np.float16]:
    """Convert an image to the type in which banks store it. Values are clipped to what float16 can hold."""
    return np.clip(image, -MAX_FLOAT16_VALUE, MAX_FLOAT16_VALUE).astype(np.float16)
