"""A user's own function as a model: imported from the working folder, its answers checked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.model_specs import open_model
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.python_model import open_function

PICTURE = np.zeros((20, 30, 3), dtype=np.uint8)

Write = Callable[[str], Model]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module into the working folder and opens its function ``look``."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    path_before = list(sys.path)

    def opened(body: str) -> Model:
        number = len(list(tmp_path.glob("*.py")))
        (tmp_path / f"looker_{tmp_path.name}_{number}.py").write_text("import numpy as np\n" + body)
        return open_model(f"python:looker_{tmp_path.name}_{number}:look", PICTURE)

    yield opened
    sys.path[:] = path_before
    for name in set(sys.modules) - before:
        if name.startswith("looker_"):
            del sys.modules[name]


def boxes_of(model: Model, picture: NDArray[np.uint8] = PICTURE) -> Detections:
    found = model.predict(picture)
    assert isinstance(found, Detections)
    return found


def test_a_detector_says_its_names_as_it_goes(written: Write) -> None:
    model = written("def look(image):\n    return {'boxes': [[1, 2, 3, 4]], 'scores': [0.5], 'labels': ['car']}")
    assert model.task == "detection" and not model.has_fixed_classes and model.classes == {"car": 0}
    assert boxes_of(model).boxes.tolist() == [[1, 2, 3, 4]] and "does not say" in model.describe()[0]


def test_a_detector_that_finds_nothing(written: Write) -> None:
    model = written("def look(image):\n    return {'boxes': [], 'scores': [], 'labels': []}\nlook.classes = ['car']")
    assert model.has_fixed_classes and model.classes == {"car": 0} and len(boxes_of(model).boxes) == 0


def test_a_segmenter_with_and_without_names(written: Write) -> None:
    body = "def look(image):\n    return np.full(image.shape[:2], 3)"
    model = written(body)
    assert model.task == "segmentation" and not model.has_fixed_classes
    assert np.array_equal(model.predict(PICTURE), np.full((20, 30), 3))  # type: ignore[arg-type]
    assert written(body + "\nlook.classes = {'road': 3}").classes == {"road": 3}
    assert written(body + "\nlook.classes = ['sky', 'road']").classes == {"sky": 0, "road": 1}


def test_the_function_cannot_spoil_the_frames(written: Write) -> None:
    picture = PICTURE.copy()
    model = written("def look(image):\n    image[:] = 255\n    return np.zeros(image.shape[:2], int)")
    model.predict(picture)
    assert (picture == 0).all()


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        ("{'boxes': [[1, 2, 3, 4]], 'scores': [0.5]}", "a dict of boxes, scores"),
        ("{'boxes': [[1, 2, 3]], 'scores': [0.5], 'labels': ['car']}", r"boxes \(1, 3\)"),
        ("{'boxes': [[1, 2, 3, 4]], 'scores': [0.5, 0.4], 'labels': ['car']}", r"scores \(2,\) and 1 labels"),
        ("{'boxes': [[1, 2, 3, 4]], 'scores': [0.5], 'labels': [7]}", "a label 7"),
        ("{'boxes': [[1, 2, 3, 4]], 'scores': [50], 'labels': ['car']}", "scores from 50 to 50"),
        ("{'boxes': [[1, 2, 3, np.nan]], 'scores': [0.5], 'labels': ['car']}", "NaN or infinite boxes"),
        ("{'boxes': [[5, 2, 3, 4]], 'scores': [0.5], 'labels': ['car']}", "a box .* whose end lies before its start"),
        ("{'boxes': ['a'], 'scores': [0.5], 'labels': ['car']}", "boxes that are not numbers"),
        ("np.zeros(image.shape[:2])", r"float64 of shape \(20, 30\)"),
        ("np.zeros((2, 2), int)", r"int64 of shape \(2, 2\) for a picture of shape \(20, 30, 3\)"),
        ("None", "object of shape"),
    ],
)
def test_a_wrong_answer_says_what_came_and_what_is_expected(written: Write, answer: str, came: str) -> None:
    with pytest.raises(DataError, match=f"look returned .*{came}.*; expected .*class names.* for a detector"):
        written(f"def look(image):\n    return {answer}")


def test_a_label_that_the_function_did_not_name(written: Write) -> None:
    with pytest.raises(DataError, match="a label 'bus' that its attribute `classes` does not have"):
        written(
            "def look(image):\n    return {'boxes': [[1, 2, 3, 4]], 'scores': [1], 'labels': ['bus']}\n"
            "look.classes = ['car']"
        )


def test_mistakes_around_the_function(written: Write) -> None:
    with pytest.raises(DataError, match=r"ZeroDivisionError: division by zero, looker_\w+\.py line 3"):
        written("def look(image):\n    return 1 / 0")
    with pytest.raises(DataError, match="no 'look' in the module"):
        written("def see(image):\n    return image")
    with pytest.raises(DataError, match=r"cannot be imported .*ModuleNotFoundError"):
        open_model("python:no_such_module_here:look", PICTURE)
    with pytest.raises(DataError, match="expected python:MODULE:FUNCTION"):
        open_model("python:look", PICTURE)
    with pytest.raises(DataError, match="is int; expected a function"):
        written("look = 3")


@pytest.mark.parametrize("spec", ["hf:folder", "tensorflow:model"])
def test_an_unknown_kind_of_model(spec: str) -> None:
    with pytest.raises(DataError, match=f"--model {spec}; expected a run folder, torchvision:NAME"):
        open_model(spec, PICTURE)


def test_boxes_as_shares_of_the_picture_come_back_in_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
def shares(image):
    far = 0.8 if image.max() == 0 else 40.0
    return {"boxes": [[0.1, 0.25, 0.5, far]], "scores": [0.9], "labels": ["car"]}
def speck(image):
    boxes = [[3.0, 4.0, 9.0, 8.0]] if image.max() == 0 else [[0.0, 0.0, 0.9, 1.0]]
    return {"boxes": boxes, "scores": [0.9], "labels": ["car"]}
"""
    (tmp_path / "share_model.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    dark, light = np.zeros((20, 40, 3), np.uint8), np.ones((20, 40, 3), np.uint8)
    model = open_function("share_model:shares", dark)
    assert model.predict(dark).boxes.tolist() == [pytest.approx([4, 5, 20, 16])]
    assert model.describe()[1] == "Its boxes end before 1: they are read as shares of the picture's width and height."
    with pytest.raises(DataError, match="a box that reaches to 40, after boxes that were shares"):
        model.predict(light)
    pixels = open_function("share_model:speck", dark)  # the first box is in pixels: so is the speck
    assert pixels.predict(light).boxes.tolist() == [pytest.approx([0, 0, 0.9, 1])]
    assert len(pixels.describe()) == 1


def test_boxes_in_the_pixels_of_another_size_are_refused(written: Write) -> None:
    one = '{{"boxes": [[2, 2, {}, {}]], "scores": [0.9], "labels": ["car"]}}'
    with pytest.raises(DataError, match=r"boxes that reach to \(90, 60\) in a picture of 30×20; expected xyxy"):
        written(f"def look(image):\n    return {one.format(90, 60)}\n")
    assert boxes_of(written(f"def look(image):\n    return {one.format(31, 20)}\n")).boxes.tolist() == [[2, 2, 31, 20]]


def test_tensors_with_gradients_are_numbers(written: Write) -> None:
    body = "import torch\ndef look(image):\n    boxes = torch.tensor([[1.0, 2, 9, 8]], requires_grad=True)\n"
    model = written(body + '    return {"boxes": boxes, "scores": boxes[:, 0] / 2, "labels": ["car"]}\n')
    assert boxes_of(model).boxes.tolist() == [[1, 2, 9, 8]]
