"""Randomness at a place: the same there whatever else is drawn."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.phantoms.fields import Field

NOISE_TILE_SIZE = 256
"""Edge of the noise tile, a power of 2."""


@cache
def make_noise_tile() -> Field:
    """Make a square tile of periodic noise with structure at all scales, of mean 0 and standard deviation 1."""
    rng = np.random.default_rng(20)
    total = np.zeros((NOISE_TILE_SIZE, NOISE_TILE_SIZE), dtype=np.float32)
    for scale in (0.0, 1.0, 3.0, 9.0):
        octave = ndimage.gaussian_filter(rng.standard_normal((NOISE_TILE_SIZE, NOISE_TILE_SIZE)), scale, mode="wrap")
        total += (octave / octave.std()).astype(np.float32)
    total -= total.mean()
    return total / total.std()


def look_up_noise(x: Field, y: Field) -> Field:
    """Look up the noise of the tile at ``x``, ``y``, in units of its pixels."""
    found: Field = make_noise_tile()[
        y.astype(np.int32) & (NOISE_TILE_SIZE - 1), x.astype(np.int32) & (NOISE_TILE_SIZE - 1)
    ]
    return found


def hash_to_unit(*numbers: NDArray[np.integer[Any]] | int) -> Field:
    """Hash each tuple of integers to a number in [0, 1) without visible order (a multiplicative hash)."""
    mixed = np.zeros(np.broadcast_shapes(*(np.shape(number) for number in numbers)), dtype=np.uint32)
    for number in numbers:
        low = number & 0xFFFFFFFF if isinstance(number, int) else number.astype(np.uint32)
        mixed = (mixed ^ np.uint32(low)) * np.uint32(0x9E3779B1)
        mixed ^= mixed >> np.uint32(15)
    return (mixed & np.uint32(0xFFFF)).astype(np.float32) / np.float32(65536)
