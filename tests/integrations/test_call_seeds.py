"""Seeds of calls: they follow from a seed, an item and how often it was asked for, and from nothing else."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from domaingan.integrations import call_seeds
from domaingan.integrations.call_seeds import CallSeeds, fingerprint_image, hash_values

IMAGES = [np.random.default_rng(i).random((40, 50, 3)) for i in range(3)]


def test_calls_have_seeds_of_their_own_that_repeat() -> None:
    one, two, other = CallSeeds(3), CallSeeds(3), CallSeeds(4)
    seeds = [one.make_seed(image) for _ in range(4) for image in IMAGES]
    assert len(set(seeds)) == 12 and all(0 <= seed < 2**63 for seed in seeds)
    assert [two.make_seed(image) for _ in range(4) for image in IMAGES] == seeds
    assert not {other.make_seed(image) for image in IMAGES} & set(seeds)


def test_the_order_of_items_changes_nothing() -> None:
    one, two = CallSeeds(1), CallSeeds(1)
    forth = {index: one.make_seed(IMAGES[index]) for index in (0, 1, 2)}
    assert {index: two.make_seed(IMAGES[index]) for index in (2, 0, 1)} == forth


def test_without_a_seed_all_differ() -> None:
    assert len({CallSeeds().make_seed(IMAGES[0]) for _ in range(20)}) == 20


def test_copies_begin_anew_from_the_seed() -> None:
    whole = CallSeeds(5)
    first = [whole.make_seed(IMAGES[0]) for _ in range(2)]
    for again in (copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))):
        assert [again.make_seed(IMAGES[0]) for _ in range(2)] == first
    unseeded = CallSeeds()
    assert copy.deepcopy(unseeded).make_seed(IMAGES[0]) != unseeded.make_seed(IMAGES[0])


def call(shared: CallSeeds, results: Any) -> None:
    results.put([shared.make_seed(image) for image in IMAGES])


def test_processes_that_are_forked_count_together() -> None:
    context, whole = multiprocessing.get_context("fork"), CallSeeds(6)
    results, observed = context.Queue(), []
    for _ in range(3):
        process = context.Process(target=call, args=(whole, results))
        process.start()
        observed += results.get(timeout=60)
        process.join()
    alone = CallSeeds(6)
    assert observed == [alone.make_seed(image) for _ in range(3) for image in IMAGES]
    assert whole.make_seed(IMAGES[0]) == alone.make_seed(IMAGES[0])


def test_a_full_table_forgets_but_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_seeds, "COUNTER_SLOTS", 16)
    small = CallSeeds(0)
    for number in range(400):
        assert small._count_visit(hash_values(number)) == 0
    assert [small._count_visit(hash_values("a")) for _ in range(3)] == [0, 1, 2]


def test_an_image_is_known_by_its_pixels_whatever_holds_it() -> None:
    image = np.random.default_rng(0).integers(0, 255, (30, 40)).astype(np.uint8)
    assert fingerprint_image(image) == fingerprint_image(image[..., None]) == fingerprint_image(image.copy(order="F"))
    changed = image.copy()
    changed[0, 0] += 1
    assert fingerprint_image(changed) != fingerprint_image(image) != fingerprint_image(image.reshape(40, 30))
    tensor = torch.rand(2, 9, 9, 9)
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        assert fingerprint_image(tensor.to(dtype)) == fingerprint_image(tensor.to(dtype).clone())


def test_hashes_are_the_same_in_every_process() -> None:
    assert hash_values(1, b"a", (2, "b")) == 8125428290598093577


class Views(Dataset):  # type: ignore[type-arg]
    """Seeds of several calls for each item, as two views of an image are."""

    def __init__(self, seeds: CallSeeds, n: int) -> None:
        self.draws, self.n = seeds, n

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> list[int]:
        image = np.full((8, 8), index)
        return [self.draws.make_seed(image) for _ in range(self.n)]


class Stream(IterableDataset):  # type: ignore[type-arg]
    """Seeds for a stream that shows each image twice; its loader asks for no positions."""

    def __init__(self, seeds: CallSeeds) -> None:
        self.draws = seeds

    def __iter__(self) -> Iterator[list[int]]:
        for index in (0, 1, 0, 1):
            yield [self.draws.make_seed(np.full((8, 8), index))]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_several_views_of_an_item_differ_in_every_epoch_and_with_any_number_of_workers(n: int) -> None:
    found = {}
    for workers in (0, 2):
        loader = DataLoader(Views(CallSeeds(5), n), batch_size=None, num_workers=workers)
        found[workers] = [seeds for _ in range(3) for seeds in loader]
    assert found[0] == found[2]
    assert len({seed for seeds in found[2] for seed in seeds}) == 3 * 3 * n


def test_what_a_stream_repeats_is_drawn_anew_in_every_epoch() -> None:
    loader = DataLoader(Stream(CallSeeds(5)), batch_size=None, num_workers=1)
    seeds = [seed for _ in range(3) for (seed,) in loader]
    assert len(set(seeds)) == 12
    alone = Stream(CallSeeds(5))
    assert seeds == [seed for _ in range(3) for (seed,) in alone]
