"""How large an object appears where it stands: learned from the crops themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.bank import Bank

FEWEST = 8
"""From so many whole crops on a horizon is estimated."""

CUT = 0.006
"""Objects nearer than this to the frame's border, as a share of it, are cut by it."""

WORST = 0.5
"""A horizon that leaves the typical crop's height off by more than this (natural logarithm) is none."""


@dataclass(frozen=True)
class Perspective:
    """Where crops stood in their frames, and how size goes with it; lengths are shares of the frame's height or width.

    On flat ground an object's height in the image grows linearly with how far its feet are below the horizon (Hoiem,
    Efros and Hebert 2006, "Putting objects in perspective", equation 6 for a camera without tilt).

    Attributes:
        horizon: row of the horizon; None where the crops do not tell, so that each stays in its own row.
        feet: ``(N,)`` row of each crop's lowest pixel.
        sides: ``(N, 4)`` whether it is cut at the top, the bottom, the left, the right.
    """

    horizon: float | None
    feet: NDArray[np.float64]
    sides: NDArray[np.bool_]

    @classmethod
    def of(cls, bank: Bank) -> Perspective:
        """Measure a bank of frames' crops."""
        body: NDArray[np.bool_] = np.greater(bank.masks, 0)
        spans = [np.array([_span(line.any(axis=axis)) for line in body]) for axis in (1, 0)]
        share = [bank.entries["spacing"][:, a] / np.maximum(bank.entries["extent"][:, a], 1) for a in (0, 1)]
        height, width = (spans[a] * share[a] for a in (0, 1))
        centre = bank.entries["centre"].astype(float)
        top, feet = centre[:, 0] - height / 2, centre[:, 0] + height / 2
        left, right = centre[:, 1] - width / 2, centre[:, 1] + width / 2
        sides = np.stack([top < CUT, feet > 1 - CUT, left < CUT, right > 1 - CUT], axis=1)
        whole = ~sides.any(axis=1) & (height > 0)
        kinds = _kinds(bank)
        return cls(_horizon(height[whole], feet[whole], kinds[whole]), feet, sides)

    def scale(self, index: int, foot: float) -> float:
        """How much larger a crop appears with its feet in row ``foot`` than in its own."""
        if self.horizon is None:
            return 1.0
        return (foot - self.horizon) / max(float(self.feet[index]) - self.horizon, 0.01)

    def rows(self, index: int, smallest: float, largest: float) -> tuple[float, float]:
        """The rows in which a crop's scale lies between two."""
        own = float(self.feet[index])
        if self.horizon is None or own - self.horizon < 0.01:
            return own - 0.02, own + 0.02
        return tuple(self.horizon + (own - self.horizon) * s for s in (smallest, largest))  # type: ignore[return-value]


def _span(line: NDArray[np.bool_]) -> int:
    spots = np.flatnonzero(line)
    return int(spots[-1] - spots[0] + 1) if len(spots) else 0


def _kinds(bank: Bank) -> NDArray[np.int64]:
    """The class that each crop is of: the largest value in its mask."""
    flat = np.asarray(bank.masks).reshape(len(bank), -1)
    return flat.max(axis=1).astype(np.int64)


def _horizon(height: NDArray[np.float64], feet: NDArray[np.float64], kinds: NDArray[np.int64]) -> float | None:
    """The row that makes height over distance below it most alike within each class, in the mean over logarithms."""
    if len(height) < FEWEST:
        return None
    best: tuple[float, float] | None = None
    for row in np.arange(0.1, 0.75, 0.005):
        below = feet - row > 0.01
        if below.mean() < 0.95:
            break
        ratio = np.log(height[below] / (feet[below] - row))
        middle = {kind: np.median(ratio[kinds[below] == kind]) for kind in np.unique(kinds[below])}
        error = float(np.abs(ratio - np.array([middle[kind] for kind in kinds[below]])).mean())
        if best is None or error < best[0]:
            best = error, float(row)
    return None if best is None or best[0] > WORST else best[1]
