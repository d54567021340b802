"""Why a detector scores nothing on clean frames: the likeliest cause, from what it answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.average_precision import compute_average_precision
from domaingan.metrics.detections import Detections, Truth
from domaingan.robustness_eval.answers import PredictionMapper
from domaingan.robustness_eval.class_names import format_map_option, join_names
from domaingan.robustness_eval.stored_answers import CellAnswers

MIN_AP50_ANY_CLASS = 0.1
"""From this AP50 on, counted without classes, boxes are where objects are."""

MAX_RELATIVE_SIDE = 2.0
"""Boxes with shorter sides, in pixels, are probably shares of the picture."""

MAX_NAMED_CLASSES = 3


def explain_zero_score(
    answers: CellAnswers,
    truths: Sequence[Truth],
    mapper: PredictionMapper,
    scored: Mapping[str, int],
    threshold: float,
) -> str:
    """Name the likeliest cause of an AP of 0 on clean frames.

    Args:
        answers: the detector's answers to the clean frames.
        truths: what is true of each frame.
        mapper: from its numbers to the data's classes.
        scored: the classes that count: the data's values by name.
        threshold: detections with a lower score were left out.

    Returns:
        A sentence or two.
    """
    detections = answers.split_detections(len(truths))
    boxes = np.concatenate([found.boxes for found in detections])
    if not len(boxes):
        return (
            f"It gave no box with a score of {threshold:g} or more: the picture may go in otherwise than in training "
            "(size, channel order, range), or --decode or --score may be wrong"
        )
    width, height = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    if float(max(width, height)) < MAX_RELATIVE_SIDE:
        return f"Its boxes are {width:.2g} × {height:.2g} pixels large (median): they may be shares of the picture"
    labels = np.concatenate([found.labels for found in detections])
    is_mapped = np.isin(labels, list(mapper.class_mapping.map_values(answers.classes)))
    if not is_mapped.any():
        return _describe_other_classes(labels, answers.classes, mapper)
    score = _score_without_classes(detections, truths)
    if score >= MIN_AP50_ANY_CLASS:
        return (
            f"Its boxes are where objects are (AP50 {100 * score:.0f} if classes did not count), but under other "
            "classes: the names may be in another order (--names), or --map may be wrong"
        )
    return (
        f"Its {int(is_mapped.sum())} boxes of these classes ({width:.0f} × {height:.0f} pixels, median) are not where "
        "objects are: they may be read wrongly (--decode), or the picture may go in otherwise than in training"
    )


def _describe_other_classes(labels: NDArray[np.int64], classes: Mapping[str, int], mapper: PredictionMapper) -> str:
    """Say that no box is of a scored class, and of which classes they are."""
    names = {number: name for name, number in classes.items()}
    commonest = [names.get(label, str(label)) for label in _sort_by_frequency(labels)]
    option = format_map_option(mapper.class_mapping.propose_mapping(classes)) or "--map THEIRS=OURS"
    return (
        f"None of its {len(labels)} boxes is of a class that is scored; most are "
        f"{join_names(commonest, MAX_NAMED_CLASSES)}: {option} says which is which"
    )


def _sort_by_frequency(labels: NDArray[np.int64]) -> list[int]:
    """Sort the labels that occur, the commonest first."""
    values, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [int(value) for value in values[order]]


def _score_without_classes(detections: Sequence[Detections], truths: Sequence[Truth]) -> float:
    """Compute AP50 as if all boxes were of one class; 0 where there is no true box."""
    true_boxes = []
    for truth in truths:
        true_boxes.append(Detections.from_true_boxes(truth.boxes, np.ones(len(truth.boxes), np.int64)))
    found_boxes = []
    for found in detections:
        found_boxes.append(Detections(found.boxes, found.scores, np.ones(len(found.boxes), np.int64)))
    score = compute_average_precision(true_boxes, found_boxes, {"object": 1})["ap50"]
    return 0.0 if np.isnan(score) else score
