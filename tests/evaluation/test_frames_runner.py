"""An evaluation on frames from end to end: looks, crops and boxes, blocks of time, and what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.baselines.detection import Detector
from domaingan.baselines.segmenter_model import Segmenter
from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.evaluation import evaluate
from domaingan.report import write_report

SETTINGS: dict[str, Any] = {
    "seeds": 1,
    "train_where": {"lighting": ["day", "dusk"]},
    "test_where": {"lighting": ["dusk"]},
    "limits": [("lighting", "dusk", 2)],
    "steps": 2,
    "gan_steps": 2,
    "gan_samples": 8,
    "size": 16,
    "resize": (64, 96),
    "backbone": "timm:test_efficientnet",
}


@pytest.fixture(scope="module")
def drives() -> Dataset:
    return phantoms.load_phantom("driving", sequences=12, frames=3)


@pytest.fixture(scope="module")
def detected(drives: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("runs") / "detection"
    arms = ["classic", "relight+copy-paste+weather+classic"]
    return out, evaluate(drives, "detection", arms, out=out, **SETTINGS)


def test_detection_gives_average_precision_by_class_and_size(detected: tuple[Path, dict[str, Any]]) -> None:
    out, result = detected
    assert result["task"] == "detection" and result["primary"]["metric"] == "ap"
    assert {"ap", "ap50", "ap:car"} <= set(result["arms"]["classic"])
    assert result["primary"]["arm"] == "relight+copy-paste+weather+classic"
    assert write_report(out).is_file()


def test_no_block_that_was_trained_on_is_tested(detected: tuple[Path, dict[str, Any]]) -> None:
    from domaingan.banks import Bank

    out, result = detected
    assert result["unit"] == "5-second block"
    for name in ("bank-copy-paste", "bank-relight"):
        assert not set(Bank.load(out / "fold-0" / name).subjects) & set(result["subjects"])


def test_baselines_are_kept(detected: tuple[Path, dict[str, Any]], drives: Dataset) -> None:
    out, _ = detected
    model = Detector.load(out / "fold-0" / "classic-seed0.safetensors")
    assert model.predict(drives[0]).boxes.shape[1] == 4


def test_segmentation_gives_iou(drives: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = evaluate(drives, arms=["classic", "gan+reference-relight"], out=out, **SETTINGS)
    assert result["primary"]["metric"] == "miou"
    values = [row["miou"]["values"] for row in result["arms"].values()]
    assert all(len(row) == len(result["subjects"]) for row in values)
    model = Segmenter.load(out / "fold-0" / "classic-seed0.safetensors")
    assert set(np.unique(model.predict(drives[0]))) <= set(drives.schema.classes.values())
    with np.load(out / "pictures.npz") as pictures:
        assert {"relit", "scenes", "pasted", "gan_samples"} <= set(pictures.files)


def test_a_wrong_network_is_refused_before_anything_is_written(drives: Dataset, tmp_path: Path) -> None:
    for wrong, task, message in (
        ({"backbone": "timm:nosuch"}, "segmentation", "no model 'nosuch'"),
        ({"detector": "nosuch"}, "detection", "no detector 'nosuch'"),
    ):
        with pytest.raises(DataError, match=message):
            evaluate(drives, task, ["classic"], out=tmp_path / "run", **(SETTINGS | wrong))
        assert not (tmp_path / "run").exists()
