"""Frames of phantoms as targets of albumentations, a bank of their objects, and a pipeline that pastes them."""

from __future__ import annotations

from typing import Any

import albumentations as A
import numpy as np

import domaingan as dg
from domaingan import phantoms

FRAMES = phantoms.load_phantom("driving", sequences=6, frames=2).load_into_memory()
SCHEMA = FRAMES.schema
NAMES = {value: name for name, value in SCHEMA.classes.items()}
BANK = dg.crops(FRAMES, size=32)

Targets = dict[str, Any]


def frame(index: int, dtype: type = np.uint8, fmt: str = "pascal_voc", names: bool = True) -> Targets:
    """A host as targets: image, mask, one mask an object, boxes in a format, their labels."""
    sample = FRAMES[index]
    assert sample.boxes is not None and sample.labels is not None and sample.instances is not None
    image = np.ascontiguousarray(np.moveaxis(sample.image, 0, -1))
    boxes = sample.boxes.astype(float)
    size = np.array([sample.shape[1], sample.shape[0]] * 2)
    if fmt in ("coco", "yolo"):
        boxes[:, 2:] -= boxes[:, :2]
    if fmt == "yolo":
        boxes[:, :2] += boxes[:, 2:] / 2
    if fmt in ("yolo", "albumentations"):
        boxes = boxes / size
    return {
        "image": np.rint(image * 255).astype(np.uint8) if dtype is np.uint8 else image,
        "mask": sample.mask,
        "masks": np.stack([sample.instances == i + 1 for i in range(len(boxes))]).astype(np.uint8),
        "bboxes": boxes,
        "kind": [NAMES[int(v)] for v in sample.labels] if names else sample.labels,
    }


def pipeline(bank: Any = BANK, fmt: str = "pascal_voc", seed: int = 0, **settings_: Any) -> A.Compose:
    paste = dg.albumentations.Paste(bank, SCHEMA, **{"per_image": (2, 3), "p": 1, **settings_})
    return A.Compose([paste], bbox_params=A.BboxParams(fmt, label_fields=["kind"]), seed=seed)


def corners(boxes: np.ndarray, fmt: str, shape: tuple[int, ...]) -> np.ndarray:
    boxes = np.array(boxes, dtype=float).reshape(-1, 4)
    if fmt in ("yolo", "albumentations"):
        boxes *= [shape[1], shape[0]] * 2
    if fmt == "yolo":
        boxes[:, :2] -= boxes[:, 2:] / 2
    if fmt in ("coco", "yolo"):
        boxes[:, 2:] += boxes[:, :2]
    return boxes
