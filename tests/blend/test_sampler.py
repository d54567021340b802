"""Which entry comes next: worked examples of weights, and of entries that are kept for one host."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.blend.sampler import EntrySampler, _search, select_entries
from domaingan.core.errors import DataError


def make_bank(codes: list[int], hosts: list[int]) -> Bank:
    info = BankInfo(
        spatial_dims=2,
        channels=["t1"],
        classes={"core": 1, "rim": 2},
        conditions={"lesion": ["core", "rim"]},
        subjects=["s"],
        hosts=["a", "b"],
    )
    entries = create_entries(info, len(codes))
    entries["subject"] = 0
    entries["condition:lesion"] = codes
    entries["host"] = hosts
    masks = np.zeros((len(codes), 8, 8), np.uint8)
    masks[:, 2:6, 2:6] = 1 + np.array(codes)[:, None, None]
    return Bank(info, np.zeros((len(codes), 1, 8, 8), np.float16), masks, entries)


def test_an_entry_without_weight_is_never_drawn() -> None:
    positions = np.array([5, 6, 7])
    weights = np.array([0.0, 1.0, 2.0])
    assert _search(positions, np.cumsum(weights), 0.0) == 6
    assert _search(positions, np.cumsum(weights), 0.999) == 6
    assert _search(positions, np.cumsum(weights), 1.0) == 7
    assert _search(positions, np.cumsum(weights), 3.0) == 7


def test_weights_are_inverse_square_roots_of_how_often_a_class_occurs(rng: np.random.Generator) -> None:
    bank = make_bank([0, 0, 0, 0, 1], [-1] * 5)
    sampler = EntrySampler.from_bank(bank, np.arange(5))
    np.testing.assert_allclose(np.diff(sampler.cumulative_weights, prepend=0), [1 / 6] * 4 + [1 / 3])
    counts = Counter(sampler.draw_entry(rng) for _ in range(3000))
    assert counts[4] / 3000 == pytest.approx(1 / 3, abs=0.03)
    assert counts[0] / 3000 == pytest.approx(1 / 6, abs=0.03)


def test_bound_entries_go_into_their_host_alone_and_once(rng: np.random.Generator) -> None:
    bank = make_bank([0, 0, 1, 1], [1, 0, 1, 0])
    sampler = EntrySampler.from_bank(bank, np.arange(4))
    assert sampler.has_entries("a") and sampler.has_entries("b") and not sampler.has_entries("c")
    assert sampler.draw_entry(rng) is None
    assert {sampler.draw_entry(rng, "b") for _ in range(40)} == {0, 2}
    assert {sampler.draw_entry(rng, "a") for _ in range(40)} == {1, 3}
    assert {sampler.draw_entry(rng, "a", used=[1]) for _ in range(40)} == {3}
    assert sampler.draw_entry(rng, "a", used=[1, 3]) is None


def test_free_and_bound_entries_are_drawn_by_their_weights(rng: np.random.Generator) -> None:
    bank = make_bank([0, 0, 0, 0, 1], [-1, -1, -1, -1, 0])
    sampler = EntrySampler.from_bank(bank, np.arange(5))
    counts = Counter(sampler.draw_entry(rng, "a") for _ in range(3000))
    assert counts[4] / 3000 == pytest.approx(1 / 3, abs=0.03)
    assert set(counts) == {0, 1, 2, 3, 4}


def test_some_of_the_entries_keep_their_weights() -> None:
    bank = make_bank([0, 0, 0, 0, 1, 1], [-1, -1, -1, -1, -1, 0])
    sampler = EntrySampler.from_bank(bank, np.arange(6))
    weights = np.diff(sampler.cumulative_weights, prepend=0)
    limited = sampler.restrict_to(np.array([False, True, False, False, True, False]))
    assert limited.free.tolist() == [1, 4]
    np.testing.assert_allclose(np.diff(limited.cumulative_weights, prepend=0), weights[[1, 4]])
    assert limited.has_entries("a")
    nothing = sampler.restrict_to(np.zeros(6, dtype=bool))
    assert not nothing.has_entries("a")
    bound = sampler.restrict_to(np.array([False] * 5 + [True]))
    assert bound.has_entries("a") and not bound.has_entries("b") and not bound.has_entries("")


def test_a_class_that_no_entry_is_called_by_is_looked_for_in_the_masks() -> None:
    bank = make_bank([0, 0, 0], [-1] * 3)
    bank.masks[1, 3, 3] = 2
    assert select_entries(bank, ["rim"]).tolist() == [1]
    assert select_entries(bank, ["core"]).tolist() == [0, 1, 2]
    assert select_entries(bank, []).tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="no class nothing"):
        select_entries(bank, ["nothing"])
    with pytest.raises(DataError, match="no crops to paste"):
        select_entries(bank.take([0, 2]), ["rim"])
