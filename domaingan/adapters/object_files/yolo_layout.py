"""The layout ``yolo``: a text file of boxes or outlines for each frame, in shares of its width and height."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from domaingan.adapters.annotations.annotation_changes import AnnotationChanges
from domaingan.adapters.annotations.made_annotations import Geometry, NewAnnotation
from domaingan.adapters.annotations.outlines import trace_outline
from domaingan.adapters.annotations.problem_list import ProblemList
from domaingan.adapters.annotations.run_lengths import decode_mask
from domaingan.adapters.frames.picture_files import list_pictures
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.adapters.object_files.listed_objects import (
    ListedFrame,
    ListedObject,
    apply_changes,
    join_lines,
    list_lines,
)
from domaingan.adapters.object_files.object_file_layout import ObjectFileAdapter
from domaingan.adapters.object_files.yolo_yaml import SPLIT_KEYS, find_yaml, read_description, write_yaml
from domaingan.data import Problem, Record, Sample, Schema

BOX_COLUMNS = 5
"""The class's number, the box's centre, its width and its height."""

MIN_OUTLINE_COLUMNS = 7
"""The class's number, and x and y of three corners."""


class YoloFolders(ObjectFileAdapter):
    """``images/train/a.jpg`` and ``labels/train/a.txt``, or ``train/images`` and ``train/labels``; and ``data.yaml``.

    A line is ``class x y width height``, or ``class x1 y1 x2 y2 x3 y3 …`` for an outline, in shares of the picture. A
    picture without a text file, in a folder whose pictures have some, has no object. Each split of ``data.yaml`` is
    a folder, a list of folders, or a text file that lists pictures. A sample is named by its path without
    ``images``: ``train/a``.

    Outlines become masks. Where any file has outlines, new objects are written as outlines; else as boxes.

    Source: the documentation of Ultralytics' YOLO, "Object detection datasets" and "Instance segmentation datasets".
    """

    layout = "yolo"
    expected_files = "data.yaml with images/ and labels/ (or train/images/ and train/labels/, …) of text files"
    value_offset = 1

    def can_open(self, root: Path) -> bool:
        """Whether a folder has a YAML file that names classes and splits, or ``images`` beside text files in
        ``labels``; see :meth:`domaingan.adapters.base.Adapter.can_open`.
        """
        if find_yaml(root) is not None:
            return True
        return (root / "images").is_dir() and next((root / "labels").rglob("*.txt"), None) is not None

    def find_frames(self, root: Path, problems: list[Problem]) -> list[ListedFrame]:
        """Find the pictures of every split."""
        frames: dict[str, ListedFrame] = {}
        has_text_files: dict[Path, bool] = {}
        for split, places in read_description(root).places.items():
            for place in places:
                for path in _list_split_pictures(root, place, problems):
                    name = _name_frame(root, path)
                    if name in frames:
                        reason = f"a second picture called {name}, or one in two splits; {frames[name].image} is used"
                        problems.append(Problem(str(path), reason))
                    else:
                        frames[name] = _list_frame(name, path, split or _guess_split(name), has_text_files)
        return list(frames.values())

    def read_classes(self, root: Path) -> dict[str, int] | None:
        """Read the names of ``data.yaml`` or ``classes.txt``, which count from 0."""
        names = read_description(root).class_names
        if names is None:
            return None
        return {name: number + self.value_offset for number, name in enumerate(names)}

    def order_class_names(self, found_names: Iterable[str]) -> list[str]:
        """List ``class_0``, ``class_1``, … up to the highest number."""
        highest = max((int(name.removeprefix("class_")) for name in found_names), default=0)
        return [f"class_{number}" for number in range(highest + 1)]

    def parse_objects(
        self, path: Path, shape: PictureShape, classes: Mapping[str, int] | None, problems: ProblemList
    ) -> list[ListedObject]:
        """Parse the lines of a file."""
        objects: list[ListedObject] = []
        names = None if classes is None else list(classes)
        for index, line in enumerate(list_lines(path)):
            place = f"line {index + 1}"
            made = _parse_line(line, index, place, names, shape)
            if isinstance(made, str):
                problems.add(made, place)
            else:
                objects.append(made)
        return objects

    def get_stems(self, out: Path, name: str) -> tuple[Path, Path]:
        """Get the paths below ``images`` and ``labels``."""
        return out / "images" / name, out / "labels" / f"{name}.txt"

    def build_file(self, changes: AnnotationChanges, sample: Sample, schema: Schema, source: Path | None) -> str:
        """Build the lines of a frame's file."""
        lines = [] if source is None else list_lines(source)
        height, width = sample.shape
        has_outlines = sample.mask is not None
        names = self._list_names(schema)

        def update_line(line: str, geometry: Geometry) -> str:
            return f"{line.split()[0]} {_describe_geometry(geometry, (height, width), has_outlines)}"

        def make_line(annotation: NewAnnotation) -> str:
            return f"{names.index(annotation['class'])} {_describe_geometry(annotation, (height, width), has_outlines)}"

        objects = [one for one in changes.new_annotations if not one["iscrowd"]]
        changes = replace(changes, new_annotations=objects)
        return join_lines(apply_changes(lines, changes, update_line, make_line))

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``data.yaml`` and ``samples.csv``; see :meth:`domaingan.adapters.base.Adapter.finish_dataset`."""
        folders = {record.name.partition("/")[0] if "/" in record.name else "" for record in records}
        write_yaml(out, self._list_names(schema), sorted(folders))
        super().finish_dataset(out, schema, records)

    def _list_names(self, schema: Schema) -> list[str]:
        """List the names of the classes in the order of their numbers."""
        classes = self.reduce_schema(schema).classes
        return sorted(classes, key=lambda name: classes[name])


def _list_split_pictures(root: Path, place: Path, problems: list[Problem]) -> list[Path]:
    """List the pictures in a folder, or those that a text file lists. Paths out of the dataset are problems."""
    if place.is_dir():
        return list_pictures(place, is_recursive=True)
    pictures = []
    for line in list_lines(place):
        text = line.strip().replace("\\", "/")
        candidates = [place.parent / text, root / text]
        found = [path for path in candidates if path.is_file()]
        if not found:
            problems.append(Problem(str(place), f"{line.strip()[:200]!r} is not there; expected a picture's path"))
        elif not found[0].resolve().is_relative_to(root.resolve()):
            problems.append(
                Problem(str(place), f"{line.strip()[:200]!r} leads out of the folder; expected a path in it")
            )
        else:
            pictures.append(found[0])
    return pictures


def _name_frame(root: Path, path: Path) -> str:
    """Name a frame by its path, without the last folder that is called ``images``."""
    relative = path.resolve().relative_to(root.resolve()).with_suffix("")
    return "/".join(_replace_images_folder(relative, []))


def _replace_images_folder(path: Path, replacement: Sequence[str]) -> list[str]:
    """Replace the last folder of a path that is called ``images``, and return the path's parts."""
    parts = list(path.parts)
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] == "images":
            parts[position : position + 1] = replacement
            break
    return parts


def _guess_split(name: str) -> str:
    folder = name.partition("/")[0]
    return folder if folder in SPLIT_KEYS and "/" in name else ""


def _list_frame(name: str, path: Path, split: str, has_text_files: dict[Path, bool]) -> ListedFrame:
    """List a frame with its text file: the last ``images`` of its path is ``labels``.

    A frame without one has no object where other frames of its folder have some; else it is not labelled.

    Args:
        name: of the sample.
        path: the picture.
        split: its split.
        has_text_files: which folders are known to hold text files. Folders that are looked into are added.
    """
    file = Path(*_replace_images_folder(path, ["labels"])).with_suffix(".txt")
    if file.exists():
        return ListedFrame(name, path, file, split)
    if file.parent not in has_text_files:
        has_text_files[file.parent] = any(file.parent.glob("*.txt"))
    return ListedFrame(name, path, None, split, is_empty=has_text_files[file.parent])


def _parse_line(
    line: str, index: int, place: str, names: Sequence[str] | None, shape: PictureShape
) -> ListedObject | str:
    """Parse a line of a file; what is wrong with it where it cannot be used."""
    columns = line.split()
    try:
        numbers = [float(column) for column in columns]
    except ValueError:
        return f"{line[:80]!r}; expected numbers"
    number = numbers[0]
    n_classes = math.inf if names is None else len(names)
    if not (math.isfinite(number) and number == int(number) and 0 <= number < n_classes):
        return f"class {columns[0][:20]}; expected a number from 0 to {n_classes - 1}"
    if not all(math.isfinite(one) for one in numbers):
        return f"{line[:80]!r}; expected finite numbers"
    if max(map(abs, numbers[1:]), default=0) > 2:
        return f"{line[:80]!r}; expected shares of the picture, from 0 to 1"
    name = f"class_{int(number)}" if names is None else names[int(number)]
    height, width = shape
    if len(numbers) == BOX_COLUMNS:
        x, y, box_width, box_height = numbers[1:]
        left, top = (x - box_width / 2) * width, (y - box_height / 2) * height
        return ListedObject(name, (left, top, box_width * width, box_height * height), place, index)
    if len(numbers) >= MIN_OUTLINE_COLUMNS and len(numbers) % 2 == 1:
        corners = np.array(numbers[1:]).reshape(-1, 2) * (width, height)
        return ListedObject(name, (), place, index, polygons=[corners.ravel().tolist()])
    return f"{len(numbers)} numbers; expected {BOX_COLUMNS}, or a class and at least 3 corners"


def _describe_geometry(geometry: Geometry, shape: PictureShape, has_outlines: bool) -> str:
    """Describe a box, or the outline of a mask, in shares of the picture."""
    height, width = shape
    x, y, box_width, box_height = geometry["bbox"]
    numbers = [(x + box_width / 2) / width, (y + box_height / 2) / height, box_width / width, box_height / height]
    if has_outlines and geometry.get("segmentation"):
        corners = trace_outline(decode_mask(geometry["segmentation"])) / (width, height)
        numbers = corners.ravel().tolist()
    return " ".join(f"{number:.6f}" for number in numbers)
