"""Unlabelled images among the training samples: what is pasted into them is learned, what nobody labelled is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domaingan.data import Sample


def list_labelled(samples: Sequence[Sample]) -> list[Sample]:
    """List the samples that are labelled images, and not unlabelled hosts.

    The shape of patches and networks follows from these alone, so that it is the same for every arm.
    """
    return [sample for sample in samples if sample.unlabelled is None]


def find_unlabelled(host: Sample, blended: Sample) -> NDArray[np.bool_] | None:
    """Find where nobody labelled what there is, after an arm has pasted into a sample.

    Args:
        host: the training sample.
        blended: what the arm made of it; its mask holds what was pasted.

    Returns:
        ``(*spatial)`` bool; None where the whole mask counts.
    """
    if host.unlabelled is None or host.mask is None or blended.mask is None:
        return None
    is_pasted: NDArray[np.bool_] = np.not_equal(blended.mask, host.mask)
    if blended.instances is not None and blended.origins is not None:
        # A crop in front of an object of its own class leaves the mask as it was.
        is_new = np.concatenate([[False], blended.origins < 0])
        is_pasted |= is_new[blended.instances]
    unlabelled: NDArray[np.bool_] = host.unlabelled & ~is_pasted
    return unlabelled
