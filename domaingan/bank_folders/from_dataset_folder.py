"""``dg.crops``, ``dg.scenes`` and ``dg.view``, which take a folder where they work on a dataset."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.adapters.open_dataset import DatasetSource, open_dataset
from domaingan.banks import Bank
from domaingan.banks.crops import crops as crops_of
from domaingan.banks.scenes import scenes as scenes_of
from domaingan.data import Dataset
from domaingan.views import regrid


def crops(
    dataset: DatasetSource,
    size: int | None = None,
    condition: str | Sequence[str] | None = None,
    masks: str | None = None,
    seed: int = 0,
) -> Bank:
    """The real crops of a dataset, or of the one in a folder, as a bank; see :func:`domaingan.banks.crops.crops`.

    Args:
        dataset: labelled samples, 2D or 3D, or their folder.
        size: edge of a crop in pixels; 64 in 2D and 32 in 3D unless given.
        condition: the name of a condition, or several; the class unless given.
        masks: ``grabcut`` to cut objects of frames that have a box alone out of it.
        seed: of these cuts.

    Returns:
        A bank in memory.

    Raises:
        DataError: as :func:`domaingan.adapters.load` and :func:`domaingan.banks.crops.crops`.
    """
    return crops_of(open_dataset(dataset), size, condition, masks, seed)


def scenes(dataset: DatasetSource, size: int | None = None, conditions: str | Sequence[str] | None = None) -> Bank:
    """The frames or scans of a dataset, or of a folder, as scenes; see :func:`domaingan.banks.scenes.scenes`.

    Args:
        dataset: frames or scans, or their folder.
        size: edge of a scene in pixels; 64 unless given, or 32 in 3D.
        conditions: the name of a condition, or several; all there are unless given.

    Returns:
        A bank in memory.

    Raises:
        DataError: as :func:`domaingan.adapters.load` and :func:`domaingan.banks.scenes.scenes`.
    """
    names = [conditions] if isinstance(conditions, str) else conditions
    return scenes_of(open_dataset(dataset), size, names)


def view(
    dataset: DatasetSource,
    *,
    dims: int | None = None,
    spacing: float | None = None,
    resize: Sequence[int] | None = None,
) -> Dataset:
    """A dataset, or the one in a folder, as slices or at a coarser grid; see :func:`domaingan.views.regrid.view`.

    Args:
        dataset: samples, or their folder.
        dims: 2 for the slices of volumes.
        spacing: mm a voxel of scans.
        resize: height and width of frames.

    Returns:
        The dataset as it is to be worked with.

    Raises:
        DataError: as :func:`domaingan.adapters.load` and :func:`domaingan.views.regrid.view`.
    """
    return regrid.view(open_dataset(dataset), dims=dims, spacing=spacing, resize=resize)
