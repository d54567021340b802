"""Why a detector scores nothing on clean frames: the likeliest cause, from what it answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from domaingan.metrics.average_precision import compute_average_precision
from domaingan.metrics.detections import Detections, Truth
from domaingan.robustness_eval.answers import PredictionMapper
from domaingan.robustness_eval.class_names import format_map_option, join_names
from domaingan.robustness_eval.stored_answers import CellAnswers

MIN_AP50_ANY_CLASS = 0.1
"""AP50 without classes from which on boxes are where objects are."""

MAX_RELATIVE_SIDE = 2.0
"""Boxes of fewer pixels a side are shares of the picture, or none."""


def explain_zero_score(
    answers: CellAnswers, truths: Sequence[Truth], mapper: PredictionMapper, scored: Mapping[str, int], threshold: float
) -> str:
    """Name the likeliest cause of an AP of 0 on clean frames.

    Args:
        answers: the detector's answers to the clean frames.
        truths: what is true of each.
        translation: from its numbers to the data's classes.
        scored: the classes that count, values by name.
        threshold: detections below this score were left out.

    Returns:
        A sentence or two.
    """
    found = answers.split_detections(len(truths))
    boxes = np.concatenate([one.boxes for one in found])
    if not len(boxes):
        return (
            f"It gave no box with a score of {threshold:g} or more: the picture may go in otherwise than it was "
            "trained (size, channel order, range), or --decode or --score be wrong"
        )
    labels = np.concatenate([one.labels for one in found])
    names = {number: name for name, number in answers.classes.items()}
    values = mapper.class_mapping.map_values(answers.classes)
    sides = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    if float(sides.max()) < MAX_RELATIVE_SIDE:
        return f"Its boxes are {sides[0]:.2g} × {sides[1]:.2g} pixels large (median): they may be shares of the picture"
    met = np.isin(labels, list(values))
    if not met.any():
        usual = [names.get(int(label), str(label)) for label in _sort_by_frequency(labels)]
        proposed = format_map_option(mapper.class_mapping.propose_mapping(answers.classes))
        return (
            f"None of its {len(boxes)} boxes is of a class that is scored; most are {join_names(usual, 3)}"
            f": {proposed or '--map THEIRS=OURS'} says which is which"
        )
    anywhere = _score_without_classes(found, truths)
    if anywhere >= MIN_AP50_ANY_CLASS:
        return (
            f"Its boxes are where objects are (AP50 {100 * anywhere:.0f} if classes did not count), but under other "
            "classes: the names may be in another order (--names), or --map be wrong"
        )
    return (
        f"Its {int(met.sum())} boxes of these classes ({sides[0]:.0f} × {sides[1]:.0f} pixels, median) are not where "
        "objects are: they may be read wrongly (--decode), or the picture go in otherwise than it was trained"
    )


def _sort_by_frequency(labels: np.typing.NDArray[np.int64]) -> list[int]:
    values, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [int(value) for value in values[order]]


def _score_without_classes(found: Sequence[Detections], truths: Sequence[Truth]) -> float:
    """AP50 of all boxes as boxes of one class."""
    true = [Detections.from_true_boxes(truth.boxes, np.ones(len(truth.boxes), np.int64)) for truth in truths]
    said = [Detections(one.boxes, one.scores, np.ones(len(one.boxes), np.int64)) for one in found]
    score = compute_average_precision(true, said, {"thing": 1})["ap50"]
    return 0.0 if np.isnan(score) else score
