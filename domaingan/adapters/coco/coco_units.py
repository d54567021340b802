"""Whether a COCO file's boxes and polygons are in COCO's units: pixels, and x, y, width and height."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.adapters.annotations.stored_values import has_relative_coordinates, is_box, is_number
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.core.errors import DataError

MIN_BOXES_TO_JUDGE = 4
"""The fewest boxes by which it is judged whether boxes are corners."""

MAX_OVERHANG_PIXELS = 2.0
"""The most pixels by which a box may reach out of its picture, or differ from its polygons, without doubt about its
units."""

MIN_OVERHANG_SHARE = 0.25
"""The smallest share of boxes that reach out farther, from which on boxes are taken for corners if all can be."""

MAX_LISTED_NUMBERS = 8

Numbers = Sequence[float]


def check_units(annotations: Sequence[tuple[Mapping[str, Any], PictureShape]], path: Path) -> None:
    """Refuse a file whose boxes or polygons are shares of the picture, or whose boxes are corners.

    Args:
        annotations: each with the height and width of its picture.
        path: the file.

    Raises:
        DataError: all boxes (or polygons, where there are no boxes) lie in their picture's first pixel. Or boxes are
            around their polygons, or within their pictures, only if they are x1, y1, x2, y2.
    """
    boxes: list[tuple[Numbers, PictureShape]] = []
    for annotation, shape in annotations:
        if is_box(annotation.get("bbox")):
            boxes.append((annotation["bbox"], shape))
    _check_relative(boxes, [annotation for annotation, _ in annotations], path)
    corner_box = _find_corner_box(annotation for annotation, _ in annotations)
    if not corner_box and len(boxes) >= MIN_BOXES_TO_JUDGE and _has_corner_boxes(boxes):
        corner_box = next(box for box, shape in boxes if _is_overhanging(box, shape))
    if corner_box:
        found = f"boxes that are x1, y1, x2, y2, such as {list(corner_box)}"
        raise DataError(found, path=path, expected="x, y, width, height, as COCO has them")


def _check_relative(
    boxes: Sequence[tuple[Numbers, PictureShape]], annotations: Iterable[Mapping[str, Any]], path: Path
) -> None:
    """Refuse coordinates that are shares of the picture.

    Raises:
        DataError: all of them lie in the first pixel, and some are no whole numbers.
    """
    kind = "boxes"
    coordinates: list[Numbers] = [box for box, _ in boxes]
    if not coordinates:
        kind = "polygons"
        for annotation in annotations:
            coordinates.extend(_list_polygons(annotation))
    relative = [numbers for numbers in coordinates if has_relative_coordinates(numbers)]
    if relative and all(_is_in_first_pixel(numbers) for numbers in coordinates):
        example = [round(number, 4) for number in relative[0]][:MAX_LISTED_NUMBERS]
        raise DataError(f"{kind} that are shares of the picture, such as {example}", path=path, expected="pixels")


def _list_polygons(annotation: Mapping[str, Any]) -> Iterator[Numbers]:
    stored = annotation.get("segmentation")
    if not isinstance(stored, list):
        return
    for polygon in stored:
        if isinstance(polygon, list) and polygon and all(is_number(number) for number in polygon):
            yield polygon


def _is_in_first_pixel(numbers: Numbers) -> bool:
    return all(0 <= number <= 1 for number in numbers)


def _find_corner_box(annotations: Iterable[Mapping[str, Any]]) -> Numbers:
    """Find a box that is around its polygons as corners.

    Returns:
        The first one; nothing where any box is around its polygons as x, y, width and height, or where most boxes are
        around them neither way.
    """
    n_boxes = 0
    corner_boxes: list[Numbers] = []
    for annotation in annotations:
        polygons = list(_list_polygons(annotation))
        if not polygons or not is_box(annotation.get("bbox")):
            continue
        n_boxes += 1
        box = annotation["bbox"]
        extent = _measure_extent(polygons)
        x, y, width, height = box
        if _is_near((x, y, x + width, y + height), extent):
            return ()
        if _is_near(box, extent):
            corner_boxes.append(box)
    if corner_boxes and 2 * len(corner_boxes) > n_boxes:
        return corner_boxes[0]
    return ()


def _measure_extent(polygons: Sequence[Numbers]) -> tuple[float, float, float, float]:
    """Measure the corners x1, y1, x2, y2 of the box around polygons."""
    xs: list[float] = []
    ys: list[float] = []
    for polygon in polygons:
        xs.extend(polygon[0::2])
        ys.extend(polygon[1::2])
    return min(xs), min(ys), max(xs), max(ys)


def _is_near(box: Numbers, extent: Numbers) -> bool:
    return all(abs(one - other) <= MAX_OVERHANG_PIXELS for one, other in zip(box, extent, strict=True))


def _has_corner_boxes(boxes: Sequence[tuple[Numbers, PictureShape]]) -> bool:
    """Whether many boxes reach out of their pictures, unless all boxes are corners."""
    n_overhanging = sum(_is_overhanging(box, shape) for box, shape in boxes)
    if n_overhanging < MIN_OVERHANG_SHARE * len(boxes):
        return False
    for (x1, y1, x2, y2), (height, width) in boxes:
        is_inside_x = 0 <= x1 < x2 <= width + MAX_OVERHANG_PIXELS
        is_inside_y = 0 <= y1 < y2 <= height + MAX_OVERHANG_PIXELS
        if not (is_inside_x and is_inside_y):
            return False
    return True


def _is_overhanging(box: Numbers, shape: PictureShape) -> bool:
    x, y, width, height = box
    image_height, image_width = shape
    return x + width > image_width + MAX_OVERHANG_PIXELS or y + height > image_height + MAX_OVERHANG_PIXELS
