"""A crop as it will be in its host, found and varied but not yet painted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.blend.methods.blending import Blend
from domaingan.data import PastedCrop

Mask = NDArray[np.bool_]

OBJECT_GAP = 2
"""Pixels kept free between a pasted object and an older one."""


@dataclass(frozen=True, eq=False)
class PlacedCrop:
    """What goes where; the host is as it was.

    Attributes:
        image: ``(C, *patch)`` the varied crop on the host's grid, in scaled units.
        mask: ``(*patch)`` the host's class values where the object will be seen, 0 elsewhere.
        corner: ``(dims,)`` where the patch starts in the host; it may stick out.
        scale: how much larger the object is than in its own image.
        body: ``(*patch)`` the whole object, with what is hidden or sticks out.
        blend: how it is mixed in. A bound crop is not: its pixels replace the host's.
        target_contrast: of scans ``(C,)`` the contrast to the ring that it will have, in scaled units.
        replaced_pixels: of bound crops ``(*patch)`` which of the host's pixels they replace; None for free ones.
        contrast: of scans the factor of its contrast that was drawn.
        ground_contact: of frames row and column of its ground contact.
    """

    image: NDArray[np.float32]
    mask: NDArray[Any]
    corner: NDArray[np.int64]
    scale: float
    body: Mask
    blend: Blend
    target_contrast: NDArray[np.float32] | None = None
    replaced_pixels: Mask | None = None
    contrast: float | None = None
    ground_contact: tuple[float, ...] | None = None

    def complete(self, crop: PastedCrop) -> PastedCrop:
        """Say of a crop that is pasted where it is, how large, and whatever else was chosen for it."""
        return replace(
            crop,
            place=tuple(self.corner.tolist()),
            scale=self.scale,
            contrast=self.contrast,
            ground_contact=self.ground_contact,
        )
