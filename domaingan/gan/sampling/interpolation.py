"""Strips: what a generator draws on the way from one latent, or one condition, to another."""

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
from domaingan.gan.data import decode
from domaingan.gan.networks import Generator, assemble
from domaingan.gan.sampling.latent_sampler import sample_latents
from domaingan.gan.sampling.sample_conditions import ConditionRequest, sample_conditions


@dataclass(frozen=True)
class InterpolationGrid:
    """Crops or scenes on the way from one to another, a row for each way.

    Attributes:
        config: the model's.
        images: ``(rows, steps, C, *size)`` float32 in scaled units.
        masks: ``(rows, steps, *size)`` uint8 class values, as they were drawn.
        captions: for each row and step what it is conditioned on, in words.
    """

    config: GANConfig
    images: NDArray[np.float32]
    masks: NDArray[np.uint8]
    captions: tuple[tuple[str, ...], ...]

    def draw_picture(self) -> Picture:
        """All of it as one picture, with the outlines of the masks."""
        zoom, domain = max(1, 96 // self.config.size), self.config.domain.name
        tiles = [
            draw_tile(image, mask, domain=domain, zoom=zoom)
            for row in zip(self.images, self.masks, strict=True)
            for image, mask in zip(*row, strict=True)
        ]
        return make_contact_sheet(tiles, self.images.shape[1], [text for row in self.captions for text in row])


def slerp(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """``(T, n)`` latents at the shares ``(T,)`` of the way between two of ``(n,)``.

    Along a great circle, as latents of many dimensions all lie near one sphere and a straight line between two of them
    leads through its empty middle (White 2016, https://arxiv.org/abs/1609.04468); the length changes evenly.
    """
    lengths = torch.stack([start.norm(), end.norm()])
    a, b = start / lengths[0], end / lengths[1]
    angle = torch.dot(a, b).clamp(-1, 1).acos()
    share = share[:, None]
    if angle.sin() < 1e-4:  # the same direction, or opposite ones: no circle is the shortest
        return torch.lerp(start[None], end[None], share)
    direction = ((1 - share) * angle).sin() / angle.sin() * a + (share * angle).sin() / angle.sin() * b
    return direction * torch.lerp(lengths[0], lengths[1], share)


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
    """Strips from what ``start`` says to what ``end`` says, or from one latent to another: see the GAN's method.

    Raises:
        DataError: fewer than 2 steps or 1 row, or as :func:`domaingan.gan.conditioning.conditions_for`.
    """
    if steps < 2 or rows < 1:
        raise DataError(f"{rows} rows of {steps} steps", expected="at least 1 row of 2 steps")
    seeds = seed if isinstance(seed, tuple) else (seed, seed)
    first = prepare_conditions(config, rows, seeds[0], hosts, start)[0]
    last = with_end_conditions(config, first, seeds[0], end) if end else first
    other = int(seeds[0] == seeds[1] and not end)  # the latent that a crop is drawn again from
    z = [
        sample_latents(config, [(number, row, attempt) for row in range(rows)], truncation)
        for number, attempt in zip(seeds, (0, other), strict=True)
    ]
    return interpolate_between(generator, config, (z[0], z[1]), (first, last), steps)


@torch.no_grad()
def interpolate_between(
    generator: Generator, config: GANConfig, z: tuple[Tensor, Tensor], ends: tuple[Condition, Condition], steps: int
) -> InterpolationGrid:
    """From the one latents and conditions to the other in ``steps``, both ends included.

    Latents follow a great circle, numbers a straight line, and embedded classes a straight line. What is given stays
    that of the start.

    Args:
        generator: calibrated.
        config: the model's.
        z: latents ``(rows, latent)`` at the start and at the end.
        ends: conditions of the rows at the start and at the end, on the CPU.
        steps: at least 2.
    """
    device = next(generator.parameters()).device
    share = torch.linspace(0, 1, steps)
    stacks, captions = [], []
    for row in range(len(z[0])):
        first, last = (condition.take(torch.full((steps,), row)) for condition in ends)
        numbers = _interpolate_numbers(first.numbers, last.numbers, share[:, None])
        first, last = first._replace(numbers=numbers).to(device), last._replace(numbers=numbers).to(device)
        embedded = torch.lerp(generator.embed(first), generator.embed(last), share[:, None].to(device))
        latent = slerp(z[0][row], z[1][row], share).to(device)
        painted = generator.paint_embedded(latent, embedded, first.image)[-1:]
        stacks.append(assemble(painted, first.image, config)[0].cpu())
        codes = tuple(tuple(map(int, condition.codes[row])) for condition in ends)
        captions.append(tuple(_write_caption(config, codes, numbers[i], i / (steps - 1)) for i in range(steps)))
    images, masks = decode(torch.cat(stacks), config)
    shape = (len(stacks), steps)
    images, masks = images.reshape(*shape, *images.shape[1:]), masks.reshape(*shape, *masks.shape[1:])
    return InterpolationGrid(config, images, masks, tuple(captions))


def _interpolate_numbers(first: Tensor, last: Tensor, share: Tensor) -> Tensor:
    """Numbers on the way; where one end is not known, the other one all the way."""
    first, last = torch.where(first.isnan(), last, first), torch.where(last.isnan(), first, last)
    return first + (last - first) * share


def _write_caption(config: GANConfig, codes: tuple[tuple[int, ...], ...], numbers: Tensor, share: float) -> str:
    first, last = (config.name_values(code) for code in codes)
    words = []
    for name in dict.fromkeys([*first, *last]):
        a, b = first.get(name, "unknown"), last.get(name, "unknown")
        words.append(a if a == b or share == 0 else b if share == 1 else f"{share:.0%} {b}")
    for (name, (low, high)), value in zip(config.numbers.items(), numbers.tolist(), strict=True):
        words += [] if math.isnan(value) else [f"{name} {low + value * (high - low):.3g}"]
    return ", ".join(words)


def with_end_conditions(
    config: GANConfig, first: Condition, seed: int, end: Mapping[str, ConditionRequest]
) -> Condition:
    """The conditions ``first`` with those changed that ``end`` names.

    Raises:
        DataError: as :func:`domaingan.gan.sampling.sample_conditions.plan`.
    """
    last = sample_conditions(config, len(first.codes), seed, end)
    codes = torch.tensor([name in end for name in config.conditions], dtype=torch.bool)
    numbers = torch.tensor([name in end for name in config.numbers], dtype=torch.bool)
    return first._replace(
        codes=torch.where(codes, last.codes, first.codes), numbers=torch.where(numbers, last.numbers, first.numbers)
    )
