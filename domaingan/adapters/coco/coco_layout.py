"""The layout ``coco``: pictures, and JSON files that list the objects in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from domaingan.adapters.base import Adapter
from domaingan.adapters.coco.coco_classes import read_coco_classes, write_coco_classes
from domaingan.adapters.coco.coco_file import CocoFile, read_coco_file
from domaingan.adapters.coco.coco_images import list_image_records
from domaingan.adapters.coco.coco_samples import STYLE_PREFIX, CocoEntry, CocoReader
from domaingan.adapters.coco.coco_writing import (
    ANNOTATIONS_FOLDER,
    DEFAULT_SPLIT,
    OTHER_TASK_PREFIXES,
    write_annotation_files,
    write_sample_part,
)
from domaingan.adapters.frames.exif_orientation import OrientationLog
from domaingan.adapters.frames.frame_samples import assign_drives, assign_times, make_frame_schema
from domaingan.adapters.tables import read_sample_table, write_sample_table
from domaingan.adapters.values import make_no_sample_error
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Problem, Record, Sample, Schema

ROBOFLOW_FILE = "_annotations.coco.json"
EXPORT_FILES = ("result.json", "labels.json")
"""What Label Studio and FiftyOne call their COCO files, beside a folder of pictures."""

PICTURE_FOLDERS = ("images", "data")

KEYPOINTS_PREFIX = "person_keypoints_"
"""What CVAT begins the name of a file with whose objects have key points."""

_UNINFORMATIVE_WORD = r"(instances|annotations?|coco|labels?|default)"


class CocoFolders(Adapter):
    """``annotations/instances_train.json``, … and the pictures in ``images/train/``, ``images/``, ``train/`` or beside.

    A file without ``instances_`` will do, as will Roboflow's ``train/_annotations.coco.json`` and a single file beside
    ``images/`` or ``data/``, as Label Studio and FiftyOne write it. The split is what the file's name says; a sample is
    named by it and its picture, ``train/0001``. Categories are classes with their ids (raised by one where a file uses
    0), and all are objects, unless a ``classes.json`` says otherwise
    (:func:`domaingan.adapters.coco.coco_classes.read_coco_classes`). Polygons and run lengths become mask and
    instances, smaller objects over larger ones; an image of whose objects none has either has no mask. Crowds are no
    objects, and
    counted. Boxes are clipped to the image.

    Written back, a file says what it said but for what was pasted over or added
    (:func:`domaingan.adapters.coco.coco_document.build_document`).
    """

    layout = "coco"
    expected_files = "annotations/*.json with images in images/"

    def can_open(self, root: Path) -> bool:
        """Whether it has JSON files where COCO has them."""
        return next(_find_annotation_files(root), None) is not None

    def open(self, root: Path) -> Dataset:
        """Find the images that the files list; see :meth:`domaingan.adapters.base.Adapter.open`."""
        problems: list[Problem] = []
        files: list[CocoFile] = []
        for path in _find_annotation_files(root):
            file, found = read_coco_file(path)
            files.append(file)
            problems += found
        if not files:
            raise DataError("no annotations", path=root, expected=self.expected_files)
        classes, offset = _merge_categories(files)
        known: set[str] = set()
        log = OrientationLog()
        records: list[Record] = []
        entries: dict[str, CocoEntry] = {}
        for file in files:
            subset = _parse_split_name(file.path, root)
            folders = [root / folder / subset for folder in PICTURE_FOLDERS if subset]
            folders += [root / "images" / DEFAULT_SPLIT, *(root / folder for folder in PICTURE_FOLDERS)]
            folders += [root / subset, root, file.path.parent]
            listed = list_image_records(file, subset, folders, known, problems, log)
            problems += file.add_objects({key: record.shape for key, record in listed.items()}, offset)  # type: ignore[misc]
            for key, record in listed.items():
                image = file.images[key]
                objects, crowds = tuple(image.objects), tuple(image.crowds)
                entries[record.name] = CocoEntry(STYLE_PREFIX + subset, file.path, file.stamp, key, objects, crowds)
                records.append(record)
        log.warn(root)
        if not records:
            raise make_no_sample_error(root, problems)
        table = read_sample_table(root, known)
        described = read_coco_classes(root, classes, offset)
        records = assign_times([table.merge_into(record) for record in assign_drives(records)], described.frame_rate)
        schema = make_frame_schema(self.layout, described, table.conditions)
        segmented = any(one.run_lengths is not None for entry in entries.values() for one in entry.objects)
        entries = {name: entry.apply_schema(schema) for name, entry in entries.items()}
        records = [_add_mask_file(record, entries[record.name], segmented) for record in records]
        return Dataset(records, CocoReader(schema, entries, segmented), schema, root, problems)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write ``images/SPLIT/NAME.png`` (or its own kind) and set aside what the JSON file will say of it."""
        write_sample_part(out, sample, schema)

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``annotations/instances_SPLIT.json`` and ``samples.csv``."""
        write_annotation_files(out, schema, records)
        write_sample_table(out, records, schema.conditions)
        write_coco_classes(out, schema)


# ------------------------------------------------------------------------- files


def _find_annotation_files(root: Path) -> Iterator[Path]:
    """The annotation files by name: of detection where other tasks have theirs beside."""
    found = sorted((root / ANNOTATIONS_FOLDER).glob("*.json"))
    found += sorted(root.glob(f"*/{ROBOFLOW_FILE}"))
    found += [path for path in sorted(root.glob("*.json")) if re.search("instances|annotations|coco", path.stem)]
    if not found and not (root / "masks").is_dir() and any((root / folder).is_dir() for folder in PICTURE_FOLDERS):
        found = [root / name for name in EXPORT_FILES if (root / name).is_file()]
    instances = [path for path in found if path.name.startswith("instances")]
    chosen = instances or [path for path in found if not path.name.startswith(OTHER_TASK_PREFIXES)]
    chosen = chosen or [path for path in found if path.name.startswith(KEYPOINTS_PREFIX)]
    yield from (path for path in chosen if not path.name.startswith("."))


def _parse_split_name(path: Path, root: Path) -> str:
    """What the name of a file says of its split: ``train2017`` for ``instances_train2017.json``.

    Where it says nothing it is the folder's (Roboflow), or there is none.
    """
    name = path.stem.removeprefix(KEYPOINTS_PREFIX) if path.name not in EXPORT_FILES else ""
    while (
        shorter := re.sub(
            rf"^({_UNINFORMATIVE_WORD})?[_. -]+|[_. -]+({_UNINFORMATIVE_WORD})?$|^({_UNINFORMATIVE_WORD})$", "", name
        )
    ) != name:
        name = shorter
    return name or ("" if path.parent in (root, root / ANNOTATIONS_FOLDER) else path.parent.name)


def _merge_categories(files: Sequence[CocoFile]) -> tuple[dict[str, int], int]:
    """The class values of all files, and what they are more than ids: 1 where an id is 0, which masks have for nothing.

    Raises:
        DataError: two files differ.
    """
    ids: dict[str, int] = {}
    for file in files:
        for name, value in file.categories.items():
            others = [other for other, known in ids.items() if known == value and other != name]
            if others or ids.get(name, value) != value:
                found = f"category {value} is {name}"
                raise DataError(found, path=file.path, expected=f"as in the files before: {ids}")
            ids[name] = value
    offset = int(0 in ids.values())
    return {name: value + offset for name, value in sorted(ids.items(), key=lambda item: item[1])}, offset


def _add_mask_file(record: Record, entry: CocoEntry, has_any_mask: bool) -> Record:
    """The record with the file that tells its mask, where that is known (as :class:`CocoReader` has it)."""
    is_masked = has_any_mask and (not entry.objects or any(one.run_lengths is not None for one in entry.objects))
    return replace(record, files={**record.files, "mask": entry.source}) if is_masked else record
