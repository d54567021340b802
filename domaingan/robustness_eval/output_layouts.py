"""How the outputs of an exported detector may be read, by shapes, metadata and a look at the values.

What people's exporters write:

- ``boxes``: boxes (N, 4), scores (N,), labels (N,), each with or without a batch axis, as torchvision has them; boxes
  and scores (N, 5) beside labels (N,), as MMDetection has them; boxes
  (N, 4) beside class scores (N, C) or (C, N), as YOLO-NAS, PP-YOLOE and DETR have them; or one output (1, N, 6) of
  xyxy, score, label, as detectors that suppress duplicates themselves have it. TensorFlow's write y before x.
- ``yolov8`` (to v11): (1, 4 + C, N): centre, size and C scores of N candidates; RT-DETR the same, as (1, N, 4 + C).
- ``yolov5`` (to v7): (1, N, 5 + C): centre, size, objectness and C scores.
- ``yolox``: the same shape, but with N grid cells of stride 8, 16 and 32 in that order, whose x and y count from the
  cell in strides and whose sizes are logarithms of strides (Ge et al. 2021, https://arxiv.org/abs/2107.08430).

Boxes are pixels of the input or shares of it, corners or centres and sizes: which of the readings it is, is decided in
:mod:`domaingan.robustness_eval.readings` by the boxes that come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.robustness_eval.box_tables import count_grid_candidates, list_dense_layouts
from domaingan.robustness_eval.decode import (
    PACKED_COLUMNS,
    BoxFormat,
    ClassScoresLayout,
    DenseLayout,
    Layout,
    PackedLayout,
    SeparateLayout,
)

DECODE_KINDS = ("boxes", "yolov8", "yolov5", "yolox")

EXPECTED_OUTPUTS = (
    "boxes (N, 4) with scores and labels (N,) or class scores (N, C); or (1, N, 6); or YOLO's (1, 4 + C, N) or "
    "(1, N, 5 + C); --decode boxes|yolov8|yolov5|yolox says which"
)

BOX_OUTPUT_FORMATS = (
    BoxFormat("xyxy"),
    BoxFormat("xyxy", is_relative=True),
    BoxFormat("cxcywh", is_relative=True),
    BoxFormat("cxcywh"),
    BoxFormat("xywh"),
    BoxFormat("xywh", is_relative=True),
    BoxFormat("yxyx"),
    BoxFormat("yxyx", is_relative=True),
)
"""Ways to write boxes of an output of their own, the usual ones first."""

PACKED_BOX_FORMATS = (BoxFormat(), BoxFormat(is_relative=True), BoxFormat("yxyx"), BoxFormat("yxyx", is_relative=True))
"""Ways to write boxes in the columns of one output."""

FILLER_SCORE = -1
"""Score (as label, and as coordinate) of rows that only fill up an output of fixed length."""

Outputs = Mapping[str, NDArray[Any]]


def list_layouts(
    outputs: Outputs,
    size: tuple[int, int],
    *,
    decode: str | None = None,
    class_count: int | None = None,
    is_y_first: bool = False,
    path: str = "",
) -> list[Layout]:
    """List the readings that a detector's outputs allow, the likeliest by shape first.

    Args:
        outputs: what it gave for one picture, by output name.
        size: height and width of its input.
        decode: one of :data:`KINDS` where the user says which.
        classes: number of class names, where known.
        rows_first: the detector is TensorFlow's by its input, so that its corners are likely y before x.
        path: its file, for messages.

    Returns:
        At least one reading; all their scores are from 0 to 1.

    Raises:
        DataError: the outputs cannot be read, or not as the user says.
    """
    if decode is not None and decode not in DECODE_KINDS:
        raise DataError(f"--decode {decode}", expected=f"one of {', '.join(DECODE_KINDS)}")
    found: list[Layout] = []
    if decode in (None, "boxes"):
        found += _list_separate(outputs)
        found += _list_boxes_of_five_columns(outputs)
        found += _list_boxes_with_class_scores(outputs, class_count)
        found += [] if found or _has_separate_boxes(outputs) else _list_packed(outputs, is_certain=decode == "boxes")
    is_separate = any(
        isinstance(layout, (SeparateLayout, ClassScoresLayout)) for layout in found
    ) or _has_separate_boxes(outputs)
    if decode != "boxes" and not (decode is None and is_separate):
        tables = list_dense_layouts(outputs, size, decode, class_count)
        gridded = any(table.candidate_count in count_grid_candidates(size) for table in tables)
        found = [*tables, *found] if gridded else [*found, *tables]
    found = _filter_by_class_count(found, class_count)
    if is_y_first or any("detection_boxes" in name for name in outputs):
        found = sorted(found, key=_rank_y_first)
    if not found:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in outputs.items())
        said = f" as {decode}" if decode else ""
        raise DataError(f"outputs that cannot be read{said}: {shapes}", path=path, expected=EXPECTED_OUTPUTS)
    return _filter_by_scores(found, outputs, path)


def _rank_y_first(layout: Layout) -> tuple[bool, bool]:
    """A key by which TensorFlow's readings stand first: y before x, as shares of the picture."""
    return layout.box_format.form != "yxyx", not layout.box_format.is_relative


def _has_separate_boxes(outputs: Outputs) -> bool:
    """Whether boxes are an output of their own, beside another of as many rows: no other output is a whole table."""
    for corners in _find_box_outputs(outputs):
        count = outputs[corners].size // 4
        if any(count in array.shape for name, array in outputs.items() if name != corners):
            return True
    return False


def remove_filler(outputs: Outputs) -> dict[str, NDArray[Any]]:
    """Outputs without the rows beyond the number of detections, where an output tells that.

    Args:
        outputs: what a detector gave for one picture, by output name.

    Returns:
        The outputs, those with a row a detection cut to as many; all as they are where none tells a number.
    """
    told = [name for name, array in outputs.items() if array.size == 1 and _is_count(name)]
    if len(told) != 1:
        return dict(outputs)
    count = float(outputs[told[0]].reshape(-1)[0])
    kept = {}
    for name, array in outputs.items():
        axis = _count_batch_axes(array, 2)
        is_rows = name != told[0] and axis < array.ndim <= axis + 2
        is_longer = is_rows and count >= 0 and count.is_integer() and array.shape[axis] > count
        kept[name] = array.take(range(int(count)), axis=axis) if is_longer else array
    return kept


def _is_count(name: str) -> bool:
    """Whether an output is called as the number of detections is."""
    return any(word in name.lower() for word in ("num", "count", "valid"))


def _filter_by_class_count(found: list[Layout], class_count: int | None) -> list[Layout]:
    """Without the tables of another number of classes than there are names, if any other reading is left."""
    if class_count is None:
        return found
    fitting = [layout for layout in found if layout.class_count in (None, class_count)]
    return fitting or found


# ---------------------------------------------------------------- boxes, scores, labels


def _find_box_outputs(outputs: Outputs) -> list[str]:
    """Names of the outputs that may be boxes: (N, 4), with or without a batch axis, or (1, N, 1, 4)."""
    found = []
    for name, array in outputs.items():
        shape = array.shape
        if shape[-1:] == (4,) and (len(shape) - _count_batch_axes(array) == 2 or (len(shape) == 4 and shape[2] == 1)):
            found.append(name)
    return found


def _list_separate(outputs: Outputs) -> list[Layout]:
    for corners in sorted(_find_box_outputs(outputs), key=lambda name: -outputs[name].size):
        count = outputs[corners].size // 4
        others = [name for name, array in outputs.items() if name != corners and _is_column(array, count)]
        if len(others) == 2:
            scores, labels = _order_scores_and_labels(others, outputs)
            return [SeparateLayout(corners, scores, labels, places) for places in BOX_OUTPUT_FORMATS]
    return []


def _is_column(array: NDArray[Any], count: int) -> bool:
    """Whether an output has one number a row: (N,), (1, N), (N, 1) or (1, N, 1)."""
    return array.size == count and array.ndim <= 3 and count in array.shape


def _list_boxes_of_five_columns(outputs: Outputs) -> list[Layout]:
    """Readings of boxes with their scores in five columns, beside an output of whole labels."""
    found: list[Layout] = []
    for corners, array in outputs.items():
        if array.shape[-1:] != (5,) or array.ndim - _count_batch_axes(array) != 2:
            continue
        count = array.shape[-2]
        beside = [n for n, a in outputs.items() if a.shape[-1:] == (count,) and a.ndim - _count_batch_axes(a, 2) == 1]
        labels = [n for n in beside if np.issubdtype(outputs[n].dtype, np.integer) or "label" in n.lower()]
        if len(labels) == 1:
            found += [SeparateLayout(corners, corners, labels[0], places) for places in BOX_OUTPUT_FORMATS]
    return found


def _list_boxes_with_class_scores(outputs: Outputs, class_count: int | None) -> list[Layout]:
    found: list[Layout] = []
    for corners in _find_box_outputs(outputs):
        count = outputs[corners].size // 4
        tables = [
            n
            for n, a in outputs.items()
            if n != corners and a.ndim - _count_batch_axes(a) == 2 and count in a.shape[-2:]
        ]
        if len(tables) != 1:
            continue
        table = outputs[tables[0]].reshape(outputs[tables[0]].shape[-2:]).astype(np.float64)
        transposed = table.shape[0] != count
        table = table.T if transposed else table
        background = _find_background(table, class_count)
        known = table.shape[1] - (1 if background else 0)
        for places in BOX_OUTPUT_FORMATS:
            found.append(ClassScoresLayout(corners, tables[0], transposed, known, background, places))
    return found


def _find_background(table: NDArray[np.float64], class_count: int | None) -> str:
    """Which column of class scores is for nothing: ``first``, ``last``, or none: only where rows sum to 1."""
    width = table.shape[1]
    is_softmax = width > 2 and len(table) > 0 and bool(np.abs(table.sum(axis=1) - 1).max() < 1e-2)
    if not is_softmax or class_count == width:
        return ""
    commonest = int(table.mean(axis=0).argmax())
    return {0: "first", width - 1: "last"}.get(commonest, "")


def _count_batch_axes(array: NDArray[Any], min_axes: int = 3) -> int:
    return int(array.ndim >= min_axes and array.shape[0] == 1)


def _order_scores_and_labels(names: Sequence[str], outputs: Outputs) -> tuple[str, str]:
    """The scores and the labels among two outputs: told by their names, else by kind, else by their values."""
    first, second = names
    for hints, wanted in ((("score", "conf", "prob"), 0), (("label", "class", "cls"), 1)):
        hit = [any(hint in name.lower() for hint in hints) for name in names]
        if hit[0] != hit[1]:
            return (first, second) if hit[wanted] else (second, first)
    whole = [np.issubdtype(outputs[name].dtype, np.integer) for name in names]
    if whole[0] == whole[1]:
        whole = [outputs[n].size > 0 and bool((outputs[n] == np.rint(outputs[n])).all()) for n in names]
    return (second, first) if whole[0] and not whole[1] else (first, second)


def _list_packed(outputs: Outputs, is_certain: bool) -> list[Layout]:
    """Readings of one output of corners, score and label: the labels of its surer half must be whole numbers."""
    prototypes = [a.shape[1] for a in outputs.values() if a.ndim == 4 and a.shape[-1] != 7]
    found: list[Layout] = []
    for name, array in outputs.items():
        lead = array.shape[:-1]
        if array.ndim < 2 or array.size == 0 or any(n != 1 for n in lead[:-1]):
            continue
        width = array.shape[-1] - (prototypes[0] if prototypes and array.shape[-1] == 6 + prototypes[0] else 0)
        for columns in PACKED_COLUMNS:
            if width != (7 if columns.startswith("image") else 6):
                continue
            for places in PACKED_BOX_FORMATS:
                layout = PackedLayout(name, columns, places)
                if _has_whole_labels(layout, outputs) or (is_certain and columns == next(iter(PACKED_COLUMNS))):
                    found.append(layout)
    return found


def _has_whole_labels(layout: PackedLayout, outputs: Outputs) -> bool:
    scores, labels = layout.read_scores(outputs), layout.read_labels(outputs)
    surer = scores >= scores.max(initial=0) / 2
    return bool((labels[surer] == np.rint(labels[surer])).all() and (labels[surer] >= 0).all())


def _filter_by_scores(found: list[Layout], outputs: Outputs, path: str) -> list[Layout]:
    """The readings whose scores can be scores; what is not are logits, or pixels taken for scores.

    Rows that only fill up an output of labels may have a score of -1.

    Raises:
        DataError: with none of the readings all scores are from 0 to 1.
    """
    sound, wrong = [], ""
    for layout in found:
        scores = layout.read_scores(outputs)
        scores = scores if isinstance(layout, DenseLayout) else scores[scores != FILLER_SCORE]
        low, high = float(scores.min(initial=0)), float(scores.max(initial=0))
        if not np.isfinite(scores).all():
            wrong = wrong or f"NaN or infinite scores, {layout.describe()}"
        elif low < -1e-3 or high > 1 + 1e-3:
            logits = " (logits: the export lacks its sigmoid or softmax)" if -50 < low < 0 and high < 50 else ""
            wrong = wrong or f"scores from {low:.3g} to {high:.3g}{logits}, {layout.describe()}"
        else:
            sound.append(layout)
    if not sound:
        raise DataError(wrong, path=path, expected=f"0 to 1; {EXPECTED_OUTPUTS}")
    return sound
