"""One frame under every corruption, with what the model says of it: the arrays that the report draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.imaging.resample import resize
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.answers import PredictionMapper
from domaingan.robustness_eval.cells import Cell
from domaingan.robustness_eval.labelled_frames import LabelledFrame, LabelledFrames

MAX_PICTURE_WIDTH = 640
"""Pictures wider than this are shrunk to it."""


def collect_example_frames(
    frames: LabelledFrames, mapper: PredictionMapper, scored: Mapping[str, int], cells: Sequence[Cell], seed: int
) -> dict[str, NDArray[Any]]:
    """The frame that shows most of what is scored, under each of the cells.

    Returns:
        ``name``, ``images`` (K, h, w, 3); for a detector ``boxes`` (M, 4), ``scores`` (M,), ``labels`` (M,), ``tile``
        (M,), which of the images, and ``true_boxes``, ``true_labels``; for a segmenter ``masks`` (K, h, w) and
        ``truth`` (h, w).
    """
    frame = frames[_find_fullest_frame(frames, scored)]
    ratio = min(1.0, MAX_PICTURE_WIDTH / frame.picture.shape[1])
    shape = (round(frame.picture.shape[0] * ratio), round(frame.picture.shape[1] * ratio))
    images, answers = [], []
    for cell in cells:
        picture = cell.corrupt_frame(frame, seed)
        answer = mapper(mapper.model.predict(picture), picture.shape[:2], frame.shape)
        images.append(cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA) if ratio < 1 else picture)
        answers.append(answer)
    drawn = {"name": np.array(frame.name), "images": np.stack(images)}
    if isinstance(frame.truth, Detections):
        return drawn | _collect_boxes(frame, answers, shape)
    masks = [resize(np.asarray(answer), shape, is_mask=True).astype(np.int16) for answer in answers]
    return drawn | {"masks": np.stack(masks), "truth": resize(frame.truth, shape, is_mask=True).astype(np.int16)}


def _find_fullest_frame(frames: LabelledFrames, scored: Mapping[str, int]) -> int:
    """The frame with most classes, then most objects (most of the rest of it), the first of several."""

    def counted(frame: LabelledFrame) -> tuple[int, int]:
        if isinstance(frame.truth, Detections):
            labels = frame.truth.labels[np.isin(frame.truth.labels, list(scored.values()))]
            return len(np.unique(labels)), len(labels)
        values = np.unique(frame.truth)
        return int(np.isin(values, list(scored.values())).sum()), 0

    return max(range(len(frames)), key=lambda number: (*counted(frames[number]), -number))


def _collect_boxes(frame: LabelledFrame, answers: Sequence[Any], shape: tuple[int, int]) -> dict[str, NDArray[Any]]:
    factors = np.array([shape[1] / frame.shape[1], shape[0] / frame.shape[0]] * 2, dtype=np.float32)
    return {
        "boxes": np.concatenate([answer.boxes for answer in answers]) * factors,
        "scores": np.concatenate([answer.scores for answer in answers]),
        "labels": np.concatenate([answer.labels for answer in answers]),
        "tile": np.repeat(np.arange(len(answers)), [len(answer.boxes) for answer in answers]),
        "true_boxes": frame.truth.boxes * factors,
        "true_labels": frame.truth.labels,
    }
