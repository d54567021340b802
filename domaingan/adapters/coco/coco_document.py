"""The COCO file of a dataset that is written: the file that it came from, with what has changed, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from domaingan.adapters.annotations.annotation_changes import AnnotationChanges
from domaingan.adapters.annotations.run_lengths import decode_mask
from domaingan.adapters.annotations.stored_values import normalize_id, parse_whole_number
from domaingan.adapters.coco.id_allocator import IdAllocator
from domaingan.adapters.coco.written_annotations import Annotation, add_missing_keys, replace_geometry
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.core.errors import DataError
from domaingan.data import Schema

IndexedAnnotation = tuple[int, Annotation]
"""An annotation with its index in its file."""


@dataclass(frozen=True)
class WrittenImage:
    """A picture that was written.

    Attributes:
        file_name: path below the folder of its split.
        shape: height and width.
        changes: how its annotations differ from those in ``source``.
        source: the annotation file that it came from, None where it was made.
        image_key: id of its image in that file.
        is_original: whether it is that image. Else it is another one that was made of it.
    """

    file_name: str
    shape: PictureShape
    changes: AnnotationChanges
    source: Path | None = None
    image_key: str = ""
    is_original: bool = False


def build_document(
    images: Sequence[WrittenImage], documents: Mapping[Path, Mapping[str, Any]], schema: Schema
) -> dict[str, Any]:
    """Build the contents of an annotation file.

    All else that the source files say (``info``, ``licenses``, keys of tools) is kept, and so are the order of images
    and annotations, their ids and their other keys. Annotations without ``id``, ``iscrowd``, ``area`` or ``bbox`` get
    them, as pycocotools needs them. New annotations come last.

    Args:
        images: those of one split.
        documents: contents of the annotation files that they came from.
        schema: names the classes.

    Raises:
        DataError: a class that no file has would get an id below 1.
    """
    return _DocumentBuilder(images, documents, schema).build()


class _DocumentBuilder:
    """Builds one annotation file; see :func:`build_document`."""

    def __init__(
        self, images: Sequence[WrittenImage], documents: Mapping[Path, Mapping[str, Any]], schema: Schema
    ) -> None:
        self.images = images
        self.documents = documents
        self.schema = schema
        used_sources = {image.source for image in images}
        self.sources = [path for path in documents if path in used_sources]
        self.image_ids = IdAllocator(self._iterate("images"))
        self.annotation_ids = IdAllocator(self._iterate("annotations"))
        self.categories: list[dict[str, Any]] = []
        self.listed_images: list[dict[str, Any]] = []
        self.annotations: list[Annotation] = []
        self.new_annotations: list[Annotation] = []

    def _iterate(self, key: str) -> Iterator[Any]:
        """Yield the entries of a list in all source files."""
        for path in self.sources:
            yield from self.documents[path][key]

    def build(self) -> dict[str, Any]:
        self._list_categories()
        for path in self.sources:
            self._add_source_images(path)
        for image in self.images:
            if image.source is None:
                self._add_image(image, {"id": self.image_ids.allocate()}, [])
        base = self.documents[self.sources[0]] if self.sources else {"info": {}, "licenses": []}
        return {
            **base,
            "images": self.listed_images,
            "annotations": self.annotations + self.new_annotations,
            "categories": self.categories,
        }

    # ------------------------------------------------------------------- categories

    def _list_categories(self) -> None:
        """List the categories of all source files; those of the schema where there is no source file."""
        for path in self.sources:
            names = {category["name"] for category in self.categories}
            for category in self.documents[path]["categories"]:
                if category["name"] not in names:
                    self.categories.append(category)
        if not self.sources:
            for name in self.schema.classes:
                self._get_category_id(name)

    def _get_category_id(self, name: str) -> Any:
        """Get the id of a class. A class that is not listed yet is added.

        Raises:
            DataError: its id would be below 0.
        """
        offset = None
        for category in self.categories:
            if category["name"] == name:
                return category["id"]
            if offset is None and category["name"] in self.schema.classes:
                offset = self.schema.classes[category["name"]] - int(category["id"])
        if offset is None:
            # Of another layout. COCO's ids are from 1 on: where a class is 0, all ids are one higher.
            offset = -1 if 0 in self.schema.classes.values() else 0
        category_id = self.schema.get_class_value(name) - offset
        if category_id < 0:
            raise DataError(f"objects of the classes {self.schema.classes}", expected="ids from 0 on")
        self.categories.append({"id": category_id, "name": name, "supercategory": ""})
        return category_id

    # ------------------------------------------------------------------- images

    def _add_source_images(self, path: Path) -> None:
        """Add the images that came from a file in the file's order, an original before what was made of it."""
        images_by_key: dict[str, list[WrittenImage]] = {}
        for image in self.images:
            if image.source == path:
                images_by_key.setdefault(image.image_key, []).append(image)
        annotations_by_key = self._group_annotations(path, images_by_key)
        original_annotations: list[IndexedAnnotation] = []
        for stored in self.documents[path]["images"]:
            key = normalize_id(stored.get("id")) if isinstance(stored, dict) else None
            written = images_by_key.pop(key or "", [])
            for image in sorted(written, key=lambda image: not image.is_original):
                annotations = self._add_stored_image(image, stored, annotations_by_key[key or ""])
                if image.is_original:
                    original_annotations += annotations
                else:
                    for _, annotation in annotations:
                        self.new_annotations.append(annotation | {"id": self.annotation_ids.allocate()})
        self._add_original_annotations(original_annotations)

    def _group_annotations(
        self, path: Path, images_by_key: Mapping[str, Sequence[WrittenImage]]
    ) -> dict[str, list[IndexedAnnotation]]:
        """Group the annotations of a file by the images that are written."""
        annotations_by_key: dict[str, list[IndexedAnnotation]] = {key: [] for key in images_by_key}
        for index, annotation in enumerate(self.documents[path]["annotations"]):
            key = normalize_id(annotation.get("image_id")) if isinstance(annotation, dict) else None
            if key is not None and key in annotations_by_key:
                annotations_by_key[key].append((index, annotation))
        return annotations_by_key

    def _add_stored_image(
        self, image: WrittenImage, stored: dict[str, Any], annotations: Sequence[IndexedAnnotation]
    ) -> list[IndexedAnnotation]:
        """Add an image that its source file lists, under its id there or a new one."""
        ids = self.image_ids
        image_id = ids.keep_or_replace(stored["id"]) if image.is_original else ids.allocate()
        entry = stored if image_id == stored["id"] else stored | {"id": image_id}
        return self._add_image(image, entry, annotations)

    def _add_original_annotations(self, annotations: Sequence[IndexedAnnotation]) -> None:
        """Add the annotations of originals in the order of their file. Ids that are twice in the first file stay so."""
        is_first_file = not self.annotations
        for _, annotation in sorted(annotations, key=lambda pair: pair[0]):
            annotation_id = self.annotation_ids.keep_or_replace(annotation.get("id"))
            if "id" not in annotation or not is_first_file:
                annotation = {**annotation, "id": annotation_id}
            self.annotations.append(annotation)

    def _add_image(
        self, image: WrittenImage, entry: dict[str, Any], annotations: Sequence[IndexedAnnotation]
    ) -> list[IndexedAnnotation]:
        """List an image with its new annotations; return its other annotations as they are to be written."""
        self.listed_images.append(_describe_image(image, entry))
        for new_annotation in image.changes.new_annotations:
            category_id = self._get_category_id(new_annotation["class"])
            annotation = {
                "id": self.annotation_ids.allocate(),
                "image_id": entry["id"],
                "category_id": category_id,
                **new_annotation,
            }
            del annotation["class"]
            self.new_annotations.append(annotation)
        return _change_annotations(image, entry["id"], annotations)


def _change_annotations(
    image: WrittenImage, image_id: Any, annotations: Sequence[IndexedAnnotation]
) -> list[IndexedAnnotation]:
    """Change the annotations of an image as :class:`AnnotationChanges` says; those that go are left out."""
    changes = image.changes
    pasted = None if changes.pasted_pixels is None else decode_mask(changes.pasted_pixels)
    changed: list[IndexedAnnotation] = []
    for index, annotation in annotations:
        geometry = changes.new_geometries.get(index)
        if index in changes.dropped_indices or (geometry is None and not changes.is_kept):
            continue
        if geometry is not None:
            annotation = replace_geometry(annotation, geometry, pasted, changes.is_moved)
        if normalize_id(annotation.get("image_id")) != normalize_id(image_id):
            annotation = annotation | {"image_id": image_id}
        changed.append((index, add_missing_keys(annotation, image.shape)))
    return changed


def _describe_image(image: WrittenImage, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Describe an image as its file does, with the name and shape of the picture that was written."""
    name = stored.get("file_name", "")
    address = stored.get("coco_url")
    if not name and isinstance(address, str):
        name = "/".join(address.split("/")[-2:])
    described = dict(stored)
    if PurePosixPath(str(name).replace("\\", "/")).as_posix() != image.file_name:
        described["file_name"] = image.file_name
    for side, length in zip(("height", "width"), image.shape, strict=True):
        if parse_whole_number(described.get(side)) != length:
            described[side] = length
    return described
