"""Layouts with boxes in an output of their own: what the shapes and values of a detector's outputs allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.robustness_eval.onnx_detector.box_format import BoxFormat
from domaingan.robustness_eval.onnx_detector.layout import Layout, Outputs
from domaingan.robustness_eval.onnx_detector.separate_layouts import ClassScoresLayout, SeparateLayout

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
"""Formats of boxes in an output of their own, the usual ones first."""

SCORE_WORDS = ("score", "conf", "prob")
"""Words in the name of an output of scores."""

LABEL_WORDS = ("label", "class", "cls")
"""Words in the name of an output of labels."""

SOFTMAX_TOLERANCE = 1e-2
"""Class scores whose rows sum to 1 with at most this error come from a softmax."""


def list_separate_layouts(outputs: Outputs, class_count: int | None) -> list[Layout]:
    """List the layouts with boxes in an output of their own, the likeliest first.

    Args:
        outputs: what a detector gave for one picture, by output name.
        class_count: the number of class names, where known.
    """
    layouts: list[Layout] = []
    layouts += _list_three_outputs(outputs)
    layouts += _list_boxes_of_five_columns(outputs)
    layouts += _list_boxes_with_class_scores(outputs, class_count)
    return layouts


def has_separate_boxes(outputs: Outputs) -> bool:
    """Whether boxes are an output of their own, beside another with as many rows: then no output is a whole table."""
    for box_output in _find_box_outputs(outputs):
        count = outputs[box_output].size // 4
        for name, array in outputs.items():
            if name != box_output and count in array.shape:
                return True
    return False


def count_batch_axes(array: NDArray[Any], min_axes: int = 3) -> int:
    """Return 1 if an array of at least ``min_axes`` axes begins with a batch axis (of length 1), else 0."""
    return int(array.ndim >= min_axes and array.shape[0] == 1)


def _find_box_outputs(outputs: Outputs) -> list[str]:
    """Find the outputs that may be boxes: (N, 4), with or without a batch axis, or (1, N, 1, 4)."""
    names = []
    for name, array in outputs.items():
        is_table = array.ndim - count_batch_axes(array) == 2
        has_anchor_axis = array.ndim == 4 and array.shape[2] == 1
        if array.shape[-1:] == (4,) and (is_table or has_anchor_axis):
            names.append(name)
    return names


def _list_three_outputs(outputs: Outputs) -> list[Layout]:
    """List the layouts of boxes, scores and labels in three outputs."""
    box_outputs = sorted(_find_box_outputs(outputs), key=lambda name: -outputs[name].size)
    for box_output in box_outputs:
        count = outputs[box_output].size // 4
        columns = [name for name, array in outputs.items() if name != box_output and _is_column(array, count)]
        if len(columns) == 2:
            score_output, label_output = _order_scores_and_labels(columns, outputs)
            return _make_separate_layouts(box_output, score_output, label_output)
    return []


def _make_separate_layouts(box_output: str, score_output: str, label_output: str) -> list[Layout]:
    """Make a layout for every format of boxes."""
    layouts: list[Layout] = []
    for box_format in BOX_OUTPUT_FORMATS:
        layouts.append(SeparateLayout(box_output, score_output, label_output, box_format))
    return layouts


def _is_column(array: NDArray[Any], count: int) -> bool:
    """Whether an output has one number a row: (N,), (1, N), (N, 1) or (1, N, 1)."""
    return array.size == count and array.ndim <= 3 and count in array.shape


def _has_word(name: str, words: Iterable[str]) -> bool:
    """Whether one of the words stands in the name of an output, in any case."""
    return any(word in name.lower() for word in words)


def _order_scores_and_labels(names: Sequence[str], outputs: Outputs) -> tuple[str, str]:
    """Return the scores first and the labels second: by their names, else by their types, else by their values."""
    first, second = names
    has_score_word = [_has_word(name, SCORE_WORDS) for name in names]
    if has_score_word[0] != has_score_word[1]:
        return (first, second) if has_score_word[0] else (second, first)
    has_label_word = [_has_word(name, LABEL_WORDS) for name in names]
    if has_label_word[0] != has_label_word[1]:
        return (first, second) if has_label_word[1] else (second, first)
    is_whole = [np.issubdtype(outputs[name].dtype, np.integer) for name in names]
    if is_whole[0] == is_whole[1]:
        is_whole = [_has_whole_numbers(outputs[name]) for name in names]
    return (second, first) if is_whole[0] and not is_whole[1] else (first, second)


def _has_whole_numbers(array: NDArray[Any]) -> bool:
    return array.size > 0 and bool((array == np.rint(array)).all())


def _list_boxes_of_five_columns(outputs: Outputs) -> list[Layout]:
    """List the layouts of boxes with their scores in five columns, beside an output of whole labels."""
    layouts: list[Layout] = []
    for box_output, array in outputs.items():
        if array.shape[-1:] != (5,) or array.ndim - count_batch_axes(array) != 2:
            continue
        label_outputs = _find_label_outputs(outputs, array.shape[-2])
        if len(label_outputs) == 1:
            layouts += _make_separate_layouts(box_output, box_output, label_outputs[0])
    return layouts


def _find_label_outputs(outputs: Outputs, count: int) -> list[str]:
    """Find the outputs of ``count`` labels: whole numbers, or called so."""
    names = []
    for name, array in outputs.items():
        is_row = array.shape[-1:] == (count,) and array.ndim - count_batch_axes(array, 2) == 1
        if is_row and (np.issubdtype(array.dtype, np.integer) or "label" in name.lower()):
            names.append(name)
    return names


def _list_boxes_with_class_scores(outputs: Outputs, class_count: int | None) -> list[Layout]:
    """List the layouts of boxes beside one table with a score for each class."""
    layouts: list[Layout] = []
    for box_output in _find_box_outputs(outputs):
        count = outputs[box_output].size // 4
        score_outputs = []
        for name, array in outputs.items():
            is_table = array.ndim - count_batch_axes(array) == 2
            if name != box_output and is_table and count in array.shape[-2:]:
                score_outputs.append(name)
        if len(score_outputs) == 1:
            layouts += _make_class_scores_layouts(outputs, box_output, score_outputs[0], class_count)
    return layouts


def _make_class_scores_layouts(
    outputs: Outputs, box_output: str, score_output: str, class_count: int | None
) -> list[Layout]:
    """Make a layout for every format of boxes, once it is clear which column stands for no object."""
    count = outputs[box_output].size // 4
    array = outputs[score_output]
    table = array.reshape(array.shape[-2:]).astype(np.float64)
    is_transposed = table.shape[0] != count
    if is_transposed:
        table = table.T
    background = _find_background(table, class_count)
    known_count = table.shape[1] - (1 if background else 0)
    layouts: list[Layout] = []
    for box_format in BOX_OUTPUT_FORMATS:
        layout = ClassScoresLayout(box_output, score_output, is_transposed, known_count, background, box_format)
        layouts.append(layout)
    return layouts


def _find_background(table: NDArray[np.float64], class_count: int | None) -> str:
    """Find the column of class scores that stands for no object.

    Only a softmax has one: its rows sum to 1. It is the first or the last column if that has the highest mean.

    Returns:
        ``first``, ``last``, or an empty text for none.
    """
    width = table.shape[1]
    if width <= 2 or len(table) == 0 or class_count == width:
        return ""
    largest_error = np.abs(table.sum(axis=1) - 1).max()
    if not largest_error < SOFTMAX_TOLERANCE:
        return ""
    commonest = int(table.mean(axis=0).argmax())
    if commonest == 0:
        return "first"
    return "last" if commonest == width - 1 else ""
