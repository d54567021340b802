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
from domaingan.gan.networks import Generator, build_pyramid, count_levels
from domaingan.gan.sampling.generate import generate
from domaingan.gan.sampling.latent_sampler import sample_latents

TRIAL_CROPS = 128
"""So many draws say what a low score is."""

ClassCodes = tuple[int, ...]
"""The codes of a draw's class conditions."""


@dataclass(frozen=True)
class RejectionSampler:
    """Accepts draws whose score is at least a threshold: that of their class, as classes score differently.

    Each draw is scored alone, so that it does not matter what else is drawn: the discriminator then sees no spread of a
    batch, which is the same for all draws.
    """

    discriminator: nn.Module
    levels: int
    thresholds: dict[ClassCodes, float]
    default_threshold: float
    """The threshold of a class that was not among the trials."""

    @classmethod
    def fit(
        cls,
        generator: Generator,
        discriminator: nn.Module | None,
        config: GANConfig,
        condition: Condition,
        seed: int,
        share: float,
    ) -> RejectionSampler:
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
        z = sample_latents(config, [(seed, i, 1 << 17) for i in range(len(condition.codes))])
        every = cls(discriminator, count_levels(config), {}, -np.inf)
        scores, kinds = (
            every.score_stacks(generate(generator, config, z, condition), condition),
            _list_class_codes(condition),
        )
        low = {kind: scores[[other == kind for other in kinds]] for kind in set(kinds)}
        thresholds = {kind: float(np.quantile(own, share)) for kind, own in low.items()}
        return cls(discriminator, every.levels, thresholds, float(np.quantile(scores, share)))

    @torch.no_grad()
    def score_stacks(self, stacks: Tensor, condition: Condition) -> NDArray[np.float32]:
        """The score of each stack, ``(B,)``."""
        found = [
            self.discriminator(build_pyramid(stacks[i : i + 1], self.levels), condition.take(slice(i, i + 1)))
            for i in range(len(stacks))
        ]
        return torch.cat(found).float().numpy()

    def __call__(self, stacks: Tensor, condition: Condition) -> NDArray[np.bool_]:
        """Whether each may stay."""
        wanted = [self.thresholds.get(kind, self.default_threshold) for kind in _list_class_codes(condition)]
        return self.score_stacks(stacks, condition) >= np.array(wanted)


def _list_class_codes(condition: Condition) -> list[ClassCodes]:
    return [tuple(codes) for codes in condition.codes.tolist()]
