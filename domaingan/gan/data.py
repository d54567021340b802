"""A bank as the networks see it: channels and masks in [-1, 1], some held out, rare values drawn more often."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaingan.banks import Bank
from domaingan.gan.conditions import Condition, scale_numbers
from domaingan.gan.config import PASTE, GANConfig
from domaingan.gan.inpainting import ObjectTexture, is_healthy, paste_textures, random_rotations, stack_conditioning
from domaingan.gan.seeds import make_rng
from domaingan.gan.training.augment import choose_flip_axes

HELD_OUT_SHARE = 0.1
"""Share of the subjects (of the crops, with fewer than 5 subjects) that the discriminator never trains on."""

MAX_RESIDENT_BYTES = 2 << 30
"""Crops of at most so many bytes, as they are stored, are kept in the device's memory."""

Indices = Sequence[int] | NDArray[np.int64]


class InpaintingVariation(NamedTuple):
    """How a batch of crops that a generator paints into is varied.

    Attributes:
        axes: spatial axes that may be mirrored.
        mirror: ``(n, len(axes))`` whether each is.
        sources: position of the crop whose inside is pasted into each, where one is.
        turns: ``(n, d, d)`` how that is turned.
    """

    axes: tuple[int, ...]
    mirror: Tensor
    sources: list[int]
    rotations: Tensor

    def take_items(self, part: slice) -> InpaintingVariation:
        """That of some items."""
        return InpaintingVariation(self.axes, self.mirror[part], self.sources[part], self.rotations[part])

    def mirror_images(self, images: Tensor) -> Tensor:
        """``(n, C, *size)``, some of them mirrored."""
        for k, axis in enumerate(self.axes):
            chosen = self.mirror[:, k].to(images.device).reshape(-1, *[1] * (images.ndim - 1))
            images = torch.where(chosen, images.flip(2 + axis), images)
        return images


class TrainingCrops:
    """Draws batches from a bank: kept in the device's memory where it fits, read from disk where it does not.

    Half of the draws are uniform over the crops, half over the combinations of class conditions: so a rare value is
    seen often, and the common ones keep their variety.

    Args:
        bank: crops with the config's channels, conditions and mask values.
        config: names the mask channels and the range of the images; its seed chooses what is held out.
        device: where batches are wanted.
        most: the bytes that crops may take there.
    """

    def __init__(
        self,
        bank: Bank,
        config: GANConfig,
        device: str | torch.device = "cpu",
        max_resident_bytes: int = MAX_RESIDENT_BYTES,
    ) -> None:
        self.config, self.device = config, torch.device(device)
        columns = [np.asarray(bank.entries[f"condition:{name}"]) for name in config.conditions]
        self.codes = np.stack(columns, axis=1) if columns else np.zeros((len(bank), 0), np.int64)
        _, kind = np.unique(self.codes, axis=0, return_inverse=True)
        kind = kind.reshape(-1)
        self.held_out_rows = _select_held_out(np.asarray(bank.entries["subject"]), kind, config.seed)
        self.training_rows = np.setdiff1d(np.arange(len(bank)), self.held_out_rows)
        counts = np.bincount(kind[self.training_rows])
        balanced = 1 / (np.count_nonzero(counts) * counts[kind[self.training_rows]])
        self._cumulative = torch.from_numpy((0.5 / len(self.training_rows) + 0.5 * balanced).cumsum())
        self._codes = torch.from_numpy(self.codes.astype(np.int64))
        self._numbers = _scale_bank_numbers(bank, config)
        self._bank, self._textures = bank, dict[int, ObjectTexture]()
        self._images: Any = bank.images
        self._masks: Any = bank.masks
        self.is_resident = bank.images.size * 2 + bank.masks.size <= max_resident_bytes
        if self.is_resident:
            self._images = torch.from_numpy(np.array(bank.images, dtype=np.float16)).to(self.device)
            self._masks = torch.from_numpy(np.array(bank.masks, dtype=np.uint8)).to(self.device)
        broadcast = (1, -1, *[1] * config.spatial_dims)
        low, high = torch.tensor(config.image_range, device=self.device).T
        self._low, self._span = low.reshape(broadcast), (high - low).reshape(broadcast)
        self._mask_values = torch.tensor(config.mask_channels, dtype=torch.uint8, device=self.device).reshape(broadcast)
        self._conditioning_channels = torch.tensor(config.is_conditioning, device=self.device).nonzero().squeeze(1)

    def __len__(self) -> int:
        return len(self.codes)

    def encode(self, indices: Indices, variation: InpaintingVariation | None = None) -> tuple[Tensor, Condition]:
        """Crops as stacks ``(n, C + M, *size)`` in [-1, 1], and what they are conditioned on, both on the device.

        Args:
            indices: positions in the bank.
            variation: of those that a generator paints into, how they are mirrored and what is pasted into them; they
                are as they are without it, and what was to be pasted has been.
        """
        chosen = torch.as_tensor(np.asarray(indices, dtype=np.int64))
        images, bodies = self._read_crops(chosen)
        if variation is not None:
            images, bodies = variation.mirror_images(images), variation.mirror_images(bodies[:, None])[:, 0]
        masks = torch.where(is_healthy(self._codes[chosen], self.config).to(self.device), 0, bodies)
        stack = torch.cat([self._scale_images(images), (masks[:, None] == self._mask_values).float() * 2 - 1], dim=1)
        shown = stack[:, self._conditioning_channels]
        if self.config.is_inpainting:
            host = images
            if variation is not None and PASTE in self.config.given:
                host = paste_textures(
                    images, bodies, [self._load_texture(i) for i in variation.sources], variation.rotations
                )
            shown = stack_conditioning(shown, self._scale_images(host), bodies)
        return stack, Condition(self._codes[chosen], self._numbers[chosen], shown).to(self.device)

    def _scale_images(self, images: Tensor) -> Tensor:
        return ((images - self._low) / self._span * 2 - 1).clamp(-1, 1)

    def _load_texture(self, index: int) -> ObjectTexture:
        texture = self._textures.get(index) or ObjectTexture.from_crop(
            self._bank.images[index], self._bank.masks[index]
        )
        if self.is_resident:  # as are the crops themselves
            self._textures[index] = texture
        return texture

    def sample_variation(self, chosen: Indices, rng: torch.Generator) -> InpaintingVariation | None:
        """How crops that a generator paints into are varied in training; None of others."""
        config = self.config
        if not config.is_inpainting:
            return None
        n, flips = len(chosen), choose_flip_axes(config.domain, config.spatial_dims)
        mirror = torch.rand(n, len(flips), generator=rng) < 0.5
        sources = [int(self._sample_similar(int(i), rng)) for i in chosen] if PASTE in config.given else []
        return InpaintingVariation(flips, mirror, sources, random_rotations(n, config, rng))

    def _sample_similar(self, index: int, rng: torch.Generator) -> int:
        """Another training crop of the same class conditions."""
        same = self.training_rows[(self.codes[self.training_rows] == self.codes[index]).all(axis=1)]
        return int(same[int(torch.randint(len(same), (), generator=rng))]) if len(same) else index

    def _read_crops(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        if self.is_resident:
            where = chosen.to(self.device)
            return self._images[where].float(), self._masks[where]
        images = torch.from_numpy(np.asarray(self._images[chosen.numpy()], dtype=np.float32))
        return images.to(self.device), torch.from_numpy(np.array(self._masks[chosen.numpy()])).to(self.device)

    def draw_batch(self, n: int, rng: torch.Generator, part: slice = slice(None)) -> tuple[Tensor, Condition]:
        """``n`` training crops, rare values more often than they occur; or only a ``part`` of those ``n``."""
        where = torch.rand(n, generator=rng, dtype=torch.float64) * self._cumulative[-1]
        chosen = torch.searchsorted(self._cumulative, where, right=True).clamp(max=len(self.training_rows) - 1)
        rows = self.training_rows[chosen.numpy()]
        varied = self.sample_variation(rows, rng)
        return self.encode(rows[part], None if varied is None else varied.take_items(part))

    def draw_held_out(self, n: int, rng: torch.Generator) -> tuple[Tensor, Condition] | None:
        """At most ``n`` of the crops held out, or None if there are none."""
        if not len(self.held_out_rows):
            return None
        rows = self.held_out_rows[torch.randperm(len(self.held_out_rows), generator=rng).numpy()[:n]]
        return self.encode(rows, self.sample_variation(rows, rng))


class BatchFeed:
    """The batch of each step: drawn at once where the crops are in memory, else read ahead while a step is taken.

    Args:
        crops: where they come from.
        part: the part of each batch that this process trains on.
    """

    def __init__(self, crops: TrainingCrops, part: slice = slice(None)) -> None:
        self.crops, self.part = crops, part
        self._pool = None if crops.is_resident else ThreadPoolExecutor(1, "read-ahead")
        self._ahead: dict[int, Future[tuple[Tensor, Condition]]] = {}

    def get_batch(self, step: int) -> tuple[Tensor, Condition]:
        """The stacks and conditions of a step; they follow from the config's seed and the step alone."""
        if self._pool is None:
            return self._draw_step(step)
        now = self._ahead.pop(step, None) or self._pool.submit(self._draw_step, step)
        self._ahead = {step + 1: self._pool.submit(self._draw_step, step + 1)}
        return now.result()

    def _draw_step(self, step: int) -> tuple[Tensor, Condition]:
        config = self.crops.config
        return self.crops.draw_batch(config.batch, make_rng(config.seed, step, 2), self.part)

    def close(self) -> None:
        """Read no further ahead."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _scale_bank_numbers(bank: Bank, config: GANConfig) -> Tensor:
    """``(n, L)`` in [0, 1] over the config's ranges, NaN where a number is not known."""
    columns = [torch.from_numpy(np.asarray(bank.entries[f"number:{name}"], np.float32)) for name in config.numbers]
    return scale_numbers(torch.stack(columns, dim=1), config) if columns else torch.zeros(len(bank), 0)


def _select_held_out(subjects: NDArray[Any], kinds: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """Positions held out: whole subjects where there are at least 5; every kind of crop keeps half of its crops."""
    rng = np.random.default_rng([seed, 1])
    many = len(np.unique(subjects[subjects >= 0])) >= 5 and (subjects >= 0).all()
    groups = subjects if many else np.arange(len(subjects))
    names = rng.permutation(np.unique(groups))
    wanted = max(1, round(HELD_OUT_SHARE * len(names))) if many else int(HELD_OUT_SHARE * len(names))
    out = np.zeros(len(subjects), dtype=bool)
    taken = 0
    for name in names:
        trial = out | (groups == name)
        if taken < wanted and (2 * np.bincount(kinds, weights=trial) <= np.bincount(kinds)).all():
            out, taken = trial, taken + 1
    return np.flatnonzero(out)


def decode(painted: Tensor, config: GANConfig) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """From ``(n, C + M, *size)`` in [-1, 1] to images in scaled units and masks of class values (of scenes all 0)."""
    painted = painted.float().cpu()
    channels = len(config.channels)
    ends = np.asarray(config.image_range, dtype=np.float32)
    low, high = (end.reshape(-1, *[1] * config.spatial_dims) for end in ends.T)
    images = (painted[:, :channels].numpy() + 1) / 2 * (high - low) + low
    if not config.mask_channels:
        return images.astype(np.float32), np.zeros((len(images), *images.shape[2:]), dtype=np.uint8)
    masks = np.asarray(config.mask_channels, dtype=np.uint8)[_argmax_channels(painted[:, channels:].numpy())]
    return images.astype(np.float32), masks


def _argmax_channels(layers: NDArray[np.float32]) -> NDArray[np.uint8]:
    """``layers.argmax(axis=1)``, plane by plane: several times as fast where the planes lie one after the other."""
    best, position = layers[:, 0], np.zeros((len(layers), *layers.shape[2:]), dtype=np.uint8)
    for i in range(1, layers.shape[1]):
        position[layers[:, i] > best] = i
        best = np.maximum(best, layers[:, i])
    return position
