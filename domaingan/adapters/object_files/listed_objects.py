"""Frames with their files, and the objects that a file lists, before they are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from domaingan.adapters.annotations.annotated_objects import AnnotatedObject, read_annotation
from domaingan.adapters.annotations.annotation_changes import AnnotationChanges
from domaingan.adapters.annotations.made_annotations import Geometry, NewAnnotation
from domaingan.adapters.annotations.problem_list import ProblemList
from domaingan.adapters.frames.picture_files import list_pictures
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.core.errors import DataError
from domaingan.core.reading import read_text
from domaingan.data import Problem

Item = TypeVar("Item")


@dataclass(frozen=True)
class ListedFrame:
    """The files of one frame.

    Attributes:
        name: of the sample.
        image: the picture.
        labels: the file that lists its objects. None where nobody labelled it.
        split: its split, empty where none is known.
        is_empty: whether it has no file because nothing is in it.
    """

    name: str
    image: Path
    labels: Path | None = None
    split: str = ""
    is_empty: bool = False


@dataclass(frozen=True)
class ListedObject:
    """One object as its file lists it.

    Attributes:
        class_name: name of its class.
        box: x, y, width and height in pixels; empty where only polygons are listed.
        place: where it stands in the file, for messages.
        index: which of the file's objects it is, from 0.
        polygons: outlines, each x and y of its corners in turn, in pixels.
        is_ignored: whether the file says that it is to be ignored.
    """

    class_name: str
    box: Sequence[float]
    place: str
    index: int
    polygons: Sequence[Sequence[float]] = ()
    is_ignored: bool = False


def name_file(path: Path, folder: Path) -> str:
    """Name a file by its path below a folder, without suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def pair_files(
    pictures: Path, labels: Path, suffixes: tuple[str, str], splits: Mapping[str, str], problems: list[Problem]
) -> list[ListedFrame]:
    """Pair pictures with their files of objects by name.

    Args:
        pictures: folder of the pictures.
        labels: folder of the files.
        suffixes: of a picture, for messages, and of the files.
        splits: split of each frame by its name, where one is known.
        problems: files without a picture are added here.

    Returns:
        The frames. Those without a file are not labelled.
    """
    picture_suffix, label_suffix = suffixes
    frames: list[ListedFrame] = []
    for path in list_pictures(pictures, is_recursive=True):
        name = name_file(path, pictures)
        file = labels / f"{name}{label_suffix}"
        frames.append(ListedFrame(name, path, file if file.exists() else None, splits.get(name, "")))
    names = {frame.name for frame in frames}
    for path in sorted(labels.rglob(f"*{label_suffix}")):
        if name_file(path, labels) not in names:
            expected = f"{pictures.name}/{path.stem}{picture_suffix}"
            problems.append(Problem(str(path), f"a file without a frame; expected {expected}"))
    return frames


def list_lines(path: Path) -> list[str]:
    """List the lines of a file that are not empty.

    Raises:
        DataError: it cannot be read.
    """
    return [line for line in read_text(path).splitlines() if line.strip()]


def join_lines(lines: Sequence[str]) -> str:
    """Join lines to the text of a file."""
    return "".join(f"{line}\n" for line in lines)


def check_object(
    listed: ListedObject, class_value: int, shape: PictureShape, problems: ProblemList
) -> AnnotatedObject | None:
    """Check an object and clip it to its frame.

    Args:
        listed: the object.
        class_value: value of its class in masks.
        shape: height and width of the frame.
        problems: what cannot be used is added here.

    Returns:
        The object; None where neither its box nor its outline can be used.
    """

    def report_problem(reason: str) -> None:
        problems.add(reason, listed.place)

    box = [float(side) for side in listed.box]
    polygons = [list(map(float, polygon)) for polygon in listed.polygons]
    stored = {"bbox": box, "segmentation": polygons}
    try:
        made = read_annotation(stored, class_value, listed.index, shape, report_problem)
    except DataError as error:
        report_problem(f"{error.found}; expected {error.expected}")
        return None
    if box and is_clipped(box, shape):
        problems.add("a box that reaches out of the picture; expected one inside; it is clipped", listed.place)
    return made


def is_clipped(box: Sequence[float], shape: PictureShape) -> bool:
    """Whether a box reaches out of its frame by more than a pixel. Less is a matter of rounding, or of counting from 1.

    Args:
        box: x, y, width and height in pixels.
        shape: height and width of the frame.

    >>> is_clipped([0, 0, 10.4, 5], (5, 10)), is_clipped([-3, 0, 5, 5], (5, 10))
    (False, True)
    """
    x, y, width, height = box
    return min(x, y) < -1 or x + width > shape[1] + 1 or y + height > shape[0] + 1


def apply_changes(
    items: Sequence[Item],
    changes: AnnotationChanges,
    update_item: Callable[[Item, Geometry], Item],
    make_item: Callable[[NewAnnotation], Item],
) -> list[Item]:
    """Apply what was pasted and moved to the items of a file.

    Args:
        items: those of the file that the sample came from, in its order; none where there is no such file.
        changes: of the sample.
        update_item: gives an item another geometry.
        make_item: makes an item of a new object.

    Returns:
        The items of the new file.
    """
    changed: list[Item] = []
    for index, item in enumerate(items):
        if index in changes.dropped_indices:
            continue
        if index in changes.new_geometries:
            changed.append(update_item(item, changes.new_geometries[index]))
        elif changes.is_kept:
            changed.append(item)
    changed += [make_item(annotation) for annotation in changes.new_annotations]
    return changed
