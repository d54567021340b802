"""``samples.png``: real crops above crops that were generated from fixed latents, for each kind of crop."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaingan.core.tiles import Picture, add_legend, draw_tile, make_contact_sheet
from domaingan.gan.conditions import Condition, scale_numbers
from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops, decode_stacks
from domaingan.gan.networks import Generator
from domaingan.gan.sampling.generate import generate
from domaingan.gan.sampling.latents import sample_latents
from domaingan.gan.seeds import make_rng

SHEET_COLUMNS = 6
"""Crops in a row."""

MAX_SHEET_KINDS = 8
"""At most this many kinds of crops are shown."""

TILE_HEIGHT = 128
"""Height of a crop in the picture, in pixels."""

WHITE = 255


def draw_sample_sheet(generator: Generator, config: GANConfig, crops: TrainingCrops | None = None) -> Picture:
    """Draw a picture of what the generator generates.

    For each combination of condition values it has a row of real crops and a row of generated ones. Without real crops
    it has two rows of generated ones.

    Args:
        generator: recalibrated, see :func:`domaingan.gan.sampling.generate.recalibrate_batch_norm`.
        config: the model's.
        crops: the real crops, from which the conditioning images are taken, too.
    """
    z = _sample_latents(config, 0)
    tiles: list[Picture] = []
    captions: list[str] = []
    for codes in config.list_combinations()[:MAX_SHEET_KINDS]:
        name = ", ".join(config.name_values(codes).values()) or config.data.kind
        condition = _make_conditions(config, codes)
        if crops is not None:
            rows = _select_rows(crops, codes)
            real = _draw_tiles(crops.encode(rows)[0], config)
            empty = [np.full_like(real[0], WHITE)] * (SHEET_COLUMNS - len(real))
            tiles += [*real, *empty]
            captions += _caption_row(f"{name}: real")
            if config.network.conditioning:
                condition = _encode_hosts(crops, rows, config)
        tiles += _draw_tiles(generate(generator, config, z, condition), config)
        captions += _caption_row(f"{name}: generated")
        if crops is None:
            tiles += _draw_tiles(generate(generator, config, _sample_latents(config, 1), condition), config)
            captions += _caption_row("")
    return add_legend(make_contact_sheet(tiles, SHEET_COLUMNS, captions), config.data.classes)


def _sample_latents(config: GANConfig, row: int) -> Tensor:
    """Draw the fixed latents of a row of generated crops."""
    first = row * SHEET_COLUMNS
    return sample_latents(config, [(config.training.seed, first + column, 3) for column in range(SHEET_COLUMNS)])


def _caption_row(text: str) -> list[str]:
    return [text, *[""] * (SHEET_COLUMNS - 1)]


def _encode_hosts(crops: TrainingCrops, rows: NDArray[np.int64], config: GANConfig) -> Condition:
    """Encode the conditions of a row of generated crops from real crops, which are repeated if there are few."""
    hosts = np.resize(rows, SHEET_COLUMNS)
    variation = crops.sample_variation(hosts, make_rng(config.training.seed, 0, 7))
    return crops.encode(hosts, variation)[1].to(torch.device("cpu"))


def _make_conditions(config: GANConfig, codes: tuple[int, ...]) -> Condition:
    """Make the conditions of a row: one kind of crop, with the numbers of training crops in ascending order."""
    rows = [record.numbers for record in config.data.crop_records if record.codes == codes]
    numbers = np.array(rows, np.float32)  # None becomes NaN
    if numbers.size:
        numbers = numbers[np.argsort(numbers[:, 0], kind="stable")]
    chosen = np.linspace(0, len(numbers) - 1, SHEET_COLUMNS).round().astype(int)
    numbers = numbers[chosen].reshape(SHEET_COLUMNS, -1)
    return Condition(
        codes=torch.tensor([codes] * SHEET_COLUMNS, dtype=torch.int64).reshape(SHEET_COLUMNS, -1),
        numbers=scale_numbers(torch.from_numpy(numbers), config),
        image=torch.zeros(SHEET_COLUMNS, config.conditioning_channels, *config.network.shape),
    )


def _select_rows(crops: TrainingCrops, codes: tuple[int, ...]) -> NDArray[np.int64]:
    """Select a few real crops of one kind, evenly over the bank."""
    is_kind = (crops.codes == np.asarray(codes, dtype=np.int64)).all(axis=1)
    matching = np.flatnonzero(is_kind)
    even = np.linspace(0, len(matching) - 1, min(SHEET_COLUMNS, len(matching)))
    return matching[np.unique(even.astype(int))]


def _draw_tiles(stacks: Tensor, config: GANConfig) -> list[Picture]:
    images, masks = decode_stacks(stacks, config)
    tiles = []
    for image, mask in zip(images, masks, strict=True):
        tiles.append(draw_tile(image, mask, domain=config.data.domain.name, height=TILE_HEIGHT))
    return tiles
