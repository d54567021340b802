"""Generate what lies between two latents, or between two conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.core.tiles import Picture, draw_tile, make_contact_sheet
from domaingan.gan.conditioning import prepare_conditions
from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.data import decode_stacks
from domaingan.gan.networks import Generator, assemble_stacks
from domaingan.gan.sampling.latents import sample_latents
from domaingan.gan.sampling.sample_conditions import ConditionRequest, sample_conditions

MIN_TILE_PIXELS = 96
"""Smaller crops are enlarged to about this edge in a picture."""

MIN_ANGLE_SINE = 1e-4
"""Latents whose angle has a smaller sine lie on no great circle of their own."""


@dataclass(frozen=True)
class InterpolationGrid:
    """Crops or scenes between two ends, one row for each pair of ends.

    Attributes:
        config: the model's.
        images: ``(rows, steps, C, *size)`` float32 in scaled units.
        masks: ``(rows, steps, *size)`` uint8 class values, as they were generated.
        captions: for each row and step its condition in words.
    """

    config: GANConfig
    images: NDArray[np.float32]
    masks: NDArray[np.uint8]
    captions: tuple[tuple[str, ...], ...]

    def draw_picture(self) -> Picture:
        """Draw all crops as one picture, with the outlines of the masks."""
        zoom = max(1, MIN_TILE_PIXELS // self.config.network.size)
        tiles: list[Picture] = []
        captions: list[str] = []
        for images, masks, texts in zip(self.images, self.masks, self.captions, strict=True):
            for image, mask in zip(images, masks, strict=True):
                tiles.append(draw_tile(image, mask, domain=self.config.data.domain.name, zoom=zoom))
            captions += texts
        return make_contact_sheet(tiles, self.images.shape[1], captions)


def interpolate(
    generator: Generator,
    config: GANConfig,
    *,
    steps: int,
    seed: int | tuple[int, int],
    start: Mapping[str, ConditionRequest],
    end: Mapping[str, ConditionRequest],
    rows: int,
    hosts: Bank | None = None,
    truncation: float | None = None,
) -> InterpolationGrid:
    """Generate crops from the conditions ``start`` to the conditions ``end``, or from one latent to another.

    Args:
        generator: recalibrated.
        config: the model's.
        steps, seed, start, end, rows, hosts, truncation: as of :meth:`domaingan.gan.GAN.interpolate`.

    Raises:
        DataError: fewer than 2 steps or 1 row, or as :func:`domaingan.gan.conditioning.prepare_conditions`.
    """
    if steps < 2 or rows < 1:
        raise DataError(f"{rows} rows of {steps} steps", expected="at least 1 row of 2 steps")
    first_seed, last_seed = seed if isinstance(seed, tuple) else (seed, seed)
    first = prepare_conditions(config, rows, first_seed, hosts, start)[0]
    last = with_end_conditions(config, first, first_seed, end) if end else first
    # With one seed and no other condition, the last latent is the one that a crop's second attempt starts from.
    last_attempt = int(first_seed == last_seed and not end)
    first_z = sample_latents(config, [(first_seed, row, 0) for row in range(rows)], truncation)
    last_z = sample_latents(config, [(last_seed, row, last_attempt) for row in range(rows)], truncation)
    return interpolate_between(generator, config, (first_z, last_z), (first, last), steps)


@torch.no_grad()
def interpolate_between(
    generator: Generator, config: GANConfig, z: tuple[Tensor, Tensor], ends: tuple[Condition, Condition], steps: int
) -> InterpolationGrid:
    """Generate crops between given latents and conditions.

    Latents follow a great circle; numbers and embedded classes a straight line. The conditioning image stays that of
    the start.

    Args:
        generator: recalibrated.
        config: the model's.
        z: latents ``(rows, latent)`` at the start and at the end.
        ends: conditions of the rows at the start and at the end, on the CPU.
        steps: crops in a row, both ends included; at least 2.
    """
    device = next(generator.parameters()).device
    shares = torch.linspace(0, 1, steps)
    stacks, captions = [], []
    for row in range(len(z[0])):
        first, last = ends[0].take(torch.full((steps,), row)), ends[1].take(torch.full((steps,), row))
        numbers = _interpolate_numbers(first.numbers, last.numbers, shares[:, None])
        first, last = first._replace(numbers=numbers).to(device), last._replace(numbers=numbers).to(device)
        embedded = torch.lerp(generator.embed(first), generator.embed(last), shares[:, None].to(device))
        latent = slerp(z[0][row], z[1][row], shares).to(device)
        generated = generator.generate_embedded(latent, embedded, first.image)[-1:]
        stacks.append(assemble_stacks(generated, first.image, config)[0].cpu())
        first_values = config.name_values(tuple(map(int, ends[0].codes[row])))
        last_values = config.name_values(tuple(map(int, ends[1].codes[row])))
        texts = []
        for i in range(steps):
            texts.append(_write_caption(config, first_values, last_values, numbers[i], i / (steps - 1)))
        captions.append(tuple(texts))
    images, masks = decode_stacks(torch.cat(stacks), config)
    images = images.reshape(len(stacks), steps, *images.shape[1:])
    masks = masks.reshape(len(stacks), steps, *masks.shape[1:])
    return InterpolationGrid(config, images, masks, tuple(captions))


def slerp(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """Interpolate between two latents along a great circle; their lengths change evenly.

    Latents of many dimensions all lie near one sphere. A straight line between two of them would leave it (White 2016,
    https://arxiv.org/abs/1609.04468).

    Args:
        start: ``(n,)``.
        end: ``(n,)``.
        shares: ``(T,)`` shares of the way, 0 at the start and 1 at the end.

    Returns:
        ``(T, n)``.
    """
    start_length, end_length = start.norm(), end.norm()
    a, b = start / start_length, end / end_length
    angle = torch.dot(a, b).clamp(-1, 1).acos()
    shares = shares[:, None]
    if angle.sin() < MIN_ANGLE_SINE:  # the same direction, or opposite ones
        return torch.lerp(start[None], end[None], shares)
    direction = ((1 - shares) * angle).sin() / angle.sin() * a + (shares * angle).sin() / angle.sin() * b
    return direction * torch.lerp(start_length, end_length, shares)


def with_end_conditions(
    config: GANConfig, first: Condition, seed: int, end: Mapping[str, ConditionRequest]
) -> Condition:
    """Replace those of the conditions ``first`` that ``end`` names.

    Args:
        config: the model's.
        first: the conditions at the start.
        seed: of the random draws.
        end: what the user asks for at the end, by condition.

    Raises:
        DataError: as :func:`domaingan.gan.sampling.sample_conditions.sample_conditions`.
    """
    last = sample_conditions(config, len(first.codes), seed, end)
    has_new_code = torch.tensor([name in end for name in config.data.conditions], dtype=torch.bool)
    has_new_number = torch.tensor([name in end for name in config.data.numbers], dtype=torch.bool)
    codes = torch.where(has_new_code, last.codes, first.codes)
    numbers = torch.where(has_new_number, last.numbers, first.numbers)
    return first._replace(codes=codes, numbers=numbers)


def _interpolate_numbers(first: Tensor, last: Tensor, shares: Tensor) -> Tensor:
    """Interpolate numbers; if one end is unknown, the other one is used for all steps."""
    known_first = torch.where(first.isnan(), last, first)
    known_last = torch.where(last.isnan(), first, last)
    return known_first + (known_last - known_first) * shares


def _write_caption(
    config: GANConfig, first: dict[str, str], last: dict[str, str], numbers: Tensor, share: float
) -> str:
    words = []
    for name in dict.fromkeys([*first, *last]):
        start, end = first.get(name, "unknown"), last.get(name, "unknown")
        if start == end or share == 0:
            words.append(start)
        else:
            words.append(end if share == 1 else f"{share:.0%} {end}")
    for (name, (low, high)), value in zip(config.data.numbers.items(), numbers.tolist(), strict=True):
        if not math.isnan(value):
            words.append(f"{name} {low + value * (high - low):.3g}")
    return ", ".join(words)
