"""The layout ``nnunet``: nnU-Net's raw data, ``dataset.json`` beside ``imagesTr``, ``labelsTr`` and ``imagesTs``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.adapters.base import Adapter, file_name
from domaingan.adapters.scan_samples import write_scan
from domaingan.adapters.scans import Scan, open_scans
from domaingan.adapters.tables import Classes, parse_classes, read_samples, write_samples
from domaingan.errors import DataError
from domaingan.files import read_json, write_json
from domaingan.sample import Dataset, Problem, Record, Sample, Schema

DATASET_JSON = "dataset.json"
ENDINGS = (".nii.gz", ".nii")
SPLITS = {"train": "Tr", "test": "Ts"}


class NnUNet(Adapter):
    """nnU-Net v2 raw data (v1's ``modality`` and ``labels`` are understood as well).

    ``imagesTr/case_0000.nii.gz`` is the first channel of a case of the split ``train``, its label
    ``labelsTr/case.nii.gz``; ``imagesTs`` is the split ``test``, with or without ``labelsTs``. The subject is the
    case unless ``samples.csv`` says otherwise.
    """

    layout = "nnunet"
    looked_for = "dataset.json beside imagesTr and labelsTr"

    def detects(self, root: Path) -> bool:
        """Whether it has a folder ``imagesTr``."""
        return (root / "imagesTr").is_dir()

    def open(self, root: Path) -> Dataset:
        """Find the cases; see :meth:`domaingan.adapters.base.Adapter.open`."""
        path = root / DATASET_JSON
        stored = read_json(path)
        if not isinstance(stored, dict):
            raise DataError("no JSON object", path=path, expected="nnU-Net's description of a dataset")
        ending = stored.get("file_ending", ENDINGS[0])
        if ending not in ENDINGS:
            raise DataError(f"file_ending {ending!r}", path=path, expected=" or ".join(ENDINGS))
        channels = _channel_names(stored, path)
        classes = _classes(stored, path)
        if not (root / "imagesTr").is_dir():
            raise DataError("no such folder", path=root / "imagesTr")
        scans: dict[str, Scan] = {}
        problems: list[Problem] = []
        for split in SPLITS:
            for found in _cases(root, split, channels, ending):
                if isinstance(found, Problem):
                    problems.append(found)
                elif found.name in scans:
                    problems.append(Problem(str(found.path), f"case {found.name!r} is in imagesTr already"))
                else:
                    scans[found.name] = found
        known = {*scans, *(Path(problem.path).name for problem in problems)}
        return open_scans(root, self.layout, scans.values(), problems, classes, read_samples(root, known))

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write ``imagesTr/NAME_0000.nii.gz``, … and ``labelsTr/NAME.nii.gz``; in ``Ts`` for the split ``test``."""
        name = file_name(sample)
        split = "test" if sample.meta.get("split") == "test" else "train"
        images, labels = _folders(out, split)
        if sample.mask is None and split == "train":
            raise DataError(f"sample {name!r} has no mask", path=labels, expected="one, outside the split test")
        paths = [images / f"{name}_{i:04d}.nii.gz" for i in range(len(schema.channels))]
        write_scan(sample, paths, labels / f"{name}.nii.gz")

    def finish(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``dataset.json`` and ``samples.csv``."""
        write_samples(out, records, schema.conditions)
        write_json(out / DATASET_JSON, _description(schema, sum(record.split != "test" for record in records)))


# ---------------------------------------------------------------------- files


def _folders(root: Path, split: str) -> tuple[Path, Path]:
    return root / f"images{SPLITS[split]}", root / f"labels{SPLITS[split]}"


def _cases(root: Path, split: str, channels: Sequence[str], ending: str) -> Iterator[Scan | Problem]:
    """The cases of one split in order of their names; a problem's path ends in the name of its case."""
    images, labels = _folders(root, split)
    cases: dict[str, dict[int, Path]] = {}
    for path in _files(images):
        name = re.fullmatch(rf"(.+)_(\d{{4}}){re.escape(ending)}", path.name)
        if name:
            cases.setdefault(name[1], {})[int(name[2])] = path
        else:
            yield Problem(str(path), f"not named as an image; expected CASE_0000{ending}")
    masks = {path.name.removesuffix(ending): path for path in _files(labels) if path.name.endswith(ending)}
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
            yield Scan(case, found[0], names, masks.get(case), split=split)
    for case in sorted(set(masks) - set(cases)):
        yield Problem(str(labels / case), f"a label without an image; expected {images.name}/{case}_0000{ending}")


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


# --------------------------------------------------------------- dataset.json


def _channel_names(stored: Mapping[str, Any], path: Path) -> list[str]:
    names = stored.get("channel_names", stored.get("modality"))
    keys = [str(i) for i in range(len(names))] if isinstance(names, dict) else []
    if not keys or set(names) != set(keys):
        raise DataError(f"channel_names {names}", path=path, expected='{"0": name, "1": name, …}')
    ordered = [str(names[key]) for key in keys]
    return [f"{name}_{i}" if ordered.count(name) > 1 else name for i, name in enumerate(ordered)]


def _classes(stored: Mapping[str, Any], path: Path) -> Classes:
    """Classes, regions and the ignore label of ``labels``.

    Where regions are given instead of classes, a value is called after the region that is this value alone, else
    after the smallest region that holds it, with the value: ``tumour_core_2``.
    """
    labels = stored.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise DataError(f"labels {labels}", path=path, expected='{"background": 0, name: value, …}')
    if all(isinstance(name, str) and name.isdigit() and isinstance(label, str) for name, label in labels.items()):
        labels = {label: int(value) for value, label in labels.items()}  # as nnU-Net v1 has it
    lists = {name: value for name, value in labels.items() if isinstance(value, list) and name != "ignore"}
    classes = {name: value for name, value in labels.items() if name not in lists and name != "ignore"}
    for name, values in sorted(lists.items(), key=lambda item: len(item[1])):
        for value in values:
            if value not in classes.values():
                classes[name if len(values) == 1 else f"{name}_{value}"] = value
    ignore = labels.get("ignore", [])
    described = {
        "classes": dict(sorted(classes.items(), key=lambda item: item[1] if isinstance(item[1], int) else 0)),
        "ignore": ignore if isinstance(ignore, list) else [ignore],
        "objects": stored.get("objects", []),
        "regions": {name: values for name, values in lists.items() if name not in classes},
    }
    return parse_classes(described, path)


def _description(schema: Schema, training: int) -> dict[str, Any]:
    """``dataset.json`` for a schema; nnU-Net reads ``objects`` past, we read it back.

    nnU-Net trains on regions where there is any, from the largest to the classes, in the order of the labels.
    """
    regions = {name: list(values) for name, values in sorted(schema.regions.items(), key=lambda item: -len(item[1]))}
    if taken := [name for name in regions if name in schema.classes]:
        raise DataError(f"region {taken[0]!r} is called as a class is", expected="a name of its own, for dataset.json")
    described: dict[str, Any] = {
        "channel_names": {str(i): name for i, name in enumerate(schema.channels)},
        "labels": {"background": 0, **regions, **schema.classes},
        "numTraining": training,
        "file_ending": ENDINGS[0],
    }
    if regions:
        described["regions_class_order"] = [values[0] for values in regions.values()] + list(schema.classes.values())
    if schema.ignore:
        described["labels"]["ignore"] = schema.ignore[0] if len(schema.ignore) == 1 else list(schema.ignore)
    return described | ({"objects": list(schema.objects)} if schema.objects else {})
