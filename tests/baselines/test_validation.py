"""Early stopping on people held out of the training part."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from domaingan.baselines.validation import EarlyStopping, hold_out_people, measure_mean_loss
from domaingan.core.errors import DataError
from domaingan.data import Sample


def make_samples(n_people: int, n_samples: int = 2) -> list[Sample]:
    samples = []
    for person in range(n_people):
        for number in range(n_samples):
            meta = {"name": f"p{person}_{number}", "subject": f"p{person}", "label": str(person % 2)}
            samples.append(Sample(np.zeros((1, 4, 4), np.float32), meta=meta))
    return samples


def test_people_are_held_out_as_a_whole_and_by_the_seed() -> None:
    samples = make_samples(10)
    trained, held = hold_out_people(samples, 0.2, seed=3)
    assert len(trained) == 16 and len(held) == 4
    assert {sample.group for sample in trained}.isdisjoint(sample.group for sample in held)
    assert [sample.name for sample in hold_out_people(samples, 0.2, seed=3)[1]] == [sample.name for sample in held]
    others = {tuple(sample.name for sample in hold_out_people(samples, 0.2, seed)[1]) for seed in range(6)}
    assert len(others) > 1


def test_all_labels_stay_among_those_that_are_trained_on() -> None:
    samples = make_samples(3)

    def read_labels(sample: Sample) -> set[str]:
        return {"rare"} if sample.group == "p0" else {"common"}

    for seed in range(5):
        assert all(sample.group != "p0" for sample in hold_out_people(samples, 0.3, seed, read_labels)[1])
    with pytest.raises(DataError, match="without whom a label is missing"):
        hold_out_people(samples, 0.3, 0, lambda sample: {sample.group})
    with pytest.raises(DataError, match="1 training people for validation"):
        hold_out_people(make_samples(1), 0.2, 0)


def test_the_weights_of_the_smallest_loss_are_taken_after_four_checks_without_gain() -> None:
    network = nn.Linear(1, 1)
    losses = iter([3.0, 1.0, 2.0, 2.0, 1.0, 2.0])
    stopping = EarlyStopping(100, lambda network: next(losses))
    assert [step for step in range(1, 31) if stopping.is_due(step)] == [10, 20, 30]
    stops = []
    for step in range(10, 70, 10):
        nn.init.constant_(network.weight, step)
        stops.append(stopping.check(network, step))
    assert stops == [False] * 5 + [True] and stopping.best_step == 20
    stopping.restore_best(network)
    assert network.weight.item() == 20


def test_measuring_changes_neither_mode_nor_running_means() -> None:
    network = nn.Sequential(nn.BatchNorm1d(1), nn.Dropout(0.5)).eval()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    batches = [torch.full((2, 1), 3.0), torch.full((2, 1), 5.0)]
    loss = measure_mean_loss(network, batches, lambda network, batch, step: network(batch).mean())
    assert loss == pytest.approx(4, abs=1e-3) and not network.training and not network[0].training
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
