"""Layouts with corners, score and label in the columns of one output: what its values allow."""

from __future__ import annotations

import numpy as np

from domaingan.robustness_eval.onnx_detector.box_format import BoxFormat
from domaingan.robustness_eval.onnx_detector.layout import Layout, Outputs
from domaingan.robustness_eval.onnx_detector.packed_layout import PACKED_COLUMNS, PackedLayout

PACKED_BOX_FORMATS = (
    BoxFormat(),
    BoxFormat(is_relative=True),
    BoxFormat("yxyx"),
    BoxFormat("yxyx", is_relative=True),
)
"""Formats of boxes in the columns of one output, the usual ones first."""

USUAL_COLUMNS = "corners, score and label"


def list_packed_layouts(outputs: Outputs, is_certain: bool) -> list[Layout]:
    """List the layouts with corners, score and label in the columns of one output.

    Their labels must be whole numbers, at least those of the boxes with the higher scores.

    Args:
        outputs: what a detector gave for one picture, by output name.
        is_certain: the user says that the output is packed, so the usual order of columns is always listed.
    """
    layouts: list[Layout] = []
    for name in outputs:
        width = _count_columns(outputs, name)
        for columns in PACKED_COLUMNS:
            expected_width = 7 if columns.startswith("image") else 6
            if width != expected_width:
                continue
            is_accepted = is_certain and columns == USUAL_COLUMNS
            for box_format in PACKED_BOX_FORMATS:
                layout = PackedLayout(name, columns, box_format)
                if is_accepted or _has_whole_labels(layout, outputs):
                    layouts.append(layout)
    return layouts


def _count_columns(outputs: Outputs, name: str) -> int:
    """Count the columns of a table without the coefficients of masks; 0 if the output is no table."""
    array = outputs[name]
    if array.ndim < 2 or array.size == 0:
        return 0
    if any(length != 1 for length in array.shape[:-2]):
        return 0
    width = array.shape[-1]
    prototype_counts = [other.shape[1] for other in outputs.values() if other.ndim == 4 and other.shape[-1] != 7]
    if prototype_counts and width == 6 + prototype_counts[0]:
        return 6
    return width


def _has_whole_labels(layout: PackedLayout, outputs: Outputs) -> bool:
    """Whether the labels are whole numbers from 0 on where the score is at least half of the highest."""
    scores = layout.read_scores(outputs)
    labels = layout.read_labels(outputs)[scores >= scores.max(initial=0) / 2]
    return bool((labels == np.rint(labels)).all() and (labels >= 0).all())
