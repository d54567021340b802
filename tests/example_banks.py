"""Small banks for tests."""

from __future__ import annotations

import numpy as np

from domaingan.banks import Bank, BankInfo, create_entries


def make_bank(n: int = 6, dims: int = 2, size: int = 8, subjects: int = 3) -> Bank:
    rng = np.random.default_rng(n * dims)
    info = BankInfo(
        spatial_dims=dims,
        channels=["t1", "t2"],
        classes={"oedema": 1, "enhancing": 3},
        conditions={"lesion": ["enhancing", "oedema"]},
        subjects=[f"s{i}" for i in range(subjects)],
        left_out={"objects under 12 pixels": 2},
    )
    entries = create_entries(info, n)
    entries["subject"] = np.arange(n) % subjects
    entries["condition:lesion"] = np.arange(n) % 2
    entries["spacing"] = rng.uniform(0.5, 2, (n, dims))
    images = rng.normal(size=(n, 2, *[size] * dims)).astype(np.float16)
    return Bank(info, images, rng.choice([0, 1, 3], (n, *[size] * dims)).astype(np.uint8), entries)


def are_same_banks(a: Bank, b: Bank) -> bool:
    parts = [(a.images, b.images), (a.masks, b.masks), (a.entries, b.entries)]
    return a.info == b.info and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in parts)
