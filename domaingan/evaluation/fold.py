"""A fold of an evaluation, ready to be trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from domaingan.banks import Bank
from domaingan.data import Dataset, Sample
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.further_hosts import FurtherHosts, prepare_hosts
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.evaluation.shown_body import shows_body
from domaingan.evaluation.tasks import Task
from domaingan.imaging.intensity import with_measurements

Regrid = Callable[[Dataset], Dataset]

MAX_BYTES_IN_MEMORY = 2e9
"""Test samples are kept in memory up to this size, so that they are read once and not again for every training."""

BYTES_PER_VALUE, BYTES_PER_LABEL = 4, 4
"""Of an image's values in memory, and of mask and foreground together."""


@dataclass
class FoldContext:
    """What the trainings of all arms and seeds of a fold share.

    Attributes:
        task: what is trained and scored.
        train_samples: the samples that a baseline is trained on, at the grid worked in.
        hosts: all training samples at that grid; banks are made from them, and objects inpainted into them.
        test: the test samples at that grid.
        original_test: the test samples at the data's own grid.
        banks: the banks of the fold, by name, see :meth:`domaingan.evaluation.arms.Arm.name_bank`.
        folder: where the trainings, banks and GANs of the fold are stored.
        example_positions: positions of the test samples whose predictions are shown.
        shares: the training people in the order in which shares of them are drawn.
        further_hosts: unlabelled samples that arms with a paste are trained on, too.
    """

    task: Task
    train_samples: list[Sample]
    hosts: Dataset
    test: Dataset
    original_test: Dataset
    banks: dict[str, Bank]
    folder: Path
    example_positions: list[int] = field(default_factory=list)
    shares: PeopleShares = field(default_factory=PeopleShares)
    further_hosts: FurtherHosts = field(default_factory=FurtherHosts)

    def select_samples(self, arm: Arm) -> list[Sample]:
        """Select the samples that an arm is trained on.

        Those are the labelled samples of its share of the people and, for an arm that pastes, its share of the further
        hosts. If its share of the hosts is larger than that of the people, the other people's images are hosts without
        labels.

        Args:
            arm: the arm.
        """
        modifiers = arm.modifiers
        labelled = self.shares.select_owned(self.train_samples, modifiers.people)
        if not arm.paste_sources:
            return labelled
        samples = [*labelled, *self.further_hosts.select_share(modifiers.host_share)]
        if arm.has_unlabelled_people:
            names = {sample.name for sample in labelled}
            hosts = self.shares.select_owned(self.train_samples, modifiers.host_share)
            others = [sample for sample in hosts if sample.name not in names]
            # Such arms are refused for detection, which would learn the hosts' own objects as background.
            samples += prepare_hosts(others, self.test.schema, None, is_detection=False).samples
        return samples

    def name_paste_hosts(self, arm: Arm) -> frozenset[str] | None:
        """Name the samples that an arm pastes into; None for all that it is trained on.

        Args:
            arm: the arm.
        """
        share = arm.modifiers.host_share
        if share >= arm.modifiers.people:
            return None
        hosts = [*self.shares.select_owned(self.train_samples, share), *self.further_hosts.select_share(share)]
        return frozenset(sample.name for sample in hosts)


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
        if shows_body(measured) or (np.asarray(measured.mask) > 0).any():
            samples.append(measured)
    return samples


def load_test_samples(original_test: Dataset, regrid: Regrid) -> tuple[Dataset, Dataset]:
    """Read the test samples and measure their intensity ranges once for all trainings.

    Args:
        original_test: the test samples at the data's own grid.
        regrid: brings samples to the grid worked in.

    Returns:
        The test samples at the grid worked in and at the data's own, one and the same dataset where these are the same.
        What is larger than :data:`MAX_BYTES_IN_MEMORY` is read whenever it is needed.
    """
    test = regrid(original_test)
    is_same_grid = test is original_test
    n_bytes = estimate_bytes(original_test)
    if not is_same_grid:
        n_bytes += estimate_bytes(test)
    if n_bytes >= MAX_BYTES_IN_MEMORY:
        return test, original_test
    measure = partial(with_measurements, domain=test.schema.domain)
    if is_same_grid:
        measured = original_test.map(measure).load_into_memory()
        return measured, measured
    original_in_memory = original_test.load_into_memory()
    return regrid(original_in_memory).map(measure).load_into_memory(), original_in_memory


def estimate_bytes(samples: Dataset) -> float:
    """Estimate how much memory samples take."""
    if not len(samples):
        return 0.0
    bytes_per_pixel = len(samples.schema.channels) * BYTES_PER_VALUE + BYTES_PER_LABEL
    n_bytes = 0.0
    for record in samples.records:
        shape = record.shape or samples[0].shape  # what is not known before it is read is taken to be alike
        n_bytes += bytes_per_pixel * float(np.prod(shape))
    return n_bytes
