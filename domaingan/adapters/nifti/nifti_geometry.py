"""Where a NIfTI file's voxels lie and how large they are: by sform, qform or sizes alone, in mm whatever their unit.

Source: the NIfTI-1.1 and NIfTI-2 definitions, and their reference library.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.quaternions import quat2mat
from numpy.typing import NDArray

from domaingan.core.errors import DataError

MAX_CORNER_DISTANCE = 0.1
"""The most by which the corners of one grid may lie apart under two affines, in voxels."""

VOXEL_SIZE_RANGE_MM = (1e-6, 100.0)
"""Sizes of voxels, from electron microscopes to far above any scanner. Others have a wrong unit."""

MAX_ORIGIN_DISTANCE_MM = 1e7
"""The most by which a scan lies away from its origin."""

MAX_QUATERNION_EXCESS = 0.01
"""The most by which a quaternion may be longer than 1 by rounding. A longer one is no rotation."""

SIZE_TOLERANCE = 0.01
"""The largest relative difference between the sizes of voxels in ``pixdim`` and in the sform."""

MILLIMETRE_CODE = 2

LENGTH_UNITS = {1: ("metres", 1000.0), MILLIMETRE_CODE: ("millimetres", 1.0), 3: ("micrometres", 0.001)}
"""Names of the units of length by their code in ``xyzt_units``, with their millimetres."""

N_LENGTH_CODES = 8
"""Codes of units of length in ``xyzt_units``. Higher bits are the unit of time."""


@dataclass(frozen=True)
class GridPlacement:
    """What a header says about the place and the size of its voxels.

    Attributes:
        affine: 4×4, voxel to world in mm.
        forms: the sform and the qform in mm, as far as the file has them.
        unit_mm: millimetres in the file's unit of length.
        remarks: what the header leaves open or contradicts.
    """

    affine: NDArray[np.float64]
    forms: tuple[NDArray[np.float64], ...]
    unit_mm: float
    remarks: tuple[str, ...]


def read_grid_placement(stored: Any, shape: tuple[int, ...], path: Path) -> GridPlacement:
    """Read where the voxels lie: by the sform where it is valid, else by the qform, else by the sizes alone.

    Args:
        stored: the header's fields as they are stored, not repaired.
        shape: the stored shape.
        path: the file, for messages.

    Raises:
        DataError: none of them can be used, or the voxels have impossible sizes or places.
    """
    unit_mm, remarks = _read_unit(stored)
    row_scale = make_row_scale(unit_mm)
    forms = []
    sform = None
    if int(stored["sform_code"]) > 0:
        sform = np.asarray(stored.get_sform(), dtype=np.float64)
        forms.append(sform * row_scale)
    qform = _read_qform(stored, shape, path, remarks)
    if qform is not None:
        forms.append(qform * row_scale)
    affine = forms[0] if forms else _make_affine_from_sizes(stored, shape, path, remarks) * row_scale
    _check_affine(affine, shape, int(stored["xyzt_units"]), path)
    if len(forms) == 2:
        distance = measure_corner_distance(forms[1], forms[0], shape[:3])
        if distance > MAX_CORNER_DISTANCE:
            remarks.append(f"sform and qform lie up to {distance:.3g} voxels apart: the sform counts")
    if sform is not None and not _has_sizes_of_sform(sform, stored, shape):
        remarks.append("pixdim has other sizes than the sform: the sform counts")
    return GridPlacement(affine, tuple(forms), unit_mm, tuple(remarks))


def _read_unit(stored: Any) -> tuple[float, list[str]]:
    """Read the millimetres in the header's unit of length, and remarks about it."""
    code = int(stored["xyzt_units"]) % N_LENGTH_CODES
    if code == MILLIMETRE_CODE:
        return 1.0, []
    if code in LENGTH_UNITS:
        name, unit_mm = LENGTH_UNITS[code]
        return unit_mm, [f"sizes in {name}, read as mm"]
    return 1.0, ["no unit of length in the header: sizes are taken as mm"]


def make_row_scale(unit_mm: float) -> NDArray[np.float64]:
    """Make the column that the rows of an affine are multiplied with to bring it to mm.

    Args:
        unit_mm: millimetres in the affine's unit of length.

    Returns:
        ``(4, 1)``.
    """
    return np.array([[unit_mm], [unit_mm], [unit_mm], [1.0]])


def _read_qform(stored: Any, shape: tuple[int, ...], path: Path, remarks: list[str]) -> NDArray[np.float64] | None:
    """Read the qform in the file's unit; None where its code is 0, or where it cannot be used beside a sform.

    A quaternion that is a little longer than 1 is shortened to 1, as the format's reference library does.

    Raises:
        DataError: it is no rotation or a size is 0, and there is no sform.
    """
    if int(stored["qform_code"]) == 0:
        return None
    has_sform = int(stored["sform_code"]) > 0
    sizes = _read_voxel_sizes(stored, shape)
    if sizes is None:
        if has_sform:
            remarks.append("the qform has no sizes (pixdim): the sform counts")
            return None
        raise _make_sizes_error(stored, path)
    quaternion = np.array([float(stored[name]) for name in ("quatern_b", "quatern_c", "quatern_d")])
    length = float(np.linalg.norm(quaternion))
    if not length <= 1 + MAX_QUATERNION_EXCESS:  # true for NaN as well
        found = f"a qform that is no rotation (its quaternion has length {length:g})"
        if has_sform:
            remarks.append(f"{found}: the sform counts")
            return None
        raise DataError(found, path=path, expected="a length of 1 at most, or a sform")
    origin = np.array([float(stored[name]) for name in ("qoffset_x", "qoffset_y", "qoffset_z")])
    is_near = np.abs(origin).max() <= MAX_ORIGIN_DISTANCE_MM and np.abs(sizes).max() <= MAX_ORIGIN_DISTANCE_MM
    if has_sform and not is_near:
        remarks.append("the qform lies beyond all bounds: the sform counts")
        return None
    if (sizes < 0).any() and not has_sform:
        remarks.append("negative sizes in pixdim: taken without their sign")
    return _make_qform(quaternion / max(1.0, length), np.abs(sizes), origin, float(stored["pixdim"][0]))


def _make_qform(
    quaternion: NDArray[np.float64], sizes: NDArray[np.float64], origin: NDArray[np.float64], handedness: float
) -> NDArray[np.float64]:
    """Make the affine of a qform.

    Args:
        quaternion: its last three numbers.
        sizes: of the voxels.
        origin: place of the first voxel.
        handedness: negative where the third axis runs the other way.
    """
    scalar = np.sqrt(max(0.0, 1.0 - float(quaternion @ quaternion)))
    signed_sizes = sizes.copy()
    if handedness < 0:
        signed_sizes[2] = -signed_sizes[2]
    affine = np.eye(4)
    affine[:3, :3] = quat2mat([scalar, *quaternion]) * signed_sizes
    affine[:3, 3] = origin
    return affine


def _make_affine_from_sizes(stored: Any, shape: tuple[int, ...], path: Path, remarks: list[str]) -> NDArray[np.float64]:
    """Make an affine by the voxels' sizes alone, for a file that does not say where it lies.

    The grid's centre is the origin, and the first axis runs to the left, as nibabel has it.

    Raises:
        DataError: a size is 0 or no number.
    """
    stored_sizes = _read_voxel_sizes(stored, shape)
    if stored_sizes is None:
        raise _make_sizes_error(stored, path)
    if (stored_sizes < 0).any():
        remarks.append("negative sizes in pixdim: taken without their sign")
    remarks.append("neither sform nor qform: where it lies, and which side is left, is a guess")
    sizes = np.abs(stored_sizes)
    centre = [(length - 1) / 2 for length in (*shape, 1)[:3]]
    affine = np.diag([-sizes[0], sizes[1], sizes[2], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ centre
    return affine


def _read_voxel_sizes(stored: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Read the three sizes in ``pixdim`` with their signs; None where one is 0 or no number.

    An axis of one voxel may have no size: it gets 1.
    """
    sizes = np.array(stored["pixdim"][1:4], dtype=np.float64)
    if not np.isfinite(sizes).all():
        return None
    lengths = np.array((*shape, 1)[:3])
    sizes[(sizes == 0) & (lengths == 1)] = 1
    return None if (sizes == 0).any() else sizes


def _make_sizes_error(stored: Any, path: Path) -> DataError:
    sizes = " × ".join(f"{float(size):g}" for size in stored["pixdim"][1:4])
    return DataError(f"voxels of {sizes} in pixdim", path=path, expected="sizes above 0, or a sform")


def _has_sizes_of_sform(sform: NDArray[np.float64], stored: Any, shape: tuple[int, ...]) -> bool:
    """Whether ``pixdim`` has the sform's sizes, within :data:`SIZE_TOLERANCE`."""
    n_axes = min(3, len(shape))
    sizes = np.linalg.norm(sform[:3, :n_axes], axis=0)
    stored_sizes = np.array(stored["pixdim"][1 : 1 + n_axes], dtype=np.float64)
    has_size = sizes > 0
    return bool(np.allclose(stored_sizes[has_size], sizes[has_size], rtol=SIZE_TOLERANCE, atol=0))


def _check_affine(affine: NDArray[np.float64], shape: tuple[int, ...], unit_codes: int, path: Path) -> None:
    """Check that the voxels have possible sizes and places.

    Raises:
        DataError: the affine is not finite, has an axis without length, or its sizes or place are impossible.
    """
    axes = affine[:3, : min(3, len(shape))]
    if not np.isfinite(affine).all() or not axes.any(axis=0).all():
        raise DataError("an affine without extent or with NaN", path=path, expected="voxels of some size")
    with np.errstate(over="ignore"):
        sizes = np.linalg.norm(axes, axis=0)
    smallest, largest = VOXEL_SIZE_RANGE_MM
    if not ((sizes >= smallest) & (sizes <= largest)).all():
        listed = " × ".join(f"{size:g}" for size in sizes)
        unit_name, _ = LENGTH_UNITS.get(unit_codes % N_LENGTH_CODES, ("an unknown unit", 1.0))
        found = f"voxels of {listed} mm (the header's sizes are in {unit_name})"
        raise DataError(found, path=path, expected=f"{smallest:g} to {largest:g} mm")
    distance = np.abs(affine[:3, 3]).max()
    if distance > MAX_ORIGIN_DISTANCE_MM:
        raise DataError(f"an origin {distance:g} mm away", path=path, expected="a place near by")


def measure_corner_distance(affine: NDArray[Any], reference: NDArray[Any], shape: tuple[int, ...]) -> float:
    """Measure how far apart the corners of a grid lie under two affines.

    Args:
        affine: 4×4.
        reference: 4×4.
        shape: the grid's, two axes or three.

    Returns:
        The distance in voxels of the reference.
    """
    n_axes = len(shape)
    ends = np.array(np.meshgrid(*[(0, length - 1) for length in shape])).reshape(n_axes, -1)
    n_corners = ends.shape[1]
    corners = np.vstack([ends, np.zeros((3 - n_axes, n_corners)), np.ones(n_corners)])
    voxel_size = np.linalg.norm(np.asarray(reference)[:3, :n_axes], axis=0).min()
    offsets = ((np.asarray(affine) - np.asarray(reference)) @ corners)[:3]
    return float(np.linalg.norm(offsets, axis=0).max() / voxel_size)
