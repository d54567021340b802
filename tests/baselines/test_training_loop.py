"""The training loop of all baselines: the same weights with any number of workers, averaged weights, devices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset

from domaingan.baselines.training_loop import TrainedNetwork, TrainingSettings, move_batch, train_network
from domaingan.baselines.weight_average import WeightAverage, compute_average_decay
from domaingan.core.devices import ComputeSettings
from domaingan.core.errors import DataError


class Items(TorchDataset[tuple[NDArray[np.float32], int]]):
    """Noise whose label says whether its sum is positive; item ``i`` is a function of ``i`` alone."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, item: int) -> tuple[NDArray[np.float32], int]:
        values = np.random.default_rng(item).normal(size=4).astype(np.float32)
        return values, int(values.sum() > 0)


def compute_loss(network: nn.Module, batch: list[Tensor], step: int) -> Tensor:
    values, labels = batch
    return nn.functional.cross_entropy(network(values), labels)


def train(steps: int = 20, workers: int = 0, has_average: bool = True) -> TrainedNetwork:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    settings = TrainingSettings("classifier", steps, 4, 1e-2, 1.0, has_average)
    return train_network(network, Items(4 * steps), compute_loss, settings, ComputeSettings(workers=workers))


def flatten(network: nn.Module) -> Tensor:
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_gives_the_same_weights(workers: int) -> None:
    assert torch.equal(flatten(train().network), flatten(train(workers=workers).network))


def test_the_global_generator_is_not_touched() -> None:
    before = torch.get_rng_state()
    torch.manual_seed(0)
    nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    after_building = torch.get_rng_state()
    train(workers=1)
    assert torch.equal(torch.get_rng_state(), after_building)
    torch.set_rng_state(before)


def test_averaged_weights_differ_from_the_last_ones_and_are_not_asked_for_in_vain() -> None:
    trained = train()
    assert not torch.equal(flatten(trained.network), flatten(trained.last_network))
    assert not trained.network.training and not trained.last_network.training
    plain = train(has_average=False)
    assert plain.network is plain.last_network
    assert torch.equal(flatten(plain.network), flatten(trained.last_network))


def test_the_average_forgets_its_first_weights_and_reaches_back_over_a_share_of_the_steps() -> None:
    assert compute_average_decay(1, 1000) == pytest.approx(2 / 11)
    assert compute_average_decay(999, 1000) == pytest.approx(0.99)
    assert compute_average_decay(5, 3) == 0
    network = nn.Linear(1, 1, bias=False)
    average = WeightAverage(network, 1000)
    for value in (8.0, 2.0, 2.0):
        network.weight.data.fill_(value)
        average.update(network)
    expected = 2 + 6 * (2 / 11) * (3 / 12)
    assert average.network.state_dict()["weight"].item() == pytest.approx(expected)


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    settings = TrainingSettings("classifier", 3, 1, 1e-2, 1.0)

    def compute_nan(network: nn.Module, batch: list[Tensor], step: int) -> Tensor:
        return network(batch[0]).sum() * (float("nan") if step == 3 else 1.0)

    with pytest.raises(DataError, match="the classifier's loss is nan at step 3"):
        train_network(nn.Linear(4, 2), Items(3), compute_nan, settings, ComputeSettings())


def test_every_tensor_of_a_batch_is_moved_to_the_device() -> None:
    batch = (torch.ones(2), [{"boxes": torch.ones(1, 4), "name": "a"}])
    images, targets = move_batch(batch, ComputeSettings(torch.device("meta")))
    assert images.is_meta and targets[0]["boxes"].is_meta and targets[0]["name"] == "a"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_training_on_a_gpu() -> None:
    compute = ComputeSettings(torch.device("cuda"), torch.bfloat16, workers=1)
    network = compute.place_network(nn.Linear(4, 2), 2)
    trained = train_network(network, Items(8), compute_loss, TrainingSettings("classifier", 2, 4, 1e-2, 1.0), compute)
    assert next(trained.network.parameters()).is_cuda and len(trained.losses) == 2
