"""Why a detector scores nothing on clean frames: the likeliest cause, from what it answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from domaingan.metrics.average_precision import Detections, Truth, average_precision
from domaingan.robustness_eval.answers import Translation
from domaingan.robustness_eval.class_names import listed, map_option
from domaingan.robustness_eval.stored_answers import CellAnswers

THERE = 0.1
"""AP50 without classes from which on boxes are where objects are."""

SHARE = 2.0
"""Boxes of fewer pixels a side are shares of the picture, or none."""


def explain_nothing(
    answers: CellAnswers, truths: Sequence[Truth], translation: Translation, scored: Mapping[str, int], threshold: float
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
    found = answers.detections(len(truths))
    boxes = np.concatenate([one.boxes for one in found])
    if not len(boxes):
        return (
            f"It gave no box with a score of {threshold:g} or more: the picture may go in otherwise than it was "
            "trained (size, channel order, range), or --decode or --score be wrong"
        )
    labels = np.concatenate([one.labels for one in found])
    names = {number: name for name, number in answers.classes.items()}
    values = translation.matching.values(answers.classes)
    sides = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    if float(sides.max()) < SHARE:
        return f"Its boxes are {sides[0]:.2g} × {sides[1]:.2g} pixels large (median): they may be shares of the picture"
    met = np.isin(labels, list(values))
    if not met.any():
        usual = [names.get(int(label), str(label)) for label in _commonest(labels)]
        proposed = map_option(translation.matching.proposed(answers.classes))
        return (
            f"None of its {len(boxes)} boxes is of a class that is scored; most are {listed(usual, 3)}"
            f": {proposed or '--map THEIRS=OURS'} says which is which"
        )
    anywhere = _without_classes(found, truths)
    if anywhere >= THERE:
        return (
            f"Its boxes are where objects are (AP50 {100 * anywhere:.0f} if classes did not count), but under other "
            "classes: the names may be in another order (--names), or --map be wrong"
        )
    return (
        f"Its {int(met.sum())} boxes of these classes ({sides[0]:.0f} × {sides[1]:.0f} pixels, median) are not where "
        "objects are: they may be read wrongly (--decode), or the picture go in otherwise than it was trained"
    )


def _commonest(labels: np.typing.NDArray[np.int64]) -> list[int]:
    values, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [int(value) for value in values[order]]


def _without_classes(found: Sequence[Detections], truths: Sequence[Truth]) -> float:
    """AP50 of all boxes as boxes of one class."""
    true = [Detections.true(truth.boxes, np.ones(len(truth.boxes), np.int64)) for truth in truths]
    said = [Detections(one.boxes, one.scores, np.ones(len(one.boxes), np.int64)) for one in found]
    score = average_precision(true, said, {"thing": 1})["ap50"]
    return 0.0 if np.isnan(score) else score
