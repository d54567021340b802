"""What a paste does to the mask of its host: the object is merged, and what it nearly hides is dropped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.imaging.instances import is_nearly_hidden
from domaingan.imaging.intensity import label_components


def merge_mask(mask: NDArray[Any], pasted_mask: NDArray[Any]) -> NDArray[Any]:
    """Put a pasted mask on top of the host's. Older objects that it nearly hides disappear.

    Args:
        mask: ``(*spatial)`` class values; not changed.
        pasted_mask: ``(*spatial)`` class values of the pasted object in the host's grid, 0 elsewhere.

    Returns:
        A new mask of the same type.
    """
    is_covered = pasted_mask > 0
    merged = mask.copy()
    if (mask[is_covered] > 0).any():
        objects, _ = label_components(mask)
        full_sizes = np.bincount(objects.ravel())
        visible_sizes = np.bincount(objects[~is_covered], minlength=len(full_sizes))
        is_hidden = is_nearly_hidden(visible_sizes, full_sizes) & (visible_sizes > 0)
        hidden = np.flatnonzero(is_hidden)
        merged[np.isin(objects, hidden[hidden > 0])] = 0
    merged[is_covered] = pasted_mask[is_covered]
    return merged
