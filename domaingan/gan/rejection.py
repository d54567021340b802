"""Turning down the draws that the discriminator likes least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from domaingan.errors import DataError
from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.networks import Generator, levels_of, pyramid
from domaingan.gan.sampling import latents
from domaingan.gan.standing import paint

TRIALS = 128
"""So many draws say what a low score is."""


@dataclass(frozen=True)
class Rejection:
    """Accepts draws whose score is at least a threshold.

    Each draw is scored alone, so that it does not matter what else is drawn: the discriminator then sees no spread of a
    batch, which is the same for all draws.
    """

    discriminator: nn.Module
    levels: int
    threshold: float

    @classmethod
    def fitted(
        cls,
        generator: Generator,
        discriminator: nn.Module | None,
        config: GANConfig,
        condition: Condition,
        seed: int,
        share: float,
    ) -> Rejection:
        """The threshold below which a ``share`` of the draws under these conditions score."""
        if discriminator is None:
            raise DataError("a model without its discriminator", expected="one that was trained by this version")
        if not 0 < share < 1:
            raise DataError(f"reject {share}", expected="a share from 0 to below 1")
        rows = torch.arange(TRIALS) % len(condition.codes)
        on = condition.take(rows)
        z = latents(config, [(seed, i, 1 << 17) for i in range(TRIALS)])
        every = cls(discriminator, levels_of(config), -np.inf)
        scores = every.scores(paint(generator, config, z, on), on)
        return cls(discriminator, every.levels, float(np.quantile(scores, share)))

    @torch.no_grad()
    def scores(self, stacks: Tensor, condition: Condition) -> NDArray[np.float32]:
        """The score of each stack, ``(B,)``."""
        found = [
            self.discriminator(pyramid(stacks[i : i + 1], self.levels), condition.take(slice(i, i + 1)))
            for i in range(len(stacks))
        ]
        return torch.cat(found).float().numpy()

    def __call__(self, stacks: Tensor, condition: Condition) -> NDArray[np.bool_]:
        """Whether each may stay."""
        return self.scores(stacks, condition) >= self.threshold
