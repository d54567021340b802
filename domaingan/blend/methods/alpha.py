"""Alpha blending by the mask itself: a hard edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domaingan.blend.methods.base import BlendMethod, Image, Mask


@dataclass(frozen=True)
class Alpha(BlendMethod):
    """Replaces the host's pixels by the object's, with a hard edge."""

    def with_reach(self, reach: int) -> Alpha:
        """Return the method itself: it changes nothing around an object."""
        return self

    def compute_weight(self, body: Mask) -> Image:
        """Return 1 in the body and 0 elsewhere."""
        return body.astype(np.float32)
