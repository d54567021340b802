"""The values of scheduled settings in the course of a training."""

from __future__ import annotations

import math

from domaingan.gan.config import Range


def schedule_cosine(ends: Range, share: float) -> float:
    """Go from the first end to the second by half a cosine.

    Args:
        ends: the value at the start and the value at the end.
        share: how much of the schedule is over; 1 and more give the second end.
    """
    start, end = ends
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
