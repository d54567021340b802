"""A map of where objects may be, as an array or a file of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.errors import DataError


def read_atlas(atlas: NDArray[Any] | str | Path, dims: int) -> NDArray[np.float32]:
    """Relative weights over the box of the foreground, axes as in the hosts' arrays.

    Args:
        atlas: an array, a ``.npy`` file, a NIfTI file (as stored, not turned) or a picture (grey, or its mean colour).
        dims: of the hosts.

    Returns:
        ``(*map)``, the largest 1.

    Raises:
        DataError: a file that cannot be read; other dimensions; values that are negative, not finite, or all 0.
    """
    path = Path(atlas) if isinstance(atlas, str | Path) else None
    values = np.asarray(atlas) if path is None else _read(path)
    if values.ndim != dims or not values.size:
        raise DataError(f"an atlas of shape {values.shape}", path=path, expected=f"{dims} dimensions, as the hosts")
    weights = values.astype(np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError("an atlas with values below 0, not finite or all 0", path=path, expected="relative weights")
    return np.asarray(weights / weights.max(), dtype=np.float32)


def _read(path: Path) -> NDArray[Any]:
    if not path.is_file():
        raise DataError("no such file", path=path, expected="an atlas: .npy, NIfTI or a picture")
    try:
        if path.suffix == ".npy":
            return np.asarray(np.load(path, allow_pickle=False))
        if path.name.endswith((".nii", ".nii.gz")):
            import nibabel

            values = np.asarray(nibabel.load(path).dataobj)
            return values.reshape(values.shape[: max(2, np.flatnonzero(np.array(values.shape) > 1).max(initial=0) + 1)])
        from PIL import Image

        with Image.open(path) as picture:
            values = np.asarray(picture)
        return values if values.ndim == 2 else values[..., :3].mean(axis=2)
    except Exception as error:  # whatever a damaged file makes a reader raise
        raise DataError(f"cannot be read ({error})", path=path, expected="an atlas: .npy, NIfTI or a picture") from None
