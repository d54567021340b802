"""One frame under every corruption, with the model's answers to it: the arrays that the report draws."""

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
"""Wider pictures are shrunk to this width, in pixels."""


def collect_example_frames(
    frames: LabelledFrames, mapper: PredictionMapper, scored: Mapping[str, int], cells: Sequence[Cell], seed: int
) -> dict[str, NDArray[Any]]:
    """Collect the frame with most scored objects, under each of the cells, with the model's answers.

    Args:
        frames: the labelled frames.
        mapper: from the model's answers to the data's classes.
        scored: the classes that count: the data's values by name.
        cells: the K corruptions and severities to show.
        seed: of the corruptions.

    Returns:
        ``name``, ``images`` (K, h, w, 3). For a detector ``boxes`` (M, 4), ``scores`` (M,), ``labels`` (M,), ``tile``
        (M,), the number of the image, and ``true_boxes``, ``true_labels``. For a segmenter ``masks`` (K, h, w) and
        ``truth`` (h, w).
    """
    frame = frames[_find_fullest_frame(frames, scored)]
    height, width = frame.picture.shape[:2]
    ratio = min(1.0, MAX_PICTURE_WIDTH / width)
    shape = (round(height * ratio), round(width * ratio))
    images = []
    answers = []
    for cell in cells:
        picture = cell.corrupt_frame(frame, seed)
        prediction = mapper.model.predict(picture)
        answers.append(mapper(prediction, picture.shape[:2], frame.shape))
        if ratio < 1:
            picture = cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA)
        images.append(picture)
    arrays = {"name": np.array(frame.name), "images": np.stack(images)}
    if isinstance(frame.truth, Detections):
        return arrays | _collect_boxes(frame, answers, shape)
    masks = [_shrink_mask(answer, shape) for answer in answers]
    return arrays | {"masks": np.stack(masks), "truth": _shrink_mask(frame.truth, shape)}


def _shrink_mask(mask: Any, shape: tuple[int, int]) -> NDArray[np.int16]:
    return resize(np.asarray(mask), shape, is_mask=True).astype(np.int16)


def _find_fullest_frame(frames: LabelledFrames, scored: Mapping[str, int]) -> int:
    """Find the frame with most scored classes, of these the one with most objects, of these the first."""
    best_number = 0
    best_counts = (-1, -1)
    for number, frame in enumerate(frames):
        counts = _count_scored(frame, list(scored.values()))
        if counts > best_counts:
            best_number = number
            best_counts = counts
    return best_number


def _count_scored(frame: LabelledFrame, values: Sequence[int]) -> tuple[int, int]:
    """Count the scored classes in a frame, and their objects (0 for masks)."""
    if isinstance(frame.truth, Detections):
        labels = frame.truth.labels[np.isin(frame.truth.labels, values)]
        return len(np.unique(labels)), len(labels)
    return int(np.isin(np.unique(frame.truth), values).sum()), 0


def _collect_boxes(frame: LabelledFrame, answers: Sequence[Any], shape: tuple[int, int]) -> dict[str, NDArray[Any]]:
    """Join the boxes of all answers, in pixels of the shrunk pictures."""
    height_factor = shape[0] / frame.shape[0]
    width_factor = shape[1] / frame.shape[1]
    factors = np.array([width_factor, height_factor, width_factor, height_factor], dtype=np.float32)
    box_counts = [len(answer.boxes) for answer in answers]
    return {
        "boxes": np.concatenate([answer.boxes for answer in answers]) * factors,
        "scores": np.concatenate([answer.scores for answer in answers]),
        "labels": np.concatenate([answer.labels for answer in answers]),
        "tile": np.repeat(np.arange(len(answers)), box_counts),
        "true_boxes": frame.truth.boxes * factors,
        "true_labels": frame.truth.labels,
    }
