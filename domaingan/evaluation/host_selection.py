"""Which unlabelled images serve a fold as further hosts: none of a test subject, and no copy of what is labelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.nifti.scan_records import SINGLE_CLASS_NAME
from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record
from domaingan.evaluation.arms import INPAINTED_SOURCES
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.external_trainer.exported_hosts import check_exported_hosts
from domaingan.evaluation.fold import Regrid, estimate_bytes
from domaingan.evaluation.further_hosts import is_partly_labelled
from domaingan.evaluation.host_teacher import check_teacher
from domaingan.evaluation.leaks import find_positions
from domaingan.evaluation.split import Fold, list_units_with_neighbours
from domaingan.imaging.near_duplicates import DuplicateFinder, normalise_name

MAX_SPACING_FACTOR = 2.0
"""A host's pixels may be this much larger than the largest of the training samples, or smaller than the smallest."""

HOST_TASKS = ("segmentation", "detection")
"""Tasks that learn from what is pasted into an image whose own label nobody knows."""

MAX_HOST_BYTES = 4e9
"""Further hosts are kept in memory. Of more than this, some are drawn."""

TEST_SUBJECT = "of tested subjects"
TEST_COPY = "copies of tested images"
TRAIN_COPY = "copies of training images"
OTHER_SPACING = "of another spacing"
TOO_MANY = "beyond what fits into memory"
"""Reasons to leave a host out. Copies show the same, or have the name of a training sample."""


def check_hosts(hosts: Dataset | None, data: Dataset, config: EvaluationConfig, *, is_exported: bool = False) -> None:
    """Refuse further hosts that do not fit the labelled data, or that nothing is done with.

    Args:
        hosts: as they lie on disk; None where there are none.
        data: the labelled samples as they lie on disk.
        config: the arms, the task and whether there is a teacher.
        is_exported: whether datasets are written for another trainer.

    Raises:
        DataError: another task or domain; other dimensions, channels or classes; no arm that pastes; a teacher without
            hosts or one that cannot be trained; hosts of which nothing says where objects may stand; or hosts that an
            export cannot hold.
    """
    if hosts is None:
        if config.hosts_teacher:
            raise DataError("a teacher of hosts", expected="hosts that it guesses the objects of")
        return
    if config.task not in HOST_TASKS:
        raise DataError(f"hosts for {config.task}", path=hosts.root, expected=f"{' or '.join(HOST_TASKS)}")
    if not any(arm.paste_sources for arm in config.parsed_arms):
        arms = ", ".join(config.arms)
        raise DataError(f"hosts that none of {arms} pastes into", path=hosts.root, expected="an arm that pastes")
    _check_schema(hosts, data)
    if is_exported:
        check_exported_hosts(hosts, data, config)
    if config.hosts_teacher:
        check_teacher(config, data.schema)
    elif is_partly_labelled(data.schema) and any("mask" not in record.files for record in hosts.records):
        others = sorted(set(data.schema.classes) - set(data.schema.objects))
        found = f"hosts of which nobody knows where {others[0]} is, as the masks of {data.root} say"
        raise DataError(found, path=hosts.root, expected="a teacher (--hosts-teacher), which guesses it")


def check_bound_bank(hosts: Dataset | None, bank: Bank | None, config: EvaluationConfig) -> None:
    """Refuse arms that paste from nothing but a bank of the user that is bound to other images than the hosts.

    Args:
        hosts: at the dimensions worked in; None where there are none.
        bank: the bank of the user, if any.
        config: the arms.

    Raises:
        DataError: there is such an arm: the hosts would teach it nothing but background.
    """
    if hosts is None or bank is None or not bank.info.hosts:
        return
    if not {record.name for record in hosts.records}.isdisjoint(bank.info.hosts):
        return
    for arm in config.parsed_arms:
        if arm.paste_sources and set(arm.paste_sources) <= {*INPAINTED_SOURCES}:
            found = f"a bank that is bound to other images than the hosts of arm {arm.name}"
            raise DataError(found, path=bank.path, expected="one that was made for them too, or a GAN trained here")


def _check_schema(hosts: Dataset, data: Dataset) -> None:
    schema, expected = hosts.schema, data.schema
    if schema.domain != expected.domain:
        raise DataError(f"hosts that are {schema.domain}s", path=hosts.root, expected=f"{expected.domain}s")
    if schema.spatial_dims != expected.spatial_dims:
        found = f"hosts of {schema.spatial_dims} dimensions"
        raise DataError(found, path=hosts.root, expected=f"{expected.spatial_dims}, as {data.root} has")
    if schema.channels != expected.channels:
        found = f"hosts with the channels {', '.join(schema.channels)}"
        raise DataError(found, path=hosts.root, expected=f"{', '.join(expected.channels)}, as {data.root} has")
    for name, value in schema.classes.items():
        is_guessed = name in (f"label_{value}", SINGLE_CLASS_NAME) and value in expected.classes.values()
        if not is_guessed and expected.classes.get(name) != value:
            classes = ", ".join(f"{value} {name}" for name, value in expected.classes.items())
            raise DataError(f"hosts with the class {value} {name}", path=hosts.root, expected=f"some of {classes}")


def add_hosts(
    folds: Sequence[Fold], hosts: Dataset, original_hosts: Dataset, survey: DuplicateFinder, regrid: Regrid, seed: int
) -> list[Fold]:
    """Add further hosts to folds, each without the images that would leak or contradict a label.

    Args:
        folds: the folds.
        hosts: unlabelled samples of the folds' dimensions.
        original_hosts: the same as they lie on disk.
        survey: of all labelled samples as they lie on disk; those of the hosts are added to it.
        regrid: brings samples to the grid worked in.
        seed: draws which of them are kept where all do not fit into memory.

    Returns:
        The folds with hosts.

    Raises:
        DataError: a fold has none that can be used.
    """
    labelled = [(find_positions(survey, fold.train), find_positions(survey, fold.test)) for fold in folds]
    first = len(survey.records)
    for record in original_hosts.records:
        survey.add(record, original_hosts.read(record))
    with_hosts = []
    for fold, (train, test) in zip(folds, labelled, strict=True):
        screen = _Screen(fold, survey, train, test, range(first, len(survey.records)))
        left_out: Counter[str] = Counter()
        usable = _select_usable(hosts, regrid, screen, left_out)
        usable = _limit_to_memory(usable, regrid, np.random.default_rng(seed), left_out)
        if not len(usable):
            reasons = ", ".join(f"{n} {reason}" for reason, n in left_out.items())
            raise DataError(f"no host is left: {reasons}", path=hosts.root, expected="images of other people")
        with_hosts.append(replace(fold, hosts=usable, hosts_left_out=dict(left_out)))
    return with_hosts


@dataclass(frozen=True)
class _Screen:
    """What hosts of a fold are compared with.

    Attributes:
        fold: training and test samples.
        survey: of labelled samples and hosts, as they lie on disk.
        train: positions of the training samples in the survey.
        test: positions of the test samples.
        hosts: positions of the hosts.
    """

    fold: Fold
    survey: DuplicateFinder
    train: Sequence[int]
    test: Sequence[int]
    hosts: Sequence[int]

    def find_reasons(self) -> dict[str, str]:
        """Find the hosts that cannot be used, by name, each with the reason."""
        near_test = self._find_near(self.test)
        near_train = self._find_near(self.train)
        tested_sums = self._collect_checksums(self.test)
        trained_sums = self._collect_checksums(self.train)
        trained_names = {self.survey.records[position].name for position in self.train}
        tested_units = {normalise_name(unit) for unit in list_units_with_neighbours(self.fold.test)}
        tested_groups = {normalise_name(group) for group in self.fold.test.groups}
        reasons: dict[str, str] = {}
        for position in self.hosts:
            record, sums = self.survey.records[position], set(self.survey.checksums[position])
            is_same_group = record.time is None and normalise_name(record.group) in tested_groups
            if is_same_group or normalise_name(record.statistical_unit) in tested_units:
                reasons[record.name] = TEST_SUBJECT
            elif position in near_test or sums & tested_sums:
                reasons[record.name] = TEST_COPY
            elif position in near_train or sums & trained_sums or record.name in trained_names:
                reasons[record.name] = TRAIN_COPY
        return reasons

    def _find_near(self, labelled: Sequence[int]) -> set[int]:
        return {pair.second for pair in self.survey.find_near_duplicates(self.hosts, labelled)}

    def _collect_checksums(self, positions: Sequence[int]) -> set[str]:
        checksums: set[str] = set()
        for position in positions:
            checksums.update(self.survey.checksums[position])
        return checksums


def _select_usable(hosts: Dataset, regrid: Regrid, screen: _Screen, left_out: Counter[str]) -> Dataset:
    """Select the hosts that leak nothing and have the spacing of the training samples, and count the images of others.

    Args:
        hosts: slices are counted by their volumes.
        regrid: brings samples to the grid worked in, where spacings are compared.
        screen: what they are compared with.
        left_out: counts those that are left out.
    """
    reasons = screen.find_reasons()
    low, high = _find_spacing_limits(regrid(screen.fold.train))
    positions = []
    counted: dict[str, str] = {}
    for position, record in enumerate(regrid(hosts).records):
        name = record.parent or record.name
        reason = reasons.get(name)
        if reason is None and _is_outside(record, low, high):
            reason = OTHER_SPACING
        if reason is None:
            positions.append(position)
        else:
            counted[name] = reason
    left_out.update(counted.values())
    return hosts.select(positions)


def _find_spacing_limits(train: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the smallest and the largest spacing of a host along each axis; empty where nothing is known."""
    spacings = [record.spacing for record in train.records if record.spacing]
    if not spacings or not train.schema.domain.is_metric:
        return np.zeros(0), np.zeros(0)
    known = np.array(spacings)
    return known.min(axis=0) / MAX_SPACING_FACTOR, known.max(axis=0) * MAX_SPACING_FACTOR


def _is_outside(record: Record, low: NDArray[np.float64], high: NDArray[np.float64]) -> bool:
    if not record.spacing or not len(low):
        return False
    spacing = np.array(record.spacing)
    return bool(((spacing < low) | (spacing > high)).any())


def _limit_to_memory(hosts: Dataset, regrid: Regrid, rng: np.random.Generator, left_out: Counter[str]) -> Dataset:
    """Draw subjects or drives until no more fit into :data:`MAX_HOST_BYTES`, and count the images of the others."""
    n_bytes = estimate_bytes(regrid(hosts))
    if n_bytes <= MAX_HOST_BYTES:
        return hosts
    groups = hosts.groups
    n_kept = max(1, int(len(groups) * MAX_HOST_BYTES / n_bytes))
    kept = hosts.select_groups(groups[int(i)] for i in rng.permutation(len(groups))[:n_kept])
    names = {record.parent or record.name for record in hosts.records}
    names -= {record.parent or record.name for record in kept.records}
    left_out[TOO_MANY] += len(names)
    return kept
