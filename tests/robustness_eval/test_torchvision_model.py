"""torchvision's detectors: the number of classes is read from the weights, and other weights are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import get_model

from domaingan.core.errors import DataError
from domaingan.robustness_eval.class_names import COCO91
from domaingan.robustness_eval.model_specs import ModelOptions, open_model
from domaingan.robustness_eval.torchvision_model import count_classes

NAME = "ssdlite320_mobilenet_v3_large"
PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained weights for three classes and the background, as a reference training leaves them."""
    torch.manual_seed(0)
    network = get_model(NAME, weights=None, weights_backbone=None, num_classes=4)
    path = tmp_path_factory.mktemp("weights") / "detector.pth"
    torch.save({"model": network.state_dict(), "epoch": 3}, path)
    return path


def test_the_head_says_how_many_classes_there_are(weights: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.json"
    names.write_text('{"1": "car", "2": "bus", "3": "tram"}')
    model = open_model(f"torchvision:{NAME}={weights}", PICTURE)
    assert model.classes == {"class_1": 1, "class_2": 2, "class_3": 3} and "3 classes" in model.describe()[0]
    named = open_model(f"torchvision:{NAME}={weights}", PICTURE, ModelOptions(min_score=0.0, class_names=str(names)))
    assert named.classes == {"car": 1, "bus": 2, "tram": 3} and named.task == "detection"
    found = named.predict(PICTURE)
    assert isinstance(found.labels, np.ndarray) and set(np.unique(found.labels)) <= {1, 2, 3}  # type: ignore[union-attr]
    assert found.boxes.shape[1] == 4 and found.boxes.max() <= 80  # type: ignore[union-attr]


@pytest.mark.parametrize("builder", ["fasterrcnn_mobilenet_v3_large_320_fpn", "retinanet_resnet50_fpn", "ssd300_vgg16"])
def test_every_family_says_it_in_its_head(builder: str) -> None:
    with torch.device("meta"):
        plain, other = (
            get_model(builder, weights=None, weights_backbone=None, num_classes=n).state_dict() for n in (91, 6)
        )
    assert count_classes(other, plain, Path("w.pth")) == 6 and count_classes(plain, plain, Path("w.pth")) == 91
    assert COCO91["toothbrush"] == 90


@pytest.mark.parametrize("builder", ["fcos_resnet50_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn"])
def test_the_threshold_of_the_options_counts(builder: str, tmp_path: Path) -> None:
    network = get_model(builder, weights=None, weights_backbone=None, num_classes=3)
    torch.save(network.state_dict(), tmp_path / "w.pth")
    model = open_model(f"torchvision:{builder}={tmp_path / 'w.pth'}", PICTURE, ModelOptions(min_score=0.02))
    inner = model.network  # type: ignore[attr-defined]
    assert getattr(inner, "roi_heads", inner).score_thresh == 0.02


def test_wrong_weights_are_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no torchvision detector 'yolo'; expected one of fasterrcnn"):
        open_model("torchvision:yolo", PICTURE)
    with pytest.raises(DataError, match="no such file"):
        open_model(f"torchvision:{NAME}={tmp_path / 'absent.pth'}", PICTURE)
    with pytest.raises(DataError, match="no head of this detector in the weights"):
        open_model(f"torchvision:fcos_resnet50_fpn={weights}", PICTURE)
    junk = tmp_path / "junk.pth"
    junk.write_bytes(b"junk" * 100)
    with pytest.raises(DataError, match=r"junk\.pth: cannot be read"):
        open_model(f"torchvision:{NAME}={junk}", PICTURE)
    torch.save([1, 2], junk)
    with pytest.raises(DataError, match="no state dict; expected tensors by name"):
        open_model(f"torchvision:{NAME}={junk}", PICTURE)
    state = torch.load(weights, weights_only=True)["model"]
    torch.save({name: value for name, value in state.items() if "backbone" not in name}, junk)
    with pytest.raises(DataError, match=f"not the weights of {NAME}"):
        open_model(f"torchvision:{NAME}={junk}", PICTURE)


def test_a_file_that_would_run_code_is_not_opened(tmp_path: Path) -> None:
    trap = tmp_path / "trap.pth"
    torch.save({"weights": Path("x")}, trap)
    with pytest.raises(DataError, match="cannot be read"):
        open_model(f"torchvision:{NAME}={trap}", PICTURE)
