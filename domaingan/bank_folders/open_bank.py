"""Banks as people have them: a bank folder, pictures or scans, crops with masks, labelled frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from domaingan.adapters.class_definitions import read_classes
from domaingan.adapters.frames.picture_files import PICTURE_SUFFIXES, list_pictures
from domaingan.adapters.frames.picture_io import read_picture
from domaingan.adapters.nifti.scan_records import ScanFiles, open_scans
from domaingan.adapters.sample_table import SampleTable, read_sample_table
from domaingan.bank_folders.crop_files import drop_mask_files, find_crop_files, get_stem, is_labelled_set, list_scans
from domaingan.bank_folders.crop_folder import build_crop_bank
from domaingan.bank_folders.crop_scans import get_channel_names
from domaingan.banks import Bank, BankKind
from domaingan.banks.scenes import scenes
from domaingan.core.errors import DataError
from domaingan.data import FRAME, SCAN, Dataset, Record, Sample, Schema

REFERENCE_SCENE_SIZE = 256
"""Edge of scenes made of pictures, in pixels: a look is in coarse colours, and memory is short."""

BANK_FILES = ("bank.json", "entries.npy")
"""A folder with one of these files is a bank folder, maybe a damaged one."""

PICTURE_SCHEMA = Schema("pictures", FRAME, 2, ("red", "green", "blue"), {})

EXPECTED_FOLDER = (
    f"a folder that crops or sample wrote, one of pictures ({', '.join(PICTURE_SUFFIXES)}) or NIfTI files, or "
    "images/ and masks/ of crops"
)


def open_bank(path: str | Path, kind: BankKind | None = None) -> Bank:
    """Open a bank folder, or build a bank in memory from what a folder holds.

    - A folder that ``domaingan crops`` or ``sample`` wrote.
    - Pictures (:data:`~domaingan.adapters.frames.picture_files.PICTURE_SUFFIXES`) or NIfTI files become real scenes,
      known by the names of their files. A ``samples.csv`` gives them conditions.
    - Crops with masks: ``images/`` (or ``crops/``) and ``masks/`` with files of the same names, ``NAME.png`` beside
      ``NAME_mask.png``, or pictures that are transparent around their object. For scans these are NIfTI files, in 2D or
      3D. See :func:`domaingan.bank_folders.crop_folder.build_crop_bank` for ``classes.json`` and ``samples.csv``.
    - Labelled frames, whose ``classes.json`` names ``objects``, become scenes with masks.

    Args:
        path: the folder.
        kind: the kind of bank that is wanted. With ``scenes`` whatever :func:`domaingan.adapters.load` reads becomes
            real scenes. Unless given, it follows from what the folder holds.

    Returns:
        The bank.

    Raises:
        DataError: there is no such folder, nothing in it can be a bank, or a file cannot be read.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise DataError("a file" if path.exists() else "no such folder", path=path, expected="a bank, or pictures")
    if any((path / name).exists() for name in BANK_FILES):
        return Bank.load(path)
    is_labelled = is_labelled_set(path)
    if kind != "scenes" and not is_labelled:
        crop_files = find_crop_files(path)
        if crop_files:
            return build_crop_bank(path, crop_files)
    if kind != "crops":
        dataset = _find_loose_images(path)
        if dataset is None and (is_labelled or kind == "scenes"):
            dataset = _load_labelled(path)
        if dataset is not None:
            return scenes(dataset, REFERENCE_SCENE_SIZE if dataset.schema.domain.is_rgb else None)
    if is_labelled:
        expected = "the bank that domaingan crops makes of it"
        raise DataError("a set of whole frames", path=path, expected=expected)
    raise DataError("no bank", path=path, expected=EXPECTED_FOLDER)


def _find_loose_images(path: Path) -> Dataset | None:
    """Open the scans that lie in a folder, or else the pictures; masks beside them are left out."""
    scans = drop_mask_files(list_scans(path))
    pictures = drop_mask_files(list_pictures(path))
    files = scans or pictures
    if not files:
        return None
    table = read_sample_table(path, [get_stem(file) for file in files])
    if scans:
        return _open_loose_scans(path, scans, table)
    records = [table.merge_into(Record(file.stem, files={"image": file})) for file in pictures]
    schema = replace(PICTURE_SCHEMA, conditions=table.conditions)
    return Dataset(records, _read_scene, schema, path)


def _open_loose_scans(path: Path, scans: list[Path], table: SampleTable) -> Dataset:
    """Open scans without masks as a dataset."""
    scan_files = [ScanFiles(get_stem(file), file, {"image": file}) for file in scans]
    classes = read_classes(path, SCAN)
    dataset = _check_complete(open_scans(path, "nifti", scan_files, [], classes, table))
    channels = get_channel_names(dataset.schema, classes, path)
    return Dataset(dataset.records, dataset.read, replace(dataset.schema, channels=channels), path)


def _load_labelled(path: Path) -> Dataset:
    """Load a folder in any layout."""
    from domaingan.adapters import load  # with all its libraries, which other folders do not need

    return _check_complete(load(path))


def _check_complete(dataset: Dataset) -> Dataset:
    """Return a dataset, unless one of its files could not be used: no part of a bank is missing silently."""
    if dataset.problems:
        raise DataError(dataset.problems[0].reason, path=dataset.problems[0].path)
    return dataset


def _read_scene(record: Record) -> Sample:
    """Read a picture without a mask."""
    image = read_picture(record.files["image"])
    return Sample(image, condition=dict(record.condition), source=record.source, geometry=record.geometry)
