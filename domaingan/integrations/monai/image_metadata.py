"""What the metadata of a MONAI image says of it: its file, the size of its voxels, and whether it was moved."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import MetaTensor
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.imaging.body_axes import compute_axes_from_affine
from domaingan.integrations.host_info import read_host_info

FILE_NAME_KEY = "filename_or_obj"
SHAPE_KEY = "spatial_shape"
ORIGINAL_AFFINE_KEY = "original_affine"
"""Where MONAI's readers write an image's file, and the shape and affine that it has in the file."""

MAX_TILT = 0.01
"""Axes whose direction cosines differ by at most this much count as parallel."""

SIZE_TOLERANCE = 1e-3
"""Sizes of voxels that differ by less than this share count as the same."""

SMALLEST_SIZE = 1e-12
"""A column of an affine is divided by its length, or by this where it has none."""

Affine = NDArray[np.float64]


def read_image_info(image: Any, data: Mapping[Hashable, Any], key: str, dims: int) -> dict[str, Any]:
    """Read what is known of a host beside its pixels.

    Args:
        image: ``(C, *spatial)``; a ``MetaTensor`` knows its file and its affine.
        data: what the transform is called with.
        key: of the dictionary in it in which a user says more; that wins over the image's metadata.
        dims: 2 or 3, dimensions of the image.

    Returns:
        As :func:`domaingan.integrations.host_info.read_host_info`, with ``name``, ``spacing`` and ``axes`` where the
        image has them.

    Raises:
        DataError: as :func:`domaingan.integrations.host_info.read_host_info`.
    """
    stated = read_host_info(data.get(key), tuple(image.shape[1:]), key)
    if not isinstance(image, MetaTensor):
        return stated
    info: dict[str, Any] = {}
    spacing = _find_spacing(image, dims)
    if spacing is not None:
        info["spacing"] = spacing
        if dims == 3:
            info["axes"] = compute_axes_from_affine(_get_affine(image), dims)
    file = image.meta.get(FILE_NAME_KEY)
    if isinstance(file, str | Path):
        info["name"] = str(file)
    return info | stated


def _get_affine(image: MetaTensor) -> Affine:
    return np.asarray(image.affine.detach().cpu().numpy(), dtype=np.float64)


def _find_spacing(image: MetaTensor, dims: int) -> tuple[float, ...] | None:
    """Find the size of a voxel in mm from the image's affine; None where the affine does not tell it.

    A 2D image may be a slice of a volume. Where it kept the volume's affine, the first two columns are its own only if
    all columns are alike. Where rows and columns of the affine were removed, the rest must be that of a grid.
    """
    affine = _get_affine(image)
    if affine.ndim != 2 or affine.shape[0] != affine.shape[1] or not np.isfinite(affine).all():
        return None
    columns = affine[:-1, :-1]
    if len(columns) < dims or not _is_affine_stated(image, affine):
        return None
    sizes = np.linalg.norm(columns, axis=0)
    if not (sizes > 0).all():
        return None
    if dims == 2 and len(columns) > 2:
        are_alike = np.allclose(sizes, sizes[0], rtol=SIZE_TOLERANCE)
        if _is_slice(image) and not are_alike:
            return None
    if dims == 2 and len(columns) == 2:
        is_complete = _is_rectangular(columns) and _is_file_upright(image)
        if not is_complete:
            return None
    return tuple(sizes[:dims].tolist())


def _is_affine_stated(image: MetaTensor, affine: Affine) -> bool:
    """Whether an affine was read or set. MONAI itself puts the identity in place of none."""
    if not np.array_equal(affine, np.eye(len(affine))):
        return True
    return FILE_NAME_KEY in image.meta or ORIGINAL_AFFINE_KEY in image.meta


def _get_file_shape(image: MetaTensor) -> NDArray[Any]:
    """The shape in the file; empty where it is not known."""
    return np.asarray(image.meta.get(SHAPE_KEY, ())).reshape(-1)


def _is_slice(image: MetaTensor) -> bool:
    """Whether a 2D image is known to come from a volume."""
    n_axes = int((_get_file_shape(image) > 1).sum())
    return n_axes > 2


def _is_rectangular(columns: Affine) -> bool:
    """Whether the axes that the columns of an affine describe are at right angles."""
    products = columns.T @ columns
    squares = np.diag(products)
    largest = np.abs(products - np.diag(squares)).max()
    return bool(largest < MAX_TILT * squares.min())


def _is_file_upright(image: MetaTensor) -> bool:
    """Whether the volume that a slice came from had its axes along the world's; a removed axis then took nothing."""
    original = np.asarray(image.meta.get(ORIGINAL_AFFINE_KEY, np.eye(3)), dtype=np.float64)
    columns = original[:-1, :-1]
    lengths = np.linalg.norm(columns, axis=0)
    cosines = columns / np.maximum(lengths, SMALLEST_SIZE)
    if len(columns) < 3:
        return True
    n_directions = int((np.abs(cosines) > MAX_TILT).sum())
    return n_directions == len(columns)


def check_not_moved(image: MetaTensor) -> None:
    """Refuse a host of bound crops that was turned, flipped or moved since it was read.

    The places of bound crops are those in the file. Another size of voxels is no move. An image whose file is not
    known is accepted.

    Args:
        image: ``(C, *spatial)``.

    Raises:
        DataError: the image's axes run another way than its file's, or its middle is elsewhere.
    """
    shape = _get_file_shape(image).astype(np.int64)
    file_affine = np.asarray(image.meta.get(ORIGINAL_AFFINE_KEY, np.zeros((0, 0))), dtype=np.float64)
    affine = _get_affine(image)
    dims = image.ndim - 1
    has_shape = (shape > 1).sum() == dims and not (shape[:dims] < 2).any()
    if not has_shape or file_affine.shape != affine.shape or len(affine) <= dims:
        return
    columns, file_columns = affine[:-1, :dims], file_affine[:-1, :dims]
    sizes = np.linalg.norm(columns, axis=0)
    file_sizes = np.linalg.norm(file_columns, axis=0)
    if not (sizes > 0).all() or not (file_sizes > 0).all():
        return
    is_turned = bool(np.abs(columns / sizes - file_columns / file_sizes).max() > MAX_TILT)
    middle = affine[:-1, -1] + columns @ ((np.array(image.shape[1:]) - 1) / 2)
    file_middle = file_affine[:-1, -1] + file_columns @ ((shape[:dims] - 1) / 2)
    distance = np.linalg.norm(middle - file_middle)
    is_moved = bool(distance > max(*sizes, *file_sizes))
    if is_turned or is_moved:
        found = "a host that was turned or flipped" if is_turned else "a host that was cropped, padded or moved"
        expected = "it as in its file: the bank is bound to places in its hosts, so RandPasted comes before that"
        raise DataError(found, path=str(image.meta.get(FILE_NAME_KEY, "")) or None, expected=expected)
