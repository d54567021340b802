"""Exports of other toolkits: TensorFlow's order of axes, rows that only fill up, no batch axis, columns for nothing."""

from __future__ import annotations

import numpy as np
import pytest
from constant_models import FITTED, GRID, PICTURE, STRETCHED, SURE, TRUE, Constant, centred, check, table

from domaingan.core.errors import DataError
from domaingan.robustness_eval.model_specs import ModelOptions
from domaingan.robustness_eval.onnx_detector.find_layouts import remove_filler
from domaingan.robustness_eval.onnx_detector.onnx_model import OnnxDetector
from domaingan.robustness_eval.onnx_detector.onnx_names import remove_background

SCORES = np.array(SURE, np.float32)
SWAPPED = [1, 0, 3, 2]


def filled(rows: np.ndarray, value: float, length: int = 12) -> np.ndarray:
    """Rows behind which rows of one value follow, up to a length."""
    whole = np.full((length, *rows.shape[1:]), value, rows.dtype)
    whole[: len(rows)] = rows
    return whole


def test_tensorflow_writes_y_before_x_and_colours_last(constant: Constant) -> None:
    shares = (STRETCHED / 64)[:, SWAPPED]
    outputs = {"o_0": shares[None], "o_1": np.array([[3, 1]], np.float32), "o_2": SCORES[None]}
    model = check(constant((1, 64, 64, 3), **outputs, o_3=np.array([2], np.float32)), (3, 1))
    assert "corners (y before x) as shares of the picture from 'o_0'" in model.describe()[0]


def test_the_names_of_tensorflows_outputs_tell_their_order(constant: Constant) -> None:
    shares = (STRETCHED / 64)[:, SWAPPED]
    path = constant(detection_boxes=shares, detection_scores=SCORES, detection_classes=np.array([3, 1]))
    assert "y before x" in check(path, (3, 1)).describe()[0]


def test_corners_in_what_surrounds_the_picture_are_none(constant: Constant) -> None:
    boxes = np.array([[2, 17, 30, 40], [20, 18, 60, 46]], np.float32)  # the picture begins at row 16 and ends at 48
    labels = np.array([0, 1])
    read = OnnxDetector(str(constant(b=boxes[:, SWAPPED], s=SCORES, t=labels)), PICTURE, ModelOptions())
    expected = (boxes - [0, 16, 0, 16]) * 1.5
    assert read.predict(PICTURE).boxes == pytest.approx(expected, abs=0.01)
    assert "y before x" in read.describe()[0]


def test_seven_columns_of_efficientdet(constant: Constant) -> None:
    rows = np.zeros((1, 9, 7), np.float32)
    rows[0, :2, 1:5], rows[0, :2, 5], rows[0, :2, 6] = FITTED[:, SWAPPED], SURE, (2, 1)
    model = check(constant((1, 64, 64, 3), detections=rows), (2, 1))
    assert "image, corners, score and label" in model.describe()[0]


@pytest.mark.parametrize("packed", [True, False])
def test_rows_of_minus_one_only_fill_up(constant: Constant, packed: bool) -> None:
    labels = np.array([1, 0])
    if packed:
        rows = np.hstack([FITTED, SCORES[:, None], labels[:, None]]).astype(np.float32)
        path = constant(o=filled(rows, -1)[None])
    else:
        path = constant(b=filled(FITTED, -1)[None], s=filled(SCORES, -1)[None], t=filled(labels, -1)[None])
    check(path, (1, 0))
    assert len(OnnxDetector(str(path), PICTURE, ModelOptions(min_score=0.0)).predict(PICTURE).boxes) == 2


def test_rows_beyond_the_number_of_detections_do_not_count(constant: Constant) -> None:
    boxes, scores = np.concatenate([FITTED, FITTED + 3]), np.tile(SCORES, 2)
    labels = np.array([1, 0, 0, 1])
    check(constant(num_dets=np.array([[2]]), b=boxes[None], s=scores[None], t=labels[None]), (1, 0))


def test_a_number_that_no_output_has_rows_for_cuts_nothing() -> None:
    outputs = {"num": np.array([9]), "b": np.zeros((1, 4, 4)), "p": np.zeros((1, 32, 5, 5))}
    assert [array.shape for array in remove_filler(outputs).values()] == [(1,), (1, 4, 4), (1, 32, 5, 5)]
    outputs["num"] = np.array([0])
    assert [array.shape for array in remove_filler(outputs).values()] == [(1,), (1, 0, 4), (1, 32, 5, 5)]


@pytest.mark.parametrize("objectness", [True, False])
def test_tables_without_a_batch_axis(constant: Constant, objectness: bool) -> None:
    rows = table(centred(FITTED), (2, 0), 3 * GRID if objectness else GRID, 9)[0]
    if objectness:
        rows = np.insert(rows, 4, (rows[:, 4:] > 0).any(axis=1), axis=1)
    check(constant(o=rows if objectness else rows.T), (2, 0))


def test_as_many_boxes_as_coordinates(constant: Constant) -> None:
    outputs = {"t": filled(np.array([1, 0]), 0, 4), "b": filled(FITTED, 0, 4), "s": filled(SCORES, 0, 4)}
    check(constant(**{name: array[None] for name, array in outputs.items()}), (1, 0))


def test_scores_and_labels_with_an_axis_of_their_own(constant: Constant) -> None:
    check(constant(b=FITTED[None], s=SCORES[None, :, None], t=np.array([1, 0])[None, :, None]), (1, 0))


def test_coefficients_of_masks_are_no_classes_without_names_either(constant: Constant) -> None:
    rows = np.concatenate([table(centred(FITTED), (2, 0), GRID, 5), np.full((1, GRID, 6), -3, np.float32)], axis=2)
    model = check(constant(o=rows.transpose(0, 2, 1), masks=np.zeros((1, 6, 16, 16), np.float32)), (2, 0))
    assert len(model.classes) == 5


def test_a_name_for_nothing_is_the_column_for_nothing(constant: Constant) -> None:
    rows = table(STRETCHED / 64, (3, 1), 20, 4)
    rows[0, :, 4] = 1 - rows[0, :, 5:].sum(axis=1)
    path = constant(b=rows[:, :, :4], s=rows[:, :, 4:])
    names = path.parent / "names.txt"
    names.write_text("__background__\ncar\nbus\ncyclist\n")
    assert check(path, (2, 0), class_names=str(names)).classes == {"car": 0, "bus": 1, "cyclist": 2}
    assert remove_background({"car": 0, "background": 1}) == {"car": 0}
    assert remove_background({"car": 0, "bus": 1}) == {"car": 0, "bus": 1}


def test_a_label_beyond_the_last_name_is_refused(constant: Constant) -> None:
    path = constant(b=FITTED, s=SCORES, t=np.array([1, 2]))
    names = path.parent / "names.txt"
    names.write_text("car\nbus\n")
    model = OnnxDetector(str(path), PICTURE, ModelOptions(class_names=str(names)))
    with pytest.raises(DataError, match=r"label 2, but the last class name \(bus\) is for 1; expected .*background"):
        model.predict(PICTURE)
    names.write_text("background\ncar\nbus\n")
    found = OnnxDetector(str(path), PICTURE, ModelOptions(class_names=str(names))).predict(PICTURE)
    assert found.boxes == pytest.approx(TRUE, abs=0.01)


def test_logits_are_called_so(constant: Constant) -> None:
    rows = table(centred(FITTED), (2, 0), GRID, 9)
    rows[0, :, 4:] -= 3
    with pytest.raises(DataError, match="the export lacks its sigmoid or softmax"):
        OnnxDetector(str(constant(o=rows.transpose(0, 2, 1))), PICTURE, ModelOptions())
