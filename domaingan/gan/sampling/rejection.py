"""Turning down the draws that the discriminator likes least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from domaingan.core.errors import DataError
from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.networks import Generator, levels_of, pyramid
from domaingan.gan.sampling.generate import paint
from domaingan.gan.sampling.latent_sampler import latents

TRIALS = 128
"""So many draws say what a low score is."""

Kind = tuple[int, ...]
"""The codes of a draw's class conditions."""


@dataclass(frozen=True)
class Rejection:
    """Accepts draws whose score is at least a threshold: that of their class, as classes score differently.

    Each draw is scored alone, so that it does not matter what else is drawn: the discriminator then sees no spread of a
    batch, which is the same for all draws.
    """

    discriminator: nn.Module
    levels: int
    thresholds: dict[Kind, float]
    otherwise: float
    """The threshold of a class that was not among the trials."""

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
        """The thresholds below which a ``share`` of the draws under these conditions score.

        Args:
            generator: calibrated.
            discriminator: the one that was trained with it, on the CPU.
            config: the model's.
            condition: what :data:`TRIALS` draws are conditioned on: not those of the bank, or a crop would depend on
                how many are drawn.
            seed: the bank's.
            share: above 0 and below 1.

        Raises:
            DataError: there is no discriminator, or the share is none.
        """
        if discriminator is None:
            raise DataError("a model without its discriminator", expected="one that was trained by this version")
        if not 0 < share < 1:
            raise DataError(f"reject {share}", expected="a share from 0 to below 1")
        z = latents(config, [(seed, i, 1 << 17) for i in range(len(condition.codes))])
        every = cls(discriminator, levels_of(config), {}, -np.inf)
        scores, kinds = every.scores(paint(generator, config, z, condition), condition), _kinds(condition)
        low = {kind: scores[[other == kind for other in kinds]] for kind in set(kinds)}
        thresholds = {kind: float(np.quantile(own, share)) for kind, own in low.items()}
        return cls(discriminator, every.levels, thresholds, float(np.quantile(scores, share)))

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
        wanted = [self.thresholds.get(kind, self.otherwise) for kind in _kinds(condition)]
        return self.scores(stacks, condition) >= np.array(wanted)


def _kinds(condition: Condition) -> list[Kind]:
    return [tuple(codes) for codes in condition.codes.tolist()]
