"""A fold of an evaluation, ready to be trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from domaingan.banks import Bank
from domaingan.data import Dataset, Sample
from domaingan.evaluation.tasks import Task
from domaingan.imaging.intensity import get_foreground, with_measurements

MIN_BODY_SHARE = 0.02
"""Slices that show less of the body than this share, and no label, are not trained on."""


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


def select_training_samples(hosts: Dataset, task: Task) -> list[Sample]:
    """Select the training samples that have labels and show enough of the body or any label.

    Args:
        hosts: all training samples of a fold.
        task: says what counts as labelled.

    Returns:
        The samples, with measured foregrounds and intensity ranges.
    """
    samples = []
    for sample in hosts:
        if not task.has_labels(sample):
            continue
        measured = with_measurements(sample, hosts.schema.domain)
        shows_body = get_foreground(measured).mean() >= MIN_BODY_SHARE
        if shows_body or (np.asarray(measured.mask) > 0).any():
            samples.append(measured)
    return samples
