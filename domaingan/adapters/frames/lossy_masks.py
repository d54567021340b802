"""Masks that were stored with loss: found out, and mended where that is certain."""

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
"""Two values so far apart are told apart whatever JPEG does to them."""

MAX_SHARE_BETWEEN = 0.05
"""The share of pixels in the middle between them, of those of the rarer one, that JPEG's ringing may leave."""

MAX_VALUE_SHIFT = 7
"""So far black and white are off at most where nothing else is near, even at the lowest quality."""

_LOSSY_FORMATS = ("JPEG", "MPO", "JPEG2000", "AVIF")
_LOSSY_TIFF_COMPRESSIONS = ("jpeg", "tiff_jpeg", "webp")


def is_lossy(picture: Image.Image, path: Path) -> bool:
    """Whether a picture's file keeps its pixels only nearly.

    Args:
        picture: opened.
        path: its file.
    """
    if picture.format == "WEBP":
        return not _is_lossless_webp(path)
    return picture.format in _LOSSY_FORMATS or picture.info.get("compression") in _LOSSY_TIFF_COMPRESSIONS


def _is_lossless_webp(path: Path) -> bool:
    """Whether the first picture in a WebP container is a ``VP8L`` chunk."""
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            kind, size = head[:4], int.from_bytes(head[4:], "little")
            if kind in (b"VP8L", b"VP8 "):
                return kind == b"VP8L"
            file.seek(size + size % 2, 1)
    return False


def snap_to_levels(values: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Bring the values of a mask that was stored with loss back to the two that it had.

    Args:
        values: ``(H, W)`` or ``(H, W, channels)`` of bytes.
        path: of its file.

    Returns:
        ``(H, W)``, each pixel the nearer of two values. All of it is 0 where nothing is anything else.

    Raises:
        DataError: it had more values than two, or two that are too near each other to tell.
    """
    error = DataError("labels stored with loss", path=path, expected="PNG, or another kind that keeps each value")
    if values.dtype != np.uint8:
        raise error
    if values.ndim == 3:
        colours = values[..., :3].astype(np.int16)
        if (np.ptp(colours, axis=2) > MIN_VALUE_DISTANCE // 4).any():
            raise error
        values = np.rint(colours.mean(axis=2)).astype(np.uint8)
    counts = np.bincount(values.ravel(), minlength=256)
    found = np.flatnonzero(counts)
    low, high = int(found[0]), int(found[-1])
    if high == 0:
        return values
    middle = (low + high + 1) // 2
    first, second = int(counts[:middle].argmax()), middle + int(counts[middle:].argmax())
    quarter = (second - first) // 4
    between = counts[first + quarter + 1 : second - quarter].sum()
    rarer = min(counts[:middle].sum(), counts[middle:].sum())
    if second - first < MIN_VALUE_DISTANCE or between > MAX_SHARE_BETWEEN * rarer:
        raise error
    is_second = values >= (first + second + 1) // 2
    first = 0 if first <= MAX_VALUE_SHIFT else first
    second = 255 if second >= 255 - MAX_VALUE_SHIFT else second
    return np.where(is_second, np.uint8(second), np.uint8(first))


def warn_of_lossy_masks(names: Sequence[str], root: object) -> None:
    """Say once which masks of a dataset were stored with loss.

    Args:
        names: of their files.
        root: the dataset's folder.
    """
    if names:
        found = f"{len(names)} masks were stored with loss, such as {names[0]}"
        warnings.warn(
            f"{root}: {found}: each pixel is taken for the nearer of two values", AssumptionWarning, stacklevel=3
        )
