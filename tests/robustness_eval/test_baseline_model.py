"""Our own baselines from a run folder: which one is taken, and that it says what it says in its evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.detection import Detector
from domaingan.baselines.detection_frames import select_object_classes
from domaingan.baselines.detectors import build_detector
from domaingan.baselines.segmentation_networks import NetworkPlan
from domaingan.baselines.segmenter_model import Segmenter
from domaingan.baselines.segmenters import build_seeded_network
from domaingan.core.errors import DataError
from domaingan.core.files import write_json
from domaingan.data import Dataset, Sample
from domaingan.imaging.resample import resize
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval import open_model, robustness
from domaingan.robustness_eval.labelled_frames import LabelledFrames, to_picture

BACKBONE = Backbone("tf_efficientnet_lite0")


@pytest.fixture(scope="module")
def segmenter(drives: Dataset) -> Segmenter:
    schema = drives.schema
    plan = NetworkPlan("unet", schema, (32, 64), backbone=BACKBONE)
    return Segmenter(build_seeded_network(plan, 0, is_pretrained=False).eval(), plan)


@pytest.fixture
def run(drives: Dataset, segmenter: Segmenter, tmp_path: Path) -> Path:
    """A run folder as an evaluation leaves it, with untrained models."""
    out = tmp_path / "evaluation"
    for arm in ("classic", "gan+classic"):
        (out / "fold-0").mkdir(parents=True, exist_ok=True)
        segmenter.save(out / "fold-0" / f"{arm}-seed0.safetensors")
    write_json(out / "config.json", {"data": drives.root, "resize": [32, 64]})
    write_json(out / "result.json", {"primary": {"arm": "gan+classic"}, "train_subjects": [["seq00", "seq01"]]})
    return out


def test_a_segmenter_works_at_the_size_it_was_trained_at(drives: Dataset, segmenter: Segmenter, run: Path) -> None:
    frame = LabelledFrames(drives, "segmentation")[0]
    model = open_model(str(run), frame.picture)
    assert (
        model.name == "evaluation/fold-0/gan+classic-seed0" and model.task == "segmentation" and model.has_fixed_classes
    )
    image = resize(drives[0].image, (32, 64)).astype(np.float32)
    expected = segmenter.predict(Sample(image), frame.shape)
    answer = model.predict(frame.picture)
    assert isinstance(answer, np.ndarray) and np.mean(answer == expected) > 0.99
    assert model.classes == drives.schema.classes and "32×64" in model.describe()[0]


def test_the_report_says_which_frames_it_was_trained_on(drives: Dataset, run: Path, tmp_path: Path) -> None:
    chosen = str(run / "fold-0" / "classic-seed0.safetensors")
    result = robustness(drives, chosen, tmp_path / "out", corruptions=["contrast"], severities=[2])
    assert result["task"] == "segmentation" and 0 <= result["clean"] < 0.5
    assert "2 of the 6 frames come from drives that the model was trained on" in result["notes"][0]
    assert set(result["per_class"]) == set(drives.schema.classes)


def test_a_detector(drives: Dataset, tmp_path: Path) -> None:
    size = (48, 80)
    network = build_detector(
        "ssdlite", BACKBONE, len(select_object_classes(drives.schema)) + 1, size, 0, is_pretrained=False
    )
    detector = Detector(network.eval(), size, drives.schema, "ssdlite", backbone=BACKBONE)
    path = tmp_path / "run" / "fold-0" / "none-seed0.safetensors"
    path.parent.mkdir(parents=True)
    detector.save(path)
    picture = to_picture(drives[0].image)
    model = open_model(str(tmp_path / "run"), picture)
    assert model.task == "detection" and set(model.classes) == set(drives.schema.objects)
    answer, expected = model.predict(picture), detector.predict(drives[0])
    assert isinstance(answer, Detections) and set(answer.labels.tolist()) <= set(model.classes.values())
    assert answer.boxes.shape == expected.boxes.shape
    assert answer.boxes == pytest.approx(expected.boxes, abs=0.5)


def test_a_folder_without_models_or_with_a_damaged_one(tmp_path: Path) -> None:
    picture = np.zeros((40, 40, 3), dtype=np.uint8)
    with pytest.raises(DataError, match="no such file"):
        open_model(str(tmp_path / "absent"), picture)
    with pytest.raises(DataError, match="no trained model in it"):
        open_model(str(tmp_path), picture)
    (tmp_path / "fold-0").mkdir()
    (tmp_path / "fold-0" / "classic-seed0.safetensors").write_bytes(b"junk" * 9)
    with pytest.raises(DataError, match=r"classic-seed0\.safetensors: cannot be read"):
        open_model(str(tmp_path), picture)
