"""Small COCO sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

SHAPE = (12, 16)

CATEGORIES = [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}, {"id": 90, "name": "bus", "supercategory": "all"}]

SQUARE = [2, 1, 6, 1, 6, 5, 2, 5]

SetWriter = Callable[..., Path]


def make_annotation(category: int = 3, bbox: Any = None, image: int = 7, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": [2, 1, 4, 4] if bbox is None else bbox} | more
