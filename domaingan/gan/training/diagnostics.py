"""Says in words, while a training runs, what its numbers mean when something goes wrong, and what to change."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

SETTLED = 200
"""Steps before which nothing is said: at the start all numbers are extreme."""

ROWS = 20
"""Means over so many rows of the log are judged."""

BY_HEART = 0.6
"""``r_v`` (see :mod:`domaingan.gan.training.training_log`) above which the discriminator overfits."""

COLLAPSED = 0.3
"""Diversity below this share of the real crops' is said to be a collapse."""

WON = 0.98
"""r_t above which the discriminator is said to have won, when the generator's gradient has all but gone as well."""


@dataclass
class Watch:
    """Reads the rows of the log; each thing is said once.

    Attributes:
        adaptive: whether the probability of augmentation is driven by the scores already.
        loss: by what the players are trained, so that it is not advised.
    """

    adaptive: bool = False
    loss: str = ""
    _recent: dict[str, deque[float]] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def read(self, step: int, metrics: Mapping[str, float]) -> list[str]:
        """What there is to say after a row."""
        for name, value in metrics.items():
            if math.isfinite(value):
                self._recent.setdefault(name, deque(maxlen=ROWS)).append(value)
        if step < SETTLED:
            return []
        found = {
            "collapse": self._collapsed(metrics.get("diversity", math.nan)),
            "by heart": self._by_heart(),
            "won": self._won(),
        }
        new = [f"step {step}: {text}" for what, text in found.items() if text and what not in self._said]
        self._said |= {what for what, text in found.items() if text}
        return new

    def _mean(self, name: str) -> float:
        values = self._recent.get(name, deque())
        return sum(values) / len(values) if len(values) == ROWS else math.nan

    def _collapsed(self, diversity: float) -> str:
        if not diversity < COLLAPSED:
            return ""
        return (
            f"collapse: generated crops differ {diversity:.0%} as much as real ones do; try {self._other_loss()}"
            "more crops, or a lower lr (set in Python)"
        )

    def _by_heart(self) -> str:
        # Of means, not a mean of ratios: one row's scores of a few held-out crops are far apart.
        real, held, fake = (self._mean(f"d_{which}") for which in ("real", "heldout", "fake"))
        r_v = (real - held) / (real - fake) if real > fake else math.nan
        if not r_v > BY_HEART:
            return ""
        advice = (
            "more crops, or a smaller --width" if self.adaptive else "--augment ada, more crops, or a smaller --width"
        )
        return (
            f"the discriminator knows its crops by heart (held-out crops score {r_v:.0%} of the way to generated ones)"
            f"; try {advice}"
        )

    def _won(self) -> str:
        if not (self._mean("r_t") > WON and self._mean("grad_g") < 1e-3):
            return ""
        return (
            f"the discriminator has won: the generator gets no gradient any more; try {self._other_loss()}"
            "a smaller --width, or a lower lr_d (set in Python)"
        )

    def _other_loss(self) -> str:
        return "" if self.loss == "relativistic" else "--loss relativistic, "
