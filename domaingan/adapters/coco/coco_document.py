"""The COCO file of a set that is written: the file that it came from, with what changed, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.coco.coco_annotations import is_number, read_annotation
from domaingan.adapters.coco.coco_changes import AnnotationChanges
from domaingan.adapters.coco.coco_file import normalize_id, parse_whole_number
from domaingan.adapters.coco.run_lengths import decode_mask, parse_counts
from domaingan.core.errors import DataError
from domaingan.data import Schema

Annotation = dict[str, Any]


@dataclass(frozen=True)
class WrittenImage:
    """A picture that was written.

    Attributes:
        file_name: below the folder of its split.
        shape: height and width.
        changes: how its annotations differ from those in ``source``.
        source: the file that it came from, None where it was made.
        key: of its image in that file.
        is_original: whether it is that image, not another that was made of it.
    """

    file_name: str
    shape: tuple[int, int]
    changes: AnnotationChanges
    source: Path | None = None
    image_key: str = ""
    is_original: bool = False


class _IdAllocator:
    """Ids that are free, beside those of some files."""

    def __init__(self, listed: Iterable[Any]) -> None:
        keys = [normalize_id(one.get("id")) for one in listed if isinstance(one, dict)]
        numbers = [number for number in map(parse_whole_number, keys) if number is not None]
        self.highest, self.is_text = max(numbers, default=0), bool(keys) and not numbers
        self.taken_keys: set[str] = set()

    def keep_or_replace(self, value: Any) -> Any:
        """An id as it is if nothing has it yet, else a new one."""
        key = normalize_id(value)
        if key is None or key in self.taken_keys:
            return self.allocate()
        self.taken_keys.add(key)
        return value

    def allocate(self) -> Any:
        """The next number, as a text where all ids are texts."""
        self.highest += 1
        self.taken_keys.add(str(self.highest))
        return str(self.highest) if self.is_text else self.highest


def build_document(
    images: Sequence[WrittenImage], documents: Mapping[Path, Mapping[str, Any]], schema: Schema
) -> dict[str, Any]:
    """Build the contents of an annotation file.

    Whatever the files that the images came from say besides (``info``, ``licenses``, keys of tools) is kept, and so
    are the order of images and annotations, their ids and all that is said of them. Annotations without ``id``,
    ``iscrowd``, ``area`` or ``bbox`` get them, as pycocotools needs them. What was added comes last.

    Args:
        images: those of one split.
        documents: the files that they came from.
        schema: names the classes.

    Raises:
        DataError: a class has no id from 1 on, and no file gives it one.
    """
    return _DocumentBuilder(images, documents, schema).build()


@dataclass
class _DocumentBuilder:
    images: Sequence[WrittenImage]
    documents: Mapping[Path, Mapping[str, Any]]
    schema: Schema
    categories: list[dict[str, Any]] = field(default_factory=list)

    def build(self) -> dict[str, Any]:
        sources = [path for path in self.documents if any(one.source == path for one in self.images)]
        base = self.documents[sources[0]] if sources else {"info": {}, "licenses": []}
        self._list_categories(sources)
        self.image_ids = _IdAllocator(one for path in sources for one in self.documents[path]["images"])
        self.annotation_ids = _IdAllocator(one for path in sources for one in self.documents[path]["annotations"])
        self.listed_images: list[dict[str, Any]] = []
        self.annotations: list[Annotation] = []
        self.new_annotations: list[Annotation] = []
        for path in sources:
            self._add_source_images(path)
        for one in self.images:
            if one.source is None:
                self._add_image(one, {"id": self.image_ids.allocate()}, [])
        found = {
            "images": self.listed_images,
            "annotations": self.annotations + self.new_annotations,
            "categories": self.categories,
        }
        return {**base, **found}

    # ------------------------------------------------------------------ categories

    def _list_categories(self, sources: Sequence[Path]) -> None:
        for path in sources:
            names = {one["name"] for one in self.categories}
            self.categories += [one for one in self.documents[path]["categories"] if one["name"] not in names]
        if not sources:
            for name in self.schema.classes:
                self._get_category_id(name)

    def _get_category_id(self, name: str) -> Any:
        """The id of a class, which is listed if it was not.

        Raises:
            DataError: it would be below 0, or 0 in a file of its own.
        """
        for one in self.categories:
            if one["name"] == name:
                return one["id"]
        shifts = [
            self.schema.classes[one["name"]] - int(one["id"])
            for one in self.categories
            if one["name"] in self.schema.classes
        ]
        value = self.schema.get_class_value(name) - (shifts[0] if shifts else 0)
        if value < int(not shifts):
            raise DataError(f"objects of the classes {self.schema.classes}", expected="ids from 1 on")
        self.categories.append({"id": value, "name": name, "supercategory": ""})
        return value

    # ---------------------------------------------------------------------- images

    def _add_source_images(self, path: Path) -> None:
        """The images that came from a file, in its order; those that are its own before what was made of them."""
        document = self.documents[path]
        by_key: dict[str, list[WrittenImage]] = {}
        for one in self.images:
            if one.source == path:
                by_key.setdefault(one.image_key, []).append(one)
        annotations: dict[str, list[tuple[int, Annotation]]] = {key: [] for key in by_key}
        for number, stored in enumerate(document["annotations"]):
            key = normalize_id(stored.get("image_id")) if isinstance(stored, dict) else None
            if key is not None and key in annotations:
                annotations[key].append((number, stored))
        originals: list[tuple[int, Annotation]] = []
        for stored in document["images"]:
            key = (normalize_id(stored.get("id")) if isinstance(stored, dict) else None) or ""
            for one in sorted(by_key.pop(key, []), key=lambda one: not one.is_original):
                value = self.image_ids.keep_or_replace(stored["id"]) if one.is_original else self.image_ids.allocate()
                entry = stored if value == stored["id"] else stored | {"id": value}
                found = self._add_image(one, entry, annotations[key])
                if one.is_original:
                    originals += found
                else:
                    self.new_annotations += [each | {"id": self.annotation_ids.allocate()} for _, each in found]
        is_first = not self.annotations
        for _, each in sorted(originals, key=lambda pair: pair[0]):
            value = self.annotation_ids.keep_or_replace(each.get("id"))
            is_new = "id" not in each or not is_first  # ids that are there twice in one file stay as they are
            self.annotations.append({**each, "id": value} if is_new else each)

    def _add_image(
        self, image: WrittenImage, entry: dict[str, Any], stored: Sequence[tuple[int, Annotation]]
    ) -> list[tuple[int, Annotation]]:
        """List an image with what was added to it; returns its other annotations with their numbers."""
        self.listed_images.append(_describe_image(image, entry))
        for made in image.changes.added:
            category = self._get_category_id(made["class"])
            rest = {key: value for key, value in made.items() if key != "class"}
            self.new_annotations.append(
                {"id": self.annotation_ids.allocate(), "image_id": entry["id"], "category_id": category} | rest
            )
        covered = None if image.changes.covered is None else decode_mask(image.changes.covered)
        found: list[tuple[int, Annotation]] = []
        for number, each in stored:
            geometry = image.changes.changed.get(number)
            if number in image.changes.dropped or (geometry is None and not image.changes.is_kept):
                continue
            made = each if geometry is None else _replace_geometry(each, geometry, covered, image.changes.is_moved)
            if normalize_id(each.get("image_id")) != normalize_id(entry["id"]):
                made = made | {"image_id": entry["id"]}
            found.append((number, _add_missing_keys(made, image.shape)))
        return found


def _describe_image(image: WrittenImage, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says of an image, with the name and size of the picture that was written."""
    name = stored.get("file_name", "")
    address = stored.get("coco_url")
    if not name and isinstance(address, str):
        name = "/".join(address.split("/")[-2:])
    made = dict(stored)
    if PurePosixPath(str(name).replace("\\", "/")).as_posix() != image.file_name:
        made["file_name"] = image.file_name
    for side, length in zip(("height", "width"), image.shape, strict=True):
        if parse_whole_number(made.get(side)) != length:
            made[side] = length
    return made


# ----------------------------------------------------------------- annotations


def _replace_geometry(
    stored: Mapping[str, Any], geometry: Mapping[str, Any], covered: NDArray[np.bool_] | None, is_moved: bool
) -> Annotation:
    """An annotation with another box, area and mask; points under what was pasted are labelled, but not visible."""
    made = {**stored, **geometry}
    before, after = stored.get("segmentation"), geometry.get("segmentation")
    if isinstance(before, dict) and isinstance(before.get("counts"), list) and isinstance(after, dict):
        made["segmentation"] = {"size": after["size"], "counts": parse_counts(after["counts"]).tolist()}
    points = stored.get("keypoints")
    if is_moved:
        return {key: value for key, value in made.items() if key not in ("keypoints", "num_keypoints")}
    if covered is not None and isinstance(points, list):
        made["keypoints"] = _hide_points(points, covered)
    return made


def _hide_points(points: Sequence[Any], covered: NDArray[np.bool_]) -> list[Any]:
    """Key points as COCO lists them (x, y and 2 for visible, 1 for hidden), those that are covered hidden."""
    made = list(points)
    for place in range(0, len(points) - 2, 3):
        x, y, visible = points[place : place + 3]
        if visible == 2 and is_number(x) and is_number(y):
            row, column = int(y), int(x)
            is_inside = 0 <= row < covered.shape[0] and 0 <= column < covered.shape[1]
            made[place + 2] = 1 if is_inside and covered[row, column] else 2
    return made


def _add_missing_keys(stored: Annotation, shape: tuple[int, int]) -> Annotation:
    """An annotation with the keys that pycocotools needs, where it can be used at all."""
    lacking = [key for key in ("iscrowd", "area", "bbox") if stored.get(key) in (None, [])]
    if not lacking:
        return stored
    try:
        found = read_annotation(stored, 0, 0, shape, lambda reason: None)
    except DataError:
        return stored
    x1, y1, x2, y2 = found.box
    known = {"iscrowd": 0, "area": found.area, "bbox": [x1, y1, x2 - x1, y2 - y1]}
    return stored | {key: known[key] for key in lacking}
