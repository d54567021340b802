"""Boxes of one image, true or detected."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes of one image, true or detected.

    Attributes:
        boxes: ``(N, 4)`` float32 corner boxes, xyxy in pixels; of volumes ``(N, 6)``, xyzxyz in voxels.
        scores: ``(N,)`` float32, 0 to 1; those of true boxes are not used.
        labels: ``(N,)`` int64 class values.

    Raises:
        DataError: the arrays do not have these shapes.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.boxes) == len(self.scores) == len(self.labels) or self.boxes.shape[1:] not in ((4,), (6,)):
            found = f"boxes {self.boxes.shape}, scores {self.scores.shape}, labels {self.labels.shape}"
            raise DataError(found, expected="(N, 4) or (N, 6), (N,) and (N,)")

    @classmethod
    def from_true_boxes(cls, boxes: NDArray[np.float32], labels: NDArray[np.int64]) -> Detections:
        """Make detections of true boxes, with a score of 1.

        Args:
            boxes: ``(N, 4)`` float32 corner boxes, xyxy in pixels.
            labels: ``(N,)`` int64 class values.
        """
        return cls(boxes, np.ones(len(boxes), np.float32), labels)


@dataclass(frozen=True, eq=False)
class Truth(Detections):
    """True boxes of one image, with what is left out: detections there are neither right nor wrong.

    Attributes:
        areas: ``(N,)`` annotated areas in square pixels, by which boxes are small, medium or large; None for the areas
            of the boxes.
        crowds: ``(M, 4)`` float32 boxes of regions of many objects, or of objects too small to count.
        crowd_labels: ``(M,)`` int64 class value of each.
        ignored_mask: ``(H, W)`` bool, true where it is unknown what is there, for all classes; None where all is known.

    Raises:
        DataError: the arrays do not have these shapes.
    """

    areas: NDArray[np.float64] | None = None
    crowds: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    crowd_labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ignored_mask: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.areas is not None and len(self.areas) != len(self.boxes):
            raise DataError(f"{len(self.areas)} areas", expected=f"one for each of {len(self.boxes)} boxes")
        if len(self.crowds) != len(self.crowd_labels):
            raise DataError(f"{len(self.crowd_labels)} labels", expected=f"one for each of {len(self.crowds)} crowds")


def clip_boxes(boxes: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Clip ``(N, 4)`` corner boxes to a ``(H, W)`` image.

    >>> clip_boxes(np.array([[-2, 1, 30, 30]], np.float32), (10, 20)).tolist()
    [[0.0, 1.0, 20.0, 10.0]]
    """
    limits = np.array([shape[1], shape[0]] * 2, np.float32)
    return np.clip(boxes, 0, limits)


def rescale_boxes(
    boxes: NDArray[np.float32], shape: tuple[int, ...], target_shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Bring ``(N, 4)`` boxes of a ``(H, W)`` image to the pixels of the same image at another size, and clip them.

    Args:
        boxes: corner boxes, xyxy in pixels.
        shape: height and width that they belong to.
        target_shape: height and width to bring them to.

    >>> rescale_boxes(np.array([[1, 2, 30, 4]], np.float32), (10, 20), (20, 20)).tolist()
    [[1.0, 4.0, 20.0, 8.0]]
    """
    factors = np.array([target_shape[1] / shape[1], target_shape[0] / shape[0]] * 2, dtype=np.float32)
    return clip_boxes((boxes * factors).astype(np.float32), target_shape)


def compute_box_areas(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Compute the areas, in square pixels, of ``(N, 4)`` corner boxes."""
    areas: NDArray[np.floating] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas
