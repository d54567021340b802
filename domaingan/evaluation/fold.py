"""A fold of an evaluation, ready to be trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from domaingan.banks import Bank
from domaingan.data import Dataset, Sample
from domaingan.evaluation.tasks import Task


@dataclass
class FoldContext:
    """What the trainings of all arms and seeds of a fold share.

    Attributes:
        task: what is trained and scored.
        train_samples: the samples that a baseline is trained on, at the grid worked in.
        hosts: all training samples at that grid; banks are made from them, and objects inpainted into them.
        test: the test samples at that grid.
        original_test: the test samples at the data's own grid.
        banks: the banks of the fold, by source.
        folder: where the trainings, banks and GANs of the fold are stored.
        example_positions: positions of the test samples whose predictions are shown.
    """

    task: Task
    train_samples: list[Sample]
    hosts: Dataset
    test: Dataset
    original_test: Dataset
    banks: dict[str, Bank]
    folder: Path
    example_positions: list[int] = field(default_factory=list)
