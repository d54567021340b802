"""Bodies that were found before: in every epoch of a training the same scans come again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from domaingan.imaging.body import find_body

MAX_CACHED_BYTES = 64 * 2**20
"""Of a process; a body of 240 × 240 × 155 takes 1 MB."""

MIN_CACHED_PIXELS = 2**14
"""Smaller images are measured again."""

CacheKey = tuple[tuple[int, ...], str, int, int]

_cached_bodies: OrderedDict[CacheKey, NDArray[np.uint8]] = OrderedDict()


def find_body_cached(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Find the part of a scan that shows the body, or recall what was found in the same pixels.

    Args:
        image: ``(C, *spatial)``.

    Returns:
        ``(*spatial)``, of :func:`domaingan.imaging.body.find_body`, the caller's own.
    """
    shape = image.shape[1:]
    if image[0].size < MIN_CACHED_PIXELS:
        return find_body(image)
    key = _make_key(image)
    packed = _cached_bodies.pop(key, None)
    if packed is None:
        packed = np.packbits(find_body(image))
    _cached_bodies[key] = packed
    while sum(bits.nbytes for bits in _cached_bodies.values()) > MAX_CACHED_BYTES:
        _cached_bodies.popitem(last=False)
    size = image[0].size
    return np.unpackbits(packed, count=size).view(np.bool_).reshape(shape)


def clear_cached_bodies() -> None:
    """Forget all that was found."""
    _cached_bodies.clear()


def _make_key(image: NDArray[Any]) -> CacheKey:
    """Two checksums of an image's bytes, which take a hundredth of the time of finding the body."""
    content = np.ascontiguousarray(image).data.cast("B")
    return image.shape, image.dtype.str, isal_zlib.crc32(content), isal_zlib.adler32(content)
