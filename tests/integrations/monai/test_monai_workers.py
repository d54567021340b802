"""MONAI's transforms in loaders of PyTorch and of MONAI: each item has draws of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from balls import a_bank, a_host
from monai.data import CacheDataset, DataLoader, MetaTensor, list_data_collate, set_track_meta
from monai.data.utils import worker_init_fn
from monai.transforms import Compose, RandFlipd, RandShiftIntensityd

import domaingan as dg

KEYS = ["image", "label"]
SAMPLES = [a_host(2, np.random.default_rng(seed)) for seed in range(3)]

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("banks") / "lesions"
    a_bank(2, np.random.default_rng(2)).save(folder)
    return folder


class Items(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __init__(self, transform: Any, n: int = 6) -> None:
        self.transform, self.n = transform, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        sample = SAMPLES[index % 3]
        assert sample.mask is not None
        label = MetaTensor(torch.from_numpy(sample.mask.copy())[None])
        return self.transform({"image": MetaTensor(torch.from_numpy(sample.image.copy())), "label": label})


def records(bank: Path, workers: int, *, seed: int | None = 3, epochs: int = 2, **loader: Any) -> list[list[str]]:
    """The records of pastes, in the order in which PyTorch's own loader gives them."""
    paste = dg.monai.RandPasted(KEYS, bank, prob=1.0, per_image=(1, 1), spacing=1)
    if seed is not None:
        paste.set_random_state(seed)
    context = {"multiprocessing_context": "fork"} if workers else {}
    made = torch.utils.data.DataLoader(
        Items(paste), num_workers=workers, batch_size=2, collate_fn=list_data_collate, **context, **loader
    )
    return [[text for batch in made for text in batch["image"].meta["pasted"]] for _ in range(epochs)]


@pytest.mark.parametrize("loader", [{}, {"persistent_workers": True}])
def test_with_a_seed_the_same_with_any_number_of_workers_of_pytorch(bank: Path, loader: dict[str, Any]) -> None:
    alone = records(bank, 0)
    assert records(bank, 2, **loader) == alone == records(bank, 3)
    seeds = [json.loads(text)[0]["seed"] for epoch in alone for text in epoch]
    assert len(set(seeds)) == 12


def test_without_a_seed_every_paste_is_another(bank: Path) -> None:
    texts = [text for _ in range(2) for epoch in records(bank, 2, seed=None) for text in epoch]
    assert len({json.loads(text)[0]["seed"] for text in texts}) == 24


@pytest.mark.parametrize("workers", [0, 2])
def test_monais_own_loader_decides_by_its_seed(bank: Path, workers: int) -> None:
    runs = []
    for _ in range(2):
        transform = Compose([RandFlipd(KEYS, prob=0.5, spatial_axis=0), dg.monai.RandPasted(KEYS, bank, prob=1.0)])
        torch.manual_seed(5)
        loader = DataLoader(Items(transform), num_workers=workers, batch_size=2)
        runs.append([text for _ in range(2) for batch in loader for text in batch["image"].meta["pasted"]])
    assert runs[0] == runs[1] and len(set(runs[0])) == 12


def test_an_item_that_is_cached_is_another_each_time(bank: Path) -> None:
    items = [{"image": MetaTensor(torch.from_numpy(s.image)), "label": torch.from_numpy(s.mask)[None]} for s in SAMPLES]
    paste = dg.monai.RandPasted(KEYS, bank, prob=1.0, spacing=1)
    data = CacheDataset(items, Compose([paste]).set_random_state(1), progress=False)
    texts = [data[index]["image"].meta["pasted"] for _ in range(3) for index in range(3)]
    assert len(set(texts)) == 9


def test_where_no_metadata_is_tracked(bank: Path) -> None:
    set_track_meta(False)
    try:
        paste = dg.monai.RandPasted(KEYS, bank, prob=1.0, spacing=1).set_random_state(0)
        item = {"image": torch.from_numpy(SAMPLES[0].image), "label": torch.from_numpy(SAMPLES[0].mask)[None]}
        out = [paste(item)["image"] for _ in range(2)]
    finally:
        set_track_meta(True)
    assert all(type(image) is torch.Tensor for image in out) and not torch.equal(*out)


@pytest.mark.parametrize(("own", "expected"), [(False, 3), (True, 12)])
def test_what_the_readme_says_of_transforms_beside_ours(own: bool, expected: int) -> None:
    items = Items(RandShiftIntensityd("image", 0.5, prob=1.0))
    items.n = 6
    loader = {"num_workers": 2, "batch_size": None, "multiprocessing_context": "fork"}
    if own:
        loader["worker_init_fn"] = worker_init_fn
    made = torch.utils.data.DataLoader(items, **loader)
    shifts = [float(item["image"].as_tensor()[0, 0, 0]) for _ in range(2) for item in made]
    base = [float(SAMPLES[index % 3].image[0, 0, 0]) for _ in range(2) for index in range(6)]
    assert len({round(a - b, 5) for a, b in zip(shifts, base, strict=True)}) == expected
