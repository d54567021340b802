"""Feathering: the object fades into its host over a few pixels."""

from __future__ import annotations

from dataclasses import dataclass

from domaingan.blend.methods.base import BlendMethod, Image, Mask, compute_ramp


@dataclass(frozen=True)
class Feather(BlendMethod):
    """Mixes by a linear ramp around the object.

    Attributes:
        reach: the weight falls from 1 at the mask's edge to 0 beyond this many pixels.
    """

    reach: int = 3

    def compute_weight(self, body: Mask) -> Image:
        """Return 1 in the body, and less the farther a pixel is from it."""
        return compute_ramp(body, self.reach)
