"""A COCO file with one picture as a fixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_annotations import SIDES, CocoWriter, make_image
from coco_sets import CATEGORIES, SHAPE, SetWriter
from PIL import Image


@pytest.fixture
def write_coco(tmp_path: Path) -> CocoWriter:
    """Write a set of one picture or more; gives its root."""

    def write(
        annotations: list[Any],
        images: list[Any] | None = None,
        categories: list[Any] | None = None,
        pictures: tuple[str, ...] = ("a.png",),
    ) -> Path:
        for name in pictures:
            path = tmp_path / "images" / "val" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", SIDES[::-1], (90, 120, 30)).save(path)
        document = {
            "images": images or [make_image()],
            "annotations": annotations,
            "categories": categories or [{"id": 2, "name": "cyclist"}, {"id": 5, "name": "van"}],
        }
        path = tmp_path / "annotations" / "instances_val.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
        return tmp_path

    return write


@pytest.fixture
def write_set(tmp_path: Path) -> SetWriter:
    """Write pictures and an annotation file; gives the dataset's root."""

    def save(
        annotations: list[Any],
        file: str = "annotations/instances_train.json",
        pictures: str = "images/train",
        names: tuple[str, ...] = ("a.jpg",),
        **more: Any,
    ) -> Path:
        root = tmp_path / "coco"
        for name in names:
            path = root / pictures / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(len(name)).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        images = [{"id": 7 + i, "file_name": name, "height": 12, "width": 16} for i, name in enumerate(names)]
        document = {"images": images, "annotations": annotations, "categories": CATEGORIES} | more
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(json.dumps(document))
        return root

    return save
