"""A COCO document, and what pastes make of its first image."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from domaingan.adapters import load
from domaingan.adapters.annotations.run_lengths import encode_mask, parse_counts
from domaingan.blend.occlusion import OccludedObjects, find_objects
from domaingan.data import Dataset, Sample

SIDES = (40, 60)

WHOLE = (slice(0, SIDES[0]), slice(0, SIDES[1]))


def fill_region(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIDES, np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def make_polygon(top: int, left: int, bottom: int, right: int) -> list[list[float]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def count_runs(mask: np.ndarray) -> dict[str, Any]:
    return {"size": list(SIDES), "counts": parse_counts(encode_mask(mask)["counts"]).tolist()}


def make_annotation(number: int, corners: tuple[int, int, int, int], **more: Any) -> dict[str, Any]:
    top, left, bottom, right = corners
    box = [left, top, right - left, bottom - top]
    known = {"id": number, "image_id": 30, "category_id": 0, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
    return known | {"segmentation": make_polygon(*corners)} | more


CROWD = make_annotation(501, (0, 44, 30, 60), iscrowd=1, segmentation=count_runs(fill_region(0, 44, 30, 60)))

ANNOTATIONS = [
    make_annotation(900, (4, 4, 20, 14), attributes={"occluded": False, "track_id": 7}, score=0.25),
    make_annotation(
        41, (10, 8, 30, 24), category_id=1, segmentation=encode_mask(fill_region(10, 8, 30, 24))
    ),  # overlaps the first
    make_annotation(12, (22, 30, 38, 40), keypoints=[31, 24, 2, 38, 36, 2, 0, 0, 0], num_keypoints=2),
    CROWD,
    make_annotation(13, (30, 44, 38, 52), category_id=1, segmentation=[], image_id=30),
    make_annotation(77, (5, 5, 12, 12), image_id=8),
    make_annotation(78, (2, 2, 4, 4), category_id=99),  # of no category: nobody can use it, and nobody throws it away
]

DOCUMENT: dict[str, Any] = {
    "info": {"description": "three junctions", "year": 2021, "contributor": "Ä"},
    "licenses": [{"id": 4, "name": "CC BY"}],
    "images": [
        {"id": 30, "file_name": "b.jpg", "height": 40, "width": 60, "license": 4, "weather": "rain"},
        {"id": 8, "file_name": "a.png", "height": 40, "width": 60, "date_captured": "2021-03-01"},
    ],
    "annotations": ANNOTATIONS,
    "categories": [
        {"id": 0, "name": "rider", "supercategory": "human", "keypoints": ["head", "foot"], "skeleton": [[1, 2]]},
        {"id": 1, "name": "tram", "supercategory": "vehicle", "colour": "#00f"},
        {"id": 9, "name": "cone"},
    ],
    "tool": {"version": "2.1"},
}


def write_document(root: Path, document: dict[str, Any] | None = None, file: str = "instances_train.json") -> Dataset:
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "images" / "train").mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(4).integers(0, 256, (*SIDES, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(root / "images" / "train" / "a.png")
    Image.fromarray(pixels).save(root / "images" / "train" / "b.jpg")
    (root / "annotations" / file).write_text(json.dumps(DOCUMENT if document is None else document, indent=1))
    return load(root)


def paste_mask(sample: Sample, mask: np.ndarray, label: int) -> Sample:
    """What a paste makes of a sample, without a bank: grey where the mask is."""
    assert sample.mask is not None
    covered = OccludedObjects.from_objects(find_objects(sample, [1, 2, 10]))
    covered.add(WHOLE, mask > 0, label, int(mask.sum()))
    image = np.where(mask > 0, np.float32(0.5), sample.image).astype(np.float32)
    return replace(covered.to_sample(sample), image=image, mask=np.where(mask > 0, label, sample.mask).astype(np.uint8))


def read_written(out: Path, file: str = "instances_train.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "annotations" / file).read_text())
    return found
