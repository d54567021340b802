"""A smooth random deformation: normal numbers on a coarse grid over an object, cubic splines between them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

GRID_POINTS = 4
"""Points of the grid along each axis."""

GRID_SPAN = 1.5
"""How much wider the grid is than the object, so that what is far apart in it moves apart more than what is near."""

MAX_STRETCH = 0.9
"""Largest stretch of a displacement (the spectral norm of its derivative): from 1 on it could fold. Flows that get
further without folding were tried: they draw an object's texture out into streaks."""

STRETCH_SAMPLES = 12
"""Points along each axis at which the stretch is measured."""

Array = NDArray[np.float64]


def draw_grid_displacements(dims: int, rng: np.random.Generator) -> Array:
    """``(dims, GRID_POINTS, …)`` standard normal numbers: a displacement of every point along every axis."""
    return rng.normal(size=(dims, *[GRID_POINTS] * dims))


@dataclass(frozen=True, eq=False)
class Deformation:
    """A deformation of one object; lengths are in whatever unit its points were given in.

    Attributes:
        field: ``(dims, GRID_POINTS, …)`` how far the grid's points are moved, less steep than :data:`MAX_STRETCH`
            throughout.
        low, high: where the grid begins and ends along each axis.
        farthest: about the longest way that anything is moved along an axis.
    """

    displacements: Array
    start: Array
    stop: Array
    max_displacement: float

    @classmethod
    def fit(cls, grid_displacements: Array, points: Array, point_volume: float) -> Deformation:
        """Of an object at ``(n, dims)`` points, each of that volume, by displacements drawn in radii of the object."""
        dims = points.shape[1]
        radius = (len(points) * point_volume * (1 / np.pi if dims == 2 else 3 / (4 * np.pi))) ** (1 / dims)
        middle = (points.max(axis=0) + points.min(axis=0)) / 2
        half = GRID_SPAN * np.maximum(np.ptp(points, axis=0) / 2, radius)  # what is thin is not folded up
        field = radius * grid_displacements
        field = field * min(1.0, MAX_STRETCH / max(_measure_max_stretch(field, 2 * half), 1e-12))
        seen = _interpolate(field, [_compute_basis(np.linspace(0, 1, STRETCH_SAMPLES))] * dims)
        return cls(field, middle - half, middle + half, float(1.1 * np.abs(seen).max()))

    def compute_displacement(self, coordinates: Sequence[Array]) -> Array:
        """``(dims, *pixels)`` how far each pixel is moved, of which ``lines`` say where they are along each axis.

        Beyond the grid everything is moved as far as at its border.
        """
        shares = [(x - a) / (b - a) for x, a, b in zip(coordinates, self.start, self.stop, strict=True)]
        return _interpolate(self.displacements, [_compute_basis(share) for share in shares])


def _measure_max_stretch(displacements: Array, spans: Array) -> float:
    """The largest spectral norm of the derivative."""
    seen = np.linspace(0, 1, STRETCH_SAMPLES)
    flat, steep = _compute_basis(seen), _compute_basis(seen, 1)
    dims = len(spans)
    slopes = [
        _interpolate(displacements, [steep if b == a else flat for b in range(dims)]) / spans[a] for a in range(dims)
    ]
    return float(np.linalg.norm(np.moveaxis(np.stack(slopes, axis=1), (0, 1), (-2, -1)), 2, axis=(-2, -1)).max())


def _compute_basis(positions: NDArray[Any], derivative: int = 0) -> Array:
    """``(n, GRID_POINTS)``: what each point counts at so many shares of the way along the grid."""
    spline = CubicSpline(np.linspace(0, 1, GRID_POINTS), np.eye(GRID_POINTS), bc_type="natural")
    basis: Array = spline(np.clip(positions, 0, 1), derivative)
    return basis


def _interpolate(displacements: Array, bases: Sequence[Array]) -> Array:
    """The field between its points: one basis an axis."""
    points, pixels = string.ascii_lowercase[: len(bases)], string.ascii_uppercase[: len(bases)]
    terms = ",".join(f"{pixel}{point}" for pixel, point in zip(pixels, points, strict=True))
    spread: Array = np.einsum(f"z{points},{terms}->z{pixels}", displacements, *bases, optimize=True)
    return spread
