"""A function of the user's own trains in place of the baseline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import domaingan as dg
from domaingan import phantoms
from domaingan.core.errors import DataError

TRAINER = '''
import numpy as np

SEEN = []

def threshold(data):
    """Learn the mean value of the first channel inside and outside of oedema."""
    inside, outside = [], []
    for number in range(len(data.items)):
        image, target = data.items[number]
        is_target = target == data.classes.index("oedema")
        inside += image[0][is_target].tolist()
        outside += image[0][~is_target].tolist()
    SEEN.append((data.classes, data.channels, data.spatial_dims, len(data.items), data.seed, data.device))
    middle = (np.mean(inside) + np.mean(outside)) / 2
    data.report(data.steps, data.steps, {"loss": 0.5})

    def predict(image):
        return (image[0] > middle).astype(np.int64)

    return predict

def probabilities(data):
    def predict(image):
        shape = (len(data.classes), *image.shape[1:])
        return np.full(shape, 1 / len(data.classes), np.float32)
    return predict

def boxes(data):
    image, found, labels = data.items[0]
    assert image.shape[0] == 3 and found.shape[1] == 4 and labels.min(initial=1) >= 1
    size = image.shape[1:]

    def predict(image):
        assert image.shape[1:] == size
        return {"boxes": [[0, 0, size[1], size[0]]], "scores": [0.5], "labels": [1]}

    return predict

def broken(data):
    raise RuntimeError("no memory")

def nothing(data):
    return None

def wrong_shape(data):
    return lambda image: np.zeros((2, 2), np.int64)

def wrong_index(data):
    return lambda image: np.full(image.shape[1:], 9)

def negative(data):
    return lambda image: np.full((len(data.classes), *image.shape[1:]), -1.0)
'''

SETTINGS: dict[str, Any] = {"arms": ["classic", "copy-paste+classic"], "seeds": 1, "steps": 3, "size": 16}


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "my_trainer.py").write_text(TRAINER)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop("my_trainer", None)


def run(function: str, out: Path, **settings: Any) -> dict[str, Any]:
    data = phantoms.load_phantom("medical", subjects=4, shape=(32, 32, 16))
    return dg.evaluate(data, out=out, dims=2, trainer=f"python:my_trainer:{function}", **SETTINGS | settings)


def test_a_function_trains_on_the_augmented_patches_and_is_scored(trainer: Path) -> None:
    result = run("threshold", trainer / "run")
    seen = sys.modules["my_trainer"].SEEN
    assert len(seen) == 2  # one training for each arm
    classes, channels, dims, length, seed, device = seen[0]
    assert classes == ["background", "oedema", "enhancing"] and channels == ("flair", "t1c")
    assert (dims, length, seed, device) == (2, 3 * 8, 0, "cpu")
    assert result["arms"]["classic"]["dice:oedema"]["mean"] > 0
    assert any("python:my_trainer:threshold" in note for note in result["notes"])


def test_probabilities_are_understood(trainer: Path) -> None:
    result = run("probabilities", trainer / "run")
    assert result["arms"]["classic"]["dice:oedema"]["mean"] == 0  # the first class wins where all are equal


def test_a_detector_is_called_at_the_size_that_it_was_trained_at(trainer: Path) -> None:
    data = phantoms.load_phantom("driving").select(range(24))
    result = dg.evaluate(data, "detection", out=trainer / "run", trainer="python:my_trainer:boxes", **SETTINGS)
    assert result["task"] == "detection" and set(result["arms"]) == set(SETTINGS["arms"])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("missing", "no 'missing' in the module"),
        ("broken", "failed while it trained .RuntimeError: no memory, my_trainer.py line"),
        ("nothing", "returned NoneType; expected a function"),
        ("wrong_shape", r"returned \(2, 2\) int64"),
        ("wrong_index", "returned index 9; expected class indices below 3"),
        ("negative", "numbers below 0"),
    ],
)
def test_what_is_no_trainer_is_refused(trainer: Path, function: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(function, trainer / "run")


@pytest.mark.parametrize("setting", [{"network": "segresnet"}, {"width": 8}, {"ensemble": True, "seeds": 2}])
def test_a_setting_that_a_trainer_would_not_heed_is_refused(trainer: Path, setting: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="beside a trainer of your own"):
        run("threshold", trainer / "run", **setting)


@pytest.mark.parametrize("spec", ["my_trainer:threshold", "python:my_trainer", "onnx:file"])
def test_other_specs_are_refused(trainer: Path, spec: str) -> None:
    data = phantoms.load_phantom("medical", subjects=4, shape=(32, 32, 16))
    with pytest.raises(DataError, match="expected python:MODULE:FUNCTION"):
        dg.evaluate(data, out=trainer / "run", trainer=spec, **SETTINGS)


def test_same_seed_gives_the_trainer_the_same_items(trainer: Path) -> None:
    one = run("threshold", trainer / "one")
    two = run("threshold", trainer / "two")
    np.testing.assert_equal(one["scores"], two["scores"])
