"""Crops for controls: real ones that are made worse on purpose, which tells what it is in them that helps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks import Bank
from domaingan.imaging.intensity import compute_equivalent_radius

BLUR_RADII = 0.5
"""Standard deviation of the blur, in radii of the object: what is left is its mean and a soft gradient."""

MIN_BLUR_WEIGHT = 1e-3
"""Pixels of an object with less of it in reach than this keep their values."""


def blur_objects(bank: Bank) -> Bank:
    """Blur the object of every crop inside its mask.

    Shape, size, mean intensity and surroundings stay as they are, so that it is pasted where the real crop would be. If
    blurred objects help as much as real ones, it is not their look that helps, and no better look would help more.

    Args:
        bank: real crops.

    Returns:
        A bank in memory.
    """
    images = np.array(bank.images)
    for image, mask in zip(images, bank.masks, strict=True):
        body = mask > 0
        if body.any():
            image[:, body] = _blur_inside(image.astype(np.float32), body)
    return Bank(bank.info, images, np.array(bank.masks), np.array(bank.entries))


def _blur_inside(image: NDArray[np.float32], body: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Blur the pixels of an object without its surroundings (normalised convolution), ``(C, pixels)``.

    The mean of each channel over the object stays.
    """
    sigma = BLUR_RADII * compute_equivalent_radius(int(body.sum()), body.ndim)
    weight = ndimage.gaussian_filter(body.astype(np.float32), sigma)[body]
    blurred = []
    for channel in image:
        before = channel[body]
        smooth = ndimage.gaussian_filter(np.where(body, channel, 0), sigma)[body]
        after = np.where(weight > MIN_BLUR_WEIGHT, smooth / np.maximum(weight, MIN_BLUR_WEIGHT), before)
        blurred.append(after + (before.mean() - after.mean()))
    return np.stack(blurred)
