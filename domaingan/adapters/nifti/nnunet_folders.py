"""The layout ``nnunet``: nnU-Net's raw data, ``dataset.json`` beside ``imagesTr``, ``labelsTr`` and ``imagesTs``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from domaingan.adapters.base import Adapter, check_sample_name
from domaingan.adapters.nifti.dataset_json import (
    DATASET_JSON,
    NNUNET_SUFFIXES,
    build_dataset_json,
    get_file_ending,
    parse_channels,
    parse_labels,
)
from domaingan.adapters.nifti.scan_records import ScanFiles, open_scans
from domaingan.adapters.nifti.scan_samples import write_scan
from domaingan.adapters.tables import read_sample_table, write_sample_table
from domaingan.core.errors import DataError
from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.data import Dataset, Problem, Record, Sample, Schema

SPLIT_ENDINGS = {"train": "Tr", "test": "Ts"}


class NnUNetFolders(Adapter):
    """nnU-Net v2 raw data (v1's ``modality`` and ``labels`` are understood as well).

    ``imagesTr/case_0000.nii.gz`` is the first channel of a case of the split ``train``, its label
    ``labelsTr/case.nii.gz``, unless ``dataset`` in ``dataset.json`` lists the training cases' files; ``imagesTs`` is
    the split ``test``, with or without ``labelsTs``. The subject is the case unless ``samples.csv`` says otherwise.
    Every key of ``dataset.json`` comes back when the set is written; what is changed is what has changed.
    """

    layout = "nnunet"
    expected_files = "dataset.json beside imagesTr and labelsTr"

    def can_open(self, root: Path) -> bool:
        """Whether it has a folder ``imagesTr``, or a ``dataset.json`` that lists the files of cases."""
        if (root / "imagesTr").is_dir():
            return True
        try:
            stored = read_json(root / DATASET_JSON)
        except DataError:
            return False
        return isinstance(stored, dict) and "dataset" in stored and "labels" in stored

    def open(self, root: Path) -> Dataset:
        """Find the cases; see :meth:`domaingan.adapters.base.Adapter.open`."""
        path = root / DATASET_JSON
        stored = read_json(path)
        if not isinstance(stored, dict):
            raise DataError("no JSON object", path=path, expected="nnU-Net's description of a dataset")
        ending = stored.get("file_ending", NNUNET_SUFFIXES[0])
        if ending not in NNUNET_SUFFIXES:
            raise DataError(f"file_ending {ending!r}", path=path, expected=" or ".join(NNUNET_SUFFIXES))
        channels = parse_channels(stored, path)
        classes = parse_labels(stored, path)
        listed = stored.get("dataset")
        if listed is None and not (root / "imagesTr").is_dir():
            raise DataError("no such folder", path=root / "imagesTr")
        found_cases = (
            [*_find_cases(root, "train", channels, ending)]
            if listed is None
            else _read_listed_cases(listed, path, channels)
        )
        found_cases += _find_cases(root, "test", channels, ending)
        scans: dict[str, ScanFiles] = {}
        problems: list[Problem] = []
        for found in found_cases:
            if isinstance(found, Problem):
                problems.append(found)
            elif found.name in scans:
                problems.append(Problem(str(found.path), f"case {found.name!r} is in imagesTr already"))
            else:
                scans[found.name] = found
        known = {*scans, *(Path(problem.path).name for problem in problems)}
        return open_scans(root, self.layout, scans.values(), problems, classes, read_sample_table(root, known), stored)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write ``imagesTr/NAME_0000.nii.gz``, … and ``labelsTr/NAME.nii.gz``; in ``Ts`` for the split ``test``.

        The ending is the one in ``dataset.json``, where it is ``.nii`` or ``.nii.gz``.
        """
        name = check_sample_name(sample)
        split = "test" if sample.source.split == "test" else "train"
        images, labels = _get_split_folders(out, split)
        if sample.mask is None and split == "train":
            raise DataError(f"sample {name!r} has no mask", path=labels, expected="one, outside the split test")
        ending = get_file_ending(schema.description)
        paths = [images / f"{name}_{i:04d}{ending}" for i in range(len(schema.channels))]
        write_scan(sample, paths, labels / f"{name}{ending}")

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``dataset.json`` and ``samples.csv``."""
        write_sample_table(out, records, schema.conditions)
        write_json(out / DATASET_JSON, build_dataset_json(schema, records))


# ---------------------------------------------------------------------- files


def _get_split_folders(root: Path, split: str) -> tuple[Path, Path]:
    return root / f"images{SPLIT_ENDINGS[split]}", root / f"labels{SPLIT_ENDINGS[split]}"


def _find_cases(root: Path, split: str, channels: Sequence[str], ending: str) -> Iterator[ScanFiles | Problem]:
    """The cases of one split in order of their names; a problem's path ends in the name of its case."""
    images, labels = _get_split_folders(root, split)
    cases: dict[str, dict[int, Path]] = {}
    for path in _list_visible_files(images):
        name = re.fullmatch(rf"(.+)_(\d{{4}}){re.escape(ending)}", path.name)
        if name:
            cases.setdefault(name[1], {})[int(name[2])] = path
        else:
            yield Problem(str(path), f"not named as an image; expected CASE_0000{ending}")
    masks = {path.name.removesuffix(ending): path for path in _list_visible_files(labels) if path.name.endswith(ending)}
    for case, found in sorted(cases.items()):
        missing = [f"{i:04d} ({channel})" for i, channel in enumerate(channels) if i not in found]
        surplus = [f"{i:04d}" for i in sorted(found) if i >= len(channels)]
        if missing:
            yield Problem(str(images / case), f"no channel {', '.join(missing)}")
        elif surplus:
            yield Problem(str(images / case), f"channel {', '.join(surplus)}; expected {len(channels)} channels")
        elif split == "train" and case not in masks:
            yield Problem(str(labels / case), f"no label; expected {case}{ending}")
        else:
            names = {channel: found[i] for i, channel in enumerate(channels)}
            yield ScanFiles(case, found[0], names, masks.get(case), split=split)
    for case in sorted(set(masks) - set(cases)):
        yield Problem(str(labels / case), f"a label without an image; expected {images.name}/{case}_0000{ending}")


def _read_listed_cases(listed: Any, path: Path, channels: Sequence[str]) -> list[ScanFiles | Problem]:
    """The training cases that ``dataset`` in ``dataset.json`` lists, with paths that may lie anywhere.

    Args:
        listed: ``{case: {"images": [path, …], "label": path}}``; paths are relative to the dataset's folder.
        path: of ``dataset.json``.
        channels: of the images.

    Raises:
        DataError: it is something else.
    """
    expected = '{case: {"images": [path, …], "label": path}}'
    if not isinstance(listed, dict):
        raise DataError("dataset is no JSON object", path=path, expected=expected)
    cases: list[ScanFiles | Problem] = []
    for case, entry in sorted(listed.items()):
        images = entry.get("images") if isinstance(entry, dict) else None
        label = entry.get("label") if isinstance(entry, dict) else None
        if not (isinstance(images, list) and isinstance(label, str) and all(isinstance(one, str) for one in images)):
            raise DataError(f"dataset.{case}: {entry}"[:200], path=path, expected=expected)
        files = [path.parent / os.path.expandvars(one) for one in (*images, label)]
        missing = [file for file in files if not file.is_file()]
        if missing:
            cases.append(Problem(str(missing[0]), "no such file, which dataset.json lists"))
        elif len(images) != len(channels):
            cases.append(Problem(str(path), f"{len(images)} images of {case}; expected {len(channels)} channels"))
        else:
            named = dict(zip(channels, files, strict=False))
            cases.append(ScanFiles(case, files[0], named, files[-1], split="train"))
    return cases


def _list_visible_files(folder: Path) -> list[Path]:
    """The folder's files and the links in it that lead nowhere, hidden ones left out."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if (p.is_file() or p.is_symlink()) and not p.name.startswith("."))
