"""ONNX files that answer every picture with the same arrays, and two boxes for them to find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from domaingan.robustness_eval.model_specs import ModelOptions
from domaingan.robustness_eval.onnx_detector.onnx_model import OnnxDetector

Array = NDArray[np.generic]
Constant = Callable[..., Path]

PICTURE = np.zeros((48, 96, 3), np.uint8)
"""Twice as wide as high: fitted into 64 × 64 it is scaled by 2/3 and starts at row 16; stretched, by 2/3 and 4/3."""

TRUE = np.array([[12, 6, 48, 30], [60, 18, 90, 45]], np.float32)
GRID = 84
"""Cells of the grids of stride 8, 16 and 32 of 64 × 64 pixels."""

SURE = (0.8, 0.6)
FITTED = TRUE * np.float32(2 / 3) + np.array([0, 16, 0, 16], np.float32)
STRETCHED = TRUE * np.array([2 / 3, 4 / 3] * 2, np.float32)


def writer(folder: Path) -> Constant:
    """Writes ONNX files that answer every picture with the same arrays."""

    def written(shape: tuple[int | str, ...] = (1, 3, 64, 64), **outputs: Array) -> Path:
        nodes, values, constants = [], [], []
        for name, array in outputs.items():
            constants.append(numpy_helper.from_array(np.ascontiguousarray(array), f"{name}_value"))
            nodes.append(helper.make_node("Identity", [f"{name}_value"], [name]))
            kind = helper.np_dtype_to_tensor_dtype(array.dtype)
            values.append(helper.make_tensor_value_info(name, kind, array.shape))
        image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, shape)
        graph = helper.make_graph(nodes, "constant", [image], values, constants)
        path = folder / "constant.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
        return path

    return written


def centred(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def table(boxes: NDArray[np.float32], labels: tuple[int, int], rows: int, classes: int) -> NDArray[np.float32]:
    """``(1, rows, 4 + classes)``, the two boxes in rows 3 and 4."""
    found = np.zeros((1, rows, 4 + classes), np.float32)
    found[0, 3:5, :4] = boxes
    found[0, [3, 4], [4 + label for label in labels]] = SURE
    return found


def check(path: Path, labels: tuple[int, int], **options: str) -> OnnxDetector:
    """The model, once it has found both boxes."""
    model = OnnxDetector(str(path), PICTURE, ModelOptions(**options))  # type: ignore[arg-type]
    found = model.predict(PICTURE)
    assert found.boxes == pytest.approx(TRUE, abs=0.01)
    assert found.labels.tolist() == list(labels) and found.scores.tolist() == pytest.approx(SURE)
    return model
