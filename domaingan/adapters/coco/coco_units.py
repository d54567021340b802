"""Whether a COCO file's boxes and polygons are in COCO's units: pixels, and x, y, width and height."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.adapters.coco.coco_annotations import ImageShape, has_relative_coordinates, is_box, is_number
from domaingan.core.errors import DataError

MIN_BOXES_TO_JUDGE = 4
"""With fewer boxes it is not judged whether they are corners."""

MAX_OVERHANG_PIXELS = 2.0
"""Pixels by which a box may reach beyond its picture without a doubt about its units."""

MIN_OVERHANG_SHARE = 0.25
"""The share of boxes that reach farther, from which on they are taken for corners if that explains them all."""


def check_units(annotations: Sequence[tuple[Mapping[str, Any], ImageShape]], path: Path) -> None:
    """Refuse a file whose boxes or polygons are shares of the picture, or whose boxes are corners.

    Args:
        annotations: each with the height and width of its picture.
        path: the file.

    Raises:
        DataError: all of its boxes (or polygons, where it has no boxes) lie in their picture's first pixel; or boxes
            are around their polygons, or reach out of their pictures, unless they are x1, y1, x2, y2.
    """
    boxes: list[tuple[Sequence[float], ImageShape]] = [
        (one["bbox"], shape) for one, shape in annotations if is_box(one.get("bbox"))
    ]
    shapes: list[Sequence[float]] = [box for box, _ in boxes]
    kind = "boxes"
    if not shapes:
        kind, shapes = "polygons", list(_list_polygons(one for one, _ in annotations))
    if (
        shapes
        and any(has_relative_coordinates(one) for one in shapes)
        and all(_is_in_first_pixel(one) for one in shapes)
    ):
        first = [round(n, 4) for n in next(one for one in shapes if has_relative_coordinates(one))][:8]
        raise DataError(f"{kind} that are shares of the picture, such as {first}", path=path, expected="pixels")
    around = _find_corner_box(one for one, _ in annotations)
    if around or (len(boxes) >= MIN_BOXES_TO_JUDGE and _has_corner_boxes(boxes)):
        example = around or next(box for box, shape in boxes if _is_overhanging(box, shape))
        found = f"boxes that are x1, y1, x2, y2, such as {list(example)}"
        raise DataError(found, path=path, expected="x, y, width, height, as COCO has them")


def _list_polygons(annotations: Iterable[Mapping[str, Any]]) -> Iterable[Sequence[float]]:
    for one in annotations:
        stored = one.get("segmentation")
        for polygon in stored if isinstance(stored, list) else []:
            if isinstance(polygon, list) and polygon and all(is_number(n) for n in polygon):
                yield polygon


def _is_in_first_pixel(numbers: Sequence[float]) -> bool:
    return all(0 <= n <= 1 for n in numbers)


def _find_corner_box(annotations: Iterable[Mapping[str, Any]]) -> Sequence[float]:
    """A box that is around its polygons as corners, if most boxes are, and none is as x, y, width and height."""
    boxes: list[Sequence[float]] = []
    corners: list[Sequence[float]] = []
    for one in annotations:
        polygons = list(_list_polygons([one]))
        if not polygons or not is_box(one.get("bbox")):
            continue
        box = one["bbox"]
        xs = [x for polygon in polygons for x in polygon[0::2]]
        ys = [y for polygon in polygons for y in polygon[1::2]]
        extent = min(xs), min(ys), max(xs), max(ys)
        boxes.append(box)
        if _is_near((box[0], box[1], box[0] + box[2], box[1] + box[3]), extent):
            return ()
        if _is_near(box, extent):
            corners.append(box)
    return corners[0] if corners and 2 * len(corners) > len(boxes) else ()


def _is_near(box: Sequence[float], extent: Sequence[float]) -> bool:
    return all(abs(one - other) <= MAX_OVERHANG_PIXELS for one, other in zip(box, extent, strict=True))


def _has_corner_boxes(boxes: Sequence[tuple[Sequence[float], ImageShape]]) -> bool:
    out = sum(_is_overhanging(box, shape) for box, shape in boxes)
    if out < MIN_OVERHANG_SHARE * len(boxes):
        return False
    for (x1, y1, x2, y2), shape in boxes:
        if not (0 <= x1 < x2 <= shape[1] + MAX_OVERHANG_PIXELS and 0 <= y1 < y2 <= shape[0] + MAX_OVERHANG_PIXELS):
            return False
    return True


def _is_overhanging(box: Sequence[float], shape: ImageShape) -> bool:
    x, y, width, height = box
    return x + width > shape[1] + MAX_OVERHANG_PIXELS or y + height > shape[0] + MAX_OVERHANG_PIXELS
