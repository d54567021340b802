"""Smooth random fields on a voxel grid, and soft painting: what the phantoms are made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Field = NDArray[np.floating[Any]]

FIELD_EXTENT_MM = 216.0
"""Edge, in mm, of the cube that fields are drawn over: the same draws whatever the grid."""

_UNIT_FIELD_DEVIATION = (151 / 315) ** 1.5
"""Standard deviation of a field whose coefficients have 1: the integral of a cubic B-spline squared, in 3D."""


@dataclass(frozen=True)
class VoxelGrid:
    """A voxel grid centred on the origin.

    Attributes:
        shape: voxels along each axis.
        spacing: edge of a voxel, in mm.
    """

    shape: tuple[int, ...]
    spacing: float

    def get_axis(self, number: int) -> Field:
        """Return the voxel centres along one axis, in mm."""
        n = self.shape[number]
        return ((np.arange(n) - (n - 1) / 2) * self.spacing).astype(np.float32)

    def compute_points(self) -> Field:
        """Compute the ``(3, X, Y, Z)`` position of every voxel, in mm."""
        axes = [self.get_axis(number) for number in range(3)]
        return np.stack(np.meshgrid(*axes, indexing="ij"))

    @property
    def affine(self) -> NDArray[np.float64]:
        """The ``(4, 4)`` affine from voxels to mm, with the origin in the grid's centre."""
        affine = np.diag([self.spacing] * 3 + [1.0])
        affine[:3, 3] = [self.get_axis(i)[0] for i in range(3)]
        return affine


def sample_field(rng: np.random.Generator, grid: VoxelGrid, scale: float) -> Field:
    """Sample a smooth random field of mean 0 and standard deviation about 1.

    White noise on a lattice gives the coefficients of cubic B-splines. They are separable, hence fast.

    Args:
        rng: source of the noise.
        grid: the voxels.
        scale: step of the lattice, in mm.

    Returns:
        ``(X, Y, Z)``.
    """
    n = int(np.ceil(FIELD_EXTENT_MM / scale)) + 3
    values = rng.standard_normal((n, n, n), dtype=np.float32)
    for number in range(3):  # each pass turns the first axis into the last: after three they are in order
        weights = _compute_spline_weights(grid.get_axis(number), scale, n)
        values = np.tensordot(values, weights, axes=(0, 1))
    return values / np.float32(_UNIT_FIELD_DEVIATION)


def _compute_spline_weights(axis: Field, scale: float, n: int) -> Field:
    """Compute the ``(len(axis), n)`` weights of the lattice's cubic B-splines at each position."""
    distance = np.abs((axis[:, None] + FIELD_EXTENT_MM / 2) / scale + 1 - np.arange(n))
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    weights: Field = np.where(distance < 1, near, far).astype(np.float32)
    return weights


def paint_structure(image: Field, level: Field, value: Sequence[float] | Field, softness: float = 1.2) -> None:
    """Paint a structure into an image, with partial volume at its edge.

    Args:
        image: ``(C, X, Y, Z)``, changed in place.
        level: ``(X, Y, Z)`` mm inside the structure, negative outside.
        value: one number a channel, or ``(C, X, Y, Z)``.
        softness: mm over which the edge fades.
    """
    target = np.asarray(value, dtype=np.float32)
    target = target.reshape(-1, 1, 1, 1) if target.ndim == 1 else target
    image += expit(level / np.float32(softness)) * (target - image)
