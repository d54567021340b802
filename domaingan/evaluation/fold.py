"""A fold of an evaluation, ready to be trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from domaingan.banks import Bank
from domaingan.data import Dataset, Sample
from domaingan.evaluation.tasks import Task


@dataclass
class FoldContext:
    """What every arm and seed of a fold shares.

    Attributes:
        task: what is trained and scored.
        train: the samples trained on, at the grid worked in.
        hosts: all training samples at that grid, which banks were made from and painted into.
        test: the test samples at it.
        own_grid: the test samples at the data's own.
        banks: the fold's, by source.
        folder: where its trainings, banks and GANs are kept.
        shown: positions of the test samples whose predictions are shown.
    """

    task: Task
    train_samples: list[Sample]
    hosts: Dataset
    test: Dataset
    original_test: Dataset
    banks: dict[str, Bank]
    folder: Path
    example_positions: list[int] = field(default_factory=list)
