"""What all baselines share in training: the learning rate's schedule, the precision, and the log of the loss."""

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
"""A training is divided into this many bins of steps, and the mean loss of each is kept."""

ProgressCallback = Callable[[int, int, dict[str, float]], None]
"""Called with step, number of steps, and the loss."""


def compute_warmup_cosine(step: int, steps: int) -> float:
    """Compute the share of the peak learning rate at a step: up for a tenth of the steps, then a cosine down to 0.

    Args:
        step: counted from 0.
        steps: their number.

    Returns:
        A factor in [0, 1].
    """
    warmup = min(1.0, (step + 1) / max(1, steps // 10))
    return warmup * 0.5 * (1 + math.cos(math.pi * step / steps))


def choose_forward_dtype(precision: str) -> torch.dtype:
    """Choose the dtype of the forward pass on this CPU.

    Args:
        precision: ``auto``, ``32`` or ``bf16``; ``auto`` is bfloat16 where that is fast.
    """
    return torch.bfloat16 if choose_precision(precision, "cpu") == "bf16-mixed" else torch.float32


@dataclass
class LossLog:
    """Records the loss of a training, and reports it.

    Attributes:
        network_name: whose training it is, for messages.
        steps: number of steps.
        callback: called after each step, if given.
        losses: mean loss of each bin of steps that is over, ``[(step, loss), …]``.
    """

    network_name: str
    steps: int
    callback: ProgressCallback | None = None
    losses: list[tuple[int, float]] = field(default_factory=list)
    _recent: list[float] = field(default_factory=list)

    def add(self, step: int, loss: Tensor) -> None:
        """Record the loss of a step, counted from 1.

        Raises:
            DataError: the loss is no finite number.
        """
        value = float(loss.detach())
        if not np.isfinite(value):
            raise DataError(f"the {self.network_name}'s loss is {value} at step {step}", expected="a finite loss")
        self._recent.append(value)
        if step % max(1, self.steps // LOSS_BINS) == 0 or step == self.steps:
            self.losses.append((step, round(float(np.mean(self._recent)), 5)))
            self._recent.clear()
        if self.callback is not None:
            shown_loss = self.losses[-1][1] if self.losses else value
            self.callback(step, self.steps, {"loss": shown_loss})
