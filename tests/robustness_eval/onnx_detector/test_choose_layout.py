"""Exports that say little: which reading is right is judged by the boxes, told with its reason, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from constant_models import FITTED, GRID, PICTURE, STRETCHED, SURE, TRUE, Constant, centred, check, table
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.robustness_eval.model_specs import ModelOptions, open_model
from domaingan.robustness_eval.onnx_detector.choose_layout import are_valid_boxes
from domaingan.robustness_eval.onnx_detector.onnx_model import OnnxDetector


@pytest.mark.parametrize(("classes", "transposed"), [(7, False), (7, True), (3, False)])
def test_boxes_beside_class_scores(constant: Constant, classes: int, transposed: bool) -> None:
    rows = table(FITTED, (2, 0), 40, classes)
    scores = rows[:, :, 4:]
    model = check(constant(b=rows[:, :, :4], s=scores.transpose(0, 2, 1) if transposed else scores), (2, 0))
    assert f"corners in pixels from 'b', scores of {classes} classes from 's'" in model.describe()[0]
    assert list(model.classes) == [f"class_{i}" for i in range(classes)]


def test_as_many_class_scores_as_coordinates(constant: Constant) -> None:
    rows = table(FITTED, (2, 0), 40, 4)
    assert "from 'where'" in check(constant(a=rows[:, :, 4:], where=rows[:, :, :4]), (2, 0)).describe()[0]


def test_detr_after_softmax_has_a_column_for_nothing(constant: Constant) -> None:
    rows = table(centred(STRETCHED) / 64, (2, 0), 25, 5)
    rows[0, :, -1] = 1 - rows[0, :, 4:].sum(axis=1)
    model = check(constant(b=rows[:, :, :4], s=rows[:, :, 4:]), (2, 0))
    assert "scores of 4 classes and, last, one for no object" in model.describe()[0]
    assert "stretched to 64×64" in model.describe()[1]


def test_boxes_with_an_axis_for_each_anchor_as_shares(constant: Constant) -> None:
    rows = table(STRETCHED / 64, (1, 1), 30, 6)
    assert "as shares" in check(constant(b=rows[0, :, None, :4][None], s=rows[:, :, 4:]), (1, 1)).describe()[0]


def test_shares_of_a_picture_of_any_size(constant: Constant) -> None:
    shares = TRUE / np.array([96, 48] * 2, np.float32)
    labels, scores = np.array([5, 9]), np.array(SURE, np.float32)
    path = constant(("n", 3, "h", "w"), boxes=shares, labels=labels, scores=scores)
    check(path, (5, 9))


@pytest.mark.parametrize("batched", [True, False])
def test_boxes_with_their_scores_beside_labels(constant: Constant, batched: bool) -> None:
    rows = np.zeros((30, 5), np.float32)
    rows[:2, :4], rows[:2, 4] = FITTED, SURE
    labels = np.zeros(30, np.int64)
    labels[:2] = 3, 1
    path = constant(dets=rows[None] if batched else rows, labels=labels[None] if batched else labels)
    assert "scores from 'dets', labels from 'labels'" in check(path, (3, 1)).describe()[0]


@pytest.mark.parametrize("shares", [1, 96])
def test_boxes_by_their_first_corner_and_size(constant: Constant, shares: int) -> None:
    boxes = np.array([[2, 2, 40, 30], [50, 3, 40, 40], [1, 30, 60, 16]], np.float32)  # no centres: they would stick out
    ends = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    boxes = boxes / (np.array([96, 48] * 2, np.float32) if shares > 1 else 1)
    outputs = {"b": boxes, "l": np.array([1, 2, 3]), "s": np.array([0.9, 0.8, 0.7], np.float32)}
    model = OnnxDetector(str(constant(("n", 3, "h", "w"), **outputs)), PICTURE, ModelOptions())
    assert model.predict(PICTURE).boxes == pytest.approx(ends, abs=0.01)
    assert "first corners and sizes" in model.describe()[0]


@pytest.mark.parametrize("shares", [1, 64])
@pytest.mark.parametrize("labels", [(0, 0), (2, 1), (0, 3)])
def test_yolov8_lying_down_without_names(constant: Constant, labels: tuple[int, int], shares: int) -> None:
    rows = table(centred(FITTED) / np.float32(shares), labels, GRID, 4)
    for output in (rows, rows.transpose(0, 2, 1)):
        model = check(constant(o=output), labels)
        assert model.describe()[0].startswith("constant.onnx: read as YOLOv8–v11: 'o' is 84 candidates × (4 + 4")
        assert ("shares of the picture" in model.describe()[0]) == (shares > 1)


def test_a_table_with_objectness_is_not_taken_for_one_without(constant: Constant) -> None:
    rows = table(centred(FITTED), (2, 1), 3 * GRID, 5)
    rows[0, 3:5, 4] = 1
    assert "4 + objectness + 4 classes" in check(constant(o=rows), (1, 0)).describe()[0]
    grid = table(centred(TRUE * np.float32(2 / 3)), (2, 1), GRID, 5)  # YOLOX: fitted at the top left
    grid[0, 3:5, 4], grid[0, 30:, 0] = 1, 60
    assert "4 + objectness + 4 classes" in check(constant(o=grid), (1, 0)).describe()[0]


def test_queries_are_shown_a_stretched_picture(constant: Constant) -> None:
    model = check(constant(o=table(centred(STRETCHED) / 64, (2, 1), 50, 3)), (2, 1))
    assert "read as RT-DETR" in model.describe()[0] and "stretched" in model.describe()[1]


def packed(order: str, rows: int, shares: int = 1) -> NDArray[np.float32]:
    found = np.zeros((1, rows, len(order)), np.float32)
    found[0, :, order.index("s")] = 0.002
    for row, (box, score, label) in enumerate(zip(FITTED / shares, SURE, (1, 0), strict=True)):
        named = dict(zip("xyXYsli", [*box, score, label, 0], strict=True))
        found[0, row] = [named[letter] for letter in order]
    return found


@pytest.mark.parametrize("shares", [1, 64])
@pytest.mark.parametrize("order", ["xyXYsl", "xyXYls", "lsxyXY", "ixyXYls", "ilsxyXY"])
def test_packed_rows_in_any_order(constant: Constant, order: str, shares: int) -> None:
    rows = packed(order, 20, shares)
    rows[0, 7, order.index("x")] = 30 / shares  # of a filler row: it ends before it starts
    for output in (rows, rows[0]):
        assert check(constant(o=output), (1, 0)).layout.has_nms


def test_a_label_of_filler_that_is_no_whole_number(constant: Constant) -> None:
    rows = packed("xyXYsl", 20)
    rows[0, 9, 5] = 0.5
    check(constant(o=rows), (1, 0))


def test_the_reason_is_reported(constant: Constant) -> None:
    model = check(constant(b=STRETCHED / np.float32(64), s=np.array(SURE, np.float32), t=np.array([1, 0])), (1, 0))
    message = "In the first frame 100 % of 2 boxes (by score) are ordered, inside the picture and of a size; read as "
    assert model.describe()[4].startswith(message) and model.describe()[4].endswith("it would be 57 %.")


def test_nothing_found_is_reported(constant: Constant) -> None:
    path = constant(o=np.zeros((1, 6, 84), np.float32))
    message = OnnxDetector(str(path), [PICTURE] * 3, ModelOptions()).describe()[4]
    assert message == "Nothing is found in the first 3 frames: how boxes are read follows from shapes alone."


def test_boxes_that_can_be_none_are_refused(constant: Constant) -> None:
    rows = table(centred(FITTED) * 40, (2, 1), GRID, 4)
    with pytest.raises(
        DataError, match=r"constant.onnx: boxes that cannot be boxes: of those in the first frame, read as"
    ):
        OnnxDetector(str(constant(o=rows.transpose(0, 2, 1))), PICTURE, ModelOptions())
    far = OnnxDetector(str(constant(o=rows.transpose(0, 2, 1))), PICTURE, ModelOptions(decode="yolov8"))
    assert "0 % of 2 boxes" in far.describe()[4]


def test_scores_that_go_with_no_boxes_are_refused(constant: Constant) -> None:
    rows = table(FITTED, (2, 0), 40, 7)
    with pytest.raises(DataError, match="outputs that cannot be read: b "):
        OnnxDetector(str(constant(b=rows[:, :, :4], s=rows[:, :, 4:], t=rows[:, :, 4:])), PICTURE, ModelOptions())


def test_what_can_be_a_box() -> None:
    boxes = [
        [0, 0, 40, 20],
        [-2, -1, 12, 9],
        [-3, 3, 9, 9],
        [3, 3, 3.5, 9],
        [9, 9, 3, 12],
        [0, 0, 40, 24],
        [1, 1, 9, np.nan],
    ]
    assert are_valid_boxes(np.array(boxes, np.float32), (20, 40)).tolist() == [
        True,
        True,
        False,
        False,
        False,
        False,
        False,
    ]


def test_a_bare_path_is_an_onnx_file(constant: Constant) -> None:
    path = constant(o=packed("xyXYsl", 20))
    model = open_model(str(path), PICTURE)
    assert isinstance(model, OnnxDetector) and model.path == path
    with pytest.raises(DataError, match=r"absent\.ONNX: no such file"):
        open_model(str(path.parent / "absent.ONNX"), PICTURE)
