"""A varied crop with a place in its host, before it is blended in."""

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
    """A varied crop and its place in a host, which is not changed yet.

    Attributes:
        image: ``(C, *patch)`` the varied crop on the host's grid, in scaled units.
        mask: ``(*patch)`` the host's class values where the object will be visible, 0 elsewhere.
        corner: ``(dims,)`` where the patch starts in the host; the patch may reach beyond the border.
        scale: how much larger the object is than in its own image.
        body: ``(*patch)`` the whole object, with its hidden parts and those beyond the border.
        blend: how it is mixed in. The pixels of a bound crop are not mixed: they replace the host's.
        target_contrast: for scans ``(C,)`` the contrast to the ring that it will have, in scaled units.
        replaced_pixels: for bound crops ``(*patch)`` which of the host's pixels they replace; None for free ones.
        contrast: for scans the factor of its contrast that was drawn.
        ground_contact: for frames row and column of its ground contact.
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
        """Add to the record of a pasted crop its place, its scale, and the other values that were drawn for it."""
        return replace(
            crop,
            place=tuple(self.corner.tolist()),
            scale=self.scale,
            contrast=self.contrast,
            ground_contact=self.ground_contact,
        )
