"""``samples.png``: real crops above generated ones of fixed latents, for each kind of crop."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from domaingan.core.tiles import Picture, add_legend, draw_tile, make_contact_sheet
from domaingan.gan.conditions import Condition, scale_numbers
from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops, decode
from domaingan.gan.networks import Generator
from domaingan.gan.sampling.generate import generate
from domaingan.gan.sampling.latent_sampler import sample_latents
from domaingan.gan.seeds import make_rng

SHEET_COLUMNS = 6
"""Crops in a row, of each sort."""

MAX_SHEET_KINDS = 8
"""At most so many kinds of crops are shown."""

TILE_HEIGHT = 128
"""Height of a crop in pixels."""


def draw_sample_sheet(generator: Generator, config: GANConfig, crops: TrainingCrops | None = None) -> Picture:
    """A picture of what the generator draws: for each combination of condition values a row of real crops
    and a row of generated ones.

    Args:
        generator: calibrated, see :func:`domaingan.gan.sampling.generate.calibrated`.
        config: the model's.
        crops: where the real crops come from, and what is given; without them two rows are generated.
    """
    kinds = config.list_combinations()[:MAX_SHEET_KINDS]
    z = sample_latents(config, [(config.seed, column, 3) for column in range(SHEET_COLUMNS)])
    more = sample_latents(config, [(config.seed, SHEET_COLUMNS + column, 3) for column in range(SHEET_COLUMNS)])
    tiles: list[Picture] = []
    captions: list[str] = []
    for kind in kinds:
        name = ", ".join(config.name_values(kind).values()) or config.kind
        rows = None if crops is None else _select_rows(crops, kind)
        real = [] if crops is None or rows is None else _draw_tiles(crops.encode(rows)[0], config)
        if crops is not None and rows is not None and config.given:
            hosts = np.resize(rows, SHEET_COLUMNS)
            varied = crops.sample_variation(hosts, make_rng(config.seed, 0, 7))
            condition = crops.encode(hosts, varied)[1].to(torch.device("cpu"))
        else:
            condition = _make_conditions(config, kind)
        fake = _draw_tiles(generate(generator, config, z, condition), config)
        if real:
            tiles += real + [np.full_like(fake[0], 255)] * (SHEET_COLUMNS - len(real))
            captions += [f"{name}: real", *[""] * (SHEET_COLUMNS - 1)]
        tiles += fake
        captions += [f"{name}: generated", *[""] * (SHEET_COLUMNS - 1)]
        if crops is None:  # there is room for more of them
            tiles += _draw_tiles(generate(generator, config, more, condition), config)
            captions += [""] * SHEET_COLUMNS
    return add_legend(make_contact_sheet(tiles, SHEET_COLUMNS, captions), config.classes)


def _make_conditions(config: GANConfig, kind: tuple[int, ...]) -> Condition:
    """Crops of one kind, with the numbers of training crops from the smallest to the largest."""
    alike = [template.numbers for template in config.templates if template.codes == kind]
    numbers = np.array([[math.nan if v is None else v for v in row] for row in alike], np.float32)
    if numbers.size:
        numbers = numbers[np.argsort(numbers[:, 0], kind="stable")]
    numbers = numbers[np.linspace(0, len(numbers) - 1, SHEET_COLUMNS).round().astype(int)].reshape(SHEET_COLUMNS, -1)
    codes = torch.tensor([kind] * SHEET_COLUMNS, dtype=torch.int64).reshape(SHEET_COLUMNS, -1)
    given = torch.zeros(SHEET_COLUMNS, config.conditioning_channels, *[config.size] * config.spatial_dims)
    return Condition(codes, scale_numbers(torch.from_numpy(numbers), config), given)


def _select_rows(crops: TrainingCrops, kind: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """A few real crops of one kind, evenly over the bank."""
    matching = np.flatnonzero((crops.codes == np.asarray(kind, dtype=np.int64)).all(axis=1))
    return matching[np.unique(np.linspace(0, len(matching) - 1, min(SHEET_COLUMNS, len(matching))).astype(int))]


def _draw_tiles(stacks: Tensor, config: GANConfig) -> list[Picture]:
    images, masks = decode(stacks, config)
    pairs = zip(images, masks, strict=True)
    return [draw_tile(image, mask, domain=config.domain.name, height=TILE_HEIGHT) for image, mask in pairs]
