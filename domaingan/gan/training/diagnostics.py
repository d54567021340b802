"""Says in words, while a training runs, what its numbers mean when something goes wrong, and what to change."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

MIN_STEPS = 200
"""Steps before which nothing is said: at the start all numbers are extreme."""

MEAN_ROWS = 20
"""Means over so many rows of the log are judged."""

OVERFITTING_R_V = 0.6
"""``r_v`` (see :mod:`domaingan.gan.training.training_log`) above which the discriminator overfits."""

COLLAPSE_DIVERSITY = 0.3
"""Diversity below this share of the real crops' is said to be a collapse."""

VANISHED_R_T = 0.98
"""r_t above which the discriminator is said to have won, when the generator's gradient has all but gone as well."""


@dataclass
class TrainingDiagnostics:
    """Reads the rows of the log; each thing is said once.

    Attributes:
        adaptive: whether the probability of augmentation is driven by the scores already.
        loss: by what the players are trained, so that it is not advised.
    """

    is_adaptive: bool = False
    loss: str = ""
    _recent: dict[str, deque[float]] = field(default_factory=dict)
    _reported: set[str] = field(default_factory=set)

    def update(self, step: int, metrics: Mapping[str, float]) -> list[str]:
        """What there is to say after a row."""
        for name, value in metrics.items():
            if math.isfinite(value):
                self._recent.setdefault(name, deque(maxlen=MEAN_ROWS)).append(value)
        if step < MIN_STEPS:
            return []
        found = {
            "collapse": self._find_collapse(metrics.get("diversity", math.nan)),
            "by heart": self._find_overfitting(),
            "won": self._find_vanished_gradient(),
        }
        new = [f"step {step}: {text}" for what, text in found.items() if text and what not in self._reported]
        self._reported |= {what for what, text in found.items() if text}
        return new

    def _mean_of(self, name: str) -> float:
        values = self._recent.get(name, deque())
        return sum(values) / len(values) if len(values) == MEAN_ROWS else math.nan

    def _find_collapse(self, diversity: float) -> str:
        if not diversity < COLLAPSE_DIVERSITY:
            return ""
        return (
            f"collapse: generated crops differ {diversity:.0%} as much as real ones do; try {self._suggest_loss()}"
            "more crops, or a lower lr (set in Python)"
        )

    def _find_overfitting(self) -> str:
        # Of means, not a mean of ratios: one row's scores of a few held-out crops are far apart.
        real, held, fake = (self._mean_of(f"d_{which}") for which in ("real", "heldout", "fake"))
        r_v = (real - held) / (real - fake) if real > fake else math.nan
        if not r_v > OVERFITTING_R_V:
            return ""
        advice = (
            "more crops, or a smaller --width"
            if self.is_adaptive
            else "--augment ada, more crops, or a smaller --width"
        )
        return (
            f"the discriminator knows its crops by heart (held-out crops score {r_v:.0%} of the way to generated ones)"
            f"; try {advice}"
        )

    def _find_vanished_gradient(self) -> str:
        if not (self._mean_of("r_t") > VANISHED_R_T and self._mean_of("grad_g") < 1e-3):
            return ""
        return (
            f"the discriminator has won: the generator gets no gradient any more; try {self._suggest_loss()}"
            "a smaller --width, or a lower lr_d (set in Python)"
        )

    def _suggest_loss(self) -> str:
        return "" if self.loss == "relativistic" else "--loss relativistic, "
