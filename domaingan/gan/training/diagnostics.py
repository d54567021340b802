"""Explain in words, during a training, what its numbers mean when something goes wrong, and what to change."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

MIN_STEPS = 200
"""Steps before the first message: at the start all numbers are extreme."""

MEAN_ROWS = 20
"""Rows of the log over which numbers are averaged."""

OVERFITTING_R_V = 0.6
"""The discriminator overfits if ``r_v`` is above this, see :func:`compute_r_v`."""

COLLAPSE_DIVERSITY = 0.3
"""The generator has collapsed if its diversity is below this share of the real crops'."""

VANISHED_R_T = 0.98
"""The generator's gradient has vanished if r_t is above this and the gradient's norm is small, too."""

VANISHED_GRADIENT = 1e-3
"""A norm of the generator's gradient that is small."""


def compute_r_v(real_score: float, held_out_score: float, fake_score: float) -> float:
    """Compute how much the discriminator overfits.

    r_v of Karras et al. 2020 (https://arxiv.org/abs/2006.06676, equation 1): how much lower held-out crops score than
    those of the training, relative to the distance to generated crops. It is 0 if both score alike, and 1 if held-out
    crops score like generated ones.

    Args:
        real_score: mean score of the crops of the training.
        held_out_score: mean score of the crops that are held out.
        fake_score: mean score of generated crops.

    Returns:
        r_v, or NaN if real crops do not score higher than generated ones.
    """
    distance = real_score - fake_score
    return (real_score - held_out_score) / distance if distance > 0 else math.nan


@dataclass
class TrainingDiagnostics:
    """Reads the rows of the log and gives each message once.

    Attributes:
        is_adaptive: whether the training adapts the probability of augmentation.
        loss: the loss of the training, which is not advised then.
    """

    is_adaptive: bool = False
    loss: str = ""
    _recent: dict[str, deque[float]] = field(default_factory=dict)
    _reported: set[str] = field(default_factory=set)

    def update(self, step: int, metrics: Mapping[str, float]) -> list[str]:
        """Read a row of the log.

        Args:
            step: of the row.
            metrics: the row's numbers by column.

        Returns:
            New messages.
        """
        for name, value in metrics.items():
            if math.isfinite(value):
                self._recent.setdefault(name, deque(maxlen=MEAN_ROWS)).append(value)
        if step < MIN_STEPS:
            return []
        findings = {
            "collapse": self._find_collapse(metrics.get("diversity", math.nan)),
            "overfitting": self._find_overfitting(),
            "vanished gradient": self._find_vanished_gradient(),
        }
        messages = []
        for problem, text in findings.items():
            if text and problem not in self._reported:
                self._reported.add(problem)
                messages.append(f"step {step}: {text}")
        return messages

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
        # Of the means, not a mean of ratios: the scores of a few held-out crops vary much from row to row.
        r_v = compute_r_v(self._mean_of("d_real"), self._mean_of("d_heldout"), self._mean_of("d_fake"))
        if not r_v > OVERFITTING_R_V:
            return ""
        augmentation = "" if self.is_adaptive else "--augment ada, "
        return (
            f"the discriminator overfits (held-out crops score {r_v:.0%} of the way to generated ones)"
            f"; try {augmentation}more crops, or a smaller --width"
        )

    def _find_vanished_gradient(self) -> str:
        is_sure = self._mean_of("r_t") > VANISHED_R_T
        if not (is_sure and self._mean_of("grad_g") < VANISHED_GRADIENT):
            return ""
        return (
            "the generator's gradient vanished: the discriminator is sure of every crop; try "
            f"{self._suggest_loss()}a smaller --width, or a lower lr_d (set in Python)"
        )

    def _suggest_loss(self) -> str:
        return "" if self.loss == "relativistic" else "--loss relativistic, "
