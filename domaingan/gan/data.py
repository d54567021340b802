"""The crops of a bank as batches for the networks, in [-1, 1]; some are held out, rare values are drawn more often."""

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
from domaingan.gan.inpainting import (
    ObjectTexture,
    is_healthy,
    paste_textures,
    random_rotations,
    stack_conditioning,
)
from domaingan.gan.seeds import make_rng
from domaingan.gan.training.augment import choose_flip_axes

HELD_OUT_SHARE = 0.1
"""Share of the subjects that the discriminator never trains on (share of the crops, with fewer than 5 subjects)."""

MIN_HELD_OUT_SUBJECTS = 5
"""With at least this many subjects, whole subjects are held out."""

MAX_RESIDENT_BYTES = 2 << 30
"""Crops of at most this size are kept in the device's memory."""

BALANCED_SHARE = 0.5
"""Share of the draws that are uniform over the combinations of classes instead of over the crops."""

Indices = Sequence[int] | NDArray[np.int64]


class InpaintingVariation(NamedTuple):
    """How a batch of crops is varied before a generator that changes hosts is trained on it.

    Attributes:
        axes: spatial axes that may be mirrored.
        mirror: ``(n, len(axes))`` whether each is mirrored.
        sources: position of the crop whose object is pasted into each crop; empty if nothing is pasted.
        rotations: ``(n, d, d)`` how these objects are rotated.
    """

    axes: tuple[int, ...]
    mirror: Tensor
    sources: list[int]
    rotations: Tensor

    def take_items(self, part: slice) -> InpaintingVariation:
        """Return the variation of some items of the batch."""
        return InpaintingVariation(self.axes, self.mirror[part], self.sources[part], self.rotations[part])

    def mirror_images(self, images: Tensor) -> Tensor:
        """Mirror those items of ``(n, C, *size)`` that are to be mirrored."""
        for k, axis in enumerate(self.axes):
            is_mirrored = self.mirror[:, k].to(images.device).reshape(-1, *[1] * (images.ndim - 1))
            images = torch.where(is_mirrored, images.flip(2 + axis), images)
        return images


class TrainingCrops:
    """Draws batches from a bank, which is kept in the device's memory where it fits and read from disk otherwise.

    Half of the draws are uniform over the crops, half over the combinations of class conditions. So rare values are
    seen often, and frequent ones keep their variety.

    Args:
        bank: crops with the config's channels, conditions and mask values.
        config: the model's. It names the mask channels and the range of the images; its seed decides which crops are
            held out.
        device: the device of the batches.
        max_resident_bytes: the most memory that the crops may take there.

    Attributes:
        codes: ``(n, K)`` codes of the class conditions of all crops.
        held_out_rows: positions of the crops that are held out.
        training_rows: positions of all other crops.
        is_resident: whether the crops are kept in the device's memory.
    """

    def __init__(
        self,
        bank: Bank,
        config: GANConfig,
        device: str | torch.device = "cpu",
        max_resident_bytes: int = MAX_RESIDENT_BYTES,
    ) -> None:
        self.config, self.device = config, torch.device(device)
        self.codes = _read_codes(bank, config)
        kinds = np.unique(self.codes, axis=0, return_inverse=True)[1].reshape(-1)
        self.held_out_rows = _select_held_out(np.asarray(bank.entries["subject"]), kinds, config.training.seed)
        self.training_rows = np.setdiff1d(np.arange(len(bank)), self.held_out_rows)
        self._cumulative = _accumulate_probabilities(kinds[self.training_rows])
        self._codes = torch.from_numpy(self.codes.astype(np.int64))
        self._numbers = _scale_bank_numbers(bank, config)
        self._bank = bank
        self._textures: dict[int, ObjectTexture] = {}
        self._images: Any = bank.images
        self._masks: Any = bank.masks
        self.is_resident = bank.images.size * 2 + bank.masks.size <= max_resident_bytes
        if self.is_resident:
            self._images = torch.from_numpy(np.array(bank.images, dtype=np.float16)).to(self.device)
            self._masks = torch.from_numpy(np.array(bank.masks, dtype=np.uint8)).to(self.device)
        broadcast = (1, -1, *config.network.unit_axes)
        low, high = torch.tensor(config.data.image_range, device=self.device).T
        self._low, self._span = low.reshape(broadcast), (high - low).reshape(broadcast)
        mask_values = torch.tensor(config.mask_channels, dtype=torch.uint8, device=self.device)
        self._mask_values = mask_values.reshape(broadcast)
        is_conditioning = torch.tensor(config.is_conditioning, device=self.device)
        self._conditioning_channels = is_conditioning.nonzero().squeeze(1)

    def __len__(self) -> int:
        return len(self.codes)

    def encode(self, indices: Indices, variation: InpaintingVariation | None = None) -> tuple[Tensor, Condition]:
        """Encode crops as stacks with their conditions.

        Args:
            indices: positions in the bank.
            variation: how crops are mirrored and what is pasted into them, for a generator that changes hosts. Without
                it the crops stay as they are; what was to be pasted has been pasted already.

        Returns:
            Stacks ``(n, C + M, *size)`` in [-1, 1] and the conditions, both on the device.
        """
        chosen = torch.as_tensor(np.asarray(indices, dtype=np.int64))
        images, bodies = self._read_crops(chosen)
        if variation is not None:
            images = variation.mirror_images(images)
            bodies = variation.mirror_images(bodies[:, None])[:, 0]
        is_empty = is_healthy(self._codes[chosen], self.config).to(self.device)
        masks = torch.where(is_empty, 0, bodies)
        mask_channels = (masks[:, None] == self._mask_values).float() * 2 - 1
        stack = torch.cat([self._scale_images(images), mask_channels], dim=1)
        conditioning = stack[:, self._conditioning_channels]
        if self.config.is_inpainting:
            host = images
            if variation is not None and PASTE in self.config.network.conditioning:
                textures = [self._load_texture(index) for index in variation.sources]
                host = paste_textures(images, bodies, textures, variation.rotations)
            conditioning = stack_conditioning(conditioning, self._scale_images(host), bodies)
        condition = Condition(self._codes[chosen], self._numbers[chosen], conditioning)
        return stack, condition.to(self.device)

    def sample_variation(self, chosen: Indices, rng: torch.Generator) -> InpaintingVariation | None:
        """Draw how crops are varied in the training of a generator that changes hosts; None for other generators.

        Args:
            chosen: positions of the crops in the bank.
            rng: the random draws.
        """
        config = self.config
        if not config.is_inpainting:
            return None
        n, flips = len(chosen), choose_flip_axes(config.data.domain, config.network.spatial_dims)
        mirror = torch.rand(n, len(flips), generator=rng) < 0.5
        sources: list[int] = []
        if PASTE in config.network.conditioning:
            sources = [self._sample_similar(int(index), rng) for index in chosen]
        return InpaintingVariation(
            flips, mirror, sources, random_rotations(n, config.network.spatial_dims, config.data.domain, rng)
        )

    def draw_batch(self, n: int, rng: torch.Generator, part: slice = slice(None)) -> tuple[Tensor, Condition]:
        """Draw training crops, rare values more often than they occur.

        Args:
            n: number of crops.
            rng: the random draws.
            part: which of the ``n`` crops are returned.

        Returns:
            As of :meth:`encode`.
        """
        position = torch.rand(n, generator=rng, dtype=torch.float64) * self._cumulative[-1]
        chosen = torch.searchsorted(self._cumulative, position, right=True)
        rows = self.training_rows[chosen.clamp(max=len(self.training_rows) - 1).numpy()]
        variation = self.sample_variation(rows, rng)
        return self.encode(rows[part], None if variation is None else variation.take_items(part))

    def draw_held_out(self, n: int, rng: torch.Generator) -> tuple[Tensor, Condition] | None:
        """Draw at most ``n`` of the crops that are held out; None if there are none."""
        if not len(self.held_out_rows):
            return None
        rows = self.held_out_rows[torch.randperm(len(self.held_out_rows), generator=rng).numpy()[:n]]
        return self.encode(rows, self.sample_variation(rows, rng))

    def _scale_images(self, images: Tensor) -> Tensor:
        return ((images - self._low) / self._span * 2 - 1).clamp(-1, 1)

    def _load_texture(self, index: int) -> ObjectTexture:
        texture = self._textures.get(index)
        if texture is None:
            texture = ObjectTexture.from_crop(self._bank.images[index], self._bank.masks[index])
        if self.is_resident:
            self._textures[index] = texture
        return texture

    def _sample_similar(self, index: int, rng: torch.Generator) -> int:
        """Draw a training crop of the same class conditions as crop ``index``."""
        is_same = (self.codes[self.training_rows] == self.codes[index]).all(axis=1)
        rows = self.training_rows[is_same]
        if not len(rows):
            return index
        return int(rows[int(torch.randint(len(rows), (), generator=rng))])

    def _read_crops(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        if self.is_resident:
            rows = chosen.to(self.device)
            return self._images[rows].float(), self._masks[rows]
        images = torch.from_numpy(np.asarray(self._images[chosen.numpy()], dtype=np.float32))
        masks = torch.from_numpy(np.array(self._masks[chosen.numpy()]))
        return images.to(self.device), masks.to(self.device)


class BatchFeed:
    """The batch of each step: drawn at once if the crops are in memory, otherwise read ahead during the step before.

    Args:
        crops: the crops of the training.
        part: the part of each batch that this process trains on.
    """

    def __init__(self, crops: TrainingCrops, part: slice = slice(None)) -> None:
        self.crops, self.part = crops, part
        self._pool = None if crops.is_resident else ThreadPoolExecutor(1, "read-ahead")
        self._ahead: dict[int, Future[tuple[Tensor, Condition]]] = {}

    def get_batch(self, step: int) -> tuple[Tensor, Condition]:
        """Return stacks and conditions of a step. They depend on the config's seed and the step alone."""
        if self._pool is None:
            return self._draw_step(step)
        current = self._ahead.pop(step, None) or self._pool.submit(self._draw_step, step)
        self._ahead = {step + 1: self._pool.submit(self._draw_step, step + 1)}
        return current.result()

    def close(self) -> None:
        """Stop reading ahead."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _draw_step(self, step: int) -> tuple[Tensor, Condition]:
        training = self.crops.config.training
        return self.crops.draw_batch(training.batch, make_rng(training.seed, step, 2), self.part)


def _read_codes(bank: Bank, config: GANConfig) -> NDArray[Any]:
    """Read the codes of the class conditions ``(n, K)``."""
    columns = [np.asarray(bank.entries[f"condition:{name}"]) for name in config.data.conditions]
    return np.stack(columns, axis=1) if columns else np.zeros((len(bank), 0), np.int64)


def _accumulate_probabilities(kinds: NDArray[Any]) -> Tensor:
    """Compute the cumulative probabilities by which training crops of these kinds are drawn."""
    counts = np.bincount(kinds)
    balanced = 1 / (np.count_nonzero(counts) * counts[kinds])
    uniform = (1 - BALANCED_SHARE) / len(kinds)
    return torch.from_numpy((uniform + BALANCED_SHARE * balanced).cumsum())


def _scale_bank_numbers(bank: Bank, config: GANConfig) -> Tensor:
    """Read the number conditions ``(n, L)``, scaled to [0, 1]; NaN where a number is unknown."""
    columns = []
    for name in config.data.numbers:
        columns.append(torch.from_numpy(np.asarray(bank.entries[f"number:{name}"], np.float32)))
    return scale_numbers(torch.stack(columns, dim=1), config) if columns else torch.zeros(len(bank), 0)


def _select_held_out(subjects: NDArray[Any], kinds: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """Select the positions that are held out: whole subjects if there are at least 5, else single crops.

    Of every kind of crop, at least half of the crops stay in the training.
    """
    rng = np.random.default_rng([seed, 1])
    has_many_subjects = len(np.unique(subjects[subjects >= 0])) >= MIN_HELD_OUT_SUBJECTS and (subjects >= 0).all()
    groups = subjects if has_many_subjects else np.arange(len(subjects))
    shuffled = rng.permutation(np.unique(groups))
    wanted = int(HELD_OUT_SHARE * len(shuffled))
    if has_many_subjects:
        wanted = max(1, round(HELD_OUT_SHARE * len(shuffled)))
    is_held_out = np.zeros(len(subjects), dtype=bool)
    taken = 0
    for group in shuffled:
        trial = is_held_out | (groups == group)
        leaves_half = (2 * np.bincount(kinds, weights=trial) <= np.bincount(kinds)).all()
        if taken < wanted and leaves_half:
            is_held_out, taken = trial, taken + 1
    return np.flatnonzero(is_held_out)


def decode_stacks(stacks: Tensor, config: GANConfig) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Decode stacks into images and masks.

    Args:
        stacks: ``(n, C + M, *size)`` in [-1, 1].
        config: the model's.

    Returns:
        Images ``(n, C, *size)`` in scaled units, and masks ``(n, *size)`` of class values (0 everywhere for scenes).
    """
    values = stacks.float().cpu().numpy()
    channels = len(config.data.channels)
    low, high = np.asarray(config.data.image_range, dtype=np.float32).T
    shape = (-1, *config.network.unit_axes)
    low, high = low.reshape(shape), high.reshape(shape)
    images = ((values[:, :channels] + 1) / 2 * (high - low) + low).astype(np.float32)
    if not config.mask_channels:
        return images, np.zeros((len(images), *images.shape[2:]), dtype=np.uint8)
    masks = np.asarray(config.mask_channels, dtype=np.uint8)[_argmax_channels(values[:, channels:])]
    return images, masks


def _argmax_channels(layers: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Compute ``layers.argmax(axis=1)`` channel by channel, which is several times as fast for contiguous channels."""
    best, position = layers[:, 0], np.zeros((len(layers), *layers.shape[2:]), dtype=np.uint8)
    for i in range(1, layers.shape[1]):
        position[layers[:, i] > best] = i
        best = np.maximum(best, layers[:, i])
    return position
