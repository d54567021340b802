"""The layout ``nnunet``: nnU-Net's raw data, ``dataset.json`` beside ``imagesTr``, ``labelsTr`` and ``imagesTs``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.adapters.base import Adapter, check_sample_name
from domaingan.adapters.nifti.dataset_json import (
    DATASET_JSON,
    TEST_SPLIT,
    build_dataset_json,
    get_file_ending,
    parse_channels,
    parse_labels,
)
from domaingan.adapters.nifti.nifti_streams import NIFTI_SUFFIXES
from domaingan.adapters.nifti.scan_records import ScanFiles, open_scans
from domaingan.adapters.nifti.scan_writing import write_scan
from domaingan.adapters.sample_table import read_sample_table, write_sample_table
from domaingan.core.errors import DataError
from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.data import Dataset, Problem, Record, Sample, Schema

TRAIN_SPLIT = "train"

FOLDER_ENDINGS = {TRAIN_SPLIT: "Tr", TEST_SPLIT: "Ts"}
"""What the names of a split's folders end in."""

LISTED_CASE = '{case: {"images": [path, …], "label": path}}'
"""What ``dataset`` in ``dataset.json`` looks like."""

MAX_SHOWN_LETTERS = 200


class NnUNetFolders(Adapter):
    """nnU-Net v2 raw data. ``modality`` and ``labels`` of v1 are understood as well.

    ``imagesTr/case_0000.nii.gz`` is the first channel of a case of the split ``train``, and ``labelsTr/case.nii.gz``
    its label, unless ``dataset`` in ``dataset.json`` lists the files of the training cases. ``imagesTs`` is the split
    ``test``, with or without ``labelsTs``; a set of unlabelled scans has this folder alone. The subject is the case,
    unless ``samples.csv`` says otherwise. A dataset that is written has every key of its ``dataset.json`` that has not
    changed.
    """

    layout = "nnunet"
    expected_files = "dataset.json beside imagesTr and labelsTr"

    def can_open(self, root: Path) -> bool:
        """Whether a folder has a folder ``imagesTr`` or ``imagesTs``, or a ``dataset.json`` that lists the files of
        cases; see :meth:`domaingan.adapters.base.Adapter.can_open`.
        """
        if any((root / folder).is_dir() for folder in ("imagesTr", "imagesTs")):
            return True
        try:
            stored = read_json(root / DATASET_JSON)
        except DataError:
            return False
        return isinstance(stored, dict) and "dataset" in stored and "labels" in stored

    def open(self, root: Path) -> Dataset:
        """Open a folder; see :meth:`domaingan.adapters.base.Adapter.open`."""
        path = root / DATASET_JSON
        stored = read_json(path)
        if not isinstance(stored, dict):
            raise DataError("no JSON object", path=path, expected="nnU-Net's description of a dataset")
        ending = stored.get("file_ending", NIFTI_SUFFIXES[0])
        if ending not in NIFTI_SUFFIXES:
            raise DataError(f"file_ending {ending!r}", path=path, expected=" or ".join(NIFTI_SUFFIXES))
        channels = parse_channels(stored, path)
        classes = parse_labels(stored, path)
        cases = _find_training_cases(root, stored, channels, ending)
        cases += _find_cases(root, TEST_SPLIT, channels, ending)
        scans: dict[str, ScanFiles] = {}
        problems: list[Problem] = []
        for case in cases:
            if isinstance(case, Problem):
                problems.append(case)
            elif case.name in scans:
                problems.append(Problem(str(case.path), f"case {case.name!r} is in imagesTr already"))
            else:
                scans[case.name] = case
        names_of_problems = [Path(problem.path).name for problem in problems]
        table = read_sample_table(root, [*scans, *names_of_problems])
        return open_scans(root, self.layout, scans.values(), problems, classes, table, stored)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write ``imagesTr/NAME_0000.nii.gz``, … and ``labelsTr/NAME.nii.gz``, in ``Ts`` for the split ``test``; see
        :meth:`domaingan.adapters.base.Adapter.write_sample`.

        The suffix is the one in ``dataset.json``, where it is ``.nii`` or ``.nii.gz``.
        """
        name = check_sample_name(sample)
        split = TEST_SPLIT if sample.source.split == TEST_SPLIT else TRAIN_SPLIT
        images, labels = _get_split_folders(out, split)
        if sample.mask is None and split == TRAIN_SPLIT:
            raise DataError(f"sample {name!r} has no mask", path=labels, expected="one, outside the split test")
        ending = get_file_ending(schema.description)
        image_paths = [images / f"{name}_{i:04d}{ending}" for i in range(len(schema.channels))]
        write_scan(sample, image_paths, labels / f"{name}{ending}")

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``dataset.json`` and ``samples.csv``; see :meth:`domaingan.adapters.base.Adapter.finish_dataset`."""
        write_sample_table(out, records, schema.conditions)
        write_json(out / DATASET_JSON, build_dataset_json(schema, records))


# ------------------------------------------------------------------- cases


def _find_training_cases(
    root: Path, stored: Mapping[str, Any], channels: Sequence[str], ending: str
) -> list[ScanFiles | Problem]:
    """Find the training cases: those that ``dataset.json`` lists, or those in ``imagesTr``."""
    listed = stored.get("dataset")
    if listed is not None:
        return _read_listed_cases(listed, root / DATASET_JSON, channels)
    if not (root / "imagesTr").is_dir() and not (root / "imagesTs").is_dir():
        raise DataError("no such folder", path=root / "imagesTr")
    return list(_find_cases(root, TRAIN_SPLIT, channels, ending))


def _get_split_folders(root: Path, split: str) -> tuple[Path, Path]:
    """Get the folders of a split's images and labels."""
    return root / f"images{FOLDER_ENDINGS[split]}", root / f"labels{FOLDER_ENDINGS[split]}"


def _find_cases(root: Path, split: str, channels: Sequence[str], ending: str) -> Iterator[ScanFiles | Problem]:
    """Yield the cases of one split by name. The path of a problem ends in the name of its case."""
    images, labels = _get_split_folders(root, split)
    image_pattern = re.compile(rf"(.+)_(\d{{4}}){re.escape(ending)}")
    cases: dict[str, dict[int, Path]] = {}
    for path in _list_visible_files(images):
        match = image_pattern.fullmatch(path.name)
        if match:
            case, channel_number = match[1], int(match[2])
            cases.setdefault(case, {})[channel_number] = path
        else:
            yield Problem(str(path), f"not named as an image; expected CASE_0000{ending}")
    masks: dict[str, Path] = {}
    for path in _list_visible_files(labels):
        if path.name.endswith(ending):
            masks[path.name.removesuffix(ending)] = path
    for case, paths in sorted(cases.items()):
        missing = [f"{i:04d} ({channel})" for i, channel in enumerate(channels) if i not in paths]
        surplus = [f"{i:04d}" for i in sorted(paths) if i >= len(channels)]
        if missing:
            yield Problem(str(images / case), f"no channel {', '.join(missing)}")
        elif surplus:
            yield Problem(str(images / case), f"channel {', '.join(surplus)}; expected {len(channels)} channels")
        elif split == TRAIN_SPLIT and case not in masks:
            yield Problem(str(labels / case), f"no label; expected {case}{ending}")
        else:
            images_by_channel = {channel: paths[i] for i, channel in enumerate(channels)}
            yield ScanFiles(case, paths[0], images_by_channel, masks.get(case), split=split)
    for case in sorted(set(masks) - set(cases)):
        yield Problem(str(labels / case), f"a label without an image; expected {images.name}/{case}_0000{ending}")


def _read_listed_cases(listed: Any, path: Path, channels: Sequence[str]) -> list[ScanFiles | Problem]:
    """Read the training cases that ``dataset`` in ``dataset.json`` lists.

    Args:
        listed: as :data:`LISTED_CASE`. Paths are relative to the dataset's folder and may lead anywhere.
        path: of ``dataset.json``.
        channels: names of the images.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(listed, dict):
        raise DataError("dataset is no JSON object", path=path, expected=LISTED_CASE)
    return [_read_listed_case(case, entry, path, channels) for case, entry in sorted(listed.items())]


def _read_listed_case(case: str, entry: Any, path: Path, channels: Sequence[str]) -> ScanFiles | Problem:
    images, label = None, None
    if isinstance(entry, dict):
        images, label = entry.get("images"), entry.get("label")
    is_list_of_paths = isinstance(images, list) and all(isinstance(image, str) for image in images)
    if not isinstance(images, list) or not is_list_of_paths or not isinstance(label, str):
        raise DataError(f"dataset.{case}: {entry}"[:MAX_SHOWN_LETTERS], path=path, expected=LISTED_CASE)
    files = [path.parent / os.path.expandvars(file) for file in (*images, label)]
    for file in files:
        if not file.is_file():
            return Problem(str(file), "no such file, which dataset.json lists")
    if len(images) != len(channels):
        return Problem(str(path), f"{len(images)} images of {case}; expected {len(channels)} channels")
    *image_files, label_file = files
    images_by_channel = dict(zip(channels, image_files, strict=True))
    return ScanFiles(case, files[0], images_by_channel, label_file, split=TRAIN_SPLIT)


def _list_visible_files(folder: Path) -> list[Path]:
    """List the folder's files and broken links by name, without hidden ones. A folder that is not there has none."""
    if not folder.is_dir():
        return []
    files = []
    for path in sorted(folder.iterdir()):
        if (path.is_file() or path.is_symlink()) and not path.name.startswith("."):
            files.append(path)
    return files
