"""``samples.png``: real crops above generated ones of fixed latents, for each kind of crop."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from domaingan.core.tiles import Picture, add_legend, draw_tile, make_contact_sheet
from domaingan.gan.conditions import Condition, scale
from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops, decode
from domaingan.gan.networks import Generator
from domaingan.gan.sampling.generate import paint
from domaingan.gan.sampling.latent_sampler import latents
from domaingan.gan.seeds import seeded

COLUMNS = 6
"""Crops in a row, of each sort."""

ROWS = 8
"""At most so many kinds of crops are shown."""

TILE_HEIGHT = 128
"""Height of a crop in pixels."""


def sample_sheet(generator: Generator, config: GANConfig, crops: TrainingCrops | None = None) -> Picture:
    """A picture of what the generator draws: for each combination of condition values a row of real crops
    and a row of generated ones.

    Args:
        generator: calibrated, see :func:`domaingan.gan.sampling.generate.calibrated`.
        config: the model's.
        crops: where the real crops come from, and what is given; without them two rows are generated.
    """
    kinds = config.combinations()[:ROWS]
    z = latents(config, [(config.seed, column, 3) for column in range(COLUMNS)])
    more = latents(config, [(config.seed, COLUMNS + column, 3) for column in range(COLUMNS)])
    tiles: list[Picture] = []
    captions: list[str] = []
    for kind in kinds:
        name = ", ".join(config.named(kind).values()) or config.kind
        rows = None if crops is None else _rows(crops, kind)
        real = [] if crops is None or rows is None else _tiles(crops.encode(rows)[0], config)
        if crops is not None and rows is not None and config.given:
            hosts = np.resize(rows, COLUMNS)
            varied = crops.vary(hosts, seeded(config.seed, 0, 7))
            condition = crops.encode(hosts, varied)[1].to(torch.device("cpu"))
        else:
            condition = _of_kind(config, kind)
        fake = _tiles(paint(generator, config, z, condition), config)
        if real:
            tiles += real + [np.full_like(fake[0], 255)] * (COLUMNS - len(real))
            captions += [f"{name}: real", *[""] * (COLUMNS - 1)]
        tiles += fake
        captions += [f"{name}: generated", *[""] * (COLUMNS - 1)]
        if crops is None:  # there is room for more of them
            tiles += _tiles(paint(generator, config, more, condition), config)
            captions += [""] * COLUMNS
    return add_legend(make_contact_sheet(tiles, COLUMNS, captions), config.classes)


def _of_kind(config: GANConfig, kind: tuple[int, ...]) -> Condition:
    """Crops of one kind, with the numbers of training crops from the smallest to the largest."""
    alike = [template.numbers for template in config.templates if template.codes == kind]
    numbers = np.array([[math.nan if v is None else v for v in row] for row in alike], np.float32)
    if numbers.size:
        numbers = numbers[np.argsort(numbers[:, 0], kind="stable")]
    numbers = numbers[np.linspace(0, len(numbers) - 1, COLUMNS).round().astype(int)].reshape(COLUMNS, -1)
    codes = torch.tensor([kind] * COLUMNS, dtype=torch.int64).reshape(COLUMNS, -1)
    given = torch.zeros(COLUMNS, config.seen, *[config.size] * config.spatial_dims)
    return Condition(codes, scale(torch.from_numpy(numbers), config), given)


def _rows(crops: TrainingCrops, kind: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """A few real crops of one kind, evenly over the bank."""
    matching = np.flatnonzero((crops.codes == np.asarray(kind, dtype=np.int64)).all(axis=1))
    return matching[np.unique(np.linspace(0, len(matching) - 1, min(COLUMNS, len(matching))).astype(int))]


def _tiles(stacks: Tensor, config: GANConfig) -> list[Picture]:
    images, masks = decode(stacks, config)
    pairs = zip(images, masks, strict=True)
    return [draw_tile(image, mask, domain=config.domain.name, height=TILE_HEIGHT) for image, mask in pairs]
