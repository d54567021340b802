"""Where a NIfTI file's voxels lie and how large they are: sform, qform or sizes alone, in mm whatever their unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.quaternions import quat2mat
from numpy.typing import NDArray

from domaingan.core.errors import DataError

MAX_CORNER_DISTANCE = 0.1
"""Two grids are one if no corner of theirs lies further apart than this, in voxels."""

VOXEL_SIZE_RANGE_MM = (1e-6, 100.0)
"""A voxel's size in mm, from electron microscopes to far above any scanner; anything else is a wrong unit."""

MAX_ORIGIN_DISTANCE_MM = 1e7
"""No scan lies further from its origin than this, in mm."""

MAX_QUATERNION_EXCESS = 0.01
"""A quaternion may be so much longer than 1; what is longer is no rotation that was rounded."""

MILLIMETRE_CODE = 2
LENGTH_UNITS = {1: ("metres", 1000.0), MILLIMETRE_CODE: ("millimetres", 1.0), 3: ("micrometres", 0.001)}
"""Units of length by their code in ``xyzt_units``, and the mm of each."""


@dataclass(frozen=True)
class GridPlacement:
    """What a header says of place and size.

    Attributes:
        affine: 4×4, voxel to world in mm.
        forms: the sform and the qform, as far as the file has them, in mm.
        unit: mm a unit of the file.
        remarks: what was guessed or left aside.
    """

    affine: NDArray[np.float64]
    forms: tuple[NDArray[np.float64], ...]
    unit_mm: float
    remarks: tuple[str, ...]


def read_grid_placement(stored: Any, shape: tuple[int, ...], path: Path) -> GridPlacement:
    """Read where the voxels lie.

    Args:
        stored: the header's fields as they are stored, not repaired.
        shape: the stored shape.
        path: the file, for messages.

    Returns:
        The sform's affine where it counts, else the qform's, else what the sizes alone make.

    Raises:
        DataError: none of them can be used, or the sizes are no scan's.
    """
    unit, remarks = _read_unit(stored)
    sform = np.asarray(stored.get_sform(), dtype=np.float64) if int(stored["sform_code"]) > 0 else None
    qform = _read_qform(stored, shape, path, remarks)
    forms = tuple(form * make_row_scale(unit) for form in (sform, qform) if form is not None)
    affine = forms[0] if forms else _make_affine_from_sizes(stored, shape, path, remarks) * make_row_scale(unit)
    _check_affine(affine, shape, int(stored["xyzt_units"]), path)
    if len(forms) == 2 and (apart := measure_corner_distance(forms[1], forms[0], shape[:3])) > MAX_CORNER_DISTANCE:
        remarks.append(f"sform and qform lie up to {apart:.3g} voxels apart: the sform counts")
    if sform is not None and not _has_sizes_of_sform(sform, stored, shape):
        remarks.append("pixdim has other sizes than the sform: the sform counts")
    return GridPlacement(affine, forms, unit, tuple(remarks))


def _read_unit(fields: Any) -> tuple[float, list[str]]:
    """The mm a unit of length of the header, and what there is to say of it."""
    code = int(fields["xyzt_units"]) % 8
    if code == MILLIMETRE_CODE:
        return 1.0, []
    if code in LENGTH_UNITS:
        name, factor = LENGTH_UNITS[code]
        return factor, [f"sizes in {name}, read as mm"]
    return 1.0, ["no unit of length in the header: sizes are taken as mm"]


def make_row_scale(unit_mm: float) -> NDArray[np.float64]:
    """What rows of an affine are multiplied with to be in mm."""
    return np.array([[unit_mm], [unit_mm], [unit_mm], [1.0]])


def _read_qform(stored: Any, shape: tuple[int, ...], path: Path, remarks: list[str]) -> NDArray[np.float64] | None:
    """The qform in the file's units, None where its code is 0 or where it cannot be used beside a sform.

    A quaternion a little longer than 1 is brought to that length, as the format's reference library does.

    Raises:
        DataError: it is no rotation or has a size of 0, and there is no sform.
    """
    if int(stored["qform_code"]) == 0:
        return None
    has_sform = int(stored["sform_code"]) > 0
    zooms = _read_voxel_sizes(stored, shape)
    if zooms is None:
        if has_sform:
            remarks.append("the qform has no sizes (pixdim): the sform counts")
            return None
        raise _make_sizes_error(stored, path)
    quaternion = np.array([float(stored[name]) for name in ("quatern_b", "quatern_c", "quatern_d")])
    length = float(np.linalg.norm(quaternion))
    if not length <= 1 + MAX_QUATERNION_EXCESS:
        found = f"a qform that is no rotation (its quaternion has length {length:g})"
        if has_sform:
            remarks.append(f"{found}: the sform counts")
            return None
        raise DataError(found, path=path, expected="a length of 1 at most, or a sform")
    origin = np.array([float(stored[name]) for name in ("qoffset_x", "qoffset_y", "qoffset_z")])
    if has_sform and not (
        np.abs(origin).max() <= MAX_ORIGIN_DISTANCE_MM and np.abs(zooms).max() <= MAX_ORIGIN_DISTANCE_MM
    ):
        remarks.append("the qform lies beyond all bounds: the sform counts")
        return None
    if (zooms < 0).any() and not has_sform:
        remarks.append("negative sizes in pixdim: taken without their sign")
    quaternion = quaternion / max(1.0, length)
    scalar = np.sqrt(max(0.0, 1.0 - float(quaternion @ quaternion)))
    sizes = np.abs(zooms)
    if float(stored["pixdim"][0]) < 0:  # the third axis runs the other way
        sizes[2] = -sizes[2]
    affine = np.eye(4)
    affine[:3, :3] = quat2mat([scalar, *quaternion]) * sizes
    affine[:3, 3] = origin
    return affine


def _make_affine_from_sizes(stored: Any, shape: tuple[int, ...], path: Path, remarks: list[str]) -> NDArray[np.float64]:
    """The affine that the zooms alone make, for a file that says nowhere where it lies.

    Raises:
        DataError: a size is 0 or no number.
    """
    zooms = _read_voxel_sizes(stored, shape)
    if zooms is None:
        raise _make_sizes_error(stored, path)
    if (zooms < 0).any():
        remarks.append("negative sizes in pixdim: taken without their sign")
    remarks.append("neither sform nor qform: where it lies, and which side is left, is a guess")
    sizes = np.abs(zooms)
    centre = [(n - 1) / 2 for n in (*shape, 1)[:3]]
    affine = np.diag([-sizes[0], sizes[1], sizes[2], 1.0])  # as nibabel has it: the first axis runs to the left
    affine[:3, 3] = -affine[:3, :3] @ centre
    return affine


def _read_voxel_sizes(stored: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """The three sizes in ``pixdim``, signs and all, 1 along an axis of one voxel that has none; None where one is 0."""
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
    """Whether ``pixdim`` has the sform's sizes, within a hundredth."""
    axes = min(3, len(shape))
    sizes = np.linalg.norm(sform[:3, :axes], axis=0)
    zooms = np.array(stored["pixdim"][1 : 1 + axes], dtype=np.float64)
    return bool(np.allclose(zooms[sizes > 0], sizes[sizes > 0], rtol=0.01, atol=0))


def _check_affine(affine: NDArray[np.float64], shape: tuple[int, ...], units: int, path: Path) -> None:
    """Refuse voxels without extent or of a size or at a place that no scan has.

    Raises:
        DataError: the affine is not finite, or its sizes or place are beyond all bounds.
    """
    if not np.isfinite(affine).all() or not affine[:3, : min(3, len(shape))].any(axis=0).all():
        raise DataError("an affine without extent or with NaN", path=path, expected="voxels of some size")
    with np.errstate(over="ignore"):
        sizes = np.linalg.norm(affine[:3, : min(3, len(shape))], axis=0)
    low, high = VOXEL_SIZE_RANGE_MM
    if not ((sizes >= low) & (sizes <= high)).all():
        listed = " × ".join(f"{size:g}" for size in sizes)
        said = LENGTH_UNITS.get(units % 8, ("an unknown unit", 1.0))[0]
        found = f"voxels of {listed} mm (the header's sizes are in {said})"
        raise DataError(found, path=path, expected=f"{low:g} to {high:g} mm")
    if np.abs(affine[:3, 3]).max() > MAX_ORIGIN_DISTANCE_MM:
        raise DataError(f"an origin {np.abs(affine[:3, 3]).max():g} mm away", path=path, expected="a place near by")


def measure_corner_distance(affine: NDArray[Any], reference: NDArray[Any], shape: tuple[int, ...]) -> float:
    """How far apart the corners of a grid lie under two affines, in voxels of the second.

    Args:
        one: 4×4.
        other: 4×4.
        grid: the shape in space, two axes or three.
    """
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(len(shape), -1)
    corners = np.vstack([ends, np.zeros((3 - len(shape), ends.shape[1])), np.ones(ends.shape[1])])
    voxel = np.linalg.norm(np.asarray(reference)[:3, : len(shape)], axis=0).min()
    apart = ((np.asarray(affine) - np.asarray(reference)) @ corners)[:3]
    return float(np.linalg.norm(apart, axis=0).max() / voxel)
