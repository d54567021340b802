"""Layouts of YOLO's tables: what the shape and values of a table with a row for each candidate allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.robustness_eval.onnx_detector.box_format import RELATIVE_CENTRES
from domaingan.robustness_eval.onnx_detector.dense_layout import DenseLayout, count_grid_candidates
from domaingan.robustness_eval.onnx_detector.layout import Outputs

COCO_CLASS_COUNT = 80
"""A table without class names is first taken to have as many classes."""

MAX_QUERIES = 1000
"""Detectors with queries in place of a grid (DETR and its kin) have no more of them."""

SHARE_TOLERANCE = 1e-3
"""Shares of the picture may leave the range from 0 to 1 by this much."""


def list_dense_layouts(
    outputs: Outputs, size: tuple[int, int], decode: str | None, class_count: int | None
) -> list[DenseLayout]:
    """List the layouts of a table with a candidate a row or a column, the likeliest first.

    Args:
        outputs: what a detector gave for one picture, by output name.
        size: height and width of its input, in pixels.
        decode: ``yolov8``, ``yolov5`` or ``yolox`` where the user says which.
        class_count: the number of class names, where known.

    Returns:
        The layouts; none where there is no such table, or more than one.
    """
    names = [name for name, array in outputs.items() if _is_table(array)]
    if len(names) != 1:
        return []
    name = names[0]
    rows, columns = outputs[name].shape[-2:]
    is_transposed = _is_transposed(rows, columns, count_grid_candidates(size)[0])
    table = outputs[name].reshape(rows, columns).astype(np.float64)
    if is_transposed:
        table = table.T
    layouts: list[DenseLayout] = []
    for has_objectness in _guess_objectness(table, is_transposed, size, decode, class_count):
        score_count = table.shape[1] - (5 if has_objectness else 4)
        score_count = _subtract_mask_coefficients(score_count, outputs, class_count)
        if score_count < 1:
            continue
        kind = "yolov5" if has_objectness else "yolov8"
        plain = DenseLayout(name, kind, is_transposed, has_objectness, False, score_count, len(table))
        if has_objectness:
            layouts += _list_objectness_layouts(plain, table, size, decode)
        else:
            layouts += _list_plain_layouts(plain, size)
    return layouts


def _is_table(array: NDArray[Any]) -> bool:
    """Whether an output has at least five rows and columns, with or without a batch axis."""
    is_flat = array.ndim == 2 or (array.ndim == 3 and array.shape[0] == 1)
    return is_flat and min(array.shape[-2:]) >= 5


def _subtract_mask_coefficients(score_count: int, outputs: Outputs, class_count: int | None) -> int:
    """Subtract the last columns where they are coefficients of masks: the prototypes of masks are another output."""
    prototype_counts = [array.shape[1] for array in outputs.values() if array.ndim == 4]
    if not prototype_counts:
        return score_count
    if class_count is not None and class_count < score_count:
        return class_count
    return score_count - prototype_counts[0]


def _list_plain_layouts(plain: DenseLayout, size: tuple[int, int]) -> list[DenseLayout]:
    """List the layouts of a table without objectness: pixels or shares, whichever is likelier first."""
    is_grid = plain.candidate_count in count_grid_candidates(size)
    is_query = not plain.is_transposed and not is_grid and plain.candidate_count <= MAX_QUERIES
    relative = replace(plain, box_format=RELATIVE_CENTRES, is_stretched=is_query)
    return [relative, plain] if is_query else [plain, relative]


def _list_objectness_layouts(
    plain: DenseLayout, table: NDArray[np.float64], size: tuple[int, int], decode: str | None
) -> list[DenseLayout]:
    """List the layouts of a table with objectness: pixels, shares, or YOLOX's offsets from the cells of its grids."""
    is_grid = plain.candidate_count == count_grid_candidates(size)[0]
    if decode == "yolox" and not is_grid:
        return []
    is_raw = _is_raw(table, plain.is_transposed, size)
    is_yolox = decode == "yolox"
    if decode is None and is_grid:
        has_unsure_candidates = bool((table[:, 4] < 1).any())
        is_yolox = is_raw or has_unsure_candidates
    kind = "yolox" if is_yolox else "yolov5"
    pixels = replace(plain, kind=kind, max_offset=_find_largest_centre(table))
    if is_yolox and is_raw:
        return [replace(pixels, has_grid_offsets=True)]
    return [pixels, replace(pixels, box_format=RELATIVE_CENTRES)]


def _find_largest_centre(table: NDArray[np.float64]) -> float:
    """Find the largest x or y of the centres, at least 0."""
    return float(table[:, :2].max(initial=0))


def _is_raw(table: NDArray[np.float64], is_transposed: bool, size: tuple[int, int]) -> bool:
    """Whether boxes count from the cells of YOLOX's grids, with logarithms of strides as sizes.

    Centres in pixels reach across the picture; offsets from cells stay small; shares are from 0 to 1.
    """
    numbers = table[:, :4]
    is_relative = bool((numbers >= -SHARE_TOLERANCE).all() and (numbers <= 1 + SHARE_TOLERANCE).all())
    has_grid_length = not is_transposed and len(table) == count_grid_candidates(size)[0]
    return has_grid_length and _find_largest_centre(table) < max(size) / 4 and not is_relative


def _is_transposed(rows: int, columns: int, cell_count: int) -> bool:
    """Whether candidates lie along the last axis: it has as many as a grid, else it is the longer axis."""
    for candidate_count in (cell_count, 3 * cell_count):
        has_rows = rows == candidate_count
        has_columns = columns == candidate_count
        if has_rows != has_columns:
            return has_columns
    return columns > rows


def _guess_objectness(
    table: NDArray[np.float64], is_transposed: bool, size: tuple[int, int], decode: str | None, class_count: int | None
) -> tuple[bool, ...]:
    """Guess whether the fifth column is objectness: by the user's word, class names, shape or values.

    Returns:
        One answer where something tells it, else both, the likelier first.
    """
    if decode:
        return (decode in ("yolov5", "yolox"),)
    if _is_raw(table, is_transposed, size):
        return (True,)
    candidate_count, width = table.shape
    if class_count is not None and width in (4 + class_count, 5 + class_count):
        return (width == 5 + class_count,)
    cell_count, anchor_count = count_grid_candidates(size)
    if candidate_count == anchor_count and candidate_count != cell_count:
        return (True, False)
    if width in (4 + COCO_CLASS_COUNT, 5 + COCO_CLASS_COUNT) and not is_transposed:
        return (width == 5 + COCO_CLASS_COUNT,)
    if is_transposed:
        return (False, True)
    is_likely = _has_objectness(table[:, 4:])
    if is_likely is None:
        is_likely = candidate_count > MAX_QUERIES or candidate_count == cell_count
    return (is_likely, not is_likely)


def _has_objectness(scores: NDArray[np.float64]) -> bool | None:
    """Whether the first of the score columns is objectness: it is high wherever a class is high.

    If it were a class, the others would be low where it is high. Where it is never high, the other columns tell:
    few rows are high where scores are final, many where they are still to be multiplied by objectness.

    Returns:
        None where it cannot be told.
    """
    if scores.shape[1] < 2 or not scores.max(initial=0) > 0:
        return None
    half = scores.max() / 2
    first_column = scores[:, 0]
    best_of_others = scores[:, 1:].max(axis=1)
    is_high = first_column >= half
    if is_high.any():
        return bool((best_of_others[is_high] >= 0.2 * half).mean() >= 0.5)
    return bool((best_of_others >= half).mean() > 0.1)
