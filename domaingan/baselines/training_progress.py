"""What the trainings of all baselines share: the learning rate's course, the precision, and how the loss goes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from domaingan.core.errors import DataError
from domaingan.gan.devices import choose_precision

LOSS_BINS = 40
"""A training keeps the mean loss of so many stretches of its steps."""

ProgressCallback = Callable[[int, int, dict[str, float]], None]
"""Called with step, steps and the loss."""


def compute_warmup_cosine(step: int, steps: int) -> float:
    """The share of the peak learning rate at a step: up for a tenth of the way, then down to 0 by a cosine."""
    warm = min(1.0, (step + 1) / max(1, steps // 10))
    return warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def choose_forward_dtype(precision: str) -> torch.dtype:
    """The dtype of the forward pass on this CPU; ``auto`` is bf16 where it is fast."""
    return torch.bfloat16 if choose_precision(precision, "cpu") == "bf16-mixed" else torch.float32


@dataclass
class LossLog:
    """How a training goes.

    Attributes:
        what: whose training it is, for messages.
        steps: its length.
        told: who is told after each step, if anybody.
        losses: mean loss of each stretch of steps that is over, ``[(step, loss), …]``.
    """

    network_name: str
    steps: int
    callback: ProgressCallback | None = None
    losses: list[tuple[int, float]] = field(default_factory=list)
    _recent: list[float] = field(default_factory=list)

    def add(self, step: int, loss: Tensor) -> None:
        """Note the loss of a step, counted from 1.

        Raises:
            DataError: it is no finite number.
        """
        value = float(loss.detach())
        if not np.isfinite(value):
            raise DataError(f"the {self.network_name}'s loss is {value} at step {step}", expected="a finite loss")
        self._recent.append(value)
        if step % max(1, self.steps // LOSS_BINS) == 0 or step == self.steps:
            self.losses.append((step, round(float(np.mean(self._recent)), 5)))
            self._recent.clear()
        if self.callback is not None:
            self.callback(step, self.steps, {"loss": self.losses[-1][1] if self.losses else value})
