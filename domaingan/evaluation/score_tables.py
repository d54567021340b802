"""The scores of every arm, training and person as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.crossed_intervals import average_known

Scores = dict[str, dict[str, float]]
"""``{subject: {metric: value}}`` of one training."""

TrainingKey = tuple[int, int]
"""Fold (or training set) and seed of a training."""

Table = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreTables:
    """The scores of an evaluation.

    Attributes:
        trainings: fold and seed of each training of an arm, in the order of the tables' rows.
        subjects: names of the people (or blocks of a drive), in the order of the tables' columns.
        metrics: the metrics that any subject has.
        tables: for each arm and metric ``(trainings, subjects)``; NaN where a training did not test a subject, or a
            metric does not apply.
    """

    trainings: list[TrainingKey]
    subjects: list[str]
    metrics: list[str]
    tables: dict[str, dict[str, Table]]

    @classmethod
    def collect(cls, scores: Mapping[str, Mapping[TrainingKey, Scores]]) -> ScoreTables:
        """Collect the scores of the trainings.

        Args:
            scores: for each arm, and for each fold and seed, the scores of the people that were tested.
        """
        trainings: set[TrainingKey] = set()
        subjects: set[str] = set()
        metrics: dict[str, None] = {}
        for runs in scores.values():
            for key, run in runs.items():
                trainings.add(key)
                subjects |= run.keys()
                for row in run.values():
                    metrics |= dict.fromkeys(row)
        rows, columns = sorted(trainings), sorted(subjects)
        tables: dict[str, dict[str, Table]] = {}
        for arm, runs in scores.items():
            tables[arm] = {metric: _tabulate_metric(runs, rows, columns, metric) for metric in metrics}
        measured = []
        for metric in metrics:
            if any(not np.isnan(of_arm[metric]).all() for of_arm in tables.values()):
                measured.append(metric)
        return cls(rows, columns, measured, tables)

    @property
    def folds(self) -> NDArray[np.int64]:
        """The fold of each training, ``(trainings,)``."""
        return np.array([fold for fold, _ in self.trainings])

    def average_over_trainings(self, arm: str, metric: str) -> Table:
        """Average a metric over the trainings that tested a subject, ``(subjects,)``; NaN where none has it."""
        return average_known(self.tables[arm][metric], axis=0)

    def average_in_folds(self, arm: str, metric: str) -> Table:
        """Average a metric over the seeds of each fold, ``(folds, subjects)``."""
        table, folds = self.tables[arm][metric], self.folds
        return np.array([average_known(table[folds == fold], axis=0) for fold in np.unique(folds)])

    def average_per_seed(self, arm: str, metric: str) -> list[float | None]:
        """Average a metric over all folds and subjects, for each seed."""
        seeds = np.array([seed for _, seed in self.trainings])
        table = self.tables[arm][metric]
        return [compute_mean(table[seeds == seed]) for seed in np.unique(seeds)]

    def list_scores(self, arm: str) -> dict[str, list[list[float | None]]]:
        """List every score of an arm for ``result.json``: by metric a list for each training, a value a subject."""
        scores = {}
        for metric in self.metrics:
            scores[metric] = [round_values(row) for row in self.tables[arm][metric]]
        return scores


def _tabulate_metric(
    runs: Mapping[TrainingKey, Scores], trainings: Sequence[TrainingKey], subjects: Sequence[str], metric: str
) -> Table:
    """Make a table of a metric; NaN where it does not apply or was not measured."""
    rows = []
    for key in trainings:
        run = runs.get(key, {})
        rows.append([run.get(subject, {}).get(metric, np.nan) for subject in subjects])
    return np.array(rows, dtype=float)


def compute_mean(values: Table) -> float | None:
    """Compute the mean of the values that are not NaN, rounded; None without any."""
    known = values[~np.isnan(values)]
    return round(float(np.mean(known)), 6) if len(known) else None


def round_values(values: Table) -> list[float | None]:
    """Round values for ``result.json``; None where there is none."""
    return [None if np.isnan(value) else round(float(value), 6) for value in values]
