"""Scans of one ball with a lesion, and banks of lesions, of any dimensions: small, and known to the pixel."""

from __future__ import annotations

import numpy as np

from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.data import Sample


def ball(shape: tuple[int, ...], centre: np.ndarray, radius: float) -> np.ndarray:
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"))
    return (((grid - centre.reshape(-1, *[1] * len(shape))) ** 2).sum(0)) ** 0.5 <= radius


def a_bank(dims: int, rng: np.random.Generator, n: int = 3, size: int = 16, channels: int = 2) -> Bank:
    info = BankInfo(
        spatial_dims=dims,
        channels=[f"c{i}" for i in range(channels)],
        classes={"common": 1, "rare": 2},
        conditions={"lesion": ["rare", "common"]},
        subjects=["s0"],
    )
    shape = (size,) * dims
    images = rng.uniform(0.3, 0.6, (n, channels, *shape))
    masks = np.zeros((n, *shape), dtype=np.uint8)
    for i in range(n):
        body = ball(shape, np.full(dims, size / 2), rng.uniform(2, 4))
        masks[i][body] = 1
        masks[i][ball(shape, np.full(dims, size / 2), 1)] = 2 if i % 2 else 1
        images[i][:, body] += rng.uniform(0.2, 0.5)
    entries = create_entries(info, n)
    entries["subject"] = 0
    entries["condition:lesion"] = [i % 2 == 0 for i in range(n)]
    return Bank(info, images.astype(np.float16), masks, entries)


def a_host(dims: int, rng: np.random.Generator, channels: int = 2, edge: int = 40, gain: float = 1.0) -> Sample:
    shape = (edge,) * dims
    body = ball(shape, np.full(dims, edge / 2), edge * 0.42)
    image = np.zeros((channels, *shape), dtype=np.float32)
    image[:, body] = rng.uniform(0.5, 1.0, (channels, int(body.sum())))
    image *= gain
    mask = np.where(ball(shape, np.full(dims, edge / 3), 3), 1, 0).astype(np.int16)
    return Sample(image, mask, meta={"name": "host", "subject": "host"})
