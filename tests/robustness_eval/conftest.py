"""A small detector of red things, exported to ONNX in every layout that people's exporters write."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from constant_models import Constant, writer
from numpy.typing import NDArray
from torch import Tensor, nn
from written_sets import write_dataset

from domaingan import phantoms
from domaingan.data import Dataset
from domaingan.robustness_eval.onnx_detector.dense_layout import GRID_STRIDES

SIZE = 64
CELLS = sum((SIZE // stride) ** 2 for stride in GRID_STRIDES)
CLASSES = ("van", "red_thing", "tree")
PLACE = 10
"""The candidate that holds the box; the next one holds it again, a little less sure."""

Export = Callable[..., Path]


@pytest.fixture(scope="session")
def red_picture() -> NDArray[np.uint8]:
    """A dark picture twice as wide as high with a red rectangle; at half its size the edges stay sharp."""
    picture = np.full((64, 128, 3), (20, 40, 60), dtype=np.uint8)
    picture[16:48, 40:80] = (255, 10, 10)
    return picture


class Red(nn.Module):
    """Finds the box around what is red and not blue, and writes it in one of the layouts."""

    def __init__(self, layout: str, scores: tuple[float, float] = (0.9, 0.8), classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.layout, self.scores, self.classes = layout, scores, classes
        self.bgr = layout.startswith("yolox")

    def forward(self, image: Tensor) -> Any:
        image = image.float() / (255.0 if self.bgr else 1.0)
        image = image if image.dim() == 4 else image[None]
        red, blue = (image[0, 2], image[0, 0]) if self.bgr else (image[0, 0], image[0, 2])
        found = (red > 0.9) & (blue < 0.2)
        y = torch.arange(image.shape[2]).float()[:, None].expand_as(red)
        x = torch.arange(image.shape[3]).float()[None].expand_as(red)
        start = [torch.where(found, axis, torch.tensor(1e4)).min() for axis in (x, y)]
        end = [torch.where(found, axis, torch.tensor(-1.0)).max() + 1 for axis in (x, y)]
        corners = torch.stack([*start, *end]) * found.any() + torch.arange(4) * 1e-3  # an empty box, if there is none
        return getattr(self, self.layout)(corners)

    def boxes(self, corners: Tensor) -> Any:
        scores = torch.tensor(self.scores)
        return torch.stack([corners, corners]), torch.ones(2, dtype=torch.int64), scores

    def boxes_batched(self, corners: Tensor) -> Any:
        boxes, labels, scores = self.boxes(corners)
        return boxes[None], scores[None], labels[None].float()

    def packed(self, corners: Tensor) -> Tensor:
        row = torch.cat([corners, torch.tensor([self.scores[0], 1.0])])
        return torch.stack([row, torch.zeros(6)])[None]

    def yolov8(self, corners: Tensor) -> Tensor:
        return self._table(_centred(corners), CELLS, objectness=False).T[None]

    def yolov5(self, corners: Tensor) -> Tensor:
        return self._table(_centred(corners), 3 * CELLS, objectness=True)[None]

    def yolox(self, corners: Tensor) -> Tensor:
        place = _centred(corners)
        row = PLACE // (SIZE // 8)
        rows = []
        for column in (PLACE % (SIZE // 8), PLACE % (SIZE // 8) + 1):
            offset = place[:2] / 8 - torch.tensor([float(column), float(row)])
            rows.append(torch.cat([offset, torch.log(place[2:] / 8)]))
        return self._table(torch.stack(rows), CELLS, objectness=True)[None]

    def yolox_decoded(self, corners: Tensor) -> Tensor:
        table = self._table(_centred(corners), CELLS, objectness=True)
        spread = torch.linspace(0, SIZE, CELLS)
        elsewhere = torch.cat([spread[:PLACE], torch.zeros(2), spread[PLACE + 2 :]])
        return (table + torch.nn.functional.pad(elsewhere[:, None], (0, table.shape[1] - 1)))[None]

    def logits(self, corners: Tensor) -> Tensor:
        return self.yolov8(corners) * 3 - 1

    def _table(self, places: Tensor, n: int, objectness: bool) -> Tensor:
        places = places if places.dim() == 2 else torch.stack([places, places])
        rows = []
        for place, score in zip(places, self.scores, strict=True):
            sure = torch.tensor([score, 1.0] if objectness else [score])
            sure = torch.cat([sure[:-1], torch.zeros(1), sure[-1:], torch.zeros(self.classes - 2)])
            rows.append(torch.cat([place, sure]))
        found = torch.stack(rows)
        return torch.cat([torch.zeros(PLACE, found.shape[1]), found, torch.zeros(n - PLACE - 2, found.shape[1])])


def _centred(corners: Tensor) -> Tensor:
    return torch.cat([(corners[:2] + corners[2:]) / 2, corners[2:] - corners[:2]])


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Exports the detector of red things, in a layout, to a file."""

    def exported(
        layout: str,
        *,
        names: Any = None,
        outputs: tuple[str, ...] | None = None,
        shape: tuple[int, ...] = (1, 3, SIZE, SIZE),
        dynamic: bool = False,
        **options: Any,
    ) -> Path:
        path = tmp_path_factory.mktemp("onnx") / f"{layout}.onnx"
        lead = len(shape) - 3
        axes = {"image": {lead + 1: "height", lead + 2: "width"}} if dynamic else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a trace bakes constants in, which is what is meant
            torch.onnx.export(
                Red(layout, **options).eval(),
                (torch.zeros(shape),),
                str(path),
                input_names=["image"],
                output_names=None if outputs is None else list(outputs),
                dynamic_axes=axes,
                dynamo=False,
            )
        if names is not None:
            model = onnx.load(path)
            onnx.helper.set_model_props(model, {"names": str(names), "stride": "32"})
            onnx.save(model, path)
        return path

    return exported


@pytest.fixture(scope="session")
def drives() -> Dataset:
    """A few small street frames, in memory."""
    return phantoms.load_phantom("driving", sequences=6, frames=1, shape=(48, 80)).load_into_memory()


@pytest.fixture(scope="session")
def drives_folder(drives: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on disk, as a user has them."""
    out = tmp_path_factory.mktemp("data") / "drives"
    write_dataset(drives, drives, out)
    return out


@pytest.fixture
def constant(tmp_path: Path) -> Constant:
    """Writes an ONNX file that answers every picture with the same arrays."""
    return writer(tmp_path)
