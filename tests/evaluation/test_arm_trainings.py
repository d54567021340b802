"""What a training of an arm gets: its people, its hosts and its seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks.crops import crops
from domaingan.core.progress import SilentProgress
from domaingan.data import Dataset, Sample
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.fold import FoldContext, select_training_samples
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.evaluation.tasks import SegmentationTask
from domaingan.evaluation.trainings import train_and_score
from domaingan.views.slices import slice_volumes

PEOPLE: Dataset = slice_volumes(phantoms.load_phantom("medical", subjects=5, shape=(32, 32, 16))).load_into_memory()
TRAIN, TEST = PEOPLE.select_groups(PEOPLE.groups[:4]), PEOPLE.select_groups(PEOPLE.groups[4:])
SHARES = PeopleShares.draw(TRAIN.records, seed=0)


class RecordingTask(SegmentationTask):
    """Trains nothing, and keeps what it was given."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def train(self, samples: list[Sample], schema: Any, augment: Any, config: Any, seed: int, callback: Any) -> Any:
        """Record the arguments."""
        self.calls.append({"samples": samples, "augment": augment, "seed": seed})
        return self

    losses: list[Any] = []  # noqa: RUF012

    def save(self, path: Path) -> None:
        """Save nothing."""

    def score(self, *arguments: Any) -> Any:
        """Score nothing."""
        return {"a": {"dice:a": 0.5}}


@pytest.fixture
def fold(tmp_path: Path) -> FoldContext:
    task = RecordingTask()
    samples = select_training_samples(TRAIN, task)
    real = crops(TRAIN, 16)
    banks = {"copy-paste": real, "copy-paste@crops=0.5": real}
    return FoldContext(task, samples, TRAIN, TEST, TEST, banks, tmp_path, shares=SHARES)


def train(fold: FoldContext, name: str, seed: int = 3) -> dict[str, Any]:
    config = EvaluationConfig(data="scans", arms=[name], steps=2, dims=2, size=16)
    train_and_score(Arm.parse(name), seed, fold, config, SilentProgress())
    assert (fold.folder / f"{name}-seed{seed}.json").is_file() and isinstance(fold.task, RecordingTask)
    return fold.task.calls[-1]


def list_people(samples: list[Sample]) -> set[str]:
    return {sample.group for sample in samples}


def test_a_repeat_has_other_seeds_and_nothing_else(fold: FoldContext) -> None:
    itself, repeat = train(fold, "classic"), train(fold, "classic@repeat=2")
    assert (itself["seed"], repeat["seed"]) == (3, 200_003)
    assert [sample.name for sample in itself["samples"]] == [sample.name for sample in repeat["samples"]]


def test_a_share_of_people_is_all_that_is_trained_on(fold: FoldContext) -> None:
    half = train(fold, "copy-paste@people=0.5")
    assert list_people(half["samples"]) == SHARES.take(0.5) and half["augment"].paste_hosts is None
    assert list_people(train(fold, "copy-paste@crops=0.5")["samples"]) == set(TRAIN.groups)


def test_fewer_hosts_are_pasted_into_but_all_are_trained_on(fold: FoldContext) -> None:
    call = train(fold, "copy-paste@ratio=1@hosts=0.5")
    assert list_people(call["samples"]) == set(TRAIN.groups)
    rng = np.random.default_rng(0)
    pasted = {sample.group for sample in call["samples"] if call["augment"].blend(sample, rng).pasted_crops}
    assert pasted == SHARES.take(0.5)


def test_more_hosts_are_pasted_into_without_their_labels(fold: FoldContext) -> None:
    call = train(fold, "copy-paste@hosts=1@people=0.5")
    labelled = [sample for sample in call["samples"] if sample.unlabelled is None]
    hosts = [sample for sample in call["samples"] if sample.unlabelled is not None]
    assert list_people(labelled) == SHARES.take(0.5)
    assert list_people(hosts) == set(TRAIN.groups) - SHARES.take(0.5)
    for host in hosts:
        assert host.mask is not None and host.unlabelled is not None
        assert np.array_equal(host.unlabelled, np.asarray(host.mask) > 0)
    assert any(host.unlabelled is not None and host.unlabelled.any() for host in hosts)
