"""One COCO annotation file: its categories, images and annotations, checked one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domaingan.adapters.annotations.annotated_objects import AnnotatedObject, read_annotation
from domaingan.adapters.annotations.file_stamps import read_stamp
from domaingan.adapters.annotations.problem_list import ProblemList
from domaingan.adapters.annotations.stored_values import normalize_id, parse_whole_number, read_crowd_flag
from domaingan.adapters.coco.coco_units import check_units
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.core.errors import DataError
from domaingan.core.reading import read_json
from domaingan.data import Problem

REQUIRED_KEYS = ("images", "annotations", "categories")

MAX_CATEGORY_ID = 2**31 - 2
"""The highest id that makes a class value of 31 bits, even raised by one."""

MAX_LISTED_CATEGORIES = 20
MAX_LISTED_IDS = 5
MAX_ID_LETTERS = 40


@dataclass
class CocoImage:
    """What a file says about one image.

    Attributes:
        file_name: as it is in the file.
        shape: height and width, if the file says them.
        objects: its single objects.
        crowds: its regions of many objects.
    """

    file_name: str
    shape: PictureShape | None = None
    objects: list[AnnotatedObject] = field(default_factory=list)
    crowds: list[AnnotatedObject] = field(default_factory=list)


@dataclass(frozen=True)
class CocoFile:
    """The checked contents of a file. :meth:`add_objects` adds the objects, once the images' shapes are known.

    Attributes:
        path: the file.
        categories: ids by name.
        images: by their ids, see :func:`domaingan.adapters.annotations.stored_values.normalize_id`.
        annotations: as they are in the file.
        stamp: of the file when it was read, see :func:`read_stamp`.
    """

    path: Path
    categories: Mapping[str, int]
    images: Mapping[str, CocoImage]
    annotations: Sequence[Any]
    stamp: tuple[int, int]

    def add_objects(self, shapes: Mapping[str, PictureShape], offset: int) -> list[Problem]:
        """Add the objects to their images.

        Args:
            shapes: heights and widths of the images that can be used, by their ids.
            offset: what is added to a category's id to make a class value.

        Returns:
            The problems of single annotations, and of the file.

        Raises:
            DataError: the whole file is in other units than COCO's.
        """
        image_ids = [_get_image_id(annotation) for annotation in self.annotations]
        usable: list[tuple[int, str]] = []
        for annotation_index, image_id in enumerate(image_ids):
            if image_id is not None and image_id in shapes:
                usable.append((annotation_index, image_id))
        check_units([(self.annotations[index], shapes[image_id]) for index, image_id in usable], self.path)
        problems = ProblemList(self.path)
        for annotation_index, image_id in usable:
            image = self.images[image_id]
            try:
                self._add_annotation(annotation_index, image, shapes[image_id], offset, problems)
            except DataError as error:
                reason = f"{error.found}; expected {error.expected}"
                problems.add(reason, self._describe_annotation(annotation_index, image))
        self._report_file_problems(image_ids, problems)
        return problems.list_problems()

    def _add_annotation(
        self, annotation_index: int, image: CocoImage, shape: PictureShape, offset: int, problems: ProblemList
    ) -> None:
        """Add an annotation to its image.

        Raises:
            DataError: it has an unknown category, or neither its box nor its mask can be used.
        """
        annotation = self.annotations[annotation_index]
        name = self._describe_annotation(annotation_index, image)
        category_id = parse_whole_number(annotation.get("category_id"))
        if category_id is None or category_id not in self.categories.values():
            listed = [f"{other_id} {category}" for category, other_id in self.categories.items()]
            found = f"category {str(annotation.get('category_id'))[:80]}"
            raise DataError(found, expected=f"one of {', '.join(listed[:MAX_LISTED_CATEGORIES])}")
        is_crowd = read_crowd_flag(annotation.get("iscrowd"))
        if is_crowd is None:
            found = f"iscrowd {str(annotation['iscrowd'])[:80]!r}"
            problems.add(f"{found}; expected 0 or 1; it is taken for one object", name)

        def report_problem(reason: str) -> None:
            problems.add(reason, name)

        made = read_annotation(annotation, category_id + offset, annotation_index, shape, report_problem)
        if is_crowd:
            image.crowds.append(made)
        else:
            image.objects.append(made)

    def _describe_annotation(self, annotation_index: int, image: CocoImage) -> str:
        annotation_id = self.annotations[annotation_index].get("id", annotation_index)
        return f"annotation {str(annotation_id)[:MAX_ID_LETTERS]} of {image.file_name}"

    def _report_file_problems(self, image_ids: Sequence[str | None], problems: ProblemList) -> None:
        """Report what is wrong with the annotations as a whole."""
        lost: Counter[str] = Counter()
        annotation_ids: Counter[str] = Counter()
        for annotation, image_id in zip(self.annotations, image_ids, strict=True):
            if image_id is None or image_id not in self.images:
                lost[_describe_image_id(annotation)] += 1
            if isinstance(annotation, dict) and "id" in annotation:
                annotation_ids[str(annotation["id"])] += 1
        if lost:
            listed = ", ".join([*lost][:MAX_LISTED_IDS])
            problems.add(f"{lost.total()} annotations of images that are not listed: {listed}")
        duplicate_ids = [one[:MAX_ID_LETTERS] for one, count in annotation_ids.items() if count > 1]
        if duplicate_ids:
            listed = ", ".join(duplicate_ids[:MAX_LISTED_IDS])
            problems.add(f"{len(duplicate_ids)} ids of annotations are there twice: {listed}")
        self._report_brush_crowds(image_ids, problems)
        n_crowds = sum(len(image.crowds) for image in self.images.values())
        if n_crowds and not any(image.objects for image in self.images.values()):
            reason = "COCO's word for what nothing tells apart; expected 0 for single objects"
            problems.add(f"each of {n_crowds} annotations that can be used has iscrowd 1, {reason}")

    def _report_brush_crowds(self, image_ids: Sequence[str | None], problems: ProblemList) -> None:
        """Report crowds that may be objects: CVAT and datumaro write every mask that is no polygon as a crowd."""
        n_crowds = 0
        for annotation, image_id in zip(self.annotations, image_ids, strict=True):
            if image_id not in self.images or not isinstance(annotation.get("attributes"), dict):
                continue
            is_from_cvat = "occluded" in annotation["attributes"]
            if is_from_cvat and read_crowd_flag(annotation.get("iscrowd")) is True:
                n_crowds += 1
        if n_crowds:
            reason = "CVAT writes for every mask drawn by brush; expected 0 where it is a single object"
            problems.add(f"{n_crowds} annotations are left out as crowds by iscrowd 1, which {reason}")


# ------------------------------------------------------------------- reading


def read_coco_file(path: Path) -> tuple[CocoFile, list[Problem]]:
    """Read a file, and check its categories and images.

    Args:
        path: the file.

    Returns:
        The file, and the images in it that cannot be used.

    Raises:
        DataError: it is no JSON or no COCO, or its categories are not one name and one number each.
    """
    stamp = read_stamp(path)
    stored = read_json(path, is_finite_only=False)  # numbers are checked one by one
    if not isinstance(stored, dict) or not all(isinstance(stored.get(key), list) for key in REQUIRED_KEYS):
        found = _describe_contents(stored)
        raise DataError(found, path=path, expected="COCO: lists of images, annotations and categories")
    categories = _read_categories(stored["categories"], path)
    images, problems = _read_images(stored["images"], path)
    return CocoFile(path, categories, images, stored["annotations"], stamp), problems


def _get_image_id(annotation: Any) -> str | None:
    return normalize_id(annotation.get("image_id")) if isinstance(annotation, dict) else None


def _describe_image_id(annotation: Any) -> str:
    image_id = annotation.get("image_id") if isinstance(annotation, dict) else None
    return str(image_id)[:MAX_ID_LETTERS]


def _describe_contents(stored: Any) -> str:
    """Describe the contents of a JSON file that is no COCO file."""
    if isinstance(stored, dict):
        return f"keys {', '.join(stored)[:200]}"
    if isinstance(stored, list) and stored and isinstance(stored[0], dict) and "score" in stored[0]:
        return "a list of detections with scores"
    return "no JSON object"


def _read_categories(listed: Sequence[Any], path: Path) -> dict[str, int]:
    """Read the categories' ids by name, sorted by id.

    Raises:
        DataError: there is none, or one has no id or no name of its own.
    """
    categories: dict[str, int] = {}
    for category in listed:
        category_id, name = None, None
        if isinstance(category, dict):
            category_id, name = parse_whole_number(category.get("id")), category.get("name")
        has_id = category_id is not None and 0 <= category_id <= MAX_CATEGORY_ID
        has_name = isinstance(name, str) and name
        if not has_id or not has_name or name in categories or category_id in categories.values():
            expected = "an id from 0 on that is a whole number and a name, no two the same"
            raise DataError(f"category {str(category)[:200]}", path=path, expected=expected)
        categories[str(name)] = int(category_id or 0)
    if not categories:
        raise DataError("no categories", path=path, expected="an id and a name for each class")
    return dict(sorted(categories.items(), key=lambda item: item[1]))


def _read_images(listed: Iterable[Any], path: Path) -> tuple[dict[str, CocoImage], list[Problem]]:
    images: dict[str, CocoImage] = {}
    problems = ProblemList(path)
    for image in listed:
        image_id, name = None, None
        if isinstance(image, dict):
            image_id, name = normalize_id(image.get("id")), _read_file_name(image)
        if image_id is None or name is None:
            expected = "an id that is a whole number or a text, and a file_name"
            problems.add(f"an image {str(image)[:80]}; expected {expected}")
        elif image_id in images:
            names = f"{images[image_id].file_name} and {name}"
            problems.add(f"image {image_id[:MAX_ID_LETTERS]} is there twice: {names}")
        else:
            images[image_id] = CocoImage(name, _read_shape(image))
    return images, problems.list_problems()


def _read_shape(image: Mapping[str, Any]) -> PictureShape | None:
    height = parse_whole_number(image.get("height"))
    width = parse_whole_number(image.get("width"))
    if height is None or width is None or height <= 0 or width <= 0:
        return None
    return height, width


def _read_file_name(image: Mapping[str, Any]) -> str | None:
    """Read the name of an image's file. LVIS has it in the last two parts of an address."""
    name, address = image.get("file_name"), image.get("coco_url")
    if isinstance(name, str) and name:
        return name
    if name is None and isinstance(address, str) and address:
        return "/".join(address.split("/")[-2:])
    return None
