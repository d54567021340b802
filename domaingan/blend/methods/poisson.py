"""Seamless blending: the crop's gradients with the host's values around them, in 2D and 3D.

P. Pérez, M. Gangnet and A. Blake, "Poisson image editing", ACM Transactions on Graphics 22 (2003). With f = host + u
the discrete equation is −Δu = −div w, where w is what the wanted gradients differ from the host's, and u is 0 around
the domain.

The domain is the object and ``reach`` pixels around it, so that all else stays as it is to the bit. On a rectangle a
sine transform solves the equation at once. On any other domain whose boundary is short for its area the unknowns are
beside the boundary alone (:mod:`domaingan.blend.methods.poisson_boundary`). Elsewhere, as in volumes, the rectangle's
solution is the preconditioner of conjugate gradients, which then need 7 to 25 steps.

No step leaves its thread, so that a DataLoader's workers do not wait for each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from domaingan.blend.methods.alpha import compute_ramp
from domaingan.blend.methods.poisson_boundary import MAX_PRODUCT_SIZE, find_rim, solve_by_boundary, solve_for_difference
from domaingan.imaging.intensity import find_extent

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

SOLVER_TOLERANCE = 1e-4
"""Conjugate gradients stop when the residual has fallen to this share of the right-hand side (2-norms, per channel)."""

MAX_SOLVER_STEPS = 500
"""Most steps of conjugate gradients."""

MAX_MATRIX_LENGTH = 128
"""Along axes longer than this a sine transform goes by FFT; a product with the matrix is faster for shorter ones."""


@dataclass(frozen=True)
class Poisson:
    """The crop's gradients, solved for between the object and the host ``reach`` pixels around it.

    Attributes:
        reach: pixels around the mask that are solved for. With none an object loses most of its contrast to what
            surrounds it, as its own edge lies outside the domain.
        mixed: of crop and host the steeper gradient, pixel by pixel: the host's texture shows through.
    """

    reach: int = 4
    is_mixed: bool = False

    def with_reach(self, reach: int) -> Poisson:
        """The same over another width."""
        return replace(self, reach=reach)

    def compute_weight(self, body: Mask) -> Image:
        """1 in the body, falling to 0 outside it; the equation holds wherever it is not 0."""
        return compute_ramp(body, self.reach)

    def mix(self, host: Image, crop: Image, weight: Image, free: Mask) -> Image:
        """The solution where the weight is not 0, the host elsewhere.

        Pixels that are not ``free`` say nothing about what lies beside them: they are not the object's surroundings.
        """
        domain = weight > 0
        if not domain.any():
            return host
        difference = crop - host
        rim = None if self.is_mixed else find_rim(domain, free | domain)
        if rim is not None:
            blended = host.copy()
            blended[(slice(None), *rim.box)] += solve_for_difference(
                difference, rim, SOLVER_TOLERANCE, MAX_SOLVER_STEPS
            )
            return blended
        right, is_free_everywhere = np.zeros_like(host), bool(free.all())
        for before, after in _iterate_neighbours(host.ndim):
            flow = difference[after] - difference[before]
            if self.is_mixed:
                flow *= np.abs(crop[after] - crop[before]) > np.abs(host[after] - host[before])
            if not is_free_everywhere:
                flow *= free[after[1:]] & free[before[1:]]
            right[before] -= flow
            right[after] += flow
        return host + solve_poisson(right, domain, free)


def solve_poisson(
    right: NDArray[Any],
    domain: Mask,
    free: Mask | None = None,
    tolerance: float = SOLVER_TOLERANCE,
    max_steps: int = MAX_SOLVER_STEPS,
) -> NDArray[Any]:
    """Solve −Δu = ``right`` in a domain, channel by channel, with u = 0 outside it.

    Δ is the sum of differences to the next neighbours. There is no flow (Neumann's condition) across the array's own
    border nor to pixels that are not ``free``.

    Args:
        right: ``(C, *spatial)``, float32 or float64; the type that is computed in.
        domain: ``(*spatial)``, any shape.
        free: ``(*spatial)``, holds the domain; everything unless given.
        tolerance: relative residual to stop at.
        steps: most steps of conjugate gradients.

    Returns:
        u, ``(C, *spatial)``.
    """
    u = np.zeros_like(right)
    where = find_extent(domain)
    if where is None:
        return u
    near = (slice(None), *where)
    inside, is_free = domain[where], np.ones_like(domain) if free is None else free | domain
    degree = _count_free_neighbours(is_free)[where]
    if inside.all() and (degree == 2 * domain.ndim).all():
        u[near] = solve_on_box(right[near])
        return u
    rim = find_rim(domain, is_free)
    if rim is None:
        u[near] = _solve_by_gradients(right[near], inside, degree.astype(right.dtype), tolerance, max_steps)
    else:
        u[near] = solve_by_boundary(right, rim, tolerance, max_steps)
    return u


def _solve_by_gradients(
    right: NDArray[Any], inside: Mask, degree: NDArray[Any], tolerance: float, max_steps: int
) -> NDArray[Any]:
    """Preconditioned conjugate gradients, all channels at once."""
    kept = inside.astype(right.dtype)
    degree = degree * kept
    residual, u, direction = right * kept, np.zeros_like(right), np.zeros_like(right)
    enough = tolerance**2 * _compute_dot(residual, residual)
    size = np.ones_like(enough)
    for _ in range(max_steps):
        if (_compute_dot(residual, residual) <= enough).all():
            break
        towards = _precondition(residual)
        towards *= kept
        older, size = size, _compute_dot(residual, towards)
        direction *= _divide(size, older)
        direction += towards
        image = apply_minus_laplacian(direction, degree)
        image *= kept
        step = _divide(size, _compute_dot(direction, image))
        image *= step
        residual -= image
        u += np.multiply(step, direction, out=image)
    return u


def _precondition(right: NDArray[Any]) -> NDArray[Any]:
    """The solution in a box, which is made longer where that transforms faster: ``(C, *box)``."""
    shape = right.shape[1:]
    good = [fft.next_fast_len(size + 1, real=True) - 1 if size > MAX_MATRIX_LENGTH else size for size in shape]
    if good == list(shape):
        return solve_on_box(right)
    longer = np.pad(right, [(0, 0), *[(0, more - size) for more, size in zip(good, shape, strict=True)]])
    return solve_on_box(longer)[(slice(None), *map(slice, shape))]


def _compute_dot(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """The scalar product of each channel, of a shape that multiplies the channels."""
    return np.vecdot(a.reshape(len(a), -1), b.reshape(len(a), -1)).reshape(-1, *[1] * (a.ndim - 1))


def _divide(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """a / b, 0 where b is 0: a channel that is solved already."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


def apply_minus_laplacian(u: NDArray[Any], degree: NDArray[Any] | float) -> NDArray[Any]:
    """``degree`` times each pixel minus its neighbours in the array, ``(C, *spatial)``."""
    image: NDArray[Any] = degree * u
    for before, after in _iterate_neighbours(u.ndim):
        image[before] -= u[after]
        image[after] -= u[before]
    return image


def solve_on_box(right: NDArray[Any]) -> NDArray[Any]:
    """Solve −Δu = ``right`` in a whole box with u = 0 around it, by sine transforms: ``(C, *box)``."""
    spread = _transform_sines(right)
    spread /= _compute_eigenvalues(right.shape[1:], right.dtype.char)
    return _transform_sines(spread)


def _transform_sines(image: NDArray[Any]) -> NDArray[Any]:
    """The orthonormal sine transform (DST-I) along each spatial axis; its own inverse."""
    shape = image.shape
    for axis, size in enumerate(shape[1:], start=1):
        if size > MAX_MATRIX_LENGTH:
            image = fft.dst(image.reshape(shape), type=1, axis=axis, norm="ortho")
        elif axis == len(shape) - 1:
            image = _multiply_rows(image.reshape(-1, size), _build_sine_matrix(size, image.dtype.char))
        else:
            image = _multiply_columns(
                _build_sine_matrix(size, image.dtype.char), image.reshape(-1, size, math.prod(shape[axis + 1 :]))
            )
    return image.reshape(shape)


def _multiply_rows(rows: NDArray[Any], matrix: NDArray[Any]) -> NDArray[Any]:
    """``(m, k)`` times ``(k, k)``, in pieces that stay on one thread."""
    step = max(1, MAX_PRODUCT_SIZE // matrix.size)
    whole = len(rows) // step * step
    product = np.empty_like(rows)
    pieces = (-1, step, len(matrix))
    np.matmul(rows[:whole].reshape(pieces), matrix, out=product[:whole].reshape(pieces))
    np.matmul(rows[whole:], matrix, out=product[whole:])
    return product


def _multiply_columns(matrix: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    """``(k, k)`` times each of ``(n, k, m)``, in pieces that stay on one thread."""
    step = max(1, MAX_PRODUCT_SIZE // matrix.size)
    product = np.empty_like(columns)
    for start in range(0, columns.shape[-1], step):
        piece = (..., slice(start, start + step))
        np.matmul(matrix, columns[piece], out=product[piece])
    return product


@lru_cache(maxsize=16)
def _build_sine_matrix(size: int, dtype_char: str) -> NDArray[Any]:
    k = np.arange(1, size + 1)
    matrix = np.sqrt(2 / (size + 1)) * np.sin(np.pi * (np.outer(k, k) % (2 * size + 2)) / (size + 1))
    return matrix.astype(dtype_char)


@lru_cache(maxsize=16)
def _compute_eigenvalues(shape: tuple[int, ...], dtype_char: str) -> NDArray[Any]:
    """Of −Δ on a box, in the order of :func:`_transform_sines`."""
    total = np.zeros(shape)
    for axis, size in enumerate(shape):
        own = 4 * np.sin(np.pi * np.arange(1, size + 1) / (2 * size + 2)) ** 2
        total += own.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return total.astype(dtype_char)


def _count_free_neighbours(free: Mask) -> NDArray[np.uint8]:
    """How many free neighbours each pixel has in the array."""
    degree = np.zeros((1, *free.shape), dtype=np.uint8)
    for before, after in _iterate_neighbours(degree.ndim):
        degree[before] += free[after[1:]]
        degree[after] += free[before[1:]]
    return degree[0]


def _iterate_neighbours(ndim: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """For each spatial axis of a ``(C, *spatial)`` array all pixels but the last, and all but the first."""
    for axis in range(1, ndim):
        head = (slice(None),) * axis
        yield (*head, slice(None, -1)), (*head, slice(1, None))
