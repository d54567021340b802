"""A map of where objects may be, as an array or a file of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.imaging.body_axes import BodyAxes, compute_axes_from_affine


def read_atlas(atlas: NDArray[Any] | str | Path, dims: int) -> NDArray[np.float32]:
    """Relative weights over the box of the foreground, axes as in the hosts' arrays or as :func:`read_axes` says.

    Args:
        atlas: an array, a ``.npy`` file, a NIfTI file or a picture (grey, or its mean colour).
        dims: of the hosts.

    Returns:
        ``(*map)``, the largest 1.

    Raises:
        DataError: a file that cannot be read; other dimensions; values that are negative, not finite, or all 0.
    """
    path = Path(atlas) if isinstance(atlas, str | Path) else None
    values = np.asarray(atlas) if path is None else _read_file(path)
    if values.ndim != dims or not values.size:
        raise DataError(f"an atlas of shape {values.shape}", path=path, expected=f"{dims} dimensions, as the hosts")
    weights = values.astype(np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError("an atlas with values below 0, not finite or all 0", path=path, expected="relative weights")
    return np.asarray(weights / weights.max(), dtype=np.float32)


def read_axes(atlas: NDArray[Any] | str | Path, dims: int) -> BodyAxes | None:
    """How an atlas' axes run in the body; None where it does not say: of arrays, pictures and headers without a form.

    Args:
        atlas: as of :func:`read_atlas`, which is called first.
        dims: of the atlas.
    """
    if not isinstance(atlas, str | Path) or not str(atlas).endswith((".nii", ".nii.gz")):
        return None
    import nibabel

    header = nibabel.load(atlas).header
    if not (int(header["sform_code"]) or int(header["qform_code"])):
        return None
    return compute_axes_from_affine(np.asarray(header.get_best_affine(), dtype=float), dims)


def align_map_axes(weights: NDArray[np.float32], axes: BodyAxes, target_axes: BodyAxes) -> NDArray[np.float32]:
    """Flip and transpose a map so that its axes run in the body as the target axes do.

    A map whose axes lie in another plane is returned as it is.

    >>> align_map_axes(np.array([[1, 2, 3]], np.float32), ((0, 1), (1, 1)), ((1, -1), (0, 1))).tolist()
    [[3.0], [2.0], [1.0]]
    """
    names = [axis for axis, _ in axes]
    if sorted(names) != sorted(axis for axis, _ in target_axes):
        return weights
    places = [names.index(axis) for axis, _ in target_axes]
    turned = np.transpose(weights, places)
    flipped = [i for i, (_, sign) in enumerate(target_axes) if axes[places[i]][1] != sign]
    return np.ascontiguousarray(np.flip(turned, flipped))


def _read_file(path: Path) -> NDArray[Any]:
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
