"""Classic augmentation of stacks of thick slices: the same change within each slice, none across them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.augmentation.classic import Classic
from domaingan.augmentation.classic_pipelines import Image
from domaingan.data import SCAN

THICK_SLICE_RATIO = 3
"""Slices so many times as far apart as pixels are thick."""

FEW_SLICES_RATIO = 4
"""An axis with so many times fewer voxels than any other lies across the slices."""


class InPlaneClassic:
    """Apply the classic augmentation of slices to every slice of a volume, the same to each.

    To rotate or bend a stack of thick slices across its slices would make steps, and pull its border in. nnU-Net does
    the same (Isensee et al. 2021, https://doi.org/10.1038/s41592-020-01008-z).

    Args:
        axis: the spatial axis across the slices.
        level: one of :data:`domaingan.augmentation.CLASSIC_LEVELS`.
    """

    def __init__(self, axis: int, level: str = "medium") -> None:
        self.axis = axis
        self.classic = Classic(2, SCAN, level)

    def __call__(self, image: Image, mask: NDArray[Any], rng: np.random.Generator) -> tuple[Image, NDArray[Any]]:
        """Augment a volume and its mask.

        Args:
            image: ``(C, X, Y, Z)`` in scaled units.
            mask: ``(X, Y, Z)`` integers.
            rng: source of every draw.

        Returns:
            Image and mask, of the same shapes; the mask keeps its type.
        """
        seed = int(rng.integers(2**31))
        image_slices = np.moveaxis(image, self.axis + 1, 0)
        mask_slices = np.moveaxis(mask, self.axis, 0)
        images, masks = [], []
        for image_slice, mask_slice in zip(image_slices, mask_slices, strict=True):
            changed_image, changed_mask = self.classic(image_slice, mask_slice, np.random.default_rng(seed))
            images.append(changed_image)
            masks.append(changed_mask)
        return np.stack(images, self.axis + 1), np.stack(masks, self.axis)


def find_thick_axis(shape: Sequence[int], spacing: Sequence[float]) -> int | None:
    """Find the axis across thick or few slices: spaced three times as far, or with a quarter as many, as any other.

    Args:
        shape: voxels along each axis.
        spacing: of the voxels, in mm.

    Returns:
        The axis; None where there is none.

    >>> find_thick_axis((160, 256, 5), (1, 1, 1)), find_thick_axis((99, 99, 40), (1, 1, 5))
    (2, 2)
    >>> find_thick_axis((99, 99, 99), (1, 1, 2)) is None
    True
    """
    by_count = np.argsort(shape)
    by_spacing = np.argsort(spacing)[::-1]
    fewest, next_fewest = int(by_count[0]), int(by_count[1])
    if shape[fewest] * FEW_SLICES_RATIO <= shape[next_fewest]:
        return fewest
    coarsest, next_coarsest = int(by_spacing[0]), int(by_spacing[1])
    if spacing[coarsest] >= THICK_SLICE_RATIO * spacing[next_coarsest]:
        return coarsest
    return None
