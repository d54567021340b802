"""The layout ``coco``: pictures, and JSON files that list the objects in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domaingan.adapters.annotations.annotated_dataset import make_annotated_dataset
from domaingan.adapters.annotations.annotated_samples import FrameAnnotations
from domaingan.adapters.annotations.annotation_classes import write_annotation_classes
from domaingan.adapters.base import Adapter
from domaingan.adapters.coco.annotation_files import (
    COCO_LAYOUT,
    DEFAULT_SPLIT,
    PICTURE_FOLDERS,
    find_annotation_files,
    parse_split_name,
)
from domaingan.adapters.coco.coco_file import CocoFile, read_coco_file
from domaingan.adapters.coco.coco_images import list_image_records
from domaingan.adapters.coco.coco_writing import write_annotation_files, write_sample_part
from domaingan.adapters.frames.exif_orientation import OrientationLog
from domaingan.adapters.problems import make_no_sample_error
from domaingan.adapters.sample_table import write_sample_table
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Problem, Record, Sample, Schema


class CocoFolders(Adapter):
    """``annotations/instances_train.json``, … and the pictures in ``images/train/``, ``images/``, ``train/`` or beside.

    A file without ``instances_`` in its name will do, as will Roboflow's ``train/_annotations.coco.json`` and a single
    file beside ``images/`` or ``data/``, as Label Studio and FiftyOne write it. The file's name says the split. A
    sample is named by the split and its picture: ``train/0001``.

    Categories are classes, and their ids class values (raised by one where a file uses 0). All are classes of objects,
    unless ``classes.json`` says otherwise, see
    :func:`domaingan.adapters.annotations.annotation_classes.read_annotation_classes`. Polygons and run lengths become
    mask and instances, with smaller objects over larger ones. An image whose objects have only boxes has no mask.
    Crowds are counted, but are no objects. Boxes are clipped to the image.

    An annotation file that is written differs from the one that it came from only in what was pasted over or added
    (:func:`domaingan.adapters.coco.coco_document.build_document`).
    """

    layout = COCO_LAYOUT
    expected_files = "annotations/*.json with images in images/"
    holds_boxes = True

    def can_open(self, root: Path) -> bool:
        """Whether a folder has JSON files where COCO has them; see :meth:`domaingan.adapters.base.Adapter.can_open`."""
        return bool(find_annotation_files(root))

    def open(self, root: Path) -> Dataset:
        """Open a folder; see :meth:`domaingan.adapters.base.Adapter.open`."""
        problems: list[Problem] = []
        files: list[CocoFile] = []
        for path in find_annotation_files(root):
            file, image_problems = read_coco_file(path)
            files.append(file)
            problems += image_problems
        if not files:
            raise DataError("no annotations", path=root, expected=self.expected_files)
        classes, offset = _merge_categories(files)
        sample_names: set[str] = set()
        orientations = OrientationLog()
        records: list[Record] = []
        entries: dict[str, FrameAnnotations] = {}
        for file in files:
            split = parse_split_name(file.path, root)
            folders = _list_picture_folders(root, split, file.path)
            listed = list_image_records(file, split, folders, sample_names, problems, orientations)
            shapes = {image_id: (record.shape[0], record.shape[1]) for image_id, record in listed.items()}
            problems += file.add_objects(shapes, offset)
            for image_id, record in listed.items():
                entries[record.name] = _make_entry(file, split, image_id)
                records.append(record)
        orientations.warn(root)
        if not records:
            raise make_no_sample_error(root, problems)
        return make_annotated_dataset(root, self.layout, records, entries, classes, offset, sample_names, problems)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write ``images/SPLIT/NAME.png`` (or another suffix), and keep what the JSON file will say about it; see
        :meth:`domaingan.adapters.base.Adapter.write_sample`.
        """
        write_sample_part(out, sample, schema)

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``annotations/instances_SPLIT.json``, ``samples.csv`` and ``classes.json``; see
        :meth:`domaingan.adapters.base.Adapter.finish_dataset`.
        """
        write_annotation_files(out, schema, records)
        write_sample_table(out, records, schema.conditions)
        write_annotation_classes(out, schema)


def _merge_categories(files: Sequence[CocoFile]) -> tuple[dict[str, int], int]:
    """Merge the categories of all files.

    Returns:
        The class values by name, in their order, and the offset from ids to class values: 1 where an id is 0, which is
        the background in masks.

    Raises:
        DataError: two files differ.
    """
    ids: dict[str, int] = {}
    for file in files:
        for name, category_id in file.categories.items():
            has_other_name = category_id in ids.values() and ids.get(name) != category_id
            if has_other_name or ids.get(name, category_id) != category_id:
                found = f"category {category_id} is {name}"
                raise DataError(found, path=file.path, expected=f"as in the files before: {ids}")
            ids[name] = category_id
    offset = int(0 in ids.values())
    in_order = sorted(ids.items(), key=lambda item: item[1])
    return {name: category_id + offset for name, category_id in in_order}, offset


def _list_picture_folders(root: Path, split: str, annotation_path: Path) -> list[Path]:
    """List the folders where the pictures of an annotation file may lie, the likeliest first."""
    folders = []
    if split:
        folders += [root / folder / split for folder in PICTURE_FOLDERS]
    folders.append(root / "images" / DEFAULT_SPLIT)
    folders += [root / folder for folder in PICTURE_FOLDERS]
    return [*folders, root / split, root, annotation_path.parent]


def _make_entry(file: CocoFile, split: str, image_id: str) -> FrameAnnotations:
    image = file.images[image_id]
    return FrameAnnotations(
        layout_style=f"{COCO_LAYOUT}:{split}",
        source=file.path,
        stamp=file.stamp,
        image_key=image_id,
        objects=tuple(image.objects),
        crowds=tuple(image.crowds),
    )
