"""Headroom: could anything be gained from more crops, more hosts, or objects in their own places?

No generator of crops can bring more than real crops of other people would. Half of the training people stand for those
whose labels there are, all of them for twice as many. :data:`STRONG_BASELINE` is trained with

- half of everything,
- the crops of all, pasted into the images of half,
- the crops of all, pasted into the images of all, of which half are without labels: no loss is computed on their own
  objects,
- everything of all, as it is labelled.

Each differs from the one before in one thing: what one doubling of crops, of hosts, and of objects in their own places
brings.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from domaingan.evaluation.arms import Arm
from domaingan.evaluation.comparisons import STRONG_BASELINE, Pair, summarise_table
from domaingan.evaluation.people_shares import count_share
from domaingan.evaluation.person_effects import LOSS_THRESHOLD
from domaingan.evaluation.score_tables import ScoreTables
from domaingan.metrics.measures import get_measure
from domaingan.metrics.multiple_comparisons import adjust_p_by_holm
from domaingan.metrics.verdict import can_be_shown, decide_verdict

SHARE = 0.5
"""Share of the people that all of them are compared with."""

NEGLIGIBLE_GAIN = LOSS_THRESHOLD
"""Where a doubling surely brings less than this, it is said not to help."""

HALF = Arm.parse(STRONG_BASELINE).with_modifiers(people=SHARE)
ALL_CROPS = HALF.with_modifiers(crops=1.0)
ALL_HOSTS = HALF.with_modifiers(crops=1.0, hosts=1.0)

Quantity = Literal["crops", "hosts", "places", "people"]

QUESTIONS: tuple[Quantity, ...] = ("crops", "hosts", "places")
"""The comparisons that are answered; their p values are corrected for their number."""

Answer = Literal["helps", "does not help", "cannot be shown"]


@dataclass(frozen=True)
class TrainingPeople:
    """How many people the training data are of.

    Attributes:
        people: whose labels there are.
        further_hosts: people whose images are hosts without labels, beside them.
        unit: what each of the people is, such as ``subject`` or ``drive``.
    """

    people: int
    further_hosts: int = 0
    unit: str = "subject"

    def count(self, quantity: Quantity) -> tuple[int, int]:
        """Count half and all of what a comparison doubles."""
        half, everything = count_share(self.people, SHARE), self.people
        if quantity == "hosts" and self.further_hosts:
            half += count_share(self.further_hosts, SHARE)
            everything += self.further_hosts
        return half, everything


def pair_arms(arms: Collection[str]) -> dict[Quantity, Pair]:
    """Pair the arms that differ in one thing; those of ``people`` differ in all of them.

    Args:
        arms: names of arms. Without the arm with all hosts, ``places`` are compared with the arm with all crops.

    Returns:
        For each thing the arm with all of it and the arm with half of it; empty without the arms.
    """
    if not {HALF.name, ALL_CROPS.name, STRONG_BASELINE} <= {*arms}:
        return {}
    pairs: dict[Quantity, Pair] = {"crops": (ALL_CROPS.name, HALF.name)}
    if ALL_HOSTS.name in arms:
        pairs["hosts"] = (ALL_HOSTS.name, ALL_CROPS.name)
        pairs["places"] = (STRONG_BASELINE, ALL_HOSTS.name)
    else:
        pairs["places"] = (STRONG_BASELINE, ALL_CROPS.name)
    return pairs | {"people": (STRONG_BASELINE, HALF.name)}


def list_headroom_arms(task: str) -> list[str]:
    """List the arms that the question needs.

    Args:
        task: only for segmentation there is an arm with more hosts. Others cannot leave a host's own objects out: a
            detector would learn that they are background.
    """
    arms = [STRONG_BASELINE, HALF.name, ALL_CROPS.name]
    return [*arms, ALL_HOSTS.name] if task == "segmentation" else arms


def measure_headroom(tables: ScoreTables, metric: str, counts: TrainingPeople) -> dict[str, Any] | None:
    """Measure what one doubling of crops, hosts and objects in their own places brings.

    Args:
        tables: the scores.
        metric: the metric.
        counts: how many people there are.

    Returns:
        The part ``headroom`` of ``result.json``, see :class:`domaingan.evaluation.result_schema.Headroom`; None where
        the arms were not trained.
    """
    pairs = pair_arms(tables.tables)
    if not pairs:
        return None
    rows = [_measure_doubling(tables, metric, quantity, pair, counts) for quantity, pair in pairs.items()]
    _adjust_p(rows)
    is_lower_better = get_measure(metric).is_lower_better
    for row in rows:
        row["answer"] = answer_question(row["per_doubling"], is_lower_better=is_lower_better)
    short = [row for row in rows if row["answer"] == "helps" and row["quantity"] in QUESTIONS]
    short.sort(key=lambda row: -abs(row["per_doubling"]["mean"]))
    return {
        "arm": STRONG_BASELINE,
        "metric": metric,
        "people": counts.people,
        "unit": counts.unit,
        "negligible_gain": NEGLIGIBLE_GAIN,
        "doublings": rows,
        "short": [row["quantity"] for row in short],
    }


def _measure_doubling(
    tables: ScoreTables, metric: str, quantity: Quantity, pair: Pair, counts: TrainingPeople
) -> dict[str, Any]:
    """Measure one comparison; ``per_doubling`` is its difference for exactly twice as many."""
    arm, against = pair
    half, everything = counts.count(quantity)
    differences = tables.tables[arm][metric] - tables.tables[against][metric]
    n_doublings = float(np.log2(everything / half))
    return {
        "quantity": quantity,
        "arm": arm,
        "against": against,
        "half": half,
        "all": everything,
        "difference": summarise_table(differences, tables.folds),
        "per_doubling": summarise_table(differences / n_doublings, tables.folds),
    }


def _adjust_p(rows: Sequence[dict[str, Any]]) -> None:
    """Write ``p_holm`` into the comparisons that are answered."""
    asked = {row["quantity"]: row["difference"]["p"] for row in rows if row["quantity"] in QUESTIONS}
    adjusted = adjust_p_by_holm(asked)
    for row in rows:
        if row["quantity"] in adjusted:
            row["difference"]["p_holm"] = adjusted[row["quantity"]]
            row["per_doubling"]["p_holm"] = adjusted[row["quantity"]]


def answer_question(difference: dict[str, Any], *, is_lower_better: bool = False) -> Answer:
    """Answer whether twice as much helps.

    Args:
        difference: what a doubling brings, see :func:`domaingan.evaluation.comparisons.summarise_table`.
        is_lower_better: whether less of the metric is better.

    Returns:
        ``helps`` where it is more than chance; ``does not help`` where the whole interval is below
        :data:`NEGLIGIBLE_GAIN`; else ``cannot be shown``.

    >>> found = {"mean": 0.001, "ci": [-0.02, 0.022], "p": 0.9, "n": 30, "n_trainings": 6}
    >>> answer_question(found), answer_question(found | {"ci": [-0.02, 0.042]})
    ('does not help', 'cannot be shown')
    """
    if decide_verdict(difference, is_lower_better=is_lower_better) == "helps":
        return "helps"
    if not can_be_shown(difference):
        return "cannot be shown"
    low, high = difference["ci"]
    best = -low if is_lower_better else high
    return "does not help" if best < NEGLIGIBLE_GAIN else "cannot be shown"
