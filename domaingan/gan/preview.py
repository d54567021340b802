"""``samples.png``: real crops beside generated ones of fixed latents, one row for each kind of crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops, decode
from domaingan.gan.sampling import paint
from domaingan.pictures import Picture, contact_sheet, tile

COLUMNS = 6
"""Crops in a row, of each sort."""

ROWS = 8
"""At most so many kinds of crops are shown."""


def sample_sheet(generator: nn.Module, config: GANConfig, crops: TrainingCrops | None = None) -> Picture:
    """A picture of what the generator draws: a row for each combination of condition values, real crops first.

    Args:
        generator: calibrated, see :func:`domaingan.gan.sampling.calibrated`.
        config: the model's.
        crops: where the real crops come from; without them the rows hold generated ones alone.
    """
    kinds = config.combinations()[:ROWS]
    z = np.random.default_rng([config.seed, 3]).standard_normal((COLUMNS, config.latent)).astype(np.float32)
    painted = paint(generator, config, np.tile(z, (len(kinds), 1)), [kind for kind in kinds for _ in range(COLUMNS)])
    fake_images, fake_masks = decode(painted, config)
    tiles: list[Picture] = []
    captions: list[str] = []
    for row, kind in enumerate(kinds):
        name = ", ".join(config.named(kind).values()) or config.kind
        real = [] if crops is None else _real(crops, config, kind)
        drawn = slice(row * COLUMNS, (row + 1) * COLUMNS)
        fake = [_tile(i, m, config) for i, m in zip(fake_images[drawn], fake_masks[drawn], strict=True)]
        tiles += real + fake
        if real:
            captions += [f"{name}: real", *[""] * (len(real) - 1)]
        captions += [f"{name}: generated", *[""] * (len(fake) - 1)]
    return contact_sheet(tiles, COLUMNS * (1 if crops is None else 2), captions)


def _real(crops: TrainingCrops, config: GANConfig, kind: tuple[int, ...]) -> list[Picture]:
    """A few real crops of one kind, evenly over the bank; blank tiles where there are fewer."""
    matching = np.flatnonzero((crops.codes == np.asarray(kind, dtype=np.int64)).all(axis=1))
    chosen = np.unique(np.linspace(0, len(matching) - 1, min(COLUMNS, len(matching))).astype(int))
    images, masks = decode(crops.encode(matching[chosen])[0], config)
    tiles = [_tile(image, mask, config) for image, mask in zip(images, masks, strict=True)]
    return tiles + [np.full_like(tiles[0], 255)] * (COLUMNS - len(tiles))


def _tile(image: np.ndarray[tuple[int, ...], np.dtype[np.float32]], mask: Sequence[int], config: GANConfig) -> Picture:
    return tile(image, np.asarray(mask), domain=config.domain, zoom=max(1, 64 // config.size))
