"""Writing a set in COCO's layout: pictures one by one, then an annotation file for each split."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from domaingan.adapters.base import check_sample_name
from domaingan.adapters.coco.coco_changes import AnnotationChanges, find_changes
from domaingan.adapters.coco.coco_document import WrittenImage, build_document
from domaingan.adapters.coco.coco_file import read_stamp
from domaingan.adapters.coco.coco_samples import STYLE_PREFIX, CocoHeader
from domaingan.adapters.frames.frame_samples import get_frame_header, write_frame
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.core.files import write_file_atomically, write_json
from domaingan.core.reading import read_json
from domaingan.data import Record, Sample, Schema

ANNOTATIONS_FOLDER = "annotations"
DEFAULT_SPLIT = "default"
"""What CVAT, and so this layout, calls the file of a dataset without splits: ``instances_default.json``."""

OTHER_TASK_PREFIXES = ("captions_", "person_keypoints_", "panoptic_", "stuff_", "labels_", "image_info_")
"""How the names of COCO files begin that say something else of the same pictures."""

_PARTS_FOLDER = ".parts"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""A byte-order mark, which pycocotools does not read."""


def write_sample_part(out: Path, sample: Sample, schema: Schema) -> None:
    """Write a sample's picture, and set aside what the annotation file will say of it.

    Args:
        out: the dataset's folder.
        sample: with boxes or a mask.
        schema: names the classes.

    Raises:
        DataError: it has neither, or its name is no file's.
    """
    subset, rest = _split_sample_name(sample)
    changes = find_changes(sample, schema)
    folder = out / "images" / subset
    path = write_frame(sample, folder / rest)
    header = get_frame_header(sample)
    part: dict[str, Any] = {"file_name": path.relative_to(folder).as_posix(), "shape": sample.shape}
    if isinstance(header, CocoHeader):
        source = header.entry.source
        part |= {"source": str(source.resolve()), "stamp": header.entry.stamp, "key": header.entry.image_key}
        part["is_original"] = header.original_name == sample.name
    write_json(_get_part_path(out, sample.name), {"subset": subset, "image": part, "changes": asdict(changes)})


def write_annotation_files(out: Path, schema: Schema, records: Sequence[Record]) -> None:
    """Write the annotation files of what was set aside.

    A file that would say the same as the one that it came from is a copy of it.

    Args:
        out: the dataset's folder.
        schema: names the classes.
        records: of all samples.

    Raises:
        DataError: a file that samples came from has changed since, or a class has no id.
    """
    images: dict[str, list[WrittenImage]] = {}
    documents: dict[Path, Any] = {}
    for record in records:
        part = read_json(_get_part_path(out, record.name), is_finite_only=False)
        one = _parse_part(part["image"], part["changes"])
        if one.source is not None and one.source not in documents:
            documents[one.source] = _reread_source(one.source, part["image"]["stamp"])
        images.setdefault(part["subset"] or DEFAULT_SPLIT, []).append(one)
    for subset, listed in images.items():
        made = build_document(listed, documents, schema)
        _write_document(out / ANNOTATIONS_FOLDER / f"instances_{subset}.json", made, documents)
    _warn_of_other_tasks(documents)
    shutil.rmtree(out / _PARTS_FOLDER)


def _warn_of_other_tasks(documents: Mapping[Path, Any]) -> None:
    """Say which files beside those that samples came from are not written."""
    beside = {other for source in documents for other in source.parent.glob("*.json") if other not in documents}
    names = sorted(other.name for other in beside if other.name.startswith(OTHER_TASK_PREFIXES))
    if names:
        warnings.warn(f"not written, as they are of other tasks: {', '.join(names)}", AssumptionWarning, stacklevel=2)


def _write_document(path: Path, made: Mapping[str, Any], documents: Mapping[Path, Any]) -> None:
    same = next((source for source, stored in documents.items() if stored == made), None)
    stored = b"" if same is None else same.read_bytes()
    with write_file_atomically(path) as temporary:
        if stored and not stored.startswith(_BYTE_ORDER_MARK):
            temporary.write_bytes(stored)
        else:
            temporary.write_text(json.dumps(made, ensure_ascii=False) + "\n", encoding="utf-8")


def _parse_part(part: Mapping[str, Any], changes: Mapping[str, Any]) -> WrittenImage:
    """What was set aside, read back from JSON, whose keys are texts."""
    changed = {int(number): geometry for number, geometry in changes["changed"].items()}
    source = part.get("source")
    return WrittenImage(
        part["file_name"],
        (part["shape"][0], part["shape"][1]),
        AnnotationChanges(**{**changes, "changed": changed}),
        None if source is None else Path(source),
        part.get("key", ""),
        part.get("is_original", False),
    )


def _reread_source(source: Path, stamp: Sequence[int]) -> Any:
    if tuple(stamp) != read_stamp(source):
        raise DataError("changed since its samples were read", path=source, expected="the file as it was")
    return read_json(source, is_finite_only=False)


def _split_sample_name(sample: Sample) -> tuple[str, str]:
    """The file that lists a sample, and its name there: where it came from, else by the split that begins its name."""
    name, header = check_sample_name(sample, allow_folders=True), get_frame_header(sample)
    from_coco = header is not None and header.layout_style.startswith(STYLE_PREFIX)
    subset = header.layout_style.removeprefix(STYLE_PREFIX) if header and from_coco else sample.source.split
    if subset and name.startswith(f"{subset}/"):
        return subset, name.removeprefix(f"{subset}/")
    return "", name


def _get_part_path(out: Path, name: str) -> Path:
    return out / _PARTS_FOLDER / f"{name}.json"
