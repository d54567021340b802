"""The Poisson equation on a domain of any shape, in 2D and 3D.

On a rectangle a sine transform solves the equation at once. On any other domain whose boundary is short for its area
the unknowns are beside the boundary alone (:mod:`domaingan.blend.methods.poisson_boundary`). Elsewhere, as in volumes,
the rectangle's solution is the preconditioner of conjugate gradients, which then need 7 to 25 steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from domaingan.blend.methods.matrix_products import multiply_columns, multiply_rows
from domaingan.blend.methods.poisson_boundary import solve_by_boundary
from domaingan.blend.methods.poisson_rim import find_rim
from domaingan.imaging.intensity import find_extent

Values = NDArray[Any]
Mask = NDArray[np.bool_]

SOLVER_TOLERANCE = 1e-4
"""Conjugate gradients stop when the residual has fallen to this share of the right-hand side (2-norms, per channel)."""

MAX_SOLVER_STEPS = 500
"""Largest number of steps of conjugate gradients."""

MAX_MATRIX_LENGTH = 128
"""Along longer axes a sine transform uses an FFT. Along shorter ones a product with the matrix is faster."""


def solve_poisson(
    right: Values,
    domain: Mask,
    free: Mask | None = None,
    tolerance: float = SOLVER_TOLERANCE,
    max_steps: int = MAX_SOLVER_STEPS,
) -> Values:
    """Solve −Δu = ``right`` in a domain, channel by channel, with u = 0 outside it.

    Δ is the sum of differences to the next neighbours. Nothing flows (Neumann's condition) across the array's own
    border, nor to pixels that are not ``free``.

    Args:
        right: ``(C, *spatial)``, float32 or float64. The solution is computed in this type.
        domain: ``(*spatial)``, of any shape.
        free: ``(*spatial)``, holds the domain. Everything is free unless given.
        tolerance: relative residual at which conjugate gradients stop.
        max_steps: largest number of steps of conjugate gradients.

    Returns:
        u, ``(C, *spatial)``.
    """
    u = np.zeros_like(right)
    extent = find_extent(domain)
    if extent is None:
        return u
    in_box = (slice(None), *extent)
    inside = domain[extent]
    is_free = np.ones_like(domain) if free is None else free | domain
    degree = _count_free_neighbours(is_free)[extent]
    is_whole_box = inside.all() and (degree == 2 * domain.ndim).all()
    if is_whole_box:
        u[in_box] = solve_on_box(right[in_box])
        return u
    rim = find_rim(domain, is_free)
    if rim is None:
        u[in_box] = _solve_by_gradients(right[in_box], inside, degree.astype(right.dtype), tolerance, max_steps)
    else:
        u[in_box] = solve_by_boundary(right, rim, tolerance, max_steps)
    return u


def _solve_by_gradients(right: Values, inside: Mask, degree: Values, tolerance: float, max_steps: int) -> Values:
    """Solve by preconditioned conjugate gradients, all channels at once."""
    inside_factor = inside.astype(right.dtype)
    degree = degree * inside_factor
    residual = right * inside_factor
    u = np.zeros_like(right)
    direction = np.zeros_like(right)
    max_square = tolerance**2 * _compute_dot(residual, residual)
    size = np.ones_like(max_square)
    for _ in range(max_steps):
        if (_compute_dot(residual, residual) <= max_square).all():
            break
        preconditioned = _precondition(residual)
        preconditioned *= inside_factor
        previous_size = size
        size = _compute_dot(residual, preconditioned)
        direction *= _divide(size, previous_size)
        direction += preconditioned
        image = apply_minus_laplacian(direction, degree)
        image *= inside_factor
        step = _divide(size, _compute_dot(direction, image))
        image *= step
        residual -= image
        u += np.multiply(step, direction, out=image)
    return u


def _precondition(right: Values) -> Values:
    """Solve on the whole box ``(C, *box)``, which is made longer where that transforms faster."""
    shape = right.shape[1:]
    fast_shape = [_find_fast_length(size) for size in shape]
    if fast_shape == list(shape):
        return solve_on_box(right)
    padding = [(0, fast - size) for fast, size in zip(fast_shape, shape, strict=True)]
    longer = np.pad(right, [(0, 0), *padding])
    return solve_on_box(longer)[(slice(None), *map(slice, shape))]


def _find_fast_length(size: int) -> int:
    """Return the length, at least ``size``, that a sine transform is fast along."""
    if size <= MAX_MATRIX_LENGTH:
        return size
    return int(fft.next_fast_len(size + 1, real=True)) - 1


def _compute_dot(a: Values, b: Values) -> Values:
    """Compute the scalar product of each channel, in a shape that multiplies the channels."""
    dots = np.vecdot(a.reshape(len(a), -1), b.reshape(len(b), -1))
    return dots.reshape(-1, *[1] * (a.ndim - 1))


def _divide(a: Values, b: Values) -> Values:
    """Divide a by b. The result is 0 where b is 0, as in a channel that is solved already."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


def apply_minus_laplacian(u: Values, degree: Values | float) -> Values:
    """Multiply each pixel by ``degree`` and subtract its neighbours in the array.

    Args:
        u: ``(C, *spatial)``.
        degree: number of neighbours that count, ``(*spatial)`` or one for all pixels.

    Returns:
        ``(C, *spatial)``.
    """
    image: Values = degree * u
    for before, after in iterate_neighbours(u.ndim):
        image[before] -= u[after]
        image[after] -= u[before]
    return image


def solve_on_box(right: Values) -> Values:
    """Solve −Δu = ``right`` in a whole box with u = 0 around it, by sine transforms.

    Args:
        right: ``(C, *box)``.

    Returns:
        u, ``(C, *box)``.
    """
    waves = _transform_sines(right)
    waves /= _compute_eigenvalues(right.shape[1:], right.dtype.char)
    return _transform_sines(waves)


def _transform_sines(image: Values) -> Values:
    """Apply the orthonormal sine transform (DST-I) along each spatial axis. It is its own inverse."""
    shape = image.shape
    for axis, size in enumerate(shape[1:], start=1):
        if size > MAX_MATRIX_LENGTH:
            image = fft.dst(image.reshape(shape), type=1, axis=axis, norm="ortho")
            continue
        matrix = _build_sine_matrix(size, image.dtype.char)
        if axis == len(shape) - 1:
            image = multiply_rows(image.reshape(-1, size), matrix)
        else:
            columns = image.reshape(-1, size, math.prod(shape[axis + 1 :]))
            image = multiply_columns(matrix, columns)
    return image.reshape(shape)


@lru_cache(maxsize=16)
def _build_sine_matrix(size: int, dtype_char: str) -> Values:
    """Build the matrix ``(size, size)`` of the sine transform."""
    k = np.arange(1, size + 1)
    periods = np.outer(k, k) % (2 * size + 2)
    matrix = np.sqrt(2 / (size + 1)) * np.sin(np.pi * periods / (size + 1))
    return matrix.astype(dtype_char)


@lru_cache(maxsize=16)
def _compute_eigenvalues(shape: tuple[int, ...], dtype_char: str) -> Values:
    """Compute the eigenvalues of −Δ on a box, in the order of :func:`_transform_sines`."""
    total = np.zeros(shape)
    for axis, size in enumerate(shape):
        along_axis = 4 * np.sin(np.pi * np.arange(1, size + 1) / (2 * size + 2)) ** 2
        axis_shape = [1] * len(shape)
        axis_shape[axis] = -1
        total += along_axis.reshape(axis_shape)
    return total.astype(dtype_char)


def _count_free_neighbours(free: Mask) -> NDArray[np.uint8]:
    """Count the free neighbours that each pixel has in the array."""
    degree = np.zeros((1, *free.shape), dtype=np.uint8)
    for before, after in iterate_neighbours(degree.ndim):
        degree[before] += free[after[1:]]
        degree[after] += free[before[1:]]
    return degree[0]


def iterate_neighbours(ndim: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yield for each spatial axis of a ``(C, *spatial)`` array all pixels but the last, and all but the first."""
    for axis in range(1, ndim):
        leading = (slice(None),) * axis
        yield (*leading, slice(None, -1)), (*leading, slice(1, None))
