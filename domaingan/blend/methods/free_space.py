"""The Poisson equation in all of space: the sum of the responses to single sources, by fast Fourier transforms."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Values = NDArray[Any]


def solve_in_space(sources: Values, places: NDArray[np.int64] | None = None) -> Values:
    """Solve −Δu = ``sources`` in all of space.

    On a torus the mean of the sources is missing; −|x|² / (2 · dimensions · pixels) has just that Laplacian.

    Args:
        sources: ``(C, *box)``.
        places: flat positions in the box of all sources that are not 0. They may be anywhere unless given.

    Returns:
        u, ``(C, *box)``.
    """
    shape = sources.shape[1:]
    axes = tuple(range(1, sources.ndim))
    torus = choose_torus(shape)
    response, _, level = compute_responses(torus, sources.dtype.char)
    waves = fft.rfftn(sources, s=torus, axes=axes)
    waves *= response
    on_torus = fft.irfftn(waves, s=torus, axes=axes, overwrite_x=True)
    u: Values = on_torus[(slice(None), *map(slice, shape))]
    moments = _compute_moments(sources, places, u.dtype)
    for axis, bowl in enumerate(_build_bowls(shape, torus, u.dtype.char)):
        along_axis = [1] * len(shape)
        along_axis[axis] = shape[axis]
        u += (moments @ bowl).reshape(-1, *along_axis)
    u += (level * moments[:, 0]).reshape(-1, *[1] * len(shape))
    return u


def _compute_moments(sources: Values, places: NDArray[np.int64] | None, dtype: np.dtype[Any]) -> Values:
    """Compute for each channel the sum of the sources, and those of x and x² along each axis: ``(C, 2 dims + 1)``."""
    shape = sources.shape[1:]
    strengths: Values = sources.reshape(len(sources), -1)
    if places is None:
        places = np.arange(math.prod(shape))
    else:
        strengths = strengths[:, places]
    positions = np.unravel_index(places, shape)
    powers = np.empty((strengths.shape[1], 2 * len(shape) + 1), dtype=dtype)
    powers[:, 0] = 1
    for axis, along_axis in enumerate(positions):
        powers[:, 2 * axis + 1] = along_axis
        powers[:, 2 * axis + 2] = along_axis * along_axis
    return strengths @ powers


@lru_cache(maxsize=32)
def _build_bowls(shape: tuple[int, ...], torus: tuple[int, ...], dtype_char: str) -> tuple[Values, ...]:
    """Build for each axis what the sources' moments (see :func:`_compute_moments`) add to each pixel."""
    scale = 2 * len(shape) * math.prod(torus)
    bowls = []
    for axis, size in enumerate(shape):
        x = np.arange(size)
        bowl = np.zeros((2 * len(shape) + 1, size))
        bowl[0] = -(x**2)
        bowl[2 * axis + 1] = 2 * x
        bowl[2 * axis + 2] = -1
        bowls.append((bowl / scale).astype(dtype_char))
    return tuple(bowls)


def choose_torus(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Choose a torus that holds a box. There are few sizes, so that cached responses are used again."""
    sizes = []
    for size in shape:
        multiple_of_8 = -(-size // 8) * 8
        sizes.append(int(fft.next_fast_len(multiple_of_8, real=True)))
    return tuple(sizes)


@lru_cache(maxsize=8)
def compute_responses(torus: tuple[int, ...], dtype_char: str) -> tuple[Values, Values, float]:
    """Compute the response to a single source on a torus and in space.

    Args:
        torus: sizes of the torus.
        dtype_char: type of the results.

    Returns:
        The response on the torus, as a factor for each wave. The response in space, by the distance along each axis
        from ``1 - size`` to ``size - 1``. And the constant that is added to it, so that it is 0 at the largest
        distance and positive elsewhere.
    """
    eigenvalues = np.zeros(())
    for axis, size in enumerate(torus):
        waves = size if axis < len(torus) - 1 else size // 2 + 1
        eigenvalues = np.add.outer(eigenvalues, 4 * np.sin(np.pi * np.arange(waves) / size) ** 2)
    response = np.divide(1, eigenvalues, out=np.zeros_like(eigenvalues), where=eigenvalues > 0)
    impulse = fft.irfftn(response, s=torus, axes=tuple(range(len(torus))))
    distances = [np.abs(np.arange(1 - size, size)) for size in torus]
    impulse = impulse[np.ix_(*distances)]
    for axis, along_axis in enumerate(distances):
        bowl = along_axis**2 / (2 * len(torus) * np.prod(torus))
        axis_shape = [1] * len(torus)
        axis_shape[axis] = -1
        impulse -= bowl.reshape(axis_shape)
    level = float(-impulse.min())
    return response.astype(dtype_char), (impulse + level).astype(dtype_char), level
