"""A detector of the user's own is scored on a test set of its own that has boxes and no masks."""

from __future__ import annotations

from pathlib import Path

import pytest
from object_file_sets import CAR, save_picture, write_text

import domaingan as dg


def write_drives(root: Path, first_seed: int) -> Path:
    for seed in range(first_seed, first_seed + 3):
        save_picture(root / f"training/image_2/{seed:06d}.png", seed)
        write_text(root / f"training/label_2/{seed:06d}.txt", f"{CAR}\n")
    return root


@pytest.mark.filterwarnings("ignore::domaingan.core.errors.AssumptionWarning")
def test_boxes_alone_are_exported_and_scored(tmp_path: Path) -> None:
    train, test = write_drives(tmp_path / "train", 0), write_drives(tmp_path / "test", 10)
    export = tmp_path / "export"
    settings = {"test": test, "out": tmp_path / "banks", "export": export, "copies": 1}
    manifest = dg.evaluate(train, "detection", ["classic"], 1, **settings)
    right = '[{"sample": "000010", "category": "Car", "bbox": [10, 5, 20, 20], "score": 0.9}]'
    write_text(export / manifest["datasets"][0]["predictions"] / "detections.json", right)
    result = dg.evaluate(train, test=test, out=tmp_path / "scored", predictions=export)
    assert result["arms"]["classic"]["ap50:Car"]["mean"] == pytest.approx(1 / 3, abs=0.01)
