"""Where an image lies in space, and which of its values are 0 and 1 in scaled units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)  # arrays have no one truth value
class Geometry:
    """Say how the axes of an image lie in space.

    Attributes:
        spacing: size of a pixel or voxel along each spatial axis, in mm. Empty where it is not known.
        affine: ``(4, 4)`` from voxel indices to RAS coordinates in mm, of volumes. None where it is not known.
        axes: for each spatial axis the body's axis that it runs along (0 left-right, 1 back-front, 2 foot-head), and 1
            where it runs to the right, the front or the head, else -1. It is set where no affine tells it, as for the
            slices of a volume.
        slice_spacing: of a slice of a volume the distance to the next slice, in mm. None where it is not known.
    """

    spacing: tuple[float, ...] = ()
    affine: NDArray[Any] | None = None
    axes: tuple[tuple[int, int], ...] | None = None
    slice_spacing: float | None = None


@dataclass(frozen=True, eq=False)
class IntensityRange:
    """Say which stored values are 0 and 1 in scaled units, see :mod:`domaingan.imaging.intensity`.

    Attributes:
        ends: ``(C, 2)`` float32, or what broadcasts to it. A row of NaN is measured when it is needed.
        absolute: ``(C,)`` bool, which channels have absolute units, such as Hounsfield units. None where a person named
            the range and nobody looked at the units.
    """

    ends: NDArray[np.float32]
    absolute: NDArray[np.bool_] | None = None
