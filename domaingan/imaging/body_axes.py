"""Places in a body, whichever way a scan's voxels run: relative coordinates to the right, to the front and up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.data import Geometry, Sample

BodyAxes = tuple[tuple[int, int], ...]
"""For each axis of an array the body's axis it runs along (0 left–right, 1 back–front, 2 foot–head), and 1 if it runs
to the right, the front or the head, else -1."""

Points = NDArray[Any]


def get_body_axes(sample: Sample) -> BodyAxes:
    """Find how a scan's axes run in the body: ``Geometry.axes`` where known (of slices), else by the affine.

    Returns:
        One pair an axis; where nothing is known, as if stored to the right, the front and the head.
    """
    if sample.geometry.axes is not None:
        return sample.geometry.axes
    affine = sample.geometry.affine
    if affine is None:
        return tuple((axis, 1) for axis in range(sample.spatial_dims))
    return compute_axes_from_affine(np.asarray(affine, dtype=float), sample.spatial_dims)


def compute_axes_from_affine(affine: NDArray[np.floating[Any]], dims: int) -> BodyAxes:
    """Find how the first ``dims`` axes of an array run in the body, by its ``(4, 4)`` affine into RAS coordinates.

    >>> compute_axes_from_affine(np.diag([-1.0, -1.0, 2.0, 1.0]), 3)
    ((0, -1), (1, -1), (2, 1))
    """
    from nibabel.orientations import io_orientation

    usable = affine.shape == (4, 4) and np.isfinite(affine).all()
    found = io_orientation(affine) if usable else np.full((3, 2), np.nan)
    if not np.isfinite(found).all():  # a flat or broken one tells nothing
        return tuple((axis, 1) for axis in range(dims))
    return tuple((int(axis), int(sign)) for axis, sign in found[:dims])


def slice_geometry(sample: Sample, axis: int) -> Geometry:
    """Work out the geometry of a volume's slices, which have no affine of their own.

    Args:
        sample: the volume.
        axis: that it is cut across.

    Returns:
        The body's axes of the two axes that are left, and where it is known their spacing and the distance between
        slices.
    """
    body_axes = get_body_axes(sample)
    others = [other for other in range(sample.spatial_dims) if other != axis]
    axes = tuple(body_axes[other] for other in others)
    spacing = sample.geometry.spacing
    if not spacing:
        return Geometry(axes=axes)
    return Geometry(tuple(spacing[other] for other in others), axes=axes, slice_spacing=spacing[axis])


def to_body_coordinates(points: Points, axes: BodyAxes) -> Points:
    """Bring relative coordinates ``(..., dims)``, 0 to 1 along an array's axes, into the body's order and directions.

    Of two dimensions the order is that of the body's axes they run along.

    >>> to_body_coordinates(np.array([0.1, 0.3, 0.5]), ((1, 1), (0, -1), (2, 1))).tolist()
    [0.7, 0.1, 0.5]
    """
    signs = np.array([sign for _, sign in axes])
    return np.where(signs > 0, points, 1 - points)[..., _sort_body_axes(axes)]


def from_body_coordinates(points: Points, axes: BodyAxes) -> Points:
    """The inverse of :func:`to_body_coordinates`.

    >>> from_body_coordinates(np.array([0.75, 0.1, 0.5]), ((1, 1), (0, -1), (2, 1))).tolist()
    [0.1, 0.25, 0.5]
    """
    signs = np.array([sign for _, sign in axes])
    ordered = points[..., np.argsort(_sort_body_axes(axes))]
    return np.where(signs > 0, ordered, 1 - ordered)


def _sort_body_axes(axes: BodyAxes) -> Sequence[int]:
    order: list[int] = np.argsort([axis for axis, _ in axes], kind="stable").tolist()
    return order
