"""Which layouts the outputs of an exported detector may have, by shapes, metadata and a look at the values.

What people's exporters write:

- ``boxes``: boxes (N, 4), scores (N,) and labels (N,), each with or without a batch axis, as torchvision has them;
  boxes with scores (N, 5) beside labels (N,), as MMDetection has them; boxes (N, 4) beside class scores (N, C) or
  (C, N), as YOLO-NAS, PP-YOLOE and DETR have them; or one output (1, N, 6) of corners, score and label, as detectors
  that suppress duplicates themselves have it. TensorFlow's detectors write y before x.
- ``yolov8`` (to v11): (1, 4 + C, N): centre, size and C scores of N candidates; RT-DETR the same, as (1, N, 4 + C).
- ``yolov5`` (to v7): (1, N, 5 + C): centre, size, objectness and C scores.
- ``yolox``: the same shape, but with N grid cells of stride 8, 16 and 32 in that order. x and y count from the cell, in
  strides, and sizes are logarithms of strides (Ge et al. 2021, https://arxiv.org/abs/2107.08430).

Boxes are pixels of the input or shares of it, corners or centres and sizes. Several layouts may fit the shapes:
:mod:`domaingan.robustness_eval.onnx_detector.choose_layout` decides among them by the boxes that come out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.robustness_eval.onnx_detector.dense_layout import DenseLayout, count_grid_candidates
from domaingan.robustness_eval.onnx_detector.find_dense import list_dense_layouts
from domaingan.robustness_eval.onnx_detector.find_packed import list_packed_layouts
from domaingan.robustness_eval.onnx_detector.find_separate import (
    count_batch_axes,
    has_separate_boxes,
    list_separate_layouts,
)
from domaingan.robustness_eval.onnx_detector.layout import Layout, Outputs
from domaingan.robustness_eval.onnx_detector.separate_layouts import ClassScoresLayout, SeparateLayout

DECODE_KINDS = ("boxes", "yolov8", "yolov5", "yolox")

EXPECTED_OUTPUTS = (
    "boxes (N, 4) with scores and labels (N,) or class scores (N, C); or (1, N, 6); or YOLO's (1, 4 + C, N) or "
    "(1, N, 5 + C); --decode boxes|yolov8|yolov5|yolox says which"
)

FILLER_SCORE = -1
"""Score (and label, and coordinate) of rows that only fill up an output of fixed length."""

SCORE_TOLERANCE = 1e-3
"""Scores may leave the range from 0 to 1 by this much."""

MAX_LOGIT = 50
"""Numbers on both sides of 0 that stay below it are probably logits."""

COUNT_WORDS = ("num", "count", "valid")
"""Words in the name of an output that holds the number of detections."""


def list_layouts(
    outputs: Outputs,
    size: tuple[int, int],
    *,
    decode: str | None = None,
    class_count: int | None = None,
    is_y_first: bool = False,
    path: str = "",
) -> list[Layout]:
    """List the layouts that a detector's outputs may have, the likeliest by shape first.

    Args:
        outputs: what it gave for one picture, by output name.
        size: height and width of its input, in pixels.
        decode: one of :data:`DECODE_KINDS` where the user says which.
        class_count: the number of class names, where known.
        is_y_first: the detector is TensorFlow's by its input, so its corners are likely y before x.
        path: its file, for messages.

    Returns:
        At least one layout; all their scores are from 0 to 1.

    Raises:
        DataError: the outputs cannot be read, or not as the user says.
    """
    if decode is not None and decode not in DECODE_KINDS:
        raise DataError(f"--decode {decode}", expected=f"one of {', '.join(DECODE_KINDS)}")
    layouts: list[Layout] = []
    if decode in (None, "boxes"):
        layouts += list_separate_layouts(outputs, class_count)
        if not layouts and not has_separate_boxes(outputs):
            layouts += list_packed_layouts(outputs, is_certain=decode == "boxes")
    layouts = _add_dense_layouts(layouts, outputs, size, decode, class_count)
    layouts = _filter_by_class_count(layouts, class_count)
    if is_y_first or any("detection_boxes" in name for name in outputs):
        layouts = sorted(layouts, key=_rank_y_first)
    if not layouts:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in outputs.items())
        kind = f" as {decode}" if decode else ""
        raise DataError(f"outputs that cannot be read{kind}: {shapes}", path=path, expected=EXPECTED_OUTPUTS)
    return _filter_by_scores(layouts, outputs, path)


def _add_dense_layouts(
    layouts: list[Layout], outputs: Outputs, size: tuple[int, int], decode: str | None, class_count: int | None
) -> list[Layout]:
    """Add the layouts of YOLO's tables, before the others where a table has a row for each cell of the grids."""
    if decode == "boxes":
        return layouts
    is_separate = has_separate_boxes(outputs)
    for layout in layouts:
        is_separate = is_separate or isinstance(layout, (SeparateLayout, ClassScoresLayout))
    if decode is None and is_separate:
        return layouts
    dense_layouts = list_dense_layouts(outputs, size, decode, class_count)
    grid_counts = count_grid_candidates(size)
    if any(layout.candidate_count in grid_counts for layout in dense_layouts):
        return [*dense_layouts, *layouts]
    return [*layouts, *dense_layouts]


def _rank_y_first(layout: Layout) -> tuple[bool, bool]:
    """Rank a layout for sorting: TensorFlow's y before x comes first, and shares come before pixels."""
    return layout.box_format.form != "yxyx", not layout.box_format.is_relative


def remove_filler(outputs: Outputs) -> dict[str, NDArray[Any]]:
    """Remove the rows beyond the number of detections, where one output tells that number.

    Args:
        outputs: what a detector gave for one picture, by output name.

    Returns:
        The outputs; those with a row for each detection are cut to the number. All stay as they are if none tells it.
    """
    count_outputs = [name for name, array in outputs.items() if array.size == 1 and _is_count(name)]
    if len(count_outputs) != 1:
        return dict(outputs)
    count = float(outputs[count_outputs[0]].reshape(-1)[0])
    if count < 0 or not count.is_integer():
        return dict(outputs)
    cut_outputs = {}
    for name, array in outputs.items():
        axis = count_batch_axes(array, 2)
        has_rows = name != count_outputs[0] and axis < array.ndim <= axis + 2
        if has_rows and array.shape[axis] > count:
            cut_outputs[name] = array.take(range(int(count)), axis=axis)
        else:
            cut_outputs[name] = array
    return cut_outputs


def _is_count(name: str) -> bool:
    """Whether an output is called as the number of detections is."""
    return any(word in name.lower() for word in COUNT_WORDS)


def _filter_by_class_count(layouts: list[Layout], class_count: int | None) -> list[Layout]:
    """Leave out tables with another number of classes than there are names, if any other layout is left."""
    if class_count is None:
        return layouts
    fitting = [layout for layout in layouts if layout.class_count in (None, class_count)]
    return fitting or layouts


def _filter_by_scores(layouts: list[Layout], outputs: Outputs, path: str) -> list[Layout]:
    """Leave out layouts whose scores cannot be scores: they are logits, or pixels read as scores.

    Rows that only fill up an output may have a score of -1.

    Raises:
        DataError: no layout has all its scores from 0 to 1.
    """
    possible: list[Layout] = []
    first_problem = ""
    for layout in layouts:
        scores = layout.read_scores(outputs)
        if not isinstance(layout, DenseLayout):
            scores = scores[scores != FILLER_SCORE]
        problem = _describe_bad_scores(scores)
        if not problem:
            possible.append(layout)
        elif not first_problem:
            first_problem = f"{problem}, {layout.describe()}"
    if not possible:
        raise DataError(first_problem, path=path, expected=f"0 to 1; {EXPECTED_OUTPUTS}")
    return possible


def _describe_bad_scores(scores: NDArray[np.float32]) -> str:
    """Say why numbers cannot be scores; an empty text if they can."""
    if not np.isfinite(scores).all():
        return "NaN or infinite scores"
    low = float(scores.min(initial=0))
    high = float(scores.max(initial=0))
    if low >= -SCORE_TOLERANCE and high <= 1 + SCORE_TOLERANCE:
        return ""
    text = f"scores from {low:.3g} to {high:.3g}"
    if -MAX_LOGIT < low < 0 and high < MAX_LOGIT:
        text += " (logits: the export lacks its sigmoid or softmax)"
    return text
