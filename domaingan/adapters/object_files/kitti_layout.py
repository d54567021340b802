"""The layout ``kitti``: KITTI's object detection, a text file of boxes for each frame."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from domaingan.adapters.annotations.annotation_changes import AnnotationChanges
from domaingan.adapters.annotations.made_annotations import Geometry, NewAnnotation
from domaingan.adapters.annotations.problem_list import ProblemList
from domaingan.adapters.frames.picture_files import list_pictures
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.adapters.object_files.listed_objects import (
    ListedFrame,
    ListedObject,
    apply_changes,
    join_lines,
    list_lines,
    name_file,
    pair_files,
)
from domaingan.adapters.object_files.object_file_layout import ANY_CLASS, ObjectFileAdapter
from domaingan.adapters.object_files.split_lists import read_split_lists, write_split_lists
from domaingan.core.errors import AssumptionWarning
from domaingan.data import Dataset, Problem, Record, Sample, Schema

CLASS_NAMES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
"""KITTI's classes, which get the first numbers in this order. Others follow by name."""

IGNORED_NAME = "DontCare"
"""Regions with objects that nobody labelled."""

MIN_COLUMNS = 8
"""Class, truncation, occlusion, angle, and the four sides of the box. Size, place and turn in space follow."""

NEW_COLUMNS = "-1 -1 -1 -1000 -1000 -1000 -10"
"""What KITTI writes for a size, place and turn in space that are not known."""

TRAINING, TESTING = "training", "testing"


class KittiFolders(ObjectFileAdapter):
    """``training/image_2/000000.png`` and ``training/label_2/000000.txt``; ``testing/image_2`` is not labelled.

    A line is ``class truncated occluded alpha left top right bottom``, and seven numbers about space. ``DontCare``
    marks regions in which nothing counts. ``ImageSets/train.txt``, … say the split, where they are there. A sample of
    ``testing`` has that name before its own. Without ``samples.csv`` nothing says which drive a frame is of.

    Source: Geiger, Lenz and Urtasun, "Are we ready for autonomous driving?", CVPR 2012; the readme of its object
    development kit.
    """

    layout = "kitti"
    expected_files = "training/image_2 and training/label_2"

    def can_open(self, root: Path) -> bool:
        """Whether a folder has folders ``image_2`` and ``label_2``; see
        :meth:`domaingan.adapters.base.Adapter.can_open`.
        """
        return any(
            (folder / "image_2").is_dir() and (folder / "label_2").is_dir() for folder in (root / TRAINING, root)
        )

    def open(self, root: Path) -> Dataset:
        """Open a folder; see :meth:`domaingan.adapters.base.Adapter.open`."""
        dataset = super().open(root)
        if not any(record.sequence or record.subject for record in dataset.records):
            message = f"{root}: nothing says which drive a frame is of; a split may have one drive on both sides"
            warnings.warn(
                f"{message}. samples.csv with a column 'sequence' would say it", AssumptionWarning, stacklevel=2
            )
        return dataset

    def find_frames(self, root: Path, problems: list[Problem]) -> list[ListedFrame]:
        """Find the frames of both folders, and labels without a frame."""
        base = root / TRAINING if (root / TRAINING).is_dir() else root
        splits = read_split_lists(root / "ImageSets", problems)
        frames = pair_files(base / "image_2", base / "label_2", (".png", ".txt"), splits, problems)
        testing = root / TESTING / "image_2"
        for path in list_pictures(testing, is_recursive=True):
            frames.append(ListedFrame(f"{TESTING}/{name_file(path, testing)}", path, split="test"))
        return frames

    def order_class_names(self, found_names: Iterable[str]) -> list[str]:
        """Put KITTI's classes first, then others by name."""
        found = set(found_names)
        known = [name for name in CLASS_NAMES if name in found]
        return known + sorted(found - set(known))

    def parse_objects(
        self, path: Path, shape: PictureShape, classes: Mapping[str, int] | None, problems: ProblemList
    ) -> list[ListedObject]:
        """Parse the lines of a file."""
        objects = []
        for index, line in enumerate(list_lines(path)):
            place = f"line {index + 1}"
            columns = line.split()
            sides = _parse_numbers(columns[4:8])
            if len(columns) < MIN_COLUMNS or len(sides) < 4:
                problems.add(f"{line[:80]!r}; expected a class and at least 7 numbers", place)
                continue
            left, top, right, bottom = sides
            is_ignored = columns[0] == IGNORED_NAME
            name = ANY_CLASS if is_ignored else columns[0]
            box = (left, top, right - left, bottom - top)
            objects.append(ListedObject(name, box, place, index, is_ignored=is_ignored))
        return objects

    def get_stems(self, out: Path, name: str) -> tuple[Path, Path]:
        """Get the paths below ``training``, or below ``testing`` where the name says so."""
        folder, rest = TRAINING, name
        if name.startswith(f"{TESTING}/"):
            folder, rest = TESTING, name.removeprefix(f"{TESTING}/")
        return out / folder / "image_2" / rest, out / folder / "label_2" / f"{rest}.txt"

    def build_file(self, changes: AnnotationChanges, sample: Sample, schema: Schema, source: Path | None) -> str:
        """Build the lines of a frame's file."""
        lines = [] if source is None else list_lines(source)
        return join_lines(apply_changes(lines, changes, _update_line, _make_line))

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``samples.csv``, and ``ImageSets`` where there are splits; see
        :meth:`domaingan.adapters.base.Adapter.finish_dataset`.
        """
        (out / TRAINING / "label_2").mkdir(parents=True, exist_ok=True)
        in_training = [record for record in records if not record.name.startswith(f"{TESTING}/")]
        write_split_lists(out / "ImageSets", in_training)
        super().finish_dataset(out, schema, records)


def _parse_numbers(columns: Sequence[str]) -> list[float]:
    """Parse numbers; fewer than there are columns where one is none."""
    numbers: list[float] = []
    for column in columns:
        try:
            number = float(column)
        except ValueError:
            return numbers
        if not math.isfinite(number):
            return numbers
        numbers.append(number)
    return numbers


def _update_line(line: str, geometry: Geometry) -> str:
    x, y, width, height = geometry["bbox"]
    columns = line.split()
    columns[4:8] = [f"{side:.2f}" for side in (x, y, x + width, y + height)]
    return " ".join(columns)


def _make_line(annotation: NewAnnotation) -> str:
    x, y, width, height = annotation["bbox"]
    name = IGNORED_NAME if annotation["iscrowd"] else annotation["class"]
    sides = " ".join(f"{side:.2f}" for side in (x, y, x + width, y + height))
    return f"{name.replace(' ', '_')} 0.00 0 -10 {sides} {NEW_COLUMNS}"
