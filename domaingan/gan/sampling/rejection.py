"""Reject the generated crops that the discriminator scores lowest."""

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
from domaingan.gan.sampling.latents import sample_latents

TRIAL_CROPS = 128
"""Number of crops that the thresholds are measured on."""

TRIAL_STREAM = 1 << 17
"""Tells the latents of these crops from those of a bank."""

ClassCodes = tuple[int, ...]
"""The codes of a crop's class conditions."""


@dataclass(frozen=True)
class RejectionSampler:
    """Accepts crops whose score is at least the threshold of their class; classes differ in their scores.

    Each crop is scored alone, so that its score does not depend on the other crops of a batch.

    Attributes:
        discriminator: the one that was trained with the generator, on the CPU.
        levels: how many stacks its pyramid has.
        thresholds: the lowest score that is accepted, for each combination of classes.
        default_threshold: the threshold of classes that were not among the trial crops.
    """

    discriminator: nn.Module
    levels: int
    thresholds: dict[ClassCodes, float]
    default_threshold: float

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
        """Find the thresholds below which a share of the crops under these conditions score.

        Args:
            generator: recalibrated.
            discriminator: the one that was trained with it, on the CPU.
            config: the model's.
            condition: the conditions of :data:`TRIAL_CROPS` crops. These are not the crops of the bank: a crop must
                not depend on how many are sampled.
            seed: the bank's.
            share: above 0 and below 1.

        Raises:
            DataError: there is no discriminator, or the share is outside its range.
        """
        if discriminator is None:
            raise DataError("a model without its discriminator", expected="one that was trained by this version")
        if not 0 < share < 1:
            raise DataError(f"reject {share}", expected="a share from 0 to below 1")
        seeds: list[tuple[int, ...]] = [(seed, i, TRIAL_STREAM) for i in range(len(condition.codes))]
        stacks = generate(generator, config, sample_latents(config, seeds), condition)
        unlimited = cls(discriminator, count_levels(config), {}, -np.inf)
        scores, codes = unlimited.score_stacks(stacks, condition), _list_class_codes(condition)
        thresholds = {}
        for kind in set(codes):
            is_kind = [other == kind for other in codes]
            thresholds[kind] = float(np.quantile(scores[is_kind], share))
        return cls(discriminator, unlimited.levels, thresholds, float(np.quantile(scores, share)))

    @torch.no_grad()
    def score_stacks(self, stacks: Tensor, condition: Condition) -> NDArray[np.float32]:
        """Compute the discriminator's score of each stack.

        Args:
            stacks: ``(B, C + M, *size)`` in [-1, 1].
            condition: the condition of each stack.

        Returns:
            ``(B,)``. A positive score means that the discriminator takes the crop for a real one.
        """
        scores = []
        for i in range(len(stacks)):
            item = slice(i, i + 1)
            scores.append(self.discriminator(build_pyramid(stacks[item], self.levels), condition.take(item)))
        return torch.cat(scores).float().numpy()

    def __call__(self, stacks: Tensor, condition: Condition) -> NDArray[np.bool_]:
        """Tell which stacks ``(B, C + M, *size)`` are accepted."""
        codes = _list_class_codes(condition)
        thresholds = [self.thresholds.get(kind, self.default_threshold) for kind in codes]
        return self.score_stacks(stacks, condition) >= np.array(thresholds)


def _list_class_codes(condition: Condition) -> list[ClassCodes]:
    return [tuple(codes) for codes in condition.codes.tolist()]
