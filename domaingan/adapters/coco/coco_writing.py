"""Writing a dataset in COCO's layout: pictures one by one, then an annotation file for each split."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from domaingan.adapters.annotations.annotation_changes import AnnotationChanges, find_annotation_header, find_changes
from domaingan.adapters.annotations.file_stamps import read_stamp
from domaingan.adapters.base import check_sample_name
from domaingan.adapters.coco.annotation_files import ANNOTATIONS_FOLDER, COCO_LAYOUT, DEFAULT_SPLIT, OTHER_TASK_PREFIXES
from domaingan.adapters.coco.coco_document import WrittenImage, build_document
from domaingan.adapters.frames.frame_writing import write_frame
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.core.files import write_file_atomically, write_json
from domaingan.core.reading import read_json
from domaingan.data import Record, Sample, Schema

_PARTS_FOLDER = ".parts"
"""The folder of an unfinished dataset with what the annotation files will say: a JSON file for each sample."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""pycocotools cannot read files that start with it."""


def write_sample_part(out: Path, sample: Sample, schema: Schema) -> None:
    """Write a sample's picture, and keep what the annotation file will say about it in a file of its own.

    Args:
        out: the dataset's folder.
        sample: with boxes or a mask.
        schema: names the classes.

    Raises:
        DataError: the sample has neither boxes nor a mask, or its name cannot be that of a file.
    """
    split, name = _split_sample_name(sample)
    changes = find_changes(sample, schema, COCO_LAYOUT)
    folder = out / "images" / split
    path = write_frame(sample, folder / name)
    image: dict[str, Any] = {"file_name": path.relative_to(folder).as_posix(), "shape": sample.shape}
    header = find_annotation_header(sample, COCO_LAYOUT)
    if header is not None:
        image["source"] = str(header.entry.source.resolve())
        image["stamp"] = header.entry.stamp
        image["image_key"] = header.entry.image_key
        image["is_original"] = header.original_name == sample.name
    write_json(_get_part_path(out, sample.name), {"split": split, "image": image, "changes": asdict(changes)})


def write_annotation_files(out: Path, schema: Schema, records: Sequence[Record]) -> None:
    """Write the annotation files by what :func:`write_sample_part` kept.

    A file that would say the same as the one that it came from is a copy of that file.

    Args:
        out: the dataset's folder.
        schema: names the classes.
        records: of all samples.

    Raises:
        DataError: an annotation file that samples came from has changed since, or a class has no id.
    """
    images_by_split: dict[str, list[WrittenImage]] = {}
    documents: dict[Path, Any] = {}
    for record in records:
        part = read_json(_get_part_path(out, record.name), is_finite_only=False)
        image = _parse_part(part["image"], part["changes"])
        if image.source is not None and image.source not in documents:
            documents[image.source] = _reread_source(image.source, part["image"]["stamp"])
        images_by_split.setdefault(part["split"] or DEFAULT_SPLIT, []).append(image)
    for split, images in images_by_split.items():
        document = build_document(images, documents, schema)
        _write_document(out / ANNOTATIONS_FOLDER / f"instances_{split}.json", document, documents)
    _warn_of_other_tasks(documents)
    shutil.rmtree(out / _PARTS_FOLDER)


def _warn_of_other_tasks(documents: Mapping[Path, Any]) -> None:
    """Warn about files of other tasks beside the source files, as they are not written."""
    names = set()
    for source in documents:
        for path in source.parent.glob("*.json"):
            if path not in documents and path.name.startswith(OTHER_TASK_PREFIXES):
                names.add((path.name, path))
    if names:
        listed = ", ".join(name for name, _ in sorted(names))
        warnings.warn(f"not written, as they are of other tasks: {listed}", AssumptionWarning, stacklevel=2)


def _write_document(path: Path, document: Mapping[str, Any], sources: Mapping[Path, Any]) -> None:
    """Write an annotation file, as a copy of the source file with the same contents where there is one."""
    original = b""
    for source, stored in sources.items():
        if stored == document:
            original = source.read_bytes()
            break
    with write_file_atomically(path) as temporary:
        if original and not original.startswith(_BYTE_ORDER_MARK):
            temporary.write_bytes(original)
        else:
            temporary.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def _parse_part(image: Mapping[str, Any], changes: Mapping[str, Any]) -> WrittenImage:
    """Parse what :func:`write_sample_part` kept. JSON has made texts of the numbers that are keys."""
    geometries = {int(index): geometry for index, geometry in changes["new_geometries"].items()}
    source = image.get("source")
    height, width = image["shape"]
    return WrittenImage(
        file_name=image["file_name"],
        shape=(height, width),
        changes=AnnotationChanges(**{**changes, "new_geometries": geometries}),
        source=None if source is None else Path(source),
        image_key=image.get("image_key", ""),
        is_original=image.get("is_original", False),
    )


def _reread_source(source: Path, stamp: Sequence[int]) -> Any:
    """Read an annotation file again.

    Raises:
        DataError: it has changed since its samples were read.
    """
    if tuple(stamp) != read_stamp(source):
        raise DataError("changed since its samples were read", path=source, expected="the file as it was")
    return read_json(source, is_finite_only=False)


def _split_sample_name(sample: Sample) -> tuple[str, str]:
    """Split a sample's name into the split of its annotation file and the rest.

    The split is that of the file that the sample came from, else the sample's own. It is empty where the name does not
    start with it.
    """
    name = check_sample_name(sample, allow_folders=True)
    header = find_annotation_header(sample, COCO_LAYOUT)
    split = sample.source.split
    if header is not None:
        split = header.layout_style.partition(":")[2]
    if split and name.startswith(f"{split}/"):
        return split, name.removeprefix(f"{split}/")
    return "", name


def _get_part_path(out: Path, name: str) -> Path:
    return out / _PARTS_FOLDER / f"{name}.json"
