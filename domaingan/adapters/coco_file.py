"""One COCO annotation file: its classes, images and annotations, checked one by one before datumaro parses them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domaingan.adapters.coco_datumaro import CocoImage, parse_coco
from domaingan.errors import DataError
from domaingan.files import read_json
from domaingan.sample import Problem

KEYS = ("images", "annotations", "categories")

Say = Callable[[str], None]


@dataclass(frozen=True)
class CocoFile:
    """The contents of a file, checked, but for the objects, which :meth:`fill` adds once the images' sizes are known.

    Attributes:
        classes: names and ids; a file that numbers from 0, COCO's value for nothing, has its ids raised by one.
        images: by their ids.
    """

    path: Path
    classes: Mapping[str, int]
    images: Mapping[int, CocoImage]
    annotations: Sequence[Any]
    raised: int

    def fill(self, shapes: Mapping[int, tuple[int, int]]) -> list[Problem]:
        """Add the objects to the images whose shapes (H, W) are given; those that cannot be used are problems.

        Raises:
            DataError: datumaro cannot read what is left.
        """
        problems: list[Problem] = []
        unknown: Counter[Any] = Counter()
        kept: list[dict[str, Any]] = []
        for number, one in enumerate(self.annotations):
            image_id = one.get("image_id") if isinstance(one, dict) else None
            if not isinstance(image_id, int) or image_id not in self.images:
                unknown[str(image_id)] += 1
            elif image_id in shapes:
                if one.get("iscrowd"):
                    self.images[image_id].crowds += 1
                    continue
                name = f"annotation {one.get('id', number)} of {self.images[image_id].file_name}"
                try:
                    kept.append(self._checked(one, shapes[image_id], _teller(problems, self.path, name)))
                except DataError as error:
                    problems.append(Problem(str(self.path), f"{name}: {error.found}; expected {error.expected}"))
        if unknown:
            told = f"{unknown.total()} annotations of images that are not listed: {', '.join([*unknown][:5])}"
            problems.append(Problem(str(self.path), told))
        images = [
            {"id": key, "file_name": f"{key}.png", "height": shape[0], "width": shape[1]}
            for key, shape in shapes.items()
        ]
        categories = [{"id": value, "name": name} for name, value in self.classes.items()]
        for number, one in enumerate(kept, start=1):
            one["id"] = number  # the order of the file
        document = {"images": images, "annotations": kept, "categories": categories}
        for key, objects in parse_coco(document, self.path).items():
            self.images[key].objects.extend(objects)
        return problems

    def _checked(self, one: Mapping[str, Any], shape: tuple[int, int], say: Say) -> dict[str, Any]:
        """The annotation as datumaro takes it.

        Raises:
            DataError: its class is unknown or its box is none.
        """
        value = one.get("category_id")
        if not isinstance(value, int) or value + self.raised not in self.classes.values():
            known = ", ".join(f"{value - self.raised} {name}" for name, value in [*self.classes.items()][:20])
            raise DataError(f"category {value}", expected=f"one of {known}")
        segments = _segments(one.get("segmentation"), shape, say)
        bbox = one.get("bbox")
        box = [] if not bbox and segments else _clipped(bbox, shape)
        return {
            "image_id": one["image_id"],
            "category_id": value + self.raised,
            "bbox": box,
            "iscrowd": 0,
            "segmentation": segments,
        }


def _teller(problems: list[Problem], path: Path, name: str) -> Say:
    return lambda reason: problems.append(Problem(str(path), f"{name}: {reason}"))


def read_coco(path: Path) -> tuple[CocoFile, list[Problem]]:
    """Read and check a file's classes and images.

    Raises:
        DataError: it is no JSON, no COCO, or its categories are not one name and one number each.
    """
    stored = read_json(path, finite=False)  # checked one by one
    if not isinstance(stored, dict) or not all(isinstance(stored.get(key), list) for key in KEYS):
        found = f"keys {', '.join(stored)[:200]}" if isinstance(stored, dict) else "no JSON object"
        raise DataError(found, path=path, expected="COCO: lists of images, annotations and categories")
    classes = _categories(stored["categories"], path)
    raised = int(0 in classes.values())
    images, problems = _images(stored["images"], path)
    classes = {name: value + raised for name, value in classes.items()}
    return CocoFile(path, classes, images, stored["annotations"], raised), problems


def _categories(listed: Sequence[Any], path: Path) -> dict[str, int]:
    named: dict[str, int] = {}
    for one in listed:
        key, name = (one.get("id"), one.get("name")) if isinstance(one, dict) else (None, None)
        whole = isinstance(key, int) and 0 <= key < 2**31 and isinstance(name, str) and name
        if not whole or name in named or key in named.values():
            raise DataError(f"category {one}", path=path, expected="an id from 0 on and a name, no two the same")
        named[str(name)] = int(key or 0)
    if not named:
        raise DataError("no categories", path=path, expected="an id and a name for each class")
    return dict(sorted(named.items(), key=lambda item: item[1]))


def _images(listed: Iterable[Any], path: Path) -> tuple[dict[int, CocoImage], list[Problem]]:
    images: dict[int, CocoImage] = {}
    problems: list[Problem] = []
    for one in listed:
        key, name = (one.get("id"), one.get("file_name")) if isinstance(one, dict) else (None, None)
        if not isinstance(key, int) or not isinstance(name, str) or not name:
            problems.append(Problem(str(path), f"an image {str(one)[:80]}; expected an id and a file_name"))
        elif key in images:
            problems.append(Problem(str(path), f"image {key} is there twice: {images[key].file_name} and {name}"))
        else:
            sides = one.get("height"), one.get("width")
            shape = (sides[0], sides[1]) if all(isinstance(side, int) and side > 0 for side in sides) else None
            images[key] = CocoImage(name, shape)
    return images, problems


def _clipped(bbox: Any, shape: tuple[int, int]) -> list[float]:
    """The box (x, y, width, height) within the image.

    Raises:
        DataError: it is no box, or nothing of it lies in the image.
    """
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(_is_number(n) for n in bbox):
        raise DataError(f"box {bbox}", expected="[x, y, width, height]")
    x, y, width, height = (float(n) for n in bbox)
    if width <= 0 or height <= 0:
        raise DataError(f"an empty box {bbox}", expected="[x, y, width, height]")
    x2, y2 = min(x + width, shape[1]), min(y + height, shape[0])
    x, y = max(x, 0.0), max(y, 0.0)
    if round(x2 - x, 2) <= 0 or round(y2 - y, 2) <= 0:
        raise DataError(f"box {bbox} outside the image", expected=f"one in {shape[1]}×{shape[0]} pixels")
    return [x, y, x2 - x, y2 - y]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _segments(stored: Any, shape: tuple[int, int], say: Say) -> Any:
    """Polygons or run lengths as they are, an empty list where there is nothing that can be used; that is told."""
    if isinstance(stored, dict):
        if list(stored.get("size") or ()) != list(shape):
            say(f"run lengths for (H, W) {stored.get('size')}; expected {list(shape)}; its box is kept")
            return []
        counts = stored.get("counts")
        if isinstance(counts, list):
            whole = all(isinstance(n, int) and n >= 0 for n in counts) and sum(counts) == shape[0] * shape[1]
        else:
            whole = isinstance(counts, str) and bool(counts)
        if not whole:
            say("run lengths that do not fill the image; its box is kept")
        return stored if whole else []
    polygons = stored if isinstance(stored, list) else []
    good = [one for one in polygons if _is_polygon(one)]
    if stored and len(good) < len(polygons or [stored]):
        say("a polygon that is none; expected at least 3 corners x, y")
    return good


def _is_polygon(one: Any) -> bool:
    return isinstance(one, list) and len(one) >= 6 and len(one) % 2 == 0 and all(_is_number(n) for n in one)
