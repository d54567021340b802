"""Size and units of the pixels or voxels of a mask."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np


@dataclass(frozen=True)
class VoxelUnits:
    """Say how large a pixel or voxel is, and in which unit.

    Attributes:
        spacing: its size along each axis, in mm; ones where it is not known.
        is_metric: whether the spacing is known.

    >>> units = VoxelUnits.from_spacing((0.5, 0.5, 2.0), 3)
    >>> units.voxel_size, units.volume_suffix, units.distance_suffix
    (0.5, 'mm3', '')
    >>> VoxelUnits.from_spacing((), 2).volume_suffix
    'pixels'
    """

    spacing: tuple[float, ...]
    is_metric: bool

    @classmethod
    def from_spacing(cls, spacing: tuple[float, ...], dims: int) -> VoxelUnits:
        """Make the units of a mask.

        Args:
            spacing: of its axes in mm; empty where it is not known.
            dims: number of axes.
        """
        if not spacing:
            return cls((1.0,) * dims, False)
        return cls(tuple(float(size) for size in spacing), True)

    @property
    def dims(self) -> int:
        """Number of axes."""
        return len(self.spacing)

    @property
    def voxel_size(self) -> float:
        """Volume (3D) or area (2D) of one voxel or pixel."""
        return float(prod(self.spacing))

    @property
    def volume_suffix(self) -> str:
        """What the names of measures of a volume or area end on."""
        if self.is_metric:
            return f"mm{self.dims}"
        return self._element

    @property
    def distance_suffix(self) -> str:
        """What the names of measures of a distance end on; empty for mm."""
        return "" if self.is_metric else f"_{self._element}"

    @property
    def _element(self) -> str:
        return "pixels" if self.dims == 2 else "voxels"

    def measure_diagonal(self, shape: tuple[int, ...]) -> float:
        """Measure the diagonal of a grid of this shape.

        >>> VoxelUnits((1.0, 2.0), True).measure_diagonal((3, 2))
        5.0
        """
        return float(np.linalg.norm(np.multiply(shape, self.spacing)))
