"""One annotated object of a frame: its class, its box and its mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from domaingan.adapters.annotations.object_polygons import ReportProblem, read_mask
from domaingan.adapters.annotations.run_lengths import RunLengths
from domaingan.adapters.annotations.stored_values import has_relative_coordinates, is_box, is_number, shorten
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.core.errors import DataError
from domaingan.data import Schema

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels."""

BOX_MARGIN_PIXELS = 2.0
"""Pixels by which a mask may reach out of its box: tools round differently."""

MIN_SHARE_INSIDE = 0.5
"""The smallest share of a mask that lies in its box. Below it, mask or box belong to another object."""

MIN_BOX_DIGITS = 2
"""Digits to which the sides of a clipped box are rounded before they are compared with 0."""


@dataclass(frozen=True)
class AnnotatedObject:
    """One object of an image, or a crowd of objects.

    Attributes:
        class_value: value of its class in masks.
        box: corners within the image.
        run_lengths: its mask as COCO's compressed run lengths, None where it has only a box.
        area: in square pixels: as annotated, else of its mask, else of its box.
        annotation_index: which of its file's annotations it is, from 0; -1 for a made one.
    """

    class_value: int
    box: Box
    run_lengths: RunLengths | None = None
    area: float = 0.0
    annotation_index: int = -1


def read_annotation(
    annotation: Mapping[str, Any],
    class_value: int,
    annotation_index: int,
    shape: PictureShape,
    report_problem: ReportProblem,
) -> AnnotatedObject:
    """Read the geometry of an annotation.

    Args:
        annotation: as the file holds it.
        class_value: value of its class in masks.
        annotation_index: which of its file's annotations it is.
        shape: height and width of its picture.
        report_problem: called with what is wrong where a mask cannot be used and the box is kept.

    Returns:
        The object, its box clipped to the image.

    Raises:
        DataError: neither its box nor its mask can be used.
    """
    mask = read_mask(annotation.get("segmentation"), shape, report_problem)
    stored_box = annotation.get("bbox")
    if not stored_box and mask is not None:
        x, y, width, height = measure_mask_box(mask)
        box = (x, y, x + width, y + height)
    else:
        box = clip_box(stored_box, shape)
        if mask is not None and _measure_share_inside(mask, box) < MIN_SHARE_INSIDE:
            mask_box = list(measure_mask_box(mask))
            report_problem(f"a mask within {mask_box}; expected it within the box {stored_box}; its box is kept")
            mask = None
    area = _measure_area(annotation.get("area"), mask, box)
    return AnnotatedObject(class_value, box, mask, area, annotation_index)


def list_object_values(schema: Schema) -> set[int]:
    """List the values of the classes of objects that are not ignored.

    Args:
        schema: the dataset's.
    """
    return {schema.classes[name] for name in schema.objects} - set(schema.ignore)


def is_object(annotation: AnnotatedObject, schema: Schema) -> bool:
    """Whether an annotation is an object: of a class of objects, not ignored, and large enough.

    Args:
        annotation: the annotation.
        schema: the dataset's.
    """
    return annotation.class_value in list_object_values(schema) and annotation.area >= schema.min_area


def measure_mask_box(mask: RunLengths) -> tuple[float, float, float, float]:
    """Measure the box around a mask.

    Args:
        mask: compressed run lengths.

    Returns:
        x, y, width and height in pixels.
    """
    x, y, width, height = coco_mask.toBbox(dict(mask)).tolist()
    return x, y, width, height


def _measure_area(stored_area: Any, mask: RunLengths | None, box: Box) -> float:
    if is_number(stored_area) and stored_area > 0:
        return float(stored_area)
    if mask is not None:
        return float(coco_mask.area(dict(mask)))
    return (box[2] - box[0]) * (box[3] - box[1])


def clip_box(bbox: Any, shape: PictureShape) -> Box:
    """Clip a box to the image.

    Args:
        bbox: x, y, width and height, as the file holds them.
        shape: height and width of the picture.

    Returns:
        The corners.

    Raises:
        DataError: it is no box, or nothing of it lies in the image.
    """
    if not is_box(bbox):
        raise DataError(f"box {shorten(bbox)}", expected="[x, y, width, height]")
    x, y, width, height = bbox
    if width <= 0 or height <= 0:
        raise DataError(f"an empty box {bbox}", expected="[x, y, width, height]")
    if has_relative_coordinates(bbox):
        raise DataError(f"box {bbox}, less than a pixel", expected="pixels, not shares of the picture")
    image_height, image_width = shape
    x1, y1 = max(float(x), 0.0), max(float(y), 0.0)
    x2 = min(float(x) + float(width), image_width)
    y2 = min(float(y) + float(height), image_height)
    if round(x2 - x1, MIN_BOX_DIGITS) <= 0 or round(y2 - y1, MIN_BOX_DIGITS) <= 0:
        raise DataError(f"box {bbox} outside the image", expected=f"one in {image_width}×{image_height} pixels")
    return x1, y1, x2, y2


def _measure_share_inside(mask: RunLengths, box: Box) -> float:
    """Measure the share of a mask's pixels that lie in a box with a margin of :data:`BOX_MARGIN_PIXELS`."""
    x, y, width, height = measure_mask_box(mask)
    x1, y1 = box[0] - BOX_MARGIN_PIXELS, box[1] - BOX_MARGIN_PIXELS
    x2, y2 = box[2] + BOX_MARGIN_PIXELS, box[3] + BOX_MARGIN_PIXELS
    if x1 <= x and y1 <= y and x + width <= x2 and y + height <= y2:
        return 1.0
    corners = np.array([[x1, y1, x2 - x1, y2 - y1]])
    box_masks = coco_mask.frPyObjects(corners, *mask["size"])
    inside = coco_mask.merge([dict(mask), *box_masks], intersect=True)
    return float(coco_mask.area(inside) / coco_mask.area(dict(mask)))
