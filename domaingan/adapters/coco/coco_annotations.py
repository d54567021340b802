"""One COCO annotation: its box, its polygons or run lengths, checked before pycocotools' C code sees them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as runs

from domaingan.adapters.coco.run_lengths import RunLengths, check_run_lengths, merge_run_lengths
from domaingan.core.errors import DataError

Box = tuple[float, float, float, float]
ImageShape = tuple[int, int]
ReportProblem = Callable[[str], None]

BOX_MARGIN_PIXELS = 2.0
"""Pixels by which a mask may lie beside its box: tools round differently."""

MIN_SHARE_INSIDE = 0.5
"""The share of a mask that lies in its box at least; with less in it one of them is another object's."""

MAX_OUTLINE_PIXELS = 1e6
"""Pixels of a polygon's outline: pycocotools walks along it, wherever it leads."""

_TRUE_TEXTS = ("1", "true", "yes")
_FALSE_TEXTS = ("0", "false", "no", "")


@dataclass(frozen=True)
class CocoObject:
    """One object of an image, or a crowd of them.

    Attributes:
        value: its class.
        box: xyxy in pixels, within the image.
        run_lengths: its mask as COCO's compressed run lengths, None where it has a box alone.
        area: in square pixels, as annotated; else of its mask, else of its box.
        number: which of its file's annotations it is, from 0 on; -1 for one that was made.
    """

    class_value: int
    box: Box
    run_lengths: RunLengths | None = None
    area: float = 0.0
    number: int = -1


def read_annotation(
    annotation: Mapping[str, Any],
    class_value: int,
    annotation_index: int,
    shape: ImageShape,
    report_problem: ReportProblem,
) -> CocoObject:
    """Read the geometry of an annotation.

    Args:
        one: the annotation as the file holds it.
        value: its class.
        number: which of its file's annotations it is.
        shape: height and width of its picture.
        say: is told of a mask that cannot be used, where the box is kept.

    Raises:
        DataError: it has neither a box nor a mask that can be used.
    """
    mask = _read_mask(annotation.get("segmentation"), shape, report_problem)
    bbox = annotation.get("bbox")
    if not bbox and mask is not None:
        x, y, width, height = runs.toBbox(dict(mask)).tolist()
        box = (x, y, x + width, y + height)
    else:
        box = clip_box(bbox, shape)
        if mask is not None and _measure_share_inside(mask, box) < MIN_SHARE_INSIDE:
            x, y, width, height = runs.toBbox(dict(mask)).tolist()
            report_problem(f"a mask within {[x, y, width, height]}; expected it within the box {bbox}; its box is kept")
            mask = None
    area: Any = annotation.get("area")
    if not is_number(area) or area <= 0:
        area = runs.area(dict(mask)) if mask is not None else (box[2] - box[0]) * (box[3] - box[1])
    return CocoObject(class_value, box, mask, float(area), annotation_index)


def read_crowd_flag(value: Any) -> bool | None:
    """Whether ``iscrowd`` says that an annotation is a crowd; None where it cannot be told.

    >>> [read_crowd_flag(value) for value in (1, "0", False, None, 2)]
    [True, False, False, False, None]
    """
    if value is None:
        return False
    text = str(value).strip().lower().removesuffix(".0")
    if text in _TRUE_TEXTS:
        return True
    return False if text in _FALSE_TEXTS else None


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a finite number, which true and false are not."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an int beyond float64
        return False


def is_box(bbox: Any) -> bool:
    """Whether a value of a JSON file is a list of four finite numbers."""
    return isinstance(bbox, list) and len(bbox) == 4 and all(is_number(n) for n in bbox)


def has_relative_coordinates(numbers: Sequence[float] | NDArray[np.float64]) -> bool:
    """Whether coordinates can only be shares of the picture: all lie within its first pixel, some between the corners.

    >>> is_share([0.1, 0.2, 0.5, 0.4]), is_share([0, 0, 1, 1]), is_share([0.5, 0.5, 20, 30])
    (True, False, False)
    """
    stored = np.asarray(numbers, dtype=np.float64)
    return bool((stored >= 0).all() and (stored <= 1).all() and (stored != np.rint(stored)).any())


def clip_box(bbox: Any, shape: ImageShape) -> Box:
    """Clip a box to the image.

    Args:
        bbox: x, y, width and height, as the file holds them.
        shape: height and width of the picture.

    Returns:
        Corners x1, y1, x2, y2.

    Raises:
        DataError: it is no box, or nothing of it lies in the image.
    """
    if not is_box(bbox):
        raise DataError(f"box {_shorten(bbox)}", expected="[x, y, width, height]")
    x, y, width, height = (float(n) for n in bbox)
    if width <= 0 or height <= 0:
        raise DataError(f"an empty box {bbox}", expected="[x, y, width, height]")
    if has_relative_coordinates(bbox):
        raise DataError(f"box {bbox}, less than a pixel", expected="pixels, not shares of the picture")
    x2, y2 = min(x + width, shape[1]), min(y + height, shape[0])
    x, y = max(x, 0.0), max(y, 0.0)
    if round(x2 - x, 2) <= 0 or round(y2 - y, 2) <= 0:
        raise DataError(f"box {bbox} outside the image", expected=f"one in {shape[1]}×{shape[0]} pixels")
    return x, y, x2, y2


# ------------------------------------------------------------------------ masks


def _read_mask(stored: Any, shape: ImageShape, report_problem: ReportProblem) -> RunLengths | None:
    """The mask of polygons or run lengths; None where there is nothing that can be used, which is told."""
    if not stored:
        return None
    try:
        mask = (
            check_run_lengths(stored, shape) if isinstance(stored, dict) else _rasterize(stored, shape, report_problem)
        )
    except DataError as error:
        report_problem(f"{error.found}; expected {error.expected}; its box is kept")
        return None
    return mask if mask is not None and runs.area(mask) else None  # a polygon thinner than a pixel has none


def _rasterize(stored: Any, shape: ImageShape, report_problem: ReportProblem) -> dict[str, Any] | None:
    polygons = stored if isinstance(stored, list) else [stored]
    if all(is_number(n) for n in polygons):
        polygons = [polygons]  # some tools leave out the outer list
    walked: list[list[float]] = []
    for one in polygons:
        corners = _parse_corners(one)
        if corners is None or has_relative_coordinates(corners):
            report_problem(f"a polygon {_shorten(one)}; expected at least 3 corners x, y in pixels")
        elif _measure_outline(corners) > MAX_OUTLINE_PIXELS:
            report_problem(
                f"a polygon far out of the picture {_shorten(one)}; expected one in {shape[1]}×{shape[0]} pixels"
            )
        else:
            walked.append(one)
    if not walked:
        return None
    return merge_run_lengths(runs.frPyObjects(walked, *shape))


def _parse_corners(polygon: Any) -> NDArray[np.float64] | None:
    """A polygon's corners ``(N, 2)`` as x and y; None where it is no polygon."""
    if (
        not isinstance(polygon, list)
        or len(polygon) < 6
        or len(polygon) % 2
        or not set(map(type, polygon)) <= {int, float}
    ):
        return None
    try:
        corners = np.array(polygon, dtype=np.float64).reshape(-1, 2)
    except OverflowError:  # an int beyond float64
        return None
    return corners if np.isfinite(corners).all() else None


def _measure_outline(corners: NDArray[np.float64]) -> float:
    """The length of a polygon's outline in pixels, the way from the picture's corner to it included."""
    with np.errstate(over="ignore"):
        steps = np.abs(corners - np.roll(corners, 1, axis=0)).max(axis=1).sum()
        return float(steps + np.abs(corners[0]).max())


def _measure_share_inside(mask: RunLengths, box: Box) -> float:
    """The share of a mask's pixels that lie in a box with a margin of :data:`BOX_MARGIN_PIXELS`."""
    x, y, width, height = runs.toBbox(dict(mask)).tolist()
    x1, y1, x2, y2 = (
        box[0] - BOX_MARGIN_PIXELS,
        box[1] - BOX_MARGIN_PIXELS,
        box[2] + BOX_MARGIN_PIXELS,
        box[3] + BOX_MARGIN_PIXELS,
    )
    if x1 <= x and y1 <= y and x + width <= x2 and y + height <= y2:
        return 1.0
    around = runs.frPyObjects(np.array([[x1, y1, x2 - x1, y2 - y1]]), *mask["size"])
    return float(runs.area(runs.merge([dict(mask), *around], intersect=True)) / runs.area(dict(mask)))


def _shorten(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"
