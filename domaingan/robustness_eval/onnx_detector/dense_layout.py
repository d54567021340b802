"""The layout of YOLO's tables: a row for each candidate box, with a score for each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.onnx_detector.box_format import CENTRES, BoxFormat
from domaingan.robustness_eval.onnx_detector.layout import Outputs, select_best_class

GRID_STRIDES = (8, 16, 32)
"""Pixels of the input that one cell of each of YOLO's grids covers."""

MAX_LOG_SIZE = 20.0
"""Larger logarithms of sizes are cut to it: e^20 strides are no box, and what is no detection may overflow."""

FAMILY_NAMES = {"yolov8": "YOLOv8–v11", "yolov5": "YOLOv5–v7", "yolox": "YOLOX"}


@dataclass(frozen=True)
class DenseLayout:
    """A table with a row for each candidate: box, objectness (or not), and a score for each class.

    Attributes:
        output: name of the output with the table.
        is_transposed: the table has a column for each candidate instead.
        has_objectness: the fifth number is objectness, which multiplies the class scores.
        has_grid_offsets: boxes count from the cells of YOLOX's grids.
        candidate_count: number of candidates in the table.
        max_offset: the largest x or y in the table, for the description.
        box_format: how the four numbers of a box are meant.
        kind, class_count, has_nms, is_stretched: see :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`.
    """

    output: str
    kind: str
    is_transposed: bool
    has_objectness: bool
    has_grid_offsets: bool
    class_count: int | None
    candidate_count: int
    max_offset: float = 0.0
    has_nms: bool = False
    box_format: BoxFormat = CENTRES
    is_stretched: bool = False

    def describe(self) -> str:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        objectness = " + objectness" if self.has_objectness else ""
        columns = f"4{objectness} + {self.class_count} classes"
        table = f"{self.output!r} is {self.candidate_count} candidates × ({columns})"
        if self.kind == "yolox" and self.has_grid_offsets:
            offsets = f"x and y count from the cell (at most {self.max_offset:.1f})"
            return f"read as YOLOX raw: {table}, one a cell of the grids of stride 8, 16 and 32; {offsets}"
        name = "RT-DETR" if self.is_stretched else FAMILY_NAMES[self.kind]
        where = ", decoded in the graph" if self.kind == "yolox" else ""
        shares = ", boxes as shares of the picture" if self.box_format.is_relative else ""
        return f"read as {name}{where}: {table}{shares}"

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`; objectness stands first."""
        score_count = int(self.has_objectness) + (self.class_count or 0)
        return self._read_table(outputs)[:, 4 : 4 + score_count]

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """See :class:`~domaingan.robustness_eval.onnx_detector.layout.Layout`."""
        scores = self.read_scores(outputs)
        if self.has_objectness:
            scores = scores[:, 1:] * scores[:, :1]
        numbers = self._read_table(outputs)[:, :4]
        if self.has_grid_offsets:
            numbers = decode_grid_offsets(numbers, size)
        boxes = self.box_format.to_corners(numbers, size)
        return select_best_class(boxes, scores, threshold)

    def _read_table(self, outputs: Outputs) -> NDArray[np.float32]:
        array = outputs[self.output]
        table = array.reshape(array.shape[-2:]).astype(np.float32, copy=False)
        return table.T if self.is_transposed else table


def list_grids(size: tuple[int, int]) -> list[tuple[int, int, int]]:
    """List rows, columns and stride of each of YOLO's grids for an input of ``size`` (height, width)."""
    height, width = size
    return [(height // stride, width // stride, stride) for stride in GRID_STRIDES]


def count_grid_candidates(size: tuple[int, int]) -> tuple[int, int]:
    """Count the cells of the grids of an input, and the candidates where each cell has three anchors.

    >>> count_grid_candidates((64, 64))
    (84, 252)
    """
    cell_count = 0
    for rows, columns, _ in list_grids(size):
        cell_count += rows * columns
    return cell_count, 3 * cell_count


def decode_grid_offsets(table: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Turn YOLOX's raw numbers into centres and sizes in pixels.

    A centre is ``(offset + cell) * stride`` and a size ``exp(log size) * stride`` (Ge et al. 2021,
    https://arxiv.org/abs/2107.08430).

    Args:
        table: ``(N, 4)``: offsets of x and y, logarithms of width and height.
        size: height and width of the input, in pixels.

    Returns:
        ``(N, 4)``: x and y of the centre, width and height, in pixels.
    """
    grids = []
    for rows, columns, stride in list_grids(size):
        y, x = np.divmod(np.arange(rows * columns, dtype=np.float32), columns)
        grids.append(np.stack([x, y, np.full_like(x, stride)], axis=1))
    cells = np.concatenate(grids)
    strides = cells[:, 2:]
    centres = (table[:, :2] + cells[:, :2]) * strides
    sizes = np.exp(np.minimum(table[:, 2:], MAX_LOG_SIZE)) * strides
    return np.concatenate([centres, sizes], axis=1)
