"""One COCO annotation file: its classes, images and annotations, checked one by one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domaingan.adapters.coco.coco_annotations import CocoObject, ImageShape, read_annotation, read_crowd_flag
from domaingan.adapters.coco.coco_units import check_units
from domaingan.core.errors import DataError
from domaingan.core.reading import check_regular_file, read_json
from domaingan.data import Problem

REQUIRED_KEYS = ("images", "annotations", "categories")

MAX_LISTED_PROBLEMS = 10
"""So many problems of one kind are told one by one; more are counted."""


@dataclass
class CocoImage:
    """What a file says of one image.

    Attributes:
        file_name: as it is there.
        shape: height and width, if it says so.
        objects: those that are told apart.
        crowds: regions of many.
    """

    file_name: str
    shape: ImageShape | None = None
    objects: list[CocoObject] = field(default_factory=list)
    crowds: list[CocoObject] = field(default_factory=list)


@dataclass(frozen=True)
class CocoFile:
    """The checked contents of a file; :meth:`add_objects` adds the objects once the images' sizes are known.

    Attributes:
        path: the file.
        categories: names and ids as they are there.
        images: by their keys, see :func:`normalize_id`.
        annotations: as they are there.
        stamp: of when it was read, see :func:`read_stamp`.
    """

    path: Path
    categories: Mapping[str, int]
    images: Mapping[str, CocoImage]
    annotations: Sequence[Any]
    stamp: tuple[int, int]

    def add_objects(self, shapes: Mapping[str, ImageShape], offset: int) -> list[Problem]:
        """Add their objects to images; annotations that cannot be used are problems.

        Args:
            shapes: heights and widths of the images that can be used, by their keys.
            offset: what is added to a category's id to make a class value.

        Raises:
            DataError: the whole file is in other units than COCO's.
        """
        keys = [normalize_id(one.get("image_id")) if isinstance(one, dict) else None for one in self.annotations]
        listed = zip(self.annotations, keys, strict=True)
        usable = [(one, shapes[key]) for one, key in listed if key is not None and key in shapes]
        check_units(usable, self.path)
        problems = ProblemList(self.path)
        for number, (one, key) in enumerate(zip(self.annotations, keys, strict=True)):
            if key is not None and key in shapes:
                try:
                    self._add_annotation(one, number, self.images[key], shapes[key], offset, problems)
                except DataError as error:
                    problems.add(
                        f"{error.found}; expected {error.expected}", self._describe_annotation(number, self.images[key])
                    )
        self._report_file_problems(keys, problems)
        return problems.list_problems()

    def _add_annotation(
        self,
        annotation: Mapping[str, Any],
        annotation_index: int,
        image: CocoImage,
        shape: ImageShape,
        offset: int,
        problems: ProblemList,
    ) -> None:
        """Add an annotation to its image.

        Raises:
            DataError: its class is unknown or its box is none.
        """
        name = self._describe_annotation(annotation_index, image)
        category = parse_whole_number(annotation.get("category_id"))
        if category is None or category not in self.categories.values():
            known = ", ".join(f"{value} {name}" for name, value in [*self.categories.items()][:20])
            raise DataError(f"category {str(annotation.get('category_id'))[:80]}", expected=f"one of {known}")
        is_crowd = read_crowd_flag(annotation.get("iscrowd"))
        if is_crowd is None:
            problems.add(
                f"iscrowd {str(annotation['iscrowd'])[:80]!r}; expected 0 or 1; it is taken for one object", name
            )
        found = read_annotation(
            annotation, category + offset, annotation_index, shape, lambda reason: problems.add(reason, name)
        )
        (image.crowds if is_crowd else image.objects).append(found)

    def _describe_annotation(self, annotation_index: int, image: CocoImage) -> str:
        annotation_id = self.annotations[annotation_index].get("id", annotation_index)
        return f"annotation {str(annotation_id)[:40]} of {image.file_name}"

    def _report_file_problems(self, keys: Sequence[str | None], problems: ProblemList) -> None:
        """Tell what is wrong with the annotations as a whole."""
        listed = zip(self.annotations, keys, strict=True)
        lost = Counter(_describe_image_id(one) for one, key in listed if key is None or key not in self.images)
        if lost:
            problems.add(f"{lost.total()} annotations of images that are not listed: {', '.join([*lost][:5])}")
        ids = Counter(str(one["id"]) for one in self.annotations if isinstance(one, dict) and "id" in one)
        double = [key[:40] for key, n in ids.items() if n > 1]
        if double:
            problems.add(f"{len(double)} ids of annotations are there twice: {', '.join(double[:5])}")
        self._report_brush_crowds(keys, problems)
        images = self.images.values()
        crowds = sum(len(image.crowds) for image in images)
        if crowds and not any(image.objects for image in images):
            reason = "COCO's word for what nothing tells apart; expected 0 for single objects"
            problems.add(f"each of {crowds} annotations that can be used has iscrowd 1, {reason}")

    def _report_brush_crowds(self, keys: Sequence[str | None], problems: ProblemList) -> None:
        """Tell of crowds that may be objects: CVAT and datumaro write every mask that is no polygon as a crowd."""
        n = 0
        for one, key in zip(self.annotations, keys, strict=True):
            if key in self.images and isinstance(one.get("attributes"), dict):
                n += "occluded" in one["attributes"] and read_crowd_flag(one.get("iscrowd")) is True
        if n:
            reason = "CVAT writes for every mask drawn by brush; expected 0 where it is a single object"
            problems.add(f"{n} annotations are left out as crowds by iscrowd 1, which {reason}")


class ProblemList:
    """Problems of one file, of which many of one kind are counted.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons_by_kind: dict[str, list[str]] = {}
        self.unlisted_counts: Counter[str] = Counter()

    def add(self, reason: str, name: str = "") -> None:
        """Add a problem.

        Args:
            reason: what was found and what was expected.
            name: of what, where it is not the whole file.
        """
        kind = re.sub(r"\[.*?\]|[-+.\d]+(e[-+]?\d+)?", "#", reason.partition("; expected")[0])
        listed = self.reasons_by_kind.setdefault(kind, [])
        if len(listed) < MAX_LISTED_PROBLEMS:
            listed.append(f"{name}: {reason}" if name else reason)
        else:
            self.unlisted_counts[kind] += 1

    def list_problems(self) -> list[Problem]:
        """The problems, and how many more there are."""
        found: list[Problem] = []
        for kind, listed in self.reasons_by_kind.items():
            found += [Problem(str(self.path), reason) for reason in listed]
            if self.unlisted_counts[kind]:
                found.append(Problem(str(self.path), f"{self.unlisted_counts[kind]} more like {listed[-1]}"))
        return found


# ------------------------------------------------------------------------ parts


def read_coco_file(path: Path) -> tuple[CocoFile, list[Problem]]:
    """Read and check a file's classes and images.

    Args:
        path: the file.

    Returns:
        The file, and images in it that cannot be used.

    Raises:
        DataError: it is no JSON, no COCO, or its categories are not one name and one number each.
    """
    stamp = read_stamp(path)
    stored = read_json(path, is_finite_only=False)  # checked one by one
    if not isinstance(stored, dict) or not all(isinstance(stored.get(key), list) for key in REQUIRED_KEYS):
        raise DataError(
            _describe_contents(stored), path=path, expected="COCO: lists of images, annotations and categories"
        )
    categories = _read_categories(stored["categories"], path)
    images, problems = _read_images(stored["images"], path)
    return CocoFile(path, categories, images, stored["annotations"], stamp), problems


def read_stamp(path: Path) -> tuple[int, int]:
    """Find out size and time of a file, which tell whether it has changed.

    Raises:
        DataError: it is not there.
    """
    facts = check_regular_file(path).stat()
    return facts.st_size, facts.st_mtime_ns


def normalize_id(value: Any) -> str | None:
    """Bring an image's id, a whole number or a text, to one form, so that ``7``, ``7.0`` and ``"7"`` are the same.

    Returns:
        None for what is no id.
    """
    number = parse_whole_number(value)
    if number is not None:
        return str(number)
    return value if isinstance(value, str) and value else None


def parse_whole_number(value: Any) -> int | None:
    """Read a whole number, which some tools write as ``7.0`` or ``"7"``; None for anything else, true and false too."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,18}", value):
        return int(value)
    return value if isinstance(value, int) else None


def _describe_image_id(annotation: Any) -> str:
    return str(annotation.get("image_id") if isinstance(annotation, dict) else None)[:40]


def _describe_contents(stored: Any) -> str:
    if isinstance(stored, dict):
        return f"keys {', '.join(stored)[:200]}"
    if isinstance(stored, list) and stored and isinstance(stored[0], dict) and "score" in stored[0]:
        return "a list of detections with scores"
    return "no JSON object"


def _read_categories(listed: Sequence[Any], path: Path) -> dict[str, int]:
    named: dict[str, int] = {}
    for one in listed:
        key, name = (parse_whole_number(one.get("id")), one.get("name")) if isinstance(one, dict) else (None, None)
        is_whole = key is not None and 0 <= key < 2**31 - 1 and isinstance(name, str) and name
        if not is_whole or name in named or key in named.values():
            expected = "an id from 0 on that is a whole number and a name, no two the same"
            raise DataError(f"category {str(one)[:200]}", path=path, expected=expected)
        named[str(name)] = int(key or 0)
    if not named:
        raise DataError("no categories", path=path, expected="an id and a name for each class")
    return dict(sorted(named.items(), key=lambda item: item[1]))


def _read_images(listed: Iterable[Any], path: Path) -> tuple[dict[str, CocoImage], list[Problem]]:
    images: dict[str, CocoImage] = {}
    problems = ProblemList(path)
    for one in listed:
        key, name = (normalize_id(one.get("id")), _read_file_name(one)) if isinstance(one, dict) else (None, None)
        if key is None or name is None:
            expected = "an id that is a whole number or a text, and a file_name"
            problems.add(f"an image {str(one)[:80]}; expected {expected}")
        elif key in images:
            problems.add(f"image {key[:40]} is there twice: {images[key].file_name} and {name}")
        else:
            height, width = parse_whole_number(one.get("height")), parse_whole_number(one.get("width"))
            is_sized = height is not None and width is not None and height > 0 and width > 0
            images[key] = CocoImage(name, (height, width) if is_sized else None)  # type: ignore[arg-type]
    return images, problems.list_problems()


def _read_file_name(image: Mapping[str, Any]) -> str | None:
    """An image's file; LVIS says it by the last two parts of its address."""
    name, address = image.get("file_name"), image.get("coco_url")
    if isinstance(name, str) and name:
        return name
    if name is None and isinstance(address, str) and address:
        return "/".join(address.split("/")[-2:])
    return None
