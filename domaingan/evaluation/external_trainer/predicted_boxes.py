"""Detections that a trainer of the user's own made: one JSON file for each training, checked before it is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.core.errors import DataError
from domaingan.core.reading import read_json, read_json_object
from domaingan.data import Sample
from domaingan.evaluation.external_trainer.export_manifest import DETECTIONS_FILE
from domaingan.metrics.detections import Detections

EXPECTED_ENTRY = '{"sample": NAME, "category": CLASS, "bbox": [x, y, width, height], "score": number}'

DetectionRow = tuple[list[float], float, int]
"""Corner box, score and class value."""


class PredictedBoxes:
    """Reads the detections of one training; :meth:`predict` makes it what a detector is to the scores.

    Args:
        folder: holds ``detections.json``.
        names: names of the test samples.
        classes: class values by name.
        test_folder: the exported test images; its COCO files name the image ids.

    Raises:
        DataError: the file is missing or malformed, or names an unknown sample or class.
    """

    def __init__(self, folder: Path, names: Sequence[str], classes: Mapping[str, int], test_folder: Path) -> None:
        self.path = folder / DETECTIONS_FILE
        stored = read_json(self.path)
        if not isinstance(stored, list):
            raise DataError("no list", path=self.path, expected=f"a list of {EXPECTED_ENTRY}")
        documents = _read_test_documents(test_folder)
        images = _map_test_images(documents, names)
        categories = _map_categories(documents, classes)
        self._by_sample: dict[str, list[DetectionRow]] = {name: [] for name in names}
        for number, entry in enumerate(stored):
            name = self._find_sample(entry, images, number)
            self._by_sample[name].append(self._parse_entry(entry, categories, number))

    def predict(self, sample: Sample) -> Detections:
        """Return what was detected in a test sample, best first; nothing where nothing was."""
        rows = sorted(self._by_sample[sample.name], key=lambda row: -row[1])
        boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
        scores = np.array([row[1] for row in rows], np.float32)
        labels = np.array([row[2] for row in rows], np.int64)
        return Detections(boxes, scores, labels)

    def predict_batch(self, samples: Sequence[Sample]) -> list[Detections]:
        """Return what was detected in each of several test samples."""
        return [self.predict(sample) for sample in samples]

    def _find_sample(self, entry: Any, images: Mapping[str, str], number: int) -> str:
        if not isinstance(entry, dict):
            raise DataError(f"entry {number}: {entry!r}"[:200], path=self.path, expected=EXPECTED_ENTRY)
        key = next((key for key in ("sample", "file_name", "image_id") if key in entry), None)
        if key is None:
            raise DataError(f"entry {number} names no sample", path=self.path, expected=EXPECTED_ENTRY)
        name = images.get(f"{key}:{entry[key]}")
        if name is None:
            found = f"entry {number}: {key} {entry[key]!r} is of no test sample"
            raise DataError(found, path=self.path, expected=f"one of the {len(self._by_sample)} test samples")
        return name

    def _parse_entry(self, entry: dict[str, Any], categories: Mapping[Any, int], number: int) -> DetectionRow:
        """Parse an entry: its corner box, score and class value."""
        category = entry.get("category", entry.get("category_id"))
        if not isinstance(category, (str, int)) or category not in categories:
            found = f"entry {number}: category {category!r}"
            raise DataError(found, path=self.path, expected=f"one of {', '.join(map(str, categories))}")
        box, score = entry.get("bbox"), entry.get("score")
        is_box = isinstance(box, list) and len(box) == 4 and all(_is_number(edge) for edge in box)
        if not isinstance(box, list) or not is_box or box[2] < 0 or box[3] < 0:
            raise DataError(f"entry {number}: bbox {box!r}", path=self.path, expected="[x, y, width, height] in pixels")
        if not isinstance(score, (int, float)) or not 0 <= score <= 1:
            raise DataError(f"entry {number}: score {score!r}", path=self.path, expected="a number from 0 to 1")
        x, y, width, height = box
        return [x, y, x + width, y + height], float(score), categories[category]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _read_test_documents(test_folder: Path) -> list[dict[str, Any]]:
    """Read the COCO files of the exported test images; there are none in other layouts."""
    return [read_json_object(path) for path in sorted((test_folder / "annotations").glob("*.json"))]


def _map_test_images(documents: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, str]:
    """Map what an entry may call an image, ``KEY:VALUE``, to the name of its sample."""
    images: dict[str, str] = {}
    names_by_path: dict[str, str] = {}
    for name in names:
        for key in ("sample", "file_name", "image_id"):
            images[f"{key}:{name}"] = name
        names_by_path[name] = name
        without_split = name.partition("/")[2]  # COCO's paths begin below the folder of the split
        names_by_path.setdefault(without_split or name, name)
    for document in documents:
        for image in document["images"]:
            path = str(image["file_name"])
            found = names_by_path.get(path.rpartition(".")[0])
            if found is not None:
                images[f"image_id:{image['id']}"] = found
                images[f"file_name:{path}"] = found
    return images


def _map_categories(documents: Sequence[dict[str, Any]], classes: Mapping[str, int]) -> dict[Any, int]:
    """Map what an entry may call a class, its name or its id in COCO's files, to the class value."""
    if not documents:
        return {**classes, **{value: value for value in classes.values()}}
    values: dict[Any, int] = dict(classes)
    for document in documents:
        for category in document["categories"]:
            if category["name"] in classes:
                values[category["id"]] = classes[category["name"]]
    return values
