"""``dg.crops``, ``dg.scenes`` and ``dg.view``, which take a dataset or its folder."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.adapters.open_dataset import DatasetSource, open_dataset
from domaingan.banks import Bank
from domaingan.banks import crops as bank_crops
from domaingan.banks import scenes as bank_scenes
from domaingan.data import Dataset
from domaingan.views import regrid


def crops(
    dataset: DatasetSource,
    size: int | None = None,
    condition: str | Sequence[str] | None = None,
    masks: str | None = None,
    seed: int = 0,
) -> Bank:
    """Crop every object of a dataset, or of the one in a folder; see :func:`domaingan.banks.crops.crops`.

    Args:
        dataset: labelled samples, 2D or 3D, or their folder.
        size: edge of a crop in pixels; 64 in 2D and 32 in 3D unless given.
        condition: the name of a condition, or several; the class unless given.
        masks: ``grabcut`` to segment objects of frames that have only a box.
        seed: seed of GrabCut.

    Returns:
        A bank in memory.

    Raises:
        DataError: as :func:`domaingan.adapters.load` and :func:`domaingan.banks.crops.crops`.
    """
    return bank_crops.crops(open_dataset(dataset), size, condition, masks, seed)


def scenes(dataset: DatasetSource, size: int | None = None, condition: str | Sequence[str] | None = None) -> Bank:
    """Resize every frame or scan of a dataset, or of a folder, to a scene; see :func:`domaingan.banks.scenes.scenes`.

    Args:
        dataset: frames or scans, or their folder.
        size: edge of a scene in pixels; 64 unless given, or 32 in 3D.
        condition: the name of a condition, or several; all of the dataset's unless given.

    Returns:
        A bank in memory.

    Raises:
        DataError: as :func:`domaingan.adapters.load` and :func:`domaingan.banks.scenes.scenes`.
    """
    return bank_scenes.scenes(open_dataset(dataset), size, condition)


def view(
    dataset: DatasetSource,
    *,
    dims: int | None = None,
    spacing: float | None = None,
    resize: Sequence[int] | None = None,
) -> Dataset:
    """View a dataset, or the one in a folder, as slices or on a coarser grid; see :func:`domaingan.views.regrid.view`.

    Args:
        dataset: samples, or their folder.
        dims: 2 to take the slices of volumes.
        spacing: spacing of scans in mm.
        resize: height and width of frames in pixels.

    Returns:
        The dataset on that grid.

    Raises:
        DataError: as :func:`domaingan.adapters.load` and :func:`domaingan.views.regrid.view`.
    """
    return regrid.view(open_dataset(dataset), dims=dims, spacing=spacing, resize=resize)
