"""Soft edges: only the object's outermost pixels are mixed with the host, as a lens would mix them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from domaingan.blend.methods.base import BlendMethod, Image, Mask


@dataclass(frozen=True)
class Soft(BlendMethod):
    """Mixes the object's outermost pixels with the host. Nothing outside the mask changes.

    Attributes:
        edge_weight: weight of the object's outermost pixels, in [0, 1].
    """

    edge_weight: float = 0.6

    def with_reach(self, reach: int) -> Soft:
        """Return the method itself: it changes nothing around an object."""
        return self

    def compute_weight(self, body: Mask) -> Image:
        """Return 1 in the body, :attr:`edge_weight` in its outermost pixels, and 0 elsewhere."""
        neighbours = ndimage.generate_binary_structure(body.ndim, 1)
        inner = ndimage.binary_erosion(body, neighbours, border_value=1)
        return np.where(inner, 1, self.edge_weight * body).astype(np.float32)
