"""What a corruption is: a function of an image and the parameters of five severities."""

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

P = TypeVar("P")


@dataclass(frozen=True)
class Corruption(Generic[P]):
    """One named degradation.

    Attributes:
        name: as ImageNet-C spells it.
        levels: the parameters of severities 1 to 5.
        apply: ``(pixels, parameters, rng) -> pixels``; may write into the pixels it is given; what it returns may lie
            outside [0, 1] and is clipped.
        apply_bytes: ``(picture, parameters) -> picture`` on ``(H, W, C)`` uint8: the same, where it is faster.
    """

    name: str
    levels: tuple[P, ...]
    apply: Callable[[Pixels, P, Generator], Pixels]
    apply_bytes: Callable[[Bytes, P], Bytes] | None = None

    def __call__(self, pixels: Pixels, severity: int, rng: Generator) -> Pixels:
        """The pixels at a severity of 1 to 5."""
        return self.apply(pixels, self.levels[severity - 1], rng)


def make_corruption(
    *levels: P, apply_bytes: Callable[[Bytes, P], Bytes] | None = None
) -> Callable[[Callable[[Pixels, P, Generator], Pixels]], Corruption[P]]:
    """Make the function below a :class:`Corruption` of its own name with these parameters of severities 1 to 5."""

    def make(apply: Callable[[Pixels, P, Generator], Pixels]) -> Corruption[P]:
        return Corruption(apply.__name__, levels, apply, apply_bytes)

    return make


def draw_normals(rng: Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal draws at 65,536 quantiles: finer than eight bits can show, and seven times faster than exact."""
    return _compute_quantiles().take(rng.integers(0, 1 << 16, shape, dtype=np.uint16))


@lru_cache(maxsize=1)
def _compute_quantiles() -> NDArray[np.float32]:
    return ndtri((np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.float32)
