"""Pastes and looks in PyTorch's loaders: each item has draws of its own, and a seed gives the same bytes anywhere."""

from __future__ import annotations

import copy
from typing import Any

import albumentations as A
import pytest
import torch
from frame_targets import BANK, FRAMES, frame, pipeline
from loader_hosts import Hosts
from torch.utils.data import DataLoader, Subset

import domaingan as dg
from domaingan.banks import Bank

pytestmark = pytest.mark.filterwarnings("ignore:Got processor for bboxes", "ignore:This DataLoader will create")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return BANK.save(tmp_path_factory.mktemp("banks") / "people")


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return dg.scenes(FRAMES, 16).save(tmp_path_factory.mktemp("banks") / "looks")


def hosts(transform: A.Compose, *, same: bool = False, n: int = 6) -> Hosts:
    """The first frames, or one of them again and again."""
    return Hosts(transform, [frame(0 if same else index) for index in range(n)])


def epochs(transform: A.Compose, n: int = 2, *, same: bool = False, **loader: Any) -> list[list[str]]:
    if loader.get("num_workers"):
        loader = {"multiprocessing_context": "fork"} | loader
    made = DataLoader(hosts(transform, same=same), batch_size=None, **loader)
    return [list(made) for _ in range(n)]


def paste(bank: Bank, seed: int | None = 7, p: float = 1.0) -> A.Compose:
    return pipeline(bank.path, seed=seed, p=p, per_image=(2, 3))


WORKERS: dict[str, dict[str, Any]] = {
    "two": {"num_workers": 2},
    "four": {"num_workers": 4},
    "persistent": {"num_workers": 2, "persistent_workers": True},
}


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("same", [False, True])
def test_with_a_seed_the_same_bytes_with_any_number_of_workers(saved: Bank, workers: str, same: bool) -> None:
    alone = epochs(paste(saved), same=same)
    assert epochs(paste(saved), same=same, **WORKERS[workers]) == alone
    assert len({one for epoch in alone for one in epoch}) == 12
    assert epochs(paste(saved, seed=8), n=1, same=same)[0] != alone[0]


def test_spawned_workers_too(saved: Bank) -> None:
    alone = epochs(paste(saved), same=True)
    spawned = {"num_workers": 2, "multiprocessing_context": "spawn", "persistent_workers": True}
    assert epochs(paste(saved), same=True, **spawned) == alone


@pytest.mark.parametrize("workers", WORKERS)
def test_without_a_seed_every_paste_is_another(saved: Bank, workers: str) -> None:
    [plain] = hosts(A.Compose([A.NoOp()], bbox_params=box_params(), seed=0), n=1)
    results: list[str] = []
    for _ in range(2):
        for epoch in epochs(paste(saved, seed=None), same=True, **WORKERS[workers]):
            results += epoch
    # About one call in a hundred and fifty finds no place for any of its crops and leaves the frame as it is.
    pasted = [name for name in results if name != plain]
    assert len(results) == 24
    assert len(pasted) >= 16
    assert len(set(pasted)) == len(pasted)


def test_whether_anything_is_pasted_is_drawn_anew_too(saved: Bank) -> None:
    alone = epochs(paste(saved, p=0.5), n=3, same=True)
    assert epochs(paste(saved, p=0.5), n=3, same=True, num_workers=2) == alone
    [plain] = hosts(A.Compose([A.NoOp()], bbox_params=box_params(), seed=0), n=1)
    assert 3 <= sum(epoch.count(plain) for epoch in alone) <= 15


def box_params() -> A.BboxParams:
    return A.BboxParams("pascal_voc", label_fields=["kind"])


def test_what_is_fetched_ahead_and_left_changes_nothing(saved: Bank) -> None:
    runs = []
    for _ in range(2):
        loader = DataLoader(hosts(paste(saved)), batch_size=None, num_workers=2, multiprocessing_context="fork")
        runs.append([next(iter(loader)) for _ in range(3)] + list(loader))
    assert runs[0] == runs[1] and len(set(runs[0])) == 9


def test_a_part_of_a_dataset_and_batches_are_counted_by_its_own_positions(saved: Bank) -> None:
    runs = []
    for workers in (0, 2):
        part = Subset(hosts(paste(saved), same=True), [5, 3, 1, 0])
        context = {"multiprocessing_context": "fork"} if workers else {}
        loader = DataLoader(part, batch_size=2, num_workers=workers, **context)
        runs.append([name for batch in loader for name in batch])
    assert runs[0] == runs[1] and len(set(runs[0])) == 4


def test_a_copy_has_the_draws_of_its_seed(saved: Bank) -> None:
    whole = paste(saved)
    first = [whole(**frame(0))["image"].tobytes() for _ in range(2)]
    again = copy.deepcopy(whole)
    whole.set_random_seed(7)
    assert [again(**frame(0))["image"].tobytes() for _ in range(2)] == first
    assert [whole(**frame(0))["image"].tobytes() for _ in range(2)] == first


@pytest.mark.parametrize("workers", WORKERS)
def test_looks_are_drawn_in_the_same_way(looks: Bank, workers: str) -> None:
    relight = dg.albumentations.Relight(looks.path, "mix", p=1)
    runs: list[list[list[str]]] = []
    for loader in ({}, WORKERS[workers]):
        transform = A.Compose([relight], bbox_params=box_params(), seed=3)
        runs.append(epochs(transform, same=True, **loader))
    assert runs[0] == runs[1] and len({name for epoch in runs[0] for name in epoch}) == 12


def test_the_seed_may_be_set_for_each_item(saved: Bank) -> None:
    class Seeded(Hosts):
        def __getitem__(self, index: int) -> str:
            self.transform.set_random_seed(100 + index)
            return super().__getitem__(index)

    items = Seeded(paste(saved), hosts(paste(saved)).items)
    here = list(DataLoader(items, batch_size=None))
    there = list(DataLoader(items, batch_size=None, num_workers=2, multiprocessing_context="fork"))
    assert here == there and len(set(here)) == 6


def test_what_the_readme_says_of_transforms_beside_ours() -> None:
    flips = A.Compose([A.RandomBrightnessContrast(p=1)], bbox_params=box_params())
    plain = [name for epoch in epochs(flips, same=True, num_workers=2) for name in epoch]
    assert len(set(plain)) == 3  # of 12: in both workers, and in both epochs, the same

    def begin(_: int) -> None:
        flips.set_random_seed(torch.initial_seed() % 2**32)

    seeded = [name for epoch in epochs(flips, same=True, num_workers=2, worker_init_fn=begin) for name in epoch]
    assert len(set(seeded)) == 12
