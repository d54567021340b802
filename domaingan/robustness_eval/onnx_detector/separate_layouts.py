"""Layouts whose boxes are an output of their own: beside scores and labels, or beside a score for each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.onnx_detector.box_format import CORNERS, BoxFormat
from domaingan.robustness_eval.onnx_detector.layout import Outputs, select_best_class, select_candidates


@dataclass(frozen=True)
class SeparateLayout:
    """Boxes, scores and labels in three outputs, with or without a batch axis.

    The scores may also be a fifth column of the boxes: then ``score_output`` is the same as ``box_output``.
    """

    box_output: str
    score_output: str
    label_output: str
    box_format: BoxFormat = CORNERS
    kind: str = "boxes"
    class_count: int | None = None
    has_nms: bool = False

    @property
    def is_stretched(self) -> bool:
        """Whether boxes are shares of the picture's sides, so that a picture may be stretched to the input."""
        return self.box_format.is_relative

    def describe(self) -> str:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        boxes = "corners" if self.box_format == CORNERS else self.box_format.describe()
        others = f"scores from {self.score_output!r}, labels from {self.label_output!r}"
        return f"read as boxes: {boxes} from {self.box_output!r}, {others}"

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        scores = outputs[self.score_output]
        if self.score_output == self.box_output:
            scores = scores[..., 4]
        return scores.reshape(-1).astype(np.float32)

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        numbers = outputs[self.box_output][..., :4].reshape(-1, 4).astype(np.float32)
        boxes = self.box_format.to_corners(numbers, size)
        labels = np.rint(outputs[self.label_output].reshape(-1)).astype(np.int64)
        return select_candidates(boxes, self.read_scores(outputs), labels, threshold)


@dataclass(frozen=True)
class ClassScoresLayout:
    """Boxes in one output and a score for each class in another (YOLO-NAS, PP-YOLOE, DETR).

    Attributes:
        box_output: name of the output with the boxes.
        score_output: name of the output with the scores.
        is_transposed: the scores are ``(C, N)``, not ``(N, C)``.
        background: which column of scores stands for no object: ``first``, ``last`` or none (an empty text).
        box_format: how the four numbers of a box are meant.
        kind, class_count, has_nms: see :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`.
    """

    box_output: str
    score_output: str
    is_transposed: bool
    class_count: int | None
    background: str = ""
    box_format: BoxFormat = CORNERS
    kind: str = "boxes"
    has_nms: bool = False

    @property
    def is_stretched(self) -> bool:
        """Whether boxes are shares of the picture's sides, so that a picture may be stretched to the input."""
        return self.box_format.is_relative

    def describe(self) -> str:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        background = f" and, {self.background}, one for no object" if self.background else ""
        scores = f"scores of {self.class_count} classes{background} from {self.score_output!r}"
        return f"read as boxes: {self.box_format.describe()} from {self.box_output!r}, {scores}"

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        scores = outputs[self.score_output].astype(np.float32)
        scores = scores.reshape(scores.shape[-2:])
        if self.is_transposed:
            scores = scores.T
        if self.background == "first":
            return scores[:, 1:]
        if self.background == "last":
            return scores[:, :-1]
        return scores

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        numbers = outputs[self.box_output].reshape(-1, 4).astype(np.float32)
        boxes = self.box_format.to_corners(numbers, size)
        return select_best_class(boxes, self.read_scores(outputs), threshold)
