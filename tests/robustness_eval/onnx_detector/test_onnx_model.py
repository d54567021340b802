"""Exported detectors: every layout is told apart and its box comes out where it is; what cannot be read is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.robustness_eval.model_specs import ModelOptions, open_model
from domaingan.robustness_eval.onnx_detector.onnx_model import OnnxDetector

Export = Callable[..., Path]
Picture = NDArray[np.uint8]
Open = Callable[..., OnnxDetector]

NAMED = {0: "van", 1: "red_thing", 2: "tree"}

BOX = (40.0, 16.0, 80.0, 48.0)
"""Where the red thing is in ``red_picture``."""

SIZE = 64
"""Edge of the exported detectors' input."""


@pytest.fixture
def opened(red_picture: Picture) -> Open:
    def opening(path: Path, **options: Any) -> OnnxDetector:
        model = open_model(f"onnx:{path}", red_picture, ModelOptions(**options))
        assert isinstance(model, OnnxDetector)
        return model

    return opening


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ("boxes", "read as boxes: corners from 'b'"),
        ("boxes_batched", "read as boxes: corners from 'b'"),
        ("packed", "read as boxes: corners, score and label in the six columns"),
        ("yolov8", "read as YOLOv8–v11: 'b' is 84 candidates × (4 + 3 classes)"),
        ("yolov5", "read as YOLOv5–v7: 'b' is 252 candidates × (4 + objectness + 3 classes)"),
        ("yolox", "read as YOLOX raw: 'b' is 84 candidates × (4 + objectness + 3 classes)"),
        ("yolox_decoded", "read as YOLOX, decoded in the graph"),
    ],
)
def test_every_layout_gives_the_box_where_it_is(
    export: Export, opened: Open, red_picture: Picture, layout: str, said: str
) -> None:
    # Names that say nothing: shapes, types and values have to do.
    model = opened(export(layout, names=NAMED, outputs=("b", "x", "y") if layout.startswith("boxes") else ("b",)))
    assert model.describe()[0].startswith(f"{layout}.onnx: {said}")
    found = model.predict(red_picture)
    assert found.boxes.tolist() == [pytest.approx(BOX, abs=0.01)]
    assert found.labels.tolist() == [1] and found.scores.tolist() == pytest.approx([0.9])
    assert model.classes == {"van": 0, "red_thing": 1, "tree": 2} and model.has_fixed_classes
    preparation = model.describe()[1]
    assert ("BGR, 0 to 255" in preparation and "top left" in preparation) == layout.startswith("yolox")


def test_pictures_of_any_shape_come_back_in_their_own_pixels(
    export: Export, opened: Open, red_picture: Picture
) -> None:
    model = opened(export("yolov8", names=NAMED))
    tall = np.ascontiguousarray(np.rot90(red_picture))
    assert model.predict(tall).boxes.tolist() == [pytest.approx((16, 48, 48, 88), abs=0.01)]
    large = np.repeat(np.repeat(red_picture, 4, axis=0), 4, axis=1)
    assert model.predict(large).boxes.tolist() == [pytest.approx([4 * edge for edge in BOX], abs=0.1)]


def test_a_detector_of_any_size_sees_the_picture_as_it_is(export: Export, opened: Open, red_picture: Picture) -> None:
    for shape in ((1, 3, SIZE, SIZE), (3, SIZE, SIZE)):
        model = opened(export("boxes", shape=shape, dynamic=True, outputs=("boxes", "labels", "scores")))
        assert "at its own size" in model.describe()[1]
        assert model.predict(red_picture).boxes.tolist() == [pytest.approx(BOX, abs=0.01)]


def test_labels_without_names_become_numbered_classes(export: Export, opened: Open, red_picture: Picture) -> None:
    model = opened(export("boxes", outputs=("boxes", "labels", "scores")))
    assert not model.has_fixed_classes and model.classes == {}
    model.predict(red_picture)
    assert model.classes == {"class_1": 1}
    assert opened(export("yolov8")).classes == {"class_0": 0, "class_1": 1, "class_2": 2}


def test_eighty_classes_are_cocos_unless_named(
    export: Export, opened: Open, red_picture: Picture, tmp_path: Path
) -> None:
    path = export("yolox", classes=80)
    model = opened(path)
    assert list(model.classes)[:3] == ["person", "bicycle", "car"] and "taken to be COCO's" in model.describe()[3]
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"thing {i}" for i in range(80)) + "\n")
    assert list(opened(path, class_names=str(names)).classes)[79] == "thing 79"
    for n in (79, 81):
        names.write_text("\n".join(f"thing {i}" for i in range(n)))
        with pytest.raises(DataError, match=f"{n} class names for 80 classes"):
            opened(path, class_names=str(names))


def test_names_from_json(export: Export, opened: Open, red_picture: Picture, tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text('{"0": "a", "1": "b", "2": "c"}')
    assert opened(export("yolov8"), class_names=str(file)).classes == {"a": 0, "b": 1, "c": 2}
    file.write_text('"a"')
    with pytest.raises(DataError, match=r"names\.json: class names"):
        opened(export("yolov8"), class_names=str(file))


def test_the_threshold_and_the_named_layout_are_obeyed(export: Export, opened: Open, red_picture: Picture) -> None:
    assert len(opened(export("yolov8"), min_score=0.95).predict(red_picture).boxes) == 0
    said = opened(export("yolox"), decode="yolox").describe()[0]
    assert "read as YOLOX raw" in said
    with pytest.raises(DataError, match="--decode yolo9; expected one of boxes, yolov8, yolov5, yolox"):
        opened(export("yolox"), decode="yolo9")
    with pytest.raises(DataError, match=r"cannot be read as boxes: \w+ \(1, 84, 8\); expected boxes \(N, 4\)"):
        opened(export("yolox"), decode="boxes")


def test_one_class_is_told_from_packed_boxes(export: Export, opened: Open, red_picture: Picture) -> None:
    # (1, N, 6) both: YOLOv5 with one class has centres and fractions where the other has corners and labels.
    model = opened(export("yolov5", scores=(0.9, 0.8), classes=2, names={0: "van", 1: "red"}))
    assert "YOLOv5–v7" in model.describe()[0]
    found = opened(export("packed", names=NAMED))
    assert found.layout.has_nms


@pytest.mark.parametrize("layout", ["logits"])
def test_scores_that_are_none_are_refused(export: Export, opened: Open, red_picture: Picture, layout: str) -> None:
    with pytest.raises(DataError, match=r"scores from -1 to 2 .logits: .*read as YOLOv8.*expected 0 to 1"):
        opened(export(layout, scores=(1.0, 0.8)))


def test_files_that_are_no_detectors_are_refused(
    export: Export, opened: Open, red_picture: Picture, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no such file"):
        opened(tmp_path / "absent.onnx")
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"not a model at all" * 10)
    with pytest.raises(DataError, match=r"junk.onnx: cannot be read .*; expected an ONNX file"):
        opened(junk)
    whole = export("yolov8").read_bytes()
    junk.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be read"):
        opened(junk)
