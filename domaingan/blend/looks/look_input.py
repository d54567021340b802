"""What every look is shown, and what several of them need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
"""``(C, *spatial)`` in scaled units: frames are RGB in [0, 1]."""

LOOK_EPSILON = 1e-3
"""Too small to be seen, in L*a*b* as in RGB: keeps the ratio of two flat channels 1, and ends that fit as they are."""

KNEE_RATIO = 1.5
"""Where values that must come back into the range begin to be pressed together: so many times the excess inside it."""


@dataclass(frozen=True, eq=False)
class LookInput:
    """A picture or volume as a look sees it.

    Attributes:
        image: ``(C, *spatial)`` in scaled units.
        inside: ``(*spatial)``, the body of a scan, beside which nothing counts; None where everything does.
        classes: ``(*spatial)`` class values in the words of the bank; None where they are not known.
    """

    image: Image
    body: NDArray[np.bool_] | None = None
    classes: NDArray[np.uint8] | None = None


class Look(Protocol):
    """What every way of relighting offers."""

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """The host's image under the scene's look, not clipped.

        Args:
            host: what is relit.
            small: the same at the scene's resolution.
            scene: what to look like.
        """


def soften_range(values: Image, low: float, high: float, top: float) -> Image:
    """Values from ``low`` to ``high`` brought into 0 to ``top`` by a parabola at either end: nothing becomes black.

    What lies inside, away from the ends, stays; all of it does where the range holds ``low`` and ``high``.
    """
    if low < -LOOK_EPSILON:
        values = _compress_below_zero(values, -low)
    return top - _compress_below_zero(top - values, high - top) if high > top + LOOK_EPSILON else values


def _compress_below_zero(values: Image, excess: float) -> Image:
    """-excess becomes 0; from ``KNEE_RATIO * excess`` on values stay; in between they rise smoothly."""
    below = np.maximum(KNEE_RATIO * excess - values, 0)
    return values + (below / ((KNEE_RATIO + 1) * excess)) ** 2 * excess


def compute_moments(values: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of each channel of ``(C, N)`` values."""
    return values.mean(axis=1).astype(np.float32), values.std(axis=1).astype(np.float32)
