"""What all baselines share in training: the learning rate's schedule and the log of the loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from domaingan.core.errors import DataError

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
    _pending: tuple[int, Tensor] | None = None

    def add(self, step: int, loss: Tensor) -> None:
        """Record the loss of a step, counted from 1.

        It is read when the next one comes: a GPU that is still at work on a step need not be waited for.

        Raises:
            DataError: the loss of the step before is no finite number.
        """
        self.finish()
        self._pending = (step, loss.detach())

    def finish(self) -> None:
        """Read the loss of the last step.

        Raises:
            DataError: it is no finite number.
        """
        if self._pending is None:
            return
        step, loss = self._pending
        self._pending = None
        value = float(loss)
        if not np.isfinite(value):
            raise DataError(f"the {self.network_name}'s loss is {value} at step {step}", expected="a finite loss")
        self._recent.append(value)
        if step % max(1, self.steps // LOSS_BINS) == 0 or step == self.steps:
            self.losses.append((step, round(float(np.mean(self._recent)), 5)))
            self._recent.clear()
        if self.callback is not None:
            shown_loss = self.losses[-1][1] if self.losses else value
            self.callback(step, self.steps, {"loss": shown_loss})
