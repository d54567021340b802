"""The layout with corners, score and label in the columns of one output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.onnx_detector.box_format import CORNERS, BoxFormat
from domaingan.robustness_eval.onnx_detector.layout import Outputs, select_candidates


class Columns(NamedTuple):
    """The column where the four corners begin, the score's column and the label's."""

    corners: int
    score: int
    label: int


PACKED_COLUMNS = {
    "corners, score and label": Columns(0, 4, 5),
    "corners, label and score": Columns(0, 5, 4),
    "label, score and corners": Columns(2, 1, 0),
    "image, corners, label and score": Columns(1, 6, 5),
    "image, label, score and corners": Columns(3, 2, 1),
    "image, corners, score and label": Columns(1, 5, 6),
}
"""The orders that the columns of a packed output may have; ``image`` is the picture's number in a batch."""


@dataclass(frozen=True)
class PackedLayout:
    """Corners, score and label in the columns of one output; duplicates are suppressed already.

    Attributes:
        output: name of the output.
        columns: one of :data:`PACKED_COLUMNS`.
        box_format: how the four numbers of a box are meant.
        kind, class_count, has_nms, is_stretched: see :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`.
    """

    output: str
    columns: str = "corners, score and label"
    box_format: BoxFormat = CORNERS
    kind: str = "boxes"
    class_count: int | None = None
    has_nms: bool = True
    is_stretched: bool = False

    def describe(self) -> str:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        width = "seven" if self.columns.startswith("image") else "six"
        text = f"read as boxes: {self.columns} in the {width} columns of {self.output!r}"
        if self.box_format.is_relative:
            text += "; the corners are shares of the picture"
        if self.box_format.form == "yxyx":
            text += "; y stands before x"
        return text

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        return self._read_rows(outputs)[:, PACKED_COLUMNS[self.columns].score]

    def read_labels(self, outputs: Outputs) -> NDArray[np.float32]:
        """Return the numbers that this layout reads as labels, ``(N,)``."""
        return self._read_rows(outputs)[:, PACKED_COLUMNS[self.columns].label]

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        start = PACKED_COLUMNS[self.columns].corners
        numbers = self._read_rows(outputs)[:, start : start + 4]
        boxes = self.box_format.to_corners(numbers, size)
        labels = np.rint(self.read_labels(outputs)).astype(np.int64)
        return select_candidates(boxes, self.read_scores(outputs), labels, threshold)

    def _read_rows(self, outputs: Outputs) -> NDArray[np.float32]:
        array = outputs[self.output]
        return array.reshape(-1, array.shape[-1]).astype(np.float32)
