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
"""How much wider the grid is than the object, so that what is far apart in the object moves apart more than what is
near."""

MAX_STRETCH = 0.9
"""Largest stretch of a displacement (the spectral norm of its derivative): from 1 on it could fold. Flows that get
further without folding were tried: they draw an object's texture out into streaks."""

STRETCH_SAMPLES = 12
"""Points along each axis at which the stretch is measured."""

DISPLACEMENT_MARGIN = 1.1
"""Factor on the largest displacement that was measured, as there may be a larger one between the points."""

Array = NDArray[np.float64]


def draw_grid_displacements(dims: int, rng: np.random.Generator) -> Array:
    """Draw a displacement of every grid point along every axis: ``(dims, GRID_POINTS, …)`` standard normal numbers."""
    return rng.normal(size=(dims, *[GRID_POINTS] * dims))


@dataclass(frozen=True, eq=False)
class Deformation:
    """A deformation of one object. Lengths are in the unit that its points were given in.

    Attributes:
        displacements: ``(dims, GRID_POINTS, …)`` how far the grid's points are moved, nowhere steeper than
            :data:`MAX_STRETCH`.
        start, stop: where the grid begins and ends along each axis.
        max_displacement: about the longest way that anything is moved along an axis.
    """

    displacements: Array
    start: Array
    stop: Array
    max_displacement: float

    @classmethod
    def fit(cls, grid_displacements: Array, points: Array, point_volume: float) -> Deformation:
        """Fit a deformation to the size of an object.

        Args:
            grid_displacements: ``(dims, GRID_POINTS, …)``, in radii of the object.
            points: ``(n, dims)``, the object's pixels.
            point_volume: area or volume of each.
        """
        dims = points.shape[1]
        ball_factor = 1 / np.pi if dims == 2 else 3 / (4 * np.pi)
        radius = (len(points) * point_volume * ball_factor) ** (1 / dims)
        centre = (points.max(axis=0) + points.min(axis=0)) / 2
        half_size = np.ptp(points, axis=0) / 2
        half_span = GRID_SPAN * np.maximum(half_size, radius)  # what is thin is not folded up
        displacements = radius * grid_displacements
        stretch = _measure_max_stretch(displacements, 2 * half_span)
        displacements = displacements * min(1.0, MAX_STRETCH / max(stretch, 1e-12))
        basis = _compute_basis(np.linspace(0, 1, STRETCH_SAMPLES))
        sampled = _interpolate(displacements, [basis] * dims)
        max_displacement = float(DISPLACEMENT_MARGIN * np.abs(sampled).max())
        return cls(displacements, centre - half_span, centre + half_span, max_displacement)

    def compute_displacement(self, coordinates: Sequence[Array]) -> Array:
        """Compute how far each pixel is moved. Beyond the grid everything is moved as far as at its border.

        Args:
            coordinates: where the pixels are along each axis.

        Returns:
            ``(dims, *pixels)``.
        """
        bases = []
        for along_axis, start, stop in zip(coordinates, self.start, self.stop, strict=True):
            positions = (along_axis - start) / (stop - start)
            bases.append(_compute_basis(positions))
        return _interpolate(self.displacements, bases)


def _measure_max_stretch(displacements: Array, spans: Array) -> float:
    """Measure the largest spectral norm of the derivative on a grid of these lengths."""
    dims = len(spans)
    positions = np.linspace(0, 1, STRETCH_SAMPLES)
    values = _compute_basis(positions)
    slopes = _compute_basis(positions, derivative=1)
    derivatives = []
    for axis in range(dims):
        bases = [values] * dims
        bases[axis] = slopes
        derivatives.append(_interpolate(displacements, bases) / spans[axis])
    matrices = np.moveaxis(np.stack(derivatives, axis=1), (0, 1), (-2, -1))
    return float(np.linalg.norm(matrices, 2, axis=(-2, -1)).max())


def _compute_basis(positions: NDArray[Any], derivative: int = 0) -> Array:
    """Compute the weight of each grid point at positions in [0, 1] along the grid: ``(n, GRID_POINTS)``."""
    spline = CubicSpline(np.linspace(0, 1, GRID_POINTS), np.eye(GRID_POINTS), bc_type="natural")
    basis: Array = spline(np.clip(positions, 0, 1), derivative)
    return basis


def _interpolate(displacements: Array, bases: Sequence[Array]) -> Array:
    """Interpolate displacements between the grid's points, with one basis for each axis: ``(dims, *pixels)``."""
    points = string.ascii_lowercase[: len(bases)]
    pixels = string.ascii_uppercase[: len(bases)]
    terms = ",".join(f"{pixel}{point}" for pixel, point in zip(pixels, points, strict=True))
    interpolated: Array = np.einsum(f"z{points},{terms}->z{pixels}", displacements, *bases, optimize=True)
    return interpolated
