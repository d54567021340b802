"""The Poisson equation on a domain of any shape, with unknowns beside its boundary alone.

In all of space the equation is solved by the response to a single source (:mod:`domaingan.blend.methods.free_space`).
That solution misses the equation of the domain in the pixels beside its boundary only, the rim. Further sources there
make it right: the capacitance matrix method (W. Proskurowski and O. Widlund, "On the numerical solution of Helmholtz's
equation by the capacitance matrix method", Mathematics of Computation 30, 1976). What each of them does at each other
one is looked up in the response.

A disc of 256 pixels has 51,000 pixels and a rim of 724.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.blend.methods.free_space import choose_torus, compute_responses, solve_in_space
from domaingan.blend.methods.matrix_products import multiply_in_pieces
from domaingan.blend.methods.poisson_rim import MAX_DIRECT_PIXELS, DomainRim, pad_box

Values = NDArray[Any]


def solve_for_difference(difference: Values, rim: DomainRim, tolerance: float, max_steps: int) -> Values:
    """Find u, 0 outside a domain, whose Laplacian in the domain is that of a difference between two images.

    Args:
        difference: ``(C, *spatial)``, float32 or float64.
        rim: of the domain.
        tolerance: largest residual, as a share of that of the difference cut off at the domain (2-norms, per channel).
        max_steps: largest number of steps of conjugate gradients, where they are needed.

    Returns:
        u, ``(C, *box)``, in the domain's box.
    """
    padded = pad_box(difference, rim.box)
    missed = -_sum_edge_flows(padded, rim, of_closed=False)
    max_squares = tolerance**2 * np.einsum("ij,ij->j", missed, missed)
    u = _solve_for_rim_sources(missed, rim, max_squares, max_steps)
    u += padded
    u *= rim.domain
    return u[_slice_inside_border(u)]


def solve_by_boundary(right: Values, rim: DomainRim, tolerance: float, max_steps: int) -> Values:
    """Solve −Δu = ``right`` in a domain, channel by channel, with u = 0 outside it.

    Args:
        right: ``(C, *spatial)``, float32 or float64.
        rim: of the domain.
        tolerance: largest residual, as a share of the right-hand side (2-norms, per channel).
        max_steps: largest number of steps of conjugate gradients, where they are needed.

    Returns:
        u, ``(C, *box)``, in the domain's box, exactly 0 outside the domain.
    """
    sources = pad_box(right, rim.box) * rim.domain
    in_space = solve_in_space(sources)
    lines = sources.reshape(len(sources), -1)
    max_squares = tolerance**2 * np.einsum("ij,ij->i", lines, lines)
    u = _solve_for_rim_sources(-_sum_edge_flows(in_space, rim, of_closed=True), rim, max_squares, max_steps)
    u += in_space
    u *= rim.domain
    return u[_slice_inside_border(u)]


def _slice_inside_border(image: Values) -> tuple[slice, ...]:
    """Return the part of a ``(C, *spatial)`` image without its outermost pixels."""
    return (slice(None), *[slice(1, -1)] * (image.ndim - 1))


def _sum_edge_flows(u: Values, rim: DomainRim, of_closed: bool) -> Values:
    """Sum what flows to each pixel of a rim from outside in space but not in the domain's equation: ``(n, C)``.

    That is u in the pixel outside, and less u in the rim's pixel where nothing flows.
    """
    lines = u.reshape(len(u), -1)
    flows = lines[:, rim.outside_places] * ~rim.is_closed
    if of_closed and rim.is_closed.any():
        differences = lines[:, rim.outside_places] - lines[:, rim.places[rim.edge_pixels]]
        flows += differences * rim.is_closed
    sums = [np.bincount(rim.edge_pixels, flow, len(rim.places)) for flow in flows]
    return np.stack(sums, axis=1).astype(u.dtype)


def _solve_for_rim_sources(missed: Values, rim: DomainRim, max_squares: Values, max_steps: int) -> Values:
    """Solve the domain's equation for sources ``(n, C)`` on its rim alone.

    Args:
        missed: ``(n, C)`` what the equation is to have at each pixel of the rim.
        rim: of the domain.
        max_squares: ``(C,)`` squared residual at which conjugate gradients stop.
        max_steps: largest number of their steps.

    Returns:
        u, ``(C, *box)``, which still has to be cut off at the domain.
    """
    n, shape = len(rim.places), rim.domain.shape
    own, flows = _look_up_responses(rim, missed.dtype.char)
    flows[rim.is_closed] -= own[rim.edge_pixels[rim.is_closed]]
    # The equation in space has flows to all neighbours. Those out of the domain are taken back.
    system = np.zeros((n, n), dtype=missed.dtype)
    system.flat[:: n + 1] = 1
    for first, last in pairwise((0, *rim.direction_ends)):
        system[rim.edge_pixels[first:last]] += flows[first:last]
    if n <= MAX_DIRECT_PIXELS:
        strengths = np.linalg.solve(system, missed)
    else:
        strengths = _solve_by_gradients(np.concatenate([own, system]), missed, max_squares, max_steps)
    sources = np.zeros((missed.shape[1], *shape), dtype=missed.dtype)
    sources.reshape(len(sources), -1)[:, rim.places] = strengths.T
    return solve_in_space(sources, rim.places)


def _look_up_responses(rim: DomainRim, dtype_char: str) -> tuple[Values, Values]:
    """Look up the answer in space of each pixel to a source at each pixel of a rim.

    Returns:
        ``(n, n)`` answers of the rim's own pixels, and ``(edges, n)`` those of the pixels outside.
    """
    n, shape = len(rim.places), rim.domain.shape
    torus = choose_torus(shape)
    impulse = compute_responses(torus, dtype_char)[1]
    table_shape = tuple(2 * size - 1 for size in torus)
    positions = np.unravel_index(np.concatenate([rim.places, rim.outside_places]), shape)
    keys = np.ravel_multi_index(positions, table_shape)
    centre = np.ravel_multi_index(torus, table_shape) - np.ravel_multi_index((1,) * len(table_shape), table_shape)
    answers = impulse.take(np.subtract.outer(keys + centre, keys[:n]))
    return answers[:n], answers[n:]


def _solve_by_gradients(both: Values, right: Values, max_squares: Values, max_steps: int) -> Values:
    """Solve by conjugate gradients, all channels at once.

    These are the steps that conjugate gradients would take in the whole domain, with the solution in space as their
    preconditioner. Their residuals are 0 everywhere but in the rim.

    Args:
        both: ``(2 n, n)``. The second half is the system. The first half is the matrix in whose scalar product the
            system is symmetric.
        right: ``(n, C)``.
        max_squares: ``(C,)`` squared residual to stop at.
        max_steps: largest number of steps.

    Returns:
        The solution, ``(n, C)``.
    """
    n = len(right)
    solution = np.zeros_like(right)
    residual = right.copy()
    direction = np.zeros_like(right)
    images = np.zeros((2 * n, right.shape[1]), dtype=right.dtype)
    size: Values = np.ones(right.shape[1], dtype=right.dtype)
    for _ in range(max_steps):
        if (_compute_dots(residual, residual) <= max_squares).all():
            break
        image = multiply_in_pieces(both, residual)
        previous_size = size
        size = _compute_dots(residual, image[:n])
        turn = _divide(size, previous_size)
        direction *= turn
        direction += residual
        images *= turn
        images += image
        step = _divide(size, _compute_dots(images[:n], images[n:]))
        solution += step * direction
        residual -= step * images[n:]
    return solution


def _compute_dots(a: Values, b: Values) -> Values:
    """Compute the scalar product of each column."""
    return np.einsum("ij,ij->j", a, b)


def _divide(a: Values, b: Values) -> Values:
    """Divide a by b. The result is 0 where b is 0, as in a channel that is solved already."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)
