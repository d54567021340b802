"""What a corruption is: a function of an image, and its parameters at five severities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtri

Pixels = NDArray[np.float32]
"""``(H, W, C)`` in [0, 1], contiguous: what corruptions work on."""

Bytes = NDArray[np.uint8]
"""``(H, W, C)`` pictures of 8 bits."""

QUANTILES = 1 << 16
"""Number of different normal draws."""

P = TypeVar("P")


@dataclass(frozen=True)
class Corruption(Generic[P]):
    """One named degradation.

    Attributes:
        name: as ImageNet-C spells it.
        levels: the parameters at severities 1 to 5.
        apply: ``(pixels, parameters, rng) -> pixels``. It may write into the pixels that it gets. What it returns may
            lie outside [0, 1], and is clipped.
        apply_bytes: ``(picture, parameters) -> picture`` for ``(H, W, C)`` uint8 pictures: the same, where that is
            faster.
    """

    name: str
    levels: tuple[P, ...]
    apply: Callable[[Pixels, P, Generator], Pixels]
    apply_bytes: Callable[[Bytes, P], Bytes] | None = None

    def __call__(self, pixels: Pixels, severity: int, rng: Generator) -> Pixels:
        """Apply the corruption.

        Args:
            pixels: ``(H, W, C)`` in [0, 1]; they may be overwritten.
            severity: 1 to 5.
            rng: source of all draws.

        Returns:
            ``(H, W, C)``, not clipped.
        """
        return self.apply(pixels, self.levels[severity - 1], rng)


def make_corruption(
    *levels: P, apply_bytes: Callable[[Bytes, P], Bytes] | None = None
) -> Callable[[Callable[[Pixels, P, Generator], Pixels]], Corruption[P]]:
    """Make a decorator that turns a function into a :class:`Corruption` of the same name.

    Args:
        levels: the parameters at severities 1 to 5.
        apply_bytes: see :class:`Corruption`.

    Returns:
        The decorator.
    """

    def make(apply: Callable[[Pixels, P, Generator], Pixels]) -> Corruption[P]:
        return Corruption(apply.__name__, levels, apply, apply_bytes)

    return make


def draw_normals(rng: Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Draw from a standard normal distribution at 65,536 quantiles.

    This is finer than eight bits can show, and seven times faster than exact draws.

    Args:
        rng: source of the draws.
        shape: of the result.
    """
    positions = rng.integers(0, QUANTILES, shape, dtype=np.uint16)
    return _compute_quantiles().take(positions)


@lru_cache(maxsize=1)
def _compute_quantiles() -> NDArray[np.float32]:
    """Compute the normal quantiles in the middle of 65,536 equal parts of probability."""
    return ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES).astype(np.float32)
