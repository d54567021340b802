"""The images that a classifier sees, and their labels: whole samples, or crops around objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.find_objects import MIN_OBJECT_PIXELS, downscale_to, find_crop_box
from domaingan.baselines.batches import CLIP_RANGE
from domaingan.baselines.detection_frames import select_boxes, select_object_classes
from domaingan.baselines.lesion_detection.lesion_boxes import find_lesion_boxes, to_box_order
from domaingan.data import Sample, Schema
from domaingan.imaging.intensity import get_intensity_range, to_scaled
from domaingan.imaging.padded_crops import crop_padded
from domaingan.views.regrid import resize_sample

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClassObject:
    """An object that is classified.

    Attributes:
        low: ``(dims,)`` first pixel along the array's axes.
        high: ``(dims,)`` last pixel, plus 1.
        value: its class value.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    value: int


def find_class_objects(sample: Sample, schema: Schema, values: Sequence[int]) -> list[ClassObject]:
    """Find the objects of a sample that are classified.

    Args:
        sample: a scan with a mask, or a frame with boxes.
        schema: names the classes.
        values: class values, the rarest first: a lesion has the class of its rarest part.

    Returns:
        Those with as many pixels (frames: as large a box) as an object that can be a crop.
    """
    dims = sample.spatial_dims
    if schema.domain.has_body:
        if sample.mask is None:
            return []
        found = find_lesion_boxes(sample.mask, values)
        boxes, labels = found.boxes[found.is_large], found.labels[found.is_large]
    else:
        boxes, labels = select_boxes(sample, select_object_classes(schema))
        boxes = to_box_order(boxes)
    objects = []
    for box, label in zip(boxes, labels.tolist(), strict=True):
        low = np.floor(box[:dims]).astype(np.int64)
        high = np.ceil(box[dims:]).astype(np.int64)
        if np.prod(high - low) >= MIN_OBJECT_PIXELS[dims]:
            objects.append(ClassObject(low, high, label))
    return objects


def crop_object_image(sample: Sample, found: ClassObject, size: int, schema: Schema) -> Image:
    """Crop the image around an object, in scaled units.

    Args:
        sample: the whole sample.
        found: the object.
        size: edge of the crop; a larger object is downscaled to it.
        schema: names the domain.

    Returns:
        ``(C, *size)``.
    """
    corner, edge = find_crop_box(found.low, found.high, size)
    stored = crop_padded(sample.image, corner, edge)
    scaled = to_scaled(stored, get_intensity_range(sample, schema.domain))
    cropped: Image = downscale_to(scaled, size).astype(np.float32)
    return cropped


def fit_sample(sample: Sample, shape: tuple[int, ...]) -> Sample:
    """Shrink a sample, if it is larger than the shape that a network sees, with its proportions kept.

    Args:
        sample: any sample.
        shape: spatial shape that the network sees.
    """
    factors = [target / edge for target, edge in zip(shape, sample.shape, strict=True)]
    factor = min(1.0, *factors)
    if factor == 1:
        return sample
    return resize_sample(sample, [max(1, round(edge * factor)) for edge in sample.shape])


def pad_sample_image(sample: Sample, shape: tuple[int, ...], schema: Schema) -> Image:
    """Put the image of a sample that :func:`fit_sample` returned into the middle of that shape, in scaled units."""
    corner = (np.array(sample.shape) - np.array(shape)) // 2
    stored = crop_padded(sample.image, corner, shape)
    scaled: Image = to_scaled(stored, get_intensity_range(sample, schema.domain)).astype(np.float32)
    return scaled


def clip_image(image: Image) -> Image:
    """Clip scaled units to what reaches a network."""
    clipped: Any = np.clip(image, *CLIP_RANGE)
    return np.ascontiguousarray(clipped, dtype=np.float32)
