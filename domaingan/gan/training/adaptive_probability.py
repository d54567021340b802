"""Adapt the probability of augmentation while a GAN is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

ADAPTATION_CROPS = 50_000
"""Crops in which the probability can go from 0 to 1. In the paper it is ten times that, for longer trainings."""

MAX_PROBABILITY = 0.8
"""Largest probability: above it the generator reproduces the augmentations (Karras et al. 2020, figure 4)."""


@dataclass
class AdaptiveProbability:
    """Drives the probability of augmentation so that the discriminator does not overfit.

    ADA (Karras et al. 2020, https://arxiv.org/abs/2006.06676): r_t is the mean sign of the scores of real crops. If it
    is above its target, the probability grows; if it is below, the probability shrinks.

    Attributes:
        target: of r_t; the paper's is 0.6.
        probability: the current one.
        sign_sum: the sum of the batches' r_t since the last change.
        batches: how many batches these are.
    """

    target: float
    probability: Tensor
    sign_sum: Tensor = field(default_factory=lambda: torch.zeros(()))
    batches: int = 0

    def add_batch(self, r_t: Tensor) -> None:
        """Add the r_t of a batch."""
        self.sign_sum += r_t
        self.batches += 1

    def update(self, r_t: float, crops: int) -> None:
        """Change the probability and start a new sum.

        Args:
            r_t: mean over the batches since the last change.
            crops: how many crops these had.
        """
        change = math.copysign(crops / ADAPTATION_CROPS, r_t - self.target)
        self.probability.add_(change).clamp_(0, MAX_PROBABILITY)
        self.sign_sum.zero_()
        self.batches = 0
