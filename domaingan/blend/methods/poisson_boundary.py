"""The Poisson equation on a domain of any shape, with unknowns beside its boundary alone.

Where a domain is as wide as all space, the equation is solved by the response to a single source, pixel by pixel: fast
Fourier transforms add the responses up. That solution misses the equation of the domain in the pixels beside its
boundary only, the rim. Further sources there make it right: the capacitance matrix method (W. Proskurowski and
O. Widlund, "On the numerical solution of Helmholtz's equation by the capacitance matrix method", Mathematics of
Computation 30, 1976). What each of them does at each other one is looked up in the response.

A disc of 256 pixels has 51,000 pixels and a rim of 724.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from domaingan.imaging.intensity import find_extent

Mask = NDArray[np.bool_]
Values = NDArray[Any]

MAX_PRODUCT_SIZE = 64**3
"""A matrix product of at most so many multiplications stays on one thread of OpenBLAS. Beyond it several threads wait
for each other, and where other processes want the cores, too, a product of 0.2 ms takes 300 ms."""

MAX_DIRECT_PIXELS = 199
"""Rims of at most so many pixels are solved for by elimination: so large a matrix stays on one thread of OpenBLAS."""

MAX_RIM_PIXELS = 3000
"""Rims of more pixels are left to others: the matrices have their square."""

MAX_ENTRIES_PER_PIXEL = 32
"""A matrix has at most so many entries for each pixel of the domain's box; a volume's surface has more."""


@dataclass(frozen=True)
class DomainRim:
    """The pixels of a domain that have a next neighbour outside it, in a box with one pixel more on each side.

    Attributes:
        where: the domain's box in its array.
        domain: ``(*box)``, false along the border.
        places: ``(n,)`` flat positions in the box.
        rows: ``(edges,)`` for each edge out of the domain the number of its pixel in ``places``.
        there: ``(edges,)`` flat positions in the box of the pixels outside.
        is_closed: ``(edges,)`` whether nothing flows there, so that u is not 0 there but as in the domain.
        cuts: of ``rows``, after every direction.
    """

    box: tuple[slice, ...]
    domain: Mask
    places: NDArray[np.int64]
    edge_pixels: NDArray[np.int64]
    outside_places: NDArray[np.int64]
    is_closed: Mask
    direction_ends: tuple[int, ...]


def find_rim(domain: Mask, free: Mask) -> DomainRim | None:
    """Find a domain's rim, if it is short for its area and every part has a neighbour whose value is known.

    Args:
        domain: ``(*spatial)``, not empty.
        free: ``(*spatial)``, holds the domain. To pixels that are not free nothing flows, nor across the border.

    Returns:
        The rim; None where there are better ways to solve the equation.
    """
    where = find_extent(domain)
    assert where is not None
    box = _pad_box(domain[None], where)[0]
    flat, is_free = box.ravel(), _pad_box(free[None], where)[0].ravel()
    all_places = np.flatnonzero(flat)
    beside = [all_places[~flat[all_places + step]] for step in _compute_neighbour_steps(box.shape)]
    inside = np.concatenate(beside)
    places = np.flatnonzero(np.bincount(inside))
    if len(places) > MAX_RIM_PIXELS or len(places) ** 2 > MAX_ENTRIES_PER_PIXEL * max(box.size, MAX_DIRECT_PIXELS):
        return None
    there = np.concatenate(
        [some + step for some, step in zip(beside, _compute_neighbour_steps(box.shape), strict=True)]
    )
    is_closed = ~is_free[there]
    if is_closed.any() and not _is_anchored(box, inside[~is_closed]):
        return None
    cuts = tuple(np.cumsum([len(some) for some in beside]).tolist())
    return DomainRim(where, box, places, np.searchsorted(places, inside), there, is_closed, cuts)


def _is_anchored(domain: Mask, known: NDArray[np.int64]) -> bool:
    """Whether every part of a domain has one of these pixels, whose neighbours' values are known."""
    if domain.ndim == 2:  # a fifth of the time
        n, parts = cv2.connectedComponents(domain.view(np.uint8), connectivity=4)
    else:
        parts, n = ndimage.label(domain)
        n += 1
    is_held = np.zeros(n, dtype=bool)
    is_held[parts.ravel()[known]] = True
    return bool(is_held[1:].all())


def solve_for_difference(difference: Values, rim: DomainRim, tolerance: float, max_steps: int) -> Values:
    """Find u, 0 outside a domain, that has there the same Laplacian as a difference between two images.

    Args:
        difference: ``(C, *spatial)``, float32 or float64.
        rim: of the domain.
        tolerance: largest residual as a share of that of the difference cut off at the domain (2-norms, per channel).
        steps: most steps of conjugate gradients, where they are needed.

    Returns:
        u, ``(C, *box)``, in the domain's box.
    """
    around = _pad_box(difference, rim.box)
    missed = -_sum_edge_flows(around, rim, of_closed=False)
    enough = tolerance**2 * np.einsum("ij,ij->j", missed, missed)
    u = _solve_for_rim_sources(missed, rim, enough, max_steps)
    u += around
    u *= rim.domain
    return u[_slice_inside_border(u)]


def solve_by_boundary(right: Values, rim: DomainRim, tolerance: float, max_steps: int) -> Values:
    """Solve −Δu = ``right`` in a domain, channel by channel, with u = 0 outside it.

    Args:
        right: ``(C, *spatial)``, float32 or float64.
        rim: of the domain.
        tolerance: largest residual as a share of the right-hand side (2-norms, per channel).
        steps: most steps of conjugate gradients, where they are needed.

    Returns:
        u, ``(C, *box)``, in the domain's box, exactly 0 outside the domain.
    """
    sources = _pad_box(right, rim.box) * rim.domain
    alone = _solve_in_space(sources)
    lines = sources.reshape(len(sources), -1)
    enough = tolerance**2 * np.einsum("ij,ij->i", lines, lines)
    u = _solve_for_rim_sources(-_sum_edge_flows(alone, rim, of_closed=True), rim, enough, max_steps)
    u += alone
    u *= rim.domain
    return u[_slice_inside_border(u)]


def _pad_box(image: Values, box: tuple[slice, ...]) -> Values:
    """A box of an image with one pixel more on each side, 0 beyond the image."""
    wide = np.zeros((len(image), *[side.stop - side.start + 2 for side in box]), dtype=image.dtype)
    around = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
    part = image[(slice(None), *around)]
    first = [1 - (side.start - near.start) for side, near in zip(box, around, strict=True)]
    wide[(slice(None), *[slice(a, a + n) for a, n in zip(first, part.shape[1:], strict=True)])] = part
    return wide


def _slice_inside_border(image: Values) -> tuple[slice, ...]:
    return (slice(None), *[slice(1, -1)] * (image.ndim - 1))


def _sum_edge_flows(u: Values, rim: DomainRim, of_closed: bool) -> Values:
    """What flows to each pixel of a rim from outside, ``(n, C)``, where the equation in space has it and the domain's
    has not: u there, and less u here where nothing flows.
    """
    lines = u.reshape(len(u), -1)
    flows = lines[:, rim.outside_places] * ~rim.is_closed
    if of_closed and rim.is_closed.any():
        flows += (lines[:, rim.outside_places] - lines[:, rim.places[rim.edge_pixels]]) * rim.is_closed
    return np.stack([np.bincount(rim.edge_pixels, flow, len(rim.places)) for flow in flows], axis=1).astype(u.dtype)


def _solve_for_rim_sources(missed: Values, rim: DomainRim, enough: Values, max_steps: int) -> Values:
    """Solve the domain's equation for sources ``(n, C)`` on its rim alone; u, ``(C, *box)``, is to be cut off."""
    n, shape = len(rim.places), rim.domain.shape
    impulse = _compute_responses(_choose_torus(shape), missed.dtype.char)[1]
    table = tuple(2 * size - 1 for size in _choose_torus(shape))
    keys = np.ravel_multi_index(np.unravel_index(np.concatenate([rim.places, rim.outside_places]), shape), table)
    middle = np.ravel_multi_index(_choose_torus(shape), table) - np.ravel_multi_index((1,) * len(table), table)
    answers = impulse.take(np.subtract.outer(keys + middle, keys[:n]))
    own, flows = answers[:n], answers[n:]
    flows[rim.is_closed] -= own[rim.edge_pixels[rim.is_closed]]
    # The equation in space has flows to all neighbours: those out of the domain are taken back.
    system = np.zeros((n, n), dtype=missed.dtype)
    system.flat[:: n + 1] = 1
    for first, last in pairwise((0, *rim.direction_ends)):
        system[rim.edge_pixels[first:last]] += flows[first:last]
    if n <= MAX_DIRECT_PIXELS:
        added = np.linalg.solve(system, missed)
    else:
        added = _solve_by_gradients(np.concatenate([own, system]), missed, enough, max_steps)
    sources = np.zeros((missed.shape[1], *shape), dtype=missed.dtype)
    sources.reshape(len(sources), -1)[:, rim.places] = added.T
    return _solve_in_space(sources, rim.places)


def _solve_by_gradients(both: Values, right: Values, enough: Values, max_steps: int) -> Values:
    """Solve by conjugate gradients, all channels at once.

    The second half of ``both`` is the system, the first the matrix in whose scalar product that is symmetric.

    These are the steps that conjugate gradients would take in the whole domain, with the solution in space as their
    preconditioner: their residuals are 0 everywhere but in the rim.
    """
    n = len(right)
    found, residual = np.zeros_like(right), right.copy()
    direction, images = np.zeros_like(right), np.zeros((2 * n, right.shape[1]), dtype=right.dtype)
    size: Values = np.ones(right.shape[1], dtype=right.dtype)
    for _ in range(max_steps):
        if (_compute_dots(residual, residual) <= enough).all():
            break
        image = multiply_in_pieces(both, residual)
        before, size = size, _compute_dots(residual, image[:n])
        turn = _divide(size, before)
        direction *= turn
        direction += residual
        images *= turn
        images += image
        step = _divide(size, _compute_dots(images[:n], images[n:]))
        found += step * direction
        residual -= step * images[n:]
    return found


def multiply_in_pieces(matrix: Values, columns: Values) -> Values:
    """The product of a matrix and a few columns, in pieces that stay on one thread (see :data:`MAX_PRODUCT_SIZE`)."""
    rows = max(1, MAX_PRODUCT_SIZE // columns.size)
    return np.concatenate([matrix[i : i + rows] @ columns for i in range(0, len(matrix), rows)])


def _compute_dots(a: Values, b: Values) -> Values:
    return np.einsum("ij,ij->j", a, b)


def _divide(a: Values, b: Values) -> Values:
    """a / b, 0 where b is 0: a channel that is solved already."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


def _compute_neighbour_steps(shape: tuple[int, ...]) -> list[int]:
    """From a pixel's flat index to those of its next neighbours."""
    strides = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    return [sign * stride for stride in strides for sign in (-1, 1)]


def _solve_in_space(sources: Values, places: NDArray[np.int64] | None = None) -> Values:
    """−Δu = ``sources`` in all space, ``(C, *box)``: the sum of their responses.

    On a torus the mean of the sources is missing; −|x|² / (2 · dimensions · pixels) has just that Laplacian.

    Args:
        sources: ``(C, *box)``.
        places: flat positions in the box of all that are not 0; anywhere unless given.
    """
    shape, axes = sources.shape[1:], tuple(range(1, sources.ndim))
    torus = _choose_torus(shape)
    response, _, level = _compute_responses(torus, sources.dtype.char)
    waves = fft.rfftn(sources, s=torus, axes=axes)
    waves *= response
    u: Values = fft.irfftn(waves, s=torus, axes=axes, overwrite_x=True)[(slice(None), *map(slice, shape))]
    lines = sources.reshape(len(sources), -1)
    strengths = lines if places is None else lines[:, places]
    where = np.unravel_index(np.arange(math.prod(shape)) if places is None else places, shape)
    powers = np.empty((strengths.shape[1], 2 * len(axes) + 1), dtype=u.dtype)
    powers[:, 0] = 1
    for axis, along in enumerate(where):
        powers[:, 2 * axis + 1] = along
        powers[:, 2 * axis + 2] = along * along
    moments = strengths @ powers
    for axis, bowl in enumerate(_build_bowls(shape, torus, u.dtype.char)):
        u += (moments @ bowl).reshape(-1, *[1] * axis, shape[axis], *[1] * (len(shape) - 1 - axis))
    u += (level * moments[:, 0]).reshape(-1, *[1] * len(shape))
    return u


@lru_cache(maxsize=32)
def _build_bowls(shape: tuple[int, ...], torus: tuple[int, ...], kind: str) -> tuple[Values, ...]:
    """Along each axis what the sources' moments, their sum and those of x and x² of each axis, add to each pixel."""
    bowls = []
    for axis, size in enumerate(shape):
        x, bowl = np.arange(size), np.zeros((2 * len(shape) + 1, size))
        bowl[0], bowl[2 * axis + 1], bowl[2 * axis + 2] = -(x**2), 2 * x, -1
        bowls.append((bowl / (2 * len(shape) * math.prod(torus))).astype(kind))
    return tuple(bowls)


def _choose_torus(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A torus that holds a box; few sizes, so that what is kept by size is met again."""
    return tuple(int(fft.next_fast_len(-(-size // 8) * 8, real=True)) for size in shape)


@lru_cache(maxsize=8)
def _compute_responses(torus: tuple[int, ...], kind: str) -> tuple[Values, Values, float]:
    """How much of each wave on a torus answers a source of it; the answer in space to a source, and what is added to
    it, so that it is 0 at the largest distance and positive elsewhere.
    """
    eigenvalues = np.zeros(())
    for axis, size in enumerate(torus):
        waves = size if axis < len(torus) - 1 else size // 2 + 1
        eigenvalues = np.add.outer(eigenvalues, 4 * np.sin(np.pi * np.arange(waves) / size) ** 2)
    response = np.divide(1, eigenvalues, out=np.zeros_like(eigenvalues), where=eigenvalues > 0)
    impulse = fft.irfftn(response, s=torus, axes=tuple(range(len(torus))))
    distances = [np.abs(np.arange(1 - size, size)) for size in torus]
    impulse = impulse[np.ix_(*distances)]
    for axis, along in enumerate(distances):
        bowl = along**2 / (2 * len(torus) * np.prod(torus))
        impulse -= bowl.reshape([-1 if other == axis else 1 for other in range(len(torus))])
    level = float(-impulse.min())
    return response.astype(kind), (impulse + level).astype(kind), level
