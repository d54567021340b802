"""Images and masks as albumentations has them, channels last."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError

Array = NDArray[Any]


def move_channels_first(image: Any) -> Array:
    """``(C, H, W)`` of an image ``(H, W, C)`` or ``(H, W)``.

    Raises:
        DataError: it is a tensor, or something else that is no array.
    """
    if not isinstance(image, np.ndarray):
        found = f"an image that is a {type(image).__module__.partition('.')[0]} {type(image).__name__}"
        raise DataError(found, expected="a NumPy array: this transform stands before ToTensorV2")
    stored: Array = image
    return np.moveaxis(stored.reshape(*stored.shape[:2], -1), -1, 0)


def drop_mask_channel(mask: Array) -> Array:
    """``(H, W)`` of a mask that may have one channel."""
    return mask[..., 0] if mask.ndim == 3 and mask.shape[2] == 1 else mask


def check_count(found: int, expected: int, what: str) -> None:
    """Refuse targets of which there are not as many as objects.

    Raises:
        DataError: the numbers differ.
    """
    if found != expected:
        raise DataError(f"{found} {what}", expected=f"{expected}, one an object")
