"""Folders of frames and masks as fixtures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from street_folders import PictureWriter, draw_street_mask, write_descriptions


@pytest.fixture
def write_pictures(tmp_path: Path) -> PictureWriter:
    """Save a frame of noise and its mask: ``write_pictures(frame, mask, values)``, paths below ``tmp_path/street``."""

    def save(frame: str, mask: str | None, values: np.ndarray | None = None, palette: bool = False) -> Path:
        root = tmp_path / "street"
        values = draw_street_mask() if values is None else values
        noise = np.random.default_rng(len(frame)).integers(0, 256, (*values.shape, 3), dtype=np.uint8)
        (root / frame).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).save(root / frame)
        if mask is not None:
            (root / mask).parent.mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(values)
            if palette:
                picture.putpalette(list(range(36)))
            picture.save(root / mask)
        return root

    return save


@pytest.fixture
def drive(write_pictures: PictureWriter) -> Path:
    """As CamVid has it: two drives, two splits, a condition."""
    for split, name in (("train", "0001TP_000300"), ("train", "0006R0_f00330"), ("val", "0001TP_000330")):
        write_pictures(f"{split}/{name}.jpg", f"{split}annot/{name}.png", palette=split == "val")
    table = "sample,lighting\ntrain/0001TP_000300,dusk\ntrain/0006R0_f00330,day\nval/0001TP_000330,dusk\n"
    return write_descriptions(write_pictures("train/0006R0_f00360.png", None), table)
