"""The layout ``voc``: PASCAL VOC, an XML file of boxes for each frame."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from domaingan.adapters.annotations.annotation_changes import AnnotationChanges
from domaingan.adapters.annotations.made_annotations import Geometry, NewAnnotation
from domaingan.adapters.annotations.problem_list import ProblemList
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.adapters.object_files.listed_objects import (
    ListedFrame,
    ListedObject,
    apply_changes,
    pair_files,
)
from domaingan.adapters.object_files.object_file_layout import ObjectFileAdapter
from domaingan.adapters.object_files.split_lists import read_split_lists, write_split_lists
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.core.reading import read_bytes
from domaingan.data import Dataset, Problem, Record, Sample, Schema

PICTURES, OBJECTS, SPLITS = "JPEGImages", "Annotations", "ImageSets/Main"

SIDES = ("xmin", "ymin", "xmax", "ymax")

MAX_XML_BYTES = 1 << 24
"""A larger XML file lists no objects of one frame."""

FIRST_PIXEL = 1
"""VOC counts pixels from 1, and ``xmax`` is the last pixel that belongs to the object."""


class VocFolders(ObjectFileAdapter):
    """``JPEGImages/2007_000032.jpg`` and ``Annotations/2007_000032.xml``.

    Splits are in ``ImageSets/Main/train.txt``, ``val.txt`` and ``test.txt``. Objects that are ``difficult`` are
    ignored regions, as in VOC's own evaluation. Every element of a file that nothing was pasted over is kept.
    Segmentations (``SegmentationClass``) are not read.

    Source: Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010; its development kit.
    """

    layout = "voc"
    expected_files = "JPEGImages/ and Annotations/ with XML files of the same names"

    def can_open(self, root: Path) -> bool:
        """Whether a folder has both folders, and an XML file in ``Annotations``; see
        :meth:`domaingan.adapters.base.Adapter.can_open`.
        """
        return (root / PICTURES).is_dir() and next((root / OBJECTS).rglob("*.xml"), None) is not None

    def open(self, root: Path) -> Dataset:
        """Open a folder; see :meth:`domaingan.adapters.base.Adapter.open`."""
        dataset = super().open(root)
        if (root / "SegmentationClass").is_dir():
            warnings.warn(
                f"{root}: SegmentationClass is not read; objects have boxes alone", AssumptionWarning, stacklevel=2
            )
        return dataset

    def find_frames(self, root: Path, problems: list[Problem]) -> list[ListedFrame]:
        """Find the frames, and XML files without a frame."""
        splits = read_split_lists(root / SPLITS, problems)
        return pair_files(root / PICTURES, root / OBJECTS, (".jpg", ".xml"), splits, problems)

    def parse_objects(
        self, path: Path, shape: PictureShape, classes: Mapping[str, int] | None, problems: ProblemList
    ) -> list[ListedObject]:
        """Parse the objects of an XML file.

        Raises:
            DataError: it is no XML, or of a picture of another size.
        """
        document = _read_xml(path)
        _check_size(document, shape, path)
        objects: list[ListedObject] = []
        for index, element in enumerate(document.findall("object")):
            place = f"object {index + 1}"
            name = (element.findtext("name") or "").strip()
            sides = [_parse_number(element.findtext(f"bndbox/{side}")) for side in SIDES]
            if not name or not all(math.isfinite(side) for side in sides):
                found = f"name {name!r} and box {[element.findtext(f'bndbox/{side}') for side in SIDES]}"
                problems.add(f"{found}; expected a name and four numbers", place)
                continue
            left, top, right, bottom = sides
            box = (left - FIRST_PIXEL, top - FIRST_PIXEL, right - left + 1, bottom - top + 1)
            is_difficult = (element.findtext("difficult") or "0").strip() == "1"
            objects.append(ListedObject(name, box, place, index, is_ignored=is_difficult))
        return objects

    def get_stems(self, out: Path, name: str) -> tuple[Path, Path]:
        """Get the paths in both folders."""
        return out / PICTURES / name, out / OBJECTS / f"{name}.xml"

    def build_file(self, changes: AnnotationChanges, sample: Sample, schema: Schema, source: Path | None) -> str:
        """Build the XML of a frame. What is not about objects is kept."""
        document = _make_document(sample) if source is None else _read_xml(source)
        elements = document.findall("object")
        for element in elements:
            document.remove(element)
        document.extend(apply_changes(elements, changes, _update_element, _make_element))
        ElementTree.indent(document, "\t")
        return ElementTree.tostring(document, encoding="unicode") + "\n"

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``samples.csv``, and ``ImageSets/Main`` where there are splits; see
        :meth:`domaingan.adapters.base.Adapter.finish_dataset`.
        """
        write_split_lists(out / SPLITS, records)
        super().finish_dataset(out, schema, records)


def _read_xml(path: Path) -> Element:
    """Read an XML file.

    Raises:
        DataError: it is no XML, or it defines entities, which could make it endless.
    """
    raw = read_bytes(path, MAX_XML_BYTES)
    if b"<!ENTITY" in raw or b"<!DOCTYPE" in raw:
        raise DataError("a document type in it", path=path, expected="XML without one")
    try:
        return ElementTree.fromstring(raw)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # an unknown encoding is a LookupError
        raise DataError(f"cannot be read as XML ({error})", path=path) from None


def _check_size(document: Element, shape: PictureShape, path: Path) -> None:
    """Check the size of the picture; a size of 0 is not known, as some tools write it.

    Raises:
        DataError: the file is of a picture of another size.
    """
    height = _parse_number(document.findtext("size/height"))
    width = _parse_number(document.findtext("size/width"))
    if height > 0 and width > 0 and (height, width) != shape:
        raise DataError(
            f"size {int(height)}×{int(width)}", path=path, expected=f"{shape[0]}×{shape[1]}, as its picture"
        )


def _parse_number(text: str | None) -> float:
    """Parse a number; NaN where there is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _update_element(element: Element, geometry: Geometry) -> Element:
    box = element.find("bndbox")
    assert box is not None
    for side, text in _describe_box(geometry).items():
        found = box.find(side)
        assert found is not None
        found.text = text
    return element


def _make_element(annotation: NewAnnotation) -> Element:
    element = Element("object")
    texts = {
        "name": annotation["class"],
        "pose": "Unspecified",
        "truncated": "0",
        "difficult": str(annotation["iscrowd"]),
    }
    for key, text in texts.items():
        ElementTree.SubElement(element, key).text = text
    box = ElementTree.SubElement(element, "bndbox")
    for side, text in _describe_box(annotation).items():
        ElementTree.SubElement(box, side).text = text
    return element


def _describe_box(geometry: Geometry) -> dict[str, str]:
    """Describe a box as VOC does: whole pixels, counted from 1, of which the last one belongs to it."""
    x, y, width, height = geometry["bbox"]
    left, top = round(x) + FIRST_PIXEL, round(y) + FIRST_PIXEL
    right, bottom = max(round(x + width), left), max(round(y + height), top)
    return dict(zip(SIDES, map(str, (left, top, right, bottom)), strict=True))


def _make_document(sample: Sample) -> Element:
    document = Element("annotation")
    ElementTree.SubElement(document, "filename").text = f"{sample.name}.png"
    size = ElementTree.SubElement(document, "size")
    for key, side in zip(("width", "height", "depth"), (*sample.shape[::-1], 3), strict=True):
        ElementTree.SubElement(size, key).text = str(side)
    return document
