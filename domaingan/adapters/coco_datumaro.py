"""COCO annotations read and written by datumaro, and what has to be put right before and after.

datumaro refuses a whole file for one NaN, and one without ``iscrowd``; it takes category 0 for no class at all, reads
in reversed order, rounds to hundredths of a pixel, numbers categories from 1 on and writes run lengths as crowds. So it
is given a copy in which everything is checked and numbered, and what it wrote is put right.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as runs

from domaingan.errors import DataError
from domaingan.files import atomic_file, read_json

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class CocoObject:
    """One object of an image.

    Attributes:
        value: its class.
        box: xyxy in pixels.
        run_lengths: its mask as COCO's compressed run lengths (``size``, ``counts``), None where it has a box alone.
    """

    value: int
    box: Box
    run_lengths: Mapping[str, Any] | None = None


@dataclass
class CocoImage:
    """What a file says of one image: its name there, its size (H, W) if it says so, its objects."""

    file_name: str
    shape: tuple[int, int] | None = None
    objects: list[CocoObject] = field(default_factory=list)
    crowds: int = 0


# --------------------------------------------------------------------- reading


def parse_coco(document: Mapping[str, Any], path: Path) -> dict[int, list[CocoObject]]:
    """The objects of each image by its id, as datumaro reads them; ``path`` is what to name if it cannot."""
    with tempfile.TemporaryDirectory() as folder, _datumaro(path):
        from datumaro.plugins.data_formats.coco.base import CocoInstancesBase

        copy = Path(folder) / "annotations" / "instances_copy.json"
        for made in (copy.parent, Path(folder) / "images"):
            made.mkdir()
        copy.write_text(json.dumps(document), encoding="utf-8")
        values = sorted(one["id"] for one in document["categories"])
        return {
            int(item.attributes["id"]): _objects(item.annotations, values, item.media.size)
            for item in CocoInstancesBase(str(copy), subset="copy")
        }


def _objects(annotations: Iterable[Any], values: Sequence[int], shape: tuple[int, int]) -> list[CocoObject]:
    groups: dict[int, list[Any]] = {}
    for one in annotations:
        groups.setdefault(one.group, []).append(one)
    return [_object(parts, values[parts[0].label], shape) for _, parts in sorted(groups.items())]


def _object(parts: Sequence[Any], value: int, shape: tuple[int, int]) -> CocoObject:
    from datumaro.components.annotation import AnnotationType

    polygons = [one.points for one in parts if one.type == AnnotationType.polygon]
    pieces = [one.rle for one in parts if one.type == AnnotationType.mask]
    pieces += runs.frPyObjects(polygons, *shape) if polygons else []
    merged = runs.merge(pieces) if pieces else None
    if merged is not None and not runs.area(merged):
        merged = None  # a polygon thinner than a pixel
    boxes = [one.points for one in parts if one.type == AnnotationType.bbox]
    if boxes:
        return CocoObject(value, _four(boxes[0]), merged)
    if merged is None:
        raise DataError("neither a box nor a pixel in an annotation", expected="one of them")
    x, y, width, height = runs.toBbox(merged).tolist()
    return CocoObject(value, (x, y, x + width, y + height), merged)


def _four(points: Sequence[float]) -> Box:
    x1, y1, x2, y2 = (float(point) for point in points)
    return x1, y1, x2, y2


def decoded(run_lengths: Mapping[str, Any]) -> NDArray[np.bool_]:
    """The mask of COCO's run lengths, ``(H, W)``."""
    return np.asarray(runs.decode(dict(run_lengths)), dtype=bool)


def encoded(mask: NDArray[Any]) -> dict[str, Any]:
    """A mask ``(H, W)`` as COCO's compressed run lengths, in JSON's types."""
    made = runs.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(made["size"]), "counts": made["counts"].decode("ascii")}


@contextmanager
def _datumaro(path: Path) -> Iterator[None]:
    """Use datumaro without a word of its own in the log; whatever it raises becomes a DataError about ``path``."""
    root, silent, before = logging.getLogger(), logging.NullHandler(), logging.root.manager.disable
    root.addHandler(silent)  # it logs through functions that would else set up a handler for good
    logging.disable(logging.CRITICAL)
    try:
        yield
    except DataError as error:
        raise DataError(error.found, path=path, expected=error.expected) from None
    except Exception as error:  # it wraps everything in errors of its own, without a common base
        raise DataError(f"cannot be read or written ({error.__cause__ or error})", path=path) from None
    finally:
        logging.disable(before)
        root.removeHandler(silent)


# --------------------------------------------------------------------- writing


def write_coco(root: Path, images: Mapping[str, Mapping[str, CocoImage]], classes: Mapping[str, int]) -> None:
    """Write ``annotations/instances_SUBSET.json`` for each subset.

    Args:
        root: where ``annotations`` is made.
        images: for each subset its images, each under its picture's file name, with their objects and shapes.
        classes: names and ids.

    Raises:
        DataError: datumaro cannot write them.
    """
    names = sorted(classes, key=lambda name: classes[name])
    with _datumaro(root):
        from datumaro.components.annotation import AnnotationType, LabelCategories
        from datumaro.components.dataset import Dataset
        from datumaro.components.media import Image

        places = {classes[name]: i for i, name in enumerate(names)}
        items = [_item(subset, image, places) for subset, listed in images.items() for image in listed.values()]
        categories = {AnnotationType.label: LabelCategories.from_iterable(names)}
        data = Dataset.from_iterable(items, categories=categories, media_type=Image)
        data.export(str(root), "coco_instances", save_media=False, segmentation_mode="mask")
    for subset in images:
        _put_right(root / "annotations" / f"instances_{subset}.json", [classes[name] for name in names])


def _item(subset: str, image: CocoImage, places: Mapping[int, int]) -> Any:
    from datumaro.components.annotation import Bbox, RleMask
    from datumaro.components.dataset_base import DatasetItem
    from datumaro.components.media import Image

    annotations: list[Any] = []
    for number, one in enumerate(image.objects, start=1):
        x1, y1, x2, y2 = one.box
        label = places[one.value]
        annotations.append(Bbox(x1, y1, x2 - x1, y2 - y1, label=label, group=number))
        if one.run_lengths is not None:
            annotations.append(RleMask(rle=dict(one.run_lengths), label=label, group=number))
    media = Image.from_file(path=image.file_name, size=image.shape)
    return DatasetItem(image.file_name.rpartition(".")[0], subset=subset, media=media, annotations=annotations)


def _put_right(path: Path, values: Sequence[int]) -> None:
    """Our ids in a file that datumaro wrote, objects that are no crowds, and run lengths in their short form."""
    stored = read_json(path)
    for one in stored["categories"]:
        one["id"] = values[one["id"] - 1]
    for one in stored["annotations"]:
        one |= {"category_id": values[one["category_id"] - 1], "iscrowd": 0}
        if segments := one["segmentation"]:
            short = runs.frPyObjects(segments, *segments["size"])
            one["segmentation"] = {"size": segments["size"], "counts": short["counts"].decode("ascii")}
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(stored) + "\n", encoding="utf-8")
