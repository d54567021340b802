"""What every look is shown, and what several of them need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
"""``(C, *spatial)`` in scaled units: frames are RGB in [0, 1]."""

LOOK_EPSILON = 1e-3
"""A difference too small to be seen, in L*a*b* as in RGB. It keeps the ratio of two flat channels at 1, and leaves
ends that fit as they are."""

KNEE_RATIO = 1.5
"""How far inside the range values begin to be compressed, as a multiple of the excess beyond it."""


@dataclass(frozen=True, eq=False)
class LookInput:
    """An image or volume as a look gets it.

    Attributes:
        image: ``(C, *spatial)`` in scaled units.
        body: ``(*spatial)``, the body of a scan; nothing beside it counts. None where everything counts.
        classes: ``(*spatial)`` class values of the bank; None where they are not known.
    """

    image: Image
    body: NDArray[np.bool_] | None = None
    classes: NDArray[np.uint8] | None = None


class Look(Protocol):
    """What every way of relighting offers."""

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """Give the host's image the scene's look.

        Args:
            host: the image to be relit.
            small: the same image at the scene's resolution.
            scene: the image whose look is wanted.

        Returns:
            ``(C, *spatial)`` of the host's shape, not clipped.
        """


def soften_range(values: Image, low: float, high: float, top: float) -> Image:
    """Compress values from ``low`` to ``high`` into 0 to ``top`` by a parabola at either end, so that nothing is black.

    Values inside, away from the ends, stay. All values stay where 0 to ``top`` holds ``low`` and ``high``.

    Args:
        values: of any shape.
        low, high: what the values reach from and to.
        top: end of the range.

    Returns:
        Values of the same shape, in the same order.
    """
    if low < -LOOK_EPSILON:
        values = _compress_below_zero(values, -low)
    if high > top + LOOK_EPSILON:
        values = top - _compress_below_zero(top - values, high - top)
    return values


def _compress_below_zero(values: Image, excess: float) -> Image:
    """Bring ``-excess`` to 0. Values from ``KNEE_RATIO * excess`` on stay; those between rise smoothly."""
    below = np.maximum(KNEE_RATIO * excess - values, 0)
    return values + (below / ((KNEE_RATIO + 1) * excess)) ** 2 * excess


def compute_moments(values: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute mean and standard deviation ``(C,)`` of each channel of ``(C, N)`` values."""
    return values.mean(axis=1).astype(np.float32), values.std(axis=1).astype(np.float32)
