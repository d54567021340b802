"""What a layout of a detector's outputs is: it turns output arrays into detections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.onnx_detector.box_format import BoxFormat

Outputs = Mapping[str, NDArray[Any]]
"""What a detector gives for one picture: arrays by output name."""


class Layout(Protocol):
    """A way in which a detector's outputs are laid out.

    Attributes:
        kind: ``boxes``, ``yolov8``, ``yolov5`` or ``yolox``.
        box_format: how the four numbers of a box are meant.
        class_count: the number of classes; None where the outputs hold labels, which do not tell it.
        has_nms: the detector suppresses duplicates itself.
        is_stretched: such detectors expect the picture stretched to their input.
    """

    @property
    def kind(self) -> str:
        """See the class."""

    @property
    def box_format(self) -> BoxFormat:
        """See the class."""

    @property
    def class_count(self) -> int | None:
        """See the class."""

    @property
    def has_nms(self) -> bool:
        """See the class."""

    @property
    def is_stretched(self) -> bool:
        """See the class."""

    def describe(self) -> str:
        """Say in words how the outputs are read."""

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """Return every number that this layout reads as a score, in any shape."""

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """Turn outputs into detections.

        Args:
            outputs: what the detector gave for one picture.
            size: height and width of the network's input, in pixels.
            threshold: boxes with a lower score are left out.

        Returns:
            Boxes in pixels of the input, with scores and labels.
        """


def select_candidates(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], labels: NDArray[np.int64], threshold: float
) -> Detections:
    """Select the boxes whose score reaches a threshold and whose label is not negative."""
    is_selected = (scores >= threshold) & (labels >= 0)
    return Detections(boxes[is_selected], scores[is_selected], labels[is_selected])


def select_best_class(boxes: NDArray[np.float32], scores: NDArray[np.float32], threshold: float) -> Detections:
    """Give each box the class with its highest score.

    Args:
        boxes: ``(N, 4)``.
        scores: ``(N, C)``, a column a class.
        threshold: boxes with a lower score are left out.
    """
    labels = scores.argmax(axis=1)
    best_scores = scores[np.arange(len(scores)), labels]
    return select_candidates(boxes, best_scores, labels.astype(np.int64), threshold)
