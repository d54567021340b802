"""Banks of synthetic lesions, small enough to train on in a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from domaingan.banks import Bank, BankInfo, create_entries

MakeBank = Callable[..., Bank]


@pytest.fixture(autouse=True)
def use_one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_lesions(
    n: int = 12, dims: int = 2, size: int = 16, channels: int = 2, domain: str = "scan", subjects: int = 3
) -> Bank:
    """Discs or balls, every third of them with a core of the rare class; two conditions."""
    rng = np.random.default_rng(n + dims)
    info = BankInfo(
        domain=domain,  # type: ignore[arg-type]
        spatial_dims=dims,
        channels=[f"channel_{i}" for i in range(channels)],
        classes={"core": 4, "shell": 2, "never": 9},
        conditions={"lesion": ["core", "shell"], "grade": ["low", "high"]},
        subjects=[f"s{i}" for i in range(subjects)],
    )
    grid = np.stack(np.meshgrid(*[np.arange(size) - size / 2 + 0.5] * dims, indexing="ij"))
    images, masks, entries = [], [], create_entries(info, n)
    for i, entry in enumerate(entries):
        radius = rng.uniform(0.2, 0.35) * size
        distance = np.sqrt(((grid + rng.uniform(-1, 1, (dims, *[1] * dims))) ** 2).sum(axis=0))
        rare = i % 3 == 0
        mask = np.where(distance < radius, 2, 0) + np.where(rare & (distance < radius / 2), 2, 0)
        noise = rng.normal(0.3, 0.03, (channels, *[size] * dims))
        images.append(noise + 0.2 * mask)
        masks.append(mask.astype(np.uint8))
        entry["subject"], entry["spacing"], entry["centre"] = i % subjects, 1 + i / 10, 0.5
        entry["radius_mm"] = radius * (1 + i / 10)
        entry["condition:lesion"], entry["condition:grade"] = 0 if rare else 1, i % 2
    return Bank(info, np.stack(images).astype(np.float16), np.stack(masks), entries)


@pytest.fixture(scope="session")
def make_bank() -> MakeBank:
    return make_lesions
