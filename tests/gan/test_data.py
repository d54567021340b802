"""Batches are the same whether crops are kept in memory or read ahead from disk, for one process or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from domaingan.banks import Bank
from domaingan.gan import GAN
from domaingan.gan.conditions import NUMBER_FEATURES, Condition, count_one_hot_features, encode_numbers, encode_one_hot
from domaingan.gan.data import BatchFeed, TrainingCrops
from domaingan.gan.fabric import make_fabric
from domaingan.gan.seeds import make_rng
from domaingan.gan.training.adaptive_probability import ADAPTATION_CROPS, MAX_PROBABILITY, AdaptiveProbability
from domaingan.gan.training.trainer import Trainer


def _make_config(bank: Bank) -> Any:
    return GAN.for_crops(bank, width=4, batch=6).make_config(bank, 5, "32", 0)


def test_memory_and_disk_give_the_same_batches(make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank(n=20).save(tmp_path / "bank")
    config = _make_config(bank)
    near, far = TrainingCrops(bank, config), TrainingCrops(bank, config, max_resident_bytes=0)
    assert near.is_resident and not far.is_resident
    feeds = BatchFeed(near), BatchFeed(far)
    for step in (0, 1, 2, 7, 3):  # in order, and after a resume
        (a, on), (b, other) = (feed.get_batch(step) for feed in feeds)
        assert torch.equal(a, b) and all(torch.equal(x, y) for x, y in zip(on, other, strict=True))
    feeds[1].close()


def test_processes_share_a_batch(make_bank: Any) -> None:
    bank = make_bank(n=20)
    crops = TrainingCrops(bank, _make_config(bank))
    whole = BatchFeed(crops).get_batch(3)[0]
    parts = [BatchFeed(crops, slice(rank, None, 2)).get_batch(3)[0] for rank in range(2)]
    assert torch.equal(torch.stack(parts, dim=1).flatten(0, 1), whole)


def test_adaptive_probability_follows_r_t() -> None:
    adaptive = AdaptiveProbability(0.6, torch.tensor(0.0, dtype=torch.float64))
    for _ in range(1000):
        adaptive.update(0.9, 64)
    assert float(adaptive.probability) == MAX_PROBABILITY
    adaptive.update(0.1, 64)
    assert float(adaptive.probability) < MAX_PROBABILITY
    for _ in range(1000):
        adaptive.update(-1.0, 64)
    assert float(adaptive.probability) == 0


def test_the_probability_follows_all_batches_since_the_last_change(
    make_bank: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three sure batches and an undecided one are above the target; by the last one alone they would be below it."""
    bank = make_bank()
    config = _make_config(bank).with_changes("training", ada=0.6)
    trainer = Trainer(config, TrainingCrops(bank, config), make_fabric("cpu", "32"))
    changes: list[tuple[float, int]] = []
    update = AdaptiveProbability.update

    def watched(self: AdaptiveProbability, r_t: float, crops: int) -> None:
        changes.append((r_t, crops))
        update(self, r_t, crops)

    monkeypatch.setattr(AdaptiveProbability, "update", watched)
    for r_t in (1.0, 1.0, 1.0, 0.0, 0.0, 0.5, 1.0, 1.0):
        trainer._adapt_augmentation(torch.tensor(r_t))
    assert changes == [(0.75, 24), (0.625, 24)]
    assert float(trainer.adaptive.probability) == pytest.approx(48 / ADAPTATION_CROPS)


def test_features_of_numbers_and_classes(make_bank: Any) -> None:
    numbers = torch.tensor([[0.0, float("nan")], [1.0, 0.5]])
    features = encode_numbers(numbers)
    assert features.shape == (2, 2, NUMBER_FEATURES) and features.isfinite().all()
    assert (features[0, 1] == 0).all() and (features[0, 0, 0] == 1)
    config = _make_config(make_bank())
    condition = Condition(torch.tensor([[1, -1]]), torch.zeros(1, 0), torch.zeros(1, 0, 16, 16))
    vector = encode_one_hot(condition, config)
    assert vector.shape == (1, count_one_hot_features(config)) and vector.tolist() == [[0, 1, 0, 0]]


def test_classes_alike_are_told_from_others() -> None:
    codes = torch.tensor([[0, 1], [0, 1], [1, 1], [-1, 0]])
    same = Condition(codes, torch.zeros(4, 0), torch.zeros(4, 0)).compare_classes()
    assert same.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_the_spread_of_a_batch_is_that_within_each_class() -> None:
    from domaingan.gan.networks.parts import MinibatchStdDev

    x = torch.randn(6, 3, 4, 4, generator=make_rng(0))
    x[3:] = x[3:4] + 100  # the second class collapsed to one item, far from the first
    same = torch.block_diag(torch.ones(3, 3), torch.ones(3, 3))
    spread = MinibatchStdDev()(x, same)[:, 3, 0, 0]
    assert torch.allclose(spread[:3], x[:3].var(dim=0, unbiased=False).add(1e-4).sqrt().mean(), atol=1e-3)
    assert (spread[3:] < 0.05).all()
