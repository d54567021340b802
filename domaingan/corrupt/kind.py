"""What a corruption is: a function of pixels, the published parameters of its five severities, and chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
"""(H, W, 3) float32 RGB in [0, 1], contiguous."""

Plane = NDArray[np.float32]
"""(H, W) float32."""

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption:
    """One corruption and its table.

    Attributes:
        apply: ``(pixels, level, rng) -> pixels``; never writes into its argument; may leave [0, 1], for which
            :func:`domaingan.corrupt.corrupt` clips.
        levels: the parameters of the severities 1 to 5, as published.
    """

    apply: Callable[[Pixels, Any, np.random.Generator], Pixels]
    levels: tuple[Any, ...]

    def __call__(self, pixels: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
        """The corrupted pixels, clipped to [0, 1]."""
        out = self.apply(pixels, self.levels[severity - 1], rng)
        return np.clip(out, 0.0, 1.0, dtype=np.float32)
