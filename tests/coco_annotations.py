"""Small COCO files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from domaingan.adapters import load

SIDES = (24, 32)

CocoWriter = Callable[..., Path]


def make_image(key: Any = 1, name: Any = "a.png", **more: Any) -> dict[str, Any]:
    return {"id": key, "file_name": name, "height": SIDES[0], "width": SIDES[1]} | more


def make_annotation(**more: Any) -> dict[str, Any]:
    return {"id": 1, "image_id": 1, "category_id": 2, "bbox": [4, 6, 10, 8], "area": 77.5, "iscrowd": 0} | more


def list_reasons(root: Path) -> list[str]:
    return [one.reason for one in load(root).problems]
