"""A bank as the networks see it: channels and masks in [-1, 1], some held out, rare values drawn more often."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from domaingan.bank import Bank
from domaingan.errors import DataError
from domaingan.gan.config import GANConfig, templates_of

HELD_OUT = 0.1
"""Share of the subjects (of the crops, with fewer than 5 subjects) that the discriminator never trains on."""

Indices = Sequence[int] | NDArray[np.int64]


def image_range(bank: Bank) -> tuple[tuple[float, float], ...]:
    """For each channel the scaled values that become -1 and 1: 0 and 1 for frames, else those the crops span."""
    if bank.info.domain == "frame":
        return ((0.0, 1.0),) * len(bank.info.channels)
    chosen = np.linspace(0, len(bank) - 1, min(len(bank), 500)).astype(int)
    values = np.moveaxis(np.asarray(bank.images[np.unique(chosen)], dtype=np.float32), 1, 0)
    ends = np.quantile(values.reshape(len(values), -1), (0.001, 0.999), axis=1).T.astype(float)
    return tuple((round(low, 4), round(max(high, low + 1e-3), 4)) for low, high in ends)


def facts(bank: Bank) -> dict[str, Any]:
    """The fields of a :class:`~domaingan.gan.config.GANConfig` that follow from the crops.

    Raises:
        DataError: an image holds NaN or infinity.
    """
    info = bank.info
    return {
        "channels": info.channels,
        "classes": info.classes,
        "labels": [0, *(int(value) for value in np.unique(bank.masks) if value)],
        "domain": info.domain,
        "kind": info.kind,
        "ground": info.ground,
        "conditions": info.conditions,
        "image_range": image_range(bank),
        "subjects": info.subjects,
        "source": info.source,
        "crops": len(bank),
        "crops_sha256": checksum(bank),
        "templates": templates_of(bank.entries, list(info.conditions)),
    }


def checksum(bank: Bank) -> str:
    """SHA-256 of the crops themselves, as they are stored.

    Raises:
        DataError: an image holds NaN or infinity.
    """
    digest = hashlib.sha256()
    for start in range(0, len(bank), 256):
        images = np.asarray(bank.images[start : start + 256], dtype=np.float16)
        if not np.isfinite(images).all():
            raise DataError("NaN or infinity in a crop's image", path=bank.path, expected="finite numbers")
        digest.update(images.tobytes())
        digest.update(np.asarray(bank.masks[start : start + 256], dtype=np.uint8).tobytes())
    digest.update(np.ascontiguousarray(bank.entries).tobytes())
    return digest.hexdigest()


class TrainingCrops:
    """Draws batches from a bank; what is not in a batch stays where the bank has it, on disk or in memory.

    Half of the draws are uniform over the crops, half over the combinations of condition values: so a rare value
    is seen often, and the common ones keep their variety.

    Args:
        bank: crops with the config's channels, conditions and mask values.
        config: names the mask channels and the range of the images; its seed chooses what is held out.
    """

    def __init__(self, bank: Bank, config: GANConfig) -> None:
        self.bank, self.config = bank, config
        columns = [np.asarray(bank.entries[f"condition:{name}"]) for name in config.conditions]
        self.codes = np.stack(columns, axis=1) if columns else np.zeros((len(bank), 0), np.int64)
        _, self._kind = np.unique(self.codes, axis=0, return_inverse=True)
        self.held = _held_out(np.asarray(bank.entries["subject"]), self._kind, config.seed)
        self.train = np.setdiff1d(np.arange(len(bank)), self.held)
        kinds = self._kind[self.train]
        counts = np.bincount(kinds)
        balanced = 1 / (np.count_nonzero(counts) * counts[kinds])
        self._weights = torch.from_numpy(0.5 / len(self.train) + 0.5 * balanced)

    def encode(self, indices: Indices) -> tuple[Tensor, Tensor]:
        """Crops as ``(n, C + M, *size)`` in [-1, 1] and their codes ``(n, K)``, both on the CPU."""
        images = np.asarray(self.bank.images[indices], dtype=np.float32)
        ends = np.asarray(self.config.image_range, dtype=np.float32)
        low, high = (end.reshape(-1, *[1] * self.config.spatial_dims) for end in ends.T)
        scaled = np.clip((images - low) / (high - low) * 2 - 1, -1, 1)
        masks = np.asarray(self.bank.masks[indices])[:, None]
        values = np.asarray(self.config.mask_channels, dtype=np.int64).reshape(1, -1, *[1] * self.config.spatial_dims)
        painted = np.concatenate([scaled, np.where(masks == values, 1, -1).astype(np.float32)], axis=1)
        return torch.from_numpy(painted), torch.from_numpy(self.codes[indices].astype(np.int64))

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """``n`` training crops, rare values more often than they occur."""
        chosen = torch.multinomial(self._weights, n, replacement=True, generator=rng)
        return self.encode(self.train[chosen.numpy()])

    def held_out(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """At most ``n`` of the crops held out, or None if there are none."""
        if not len(self.held):
            return None
        return self.encode(self.held[torch.randperm(len(self.held), generator=rng).numpy()[:n]])


def _held_out(subjects: NDArray[Any], kinds: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """Positions held out: whole subjects where there are at least 5; every kind of crop keeps half of its crops."""
    rng = np.random.default_rng([seed, 1])
    many = len(np.unique(subjects[subjects >= 0])) >= 5 and (subjects >= 0).all()
    groups = subjects if many else np.arange(len(subjects))
    names = rng.permutation(np.unique(groups))
    wanted = max(1, round(HELD_OUT * len(names))) if many else int(HELD_OUT * len(names))
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
    masks = np.asarray(config.mask_channels, dtype=np.uint8)[painted[:, channels:].argmax(dim=1).numpy()]
    return images.astype(np.float32), masks
