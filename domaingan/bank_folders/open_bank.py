"""Banks as people have them: one that was written, pictures or scans, crops with masks, labelled frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from domaingan.adapters.frames.picture_io import PICTURE_SUFFIXES, list_pictures, read_picture
from domaingan.adapters.nifti.scan_records import ScanFiles, open_scans
from domaingan.adapters.tables import read_classes, read_sample_table
from domaingan.bank_folders.crop_files import drop_mask_files, find_crop_files, get_stem, is_labelled_set, list_scans
from domaingan.bank_folders.crop_folder import build_crop_bank
from domaingan.bank_folders.crop_scans import get_channel_names
from domaingan.banks import Bank
from domaingan.banks.scenes import scenes
from domaingan.core.errors import DataError
from domaingan.data import FRAME, SCAN, Dataset, Record, Sample, Schema

BankKind = Literal["crops", "scenes"]

REFERENCE_SCENE_SIZE = 256
"""Edge of the scenes made of pictures: looks are in coarse colours, and memory is short."""

PICTURE_SCHEMA = Schema("pictures", FRAME, 2, ("red", "green", "blue"), {})

EXPECTED_FOLDER = (
    f"a folder that crops or sample wrote, one of pictures ({', '.join(PICTURE_SUFFIXES)}) or NIfTI files, or "
    "images/ and masks/ of crops"
)


def open_bank(path: str | Path, kind: BankKind | None = None) -> Bank:
    """The bank in a folder, or one made of what is in it, in memory.

    - A folder that ``domaingan crops`` or ``sample`` wrote.
    - Pictures (:data:`~domaingan.adapters.frames.picture_io.PICTURES`), or NIfTI files: real scenes, each known by its
      file's
      name. A ``samples.csv`` gives them conditions.
    - Crops with masks: ``images/`` (or ``crops/``) and ``masks/`` with files of the same names, ``NAME.png`` beside
      ``NAME_mask.png``, or pictures that are transparent around their object; of scans NIfTI files, in 2D or 3D. See
      :func:`domaingan.bank_folders.crop_folder.build_crop_bank` for ``classes.json`` and ``samples.csv``.
    - Labelled frames, whose ``classes.json`` names ``objects``: scenes with masks, 256 pixels an edge, as pictures.

    Args:
        path: the folder.
        kind: what is wanted of it: with ``scenes`` whatever :func:`domaingan.adapters.load` reads becomes real scenes.
            Unless given, it is what the folder looks like.

    Raises:
        DataError: there is no such folder, nothing in it can be a bank, or a file cannot be read.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise DataError("a file" if path.exists() else "no such folder", path=path, expected="a bank, or pictures")
    if any((path / name).exists() for name in ("bank.json", "entries.npy")):
        return Bank.load(path)
    labelled = is_labelled_set(path)
    if kind != "scenes" and not labelled and (pairs := find_crop_files(path)):
        return build_crop_bank(path, pairs)
    if kind != "crops":
        dataset = _find_loose_images(path)
        if dataset is None and (labelled or kind == "scenes"):
            dataset = _load_labelled(path)
        if dataset is not None:
            return scenes(dataset, REFERENCE_SCENE_SIZE if dataset.schema.domain.is_rgb else None)
    found = "a set of whole frames" if labelled else "no bank"
    raise DataError(
        found, path=path, expected="the bank that domaingan crops makes of it" if labelled else EXPECTED_FOLDER
    )


def _find_loose_images(path: Path) -> Dataset | None:
    """The pictures or scans that lie in a folder, without masks."""
    scans, pictures = drop_mask_files(list_scans(path)), drop_mask_files(list_pictures(path))
    table = read_sample_table(path, [get_stem(file) for file in scans or pictures]) if scans or pictures else None
    if table is None:
        return None
    if scans:
        found = [ScanFiles(get_stem(file), file, {"image": file}) for file in scans]
        classes = read_classes(path, SCAN)
        dataset = _check_complete(open_scans(path, "nifti", found, [], classes, table))
        schema = replace(dataset.schema, channels=get_channel_names(dataset.schema, classes, path))
        return Dataset(dataset.records, dataset.read, schema, path)
    records = [table.merge_into(Record(file.stem, files={"image": file})) for file in pictures]
    return Dataset(records, _read_scene, replace(PICTURE_SCHEMA, conditions=table.conditions), path)


def _load_labelled(path: Path) -> Dataset:
    from domaingan.adapters import load

    return _check_complete(load(path))


def _check_complete(dataset: Dataset) -> Dataset:
    """The dataset, if nothing in it is a problem: of a bank no part is missing silently."""
    if dataset.problems:
        raise DataError(dataset.problems[0].reason, path=dataset.problems[0].path)
    return dataset


def _read_scene(record: Record) -> Sample:
    return Sample(
        read_picture(record.files["image"]),
        condition=dict(record.condition),
        source=record.source,
        geometry=record.geometry,
    )
