"""Masks that were stored with loss: recognised, and restored where the values are certain."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from domaingan.core.errors import AssumptionWarning, DataError

MIN_VALUE_DISTANCE = 100
"""The smallest distance between two values that JPEG never confuses."""

MAX_SHARE_BETWEEN = 0.05
"""JPEG's ringing leaves pixels between two values. This is the largest share of them in the middle half of the way, of
the pixels of the rarer value."""

MAX_VALUE_SHIFT = 7
"""The most by which black and white are wrong where nothing else is near, even at JPEG's lowest quality."""

MAX_COLOUR_DIFFERENCE = MIN_VALUE_DISTANCE // 4
"""The most by which the colours of a grey pixel differ after JPEG."""

_LOSSY_FORMATS = ("JPEG", "MPO", "JPEG2000", "AVIF")
_LOSSY_TIFF_COMPRESSIONS = ("jpeg", "tiff_jpeg", "webp")

_WEBP_CHUNKS_START = 12
_WEBP_CHUNK_HEAD_BYTES = 8


def is_lossy(picture: Image.Image, path: Path) -> bool:
    """Whether a picture's file stores its pixels only approximately.

    Args:
        picture: an open picture.
        path: its file.
    """
    if picture.format == "WEBP":
        return not _is_lossless_webp(path)
    return picture.format in _LOSSY_FORMATS or picture.info.get("compression") in _LOSSY_TIFF_COMPRESSIONS


def _is_lossless_webp(path: Path) -> bool:
    """Whether the first picture in a WebP container is a ``VP8L`` chunk."""
    with path.open("rb") as file:
        file.seek(_WEBP_CHUNKS_START)
        while True:
            head = file.read(_WEBP_CHUNK_HEAD_BYTES)
            if len(head) < _WEBP_CHUNK_HEAD_BYTES:
                return False
            kind = head[:4]
            if kind in (b"VP8L", b"VP8 "):
                return kind == b"VP8L"
            size = int.from_bytes(head[4:], "little")
            file.seek(size + size % 2, 1)  # chunks are padded to an even size


def snap_to_levels(values: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Restore a mask of two values that was stored with loss: each pixel gets the nearer of the two.

    Args:
        values: uint8, ``(H, W)`` or ``(H, W, channels)``.
        path: the mask's file, for messages.

    Returns:
        ``(H, W)``. Values near 0 and 255 become 0 and 255. A mask of zeros stays as it is.

    Raises:
        DataError: the mask had more than two values, or two that are too near each other.
    """
    error = DataError("labels stored with loss", path=path, expected="PNG, or another kind that keeps each value")
    if values.dtype != np.uint8:
        raise error
    if values.ndim == 3:
        colours = values[..., :3].astype(np.int16)
        if (np.ptp(colours, axis=2) > MAX_COLOUR_DIFFERENCE).any():
            raise error
        values = np.rint(colours.mean(axis=2)).astype(np.uint8)
    counts = np.bincount(values.ravel(), minlength=256)
    present = np.flatnonzero(counts)
    lowest, highest = int(present[0]), int(present[-1])
    if highest == 0:
        return values
    middle = (lowest + highest + 1) // 2
    low_level = int(counts[:middle].argmax())
    high_level = middle + int(counts[middle:].argmax())
    quarter = (high_level - low_level) // 4
    n_between = counts[low_level + quarter + 1 : high_level - quarter].sum()
    n_rarer = min(counts[:middle].sum(), counts[middle:].sum())
    if high_level - low_level < MIN_VALUE_DISTANCE or n_between > MAX_SHARE_BETWEEN * n_rarer:
        raise error
    is_high = values >= (low_level + high_level + 1) // 2
    if low_level <= MAX_VALUE_SHIFT:
        low_level = 0
    if high_level >= 255 - MAX_VALUE_SHIFT:
        high_level = 255
    return np.where(is_high, np.uint8(high_level), np.uint8(low_level))


def warn_of_lossy_masks(names: Sequence[str], root: object) -> None:
    """Warn once about all masks of a dataset that were stored with loss.

    Args:
        names: of their files. There is no warning where the list is empty.
        root: the dataset's folder.
    """
    if names:
        found = f"{len(names)} masks were stored with loss, such as {names[0]}"
        warning = f"{root}: {found}: each pixel is taken for the nearer of two values"
        warnings.warn(warning, AssumptionWarning, stacklevel=3)
