"""What a paste does to the mask of its host: merged, and what is hidden dropped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.imaging.instances import MIN_VISIBLE_SHARE
from domaingan.imaging.intensity import label_components

__all__ = ["MIN_VISIBLE_SHARE", "merge_mask"]


def merge_mask(mask: NDArray[Any], pasted_mask: NDArray[Any]) -> NDArray[Any]:
    """The host's mask with a pasted one on top; older objects nearly hidden by it disappear.

    Args:
        mask: ``(*spatial)`` class values; not changed.
        pasted: ``(*spatial)`` class values of the pasted object in the host's grid, 0 elsewhere.

    Returns:
        A new mask of the same type.
    """
    covered = pasted_mask > 0
    merged = mask.copy()
    if (mask[covered] > 0).any():
        older, _ = label_components(mask)
        before = np.bincount(older.ravel())
        left = np.bincount(older[~covered], minlength=len(before))
        hidden = np.flatnonzero((left < MIN_VISIBLE_SHARE * before) & (left > 0))
        merged[np.isin(older, hidden[hidden > 0])] = 0
    merged[covered] = pasted_mask[covered]
    return merged
