"""Folders of frames and masks for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = {
    "classes": {"sky": 0, "road": 3, "car": 8, "cyclist": 10},
    "ignore": [11],
    "objects": ["car", "cyclist"],
    "min_area": 4,
}

PictureWriter = Callable[..., Path]


def draw_street_mask(seed: int = 0) -> np.ndarray:
    """A mask of 12 × 16: sky over road, a car of 12 pixels, a cyclist of 6, a car too small, something to ignore."""
    mask = np.full((12, 16), 3, np.uint8)
    mask[:4] = 0
    mask[5:8, 2:6] = 8
    mask[6:9, 10:12] = 10
    mask[10, 14:16] = 8
    mask[11, :3] = 11
    return np.roll(mask, seed, axis=1)


def write_descriptions(root: Path, table: str = "", **classes: Any) -> Path:
    (root / "classes.json").write_text(json.dumps(CLASSES | classes))
    if table:
        (root / "samples.csv").write_text(table)
    return root
