"""From a detector's output arrays to candidate boxes in the pixels of its input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.detections import Detections

GRID_STRIDES = (8, 16, 32)

Outputs = Mapping[str, NDArray[Any]]


BOX_FORMS = {
    "xyxy": "corners",
    "yxyx": "corners (y before x)",
    "cxcywh": "centres and sizes",
    "xywh": "first corners and sizes",
}
"""Ways to say with four numbers where a box is, in words."""


@dataclass(frozen=True)
class BoxFormat:
    """How four numbers say where a box is.

    Attributes:
        form: ``xyxy`` (corners), ``yxyx`` (corners, rows first), ``cxcywh`` (centre and size) or ``xywh`` (the corner
            at the top left, and size).
        shares: they are shares of the input's width and height, not its pixels.
    """

    form: str = "xyxy"
    is_relative: bool = False

    def describe(self) -> str:
        """In words, without a subject."""
        return f"{BOX_FORMS[self.form]} {'as shares of the picture' if self.is_relative else 'in pixels'}"

    def to_corners(self, places: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """Corner boxes in the pixels of an input of ``size`` (height, width)."""
        if self.form == "cxcywh":
            places = centres_to_corners(places)
        elif self.form == "xywh":
            places = np.concatenate([places[:, :2], places[:, :2] + places[:, 2:]], axis=1)
        elif self.form == "yxyx":
            places = places[:, [1, 0, 3, 2]]
        if self.is_relative:
            places = places * np.array([size[1], size[0]] * 2, np.float32)
        return places.astype(np.float32)


class Layout(Protocol):
    """How outputs are laid out.

    Attributes:
        kind: ``boxes``, ``yolov8``, ``yolov5`` or ``yolox``.
        places: how the four numbers of a box are meant.
        classes: number of classes, None where labels are given and their number is not known.
        suppressed: whether duplicates are gone already.
        stretched: whether such detectors are shown the picture stretched to their input.
    """

    @property
    def kind(self) -> str:
        """As above."""

    @property
    def box_format(self) -> BoxFormat:
        """As above."""

    @property
    def class_count(self) -> int | None:
        """As above."""

    @property
    def has_nms(self) -> bool:
        """As above."""

    @property
    def is_stretched(self) -> bool:
        """As above."""

    def describe(self) -> str:
        """How the outputs are read, in words."""

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """All numbers that are read as scores, whatever their shape."""

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """The candidates of at least ``threshold``, boxes in the input's pixels; ``size`` is its height and width."""


@dataclass(frozen=True)
class SeparateLayout:
    """Boxes, scores and labels in three outputs, with or without a batch axis; or scores in a fifth column of boxes."""

    box_output: str
    score_output: str
    label_output: str
    box_format: BoxFormat = BoxFormat()
    kind: str = "boxes"
    class_count: int | None = None
    has_nms: bool = False

    @property
    def is_stretched(self) -> bool:
        """Shares are shares of the whole picture."""
        return self.box_format.is_relative

    def describe(self) -> str:
        """See :class:`Layout`."""
        places = "corners" if self.box_format == BoxFormat() else self.box_format.describe()
        others = f"scores from {self.score_output!r}, labels from {self.label_output!r}"
        return f"read as boxes: {places} from {self.box_output!r}, {others}"

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """See :class:`Layout`."""
        scores = outputs[self.score_output]
        return (scores[..., 4] if self.score_output == self.box_output else scores).reshape(-1).astype(np.float32)

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """See :class:`Layout`."""
        places = outputs[self.box_output][..., :4].reshape(-1, 4).astype(np.float32)
        boxes = self.box_format.to_corners(places, size)
        labels = np.rint(outputs[self.label_output].reshape(-1)).astype(np.int64)
        return _select_candidates(boxes, self.read_scores(outputs), labels, threshold)


@dataclass(frozen=True)
class ClassScoresLayout:
    """Boxes in one output and, beside them, a score for each class in another (YOLO-NAS, PP-YOLOE, DETR)."""

    box_output: str
    score_output: str
    is_transposed: bool
    class_count: int | None
    background: str = ""
    box_format: BoxFormat = BoxFormat()
    kind: str = "boxes"
    has_nms: bool = False

    @property
    def is_stretched(self) -> bool:
        """Shares are shares of the whole picture."""
        return self.box_format.is_relative

    def describe(self) -> str:
        """See :class:`Layout`."""
        without = f" and, {self.background}, one for nothing" if self.background else ""
        scores = f"scores of {self.class_count} classes{without} from {self.score_output!r}"
        return f"read as boxes: {self.box_format.describe()} from {self.box_output!r}, {scores}"

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """See :class:`Layout`."""
        table = outputs[self.score_output].astype(np.float32)
        table = table.reshape(table.shape[-2:])
        table = table.T if self.is_transposed else table
        return {"first": table[:, 1:], "last": table[:, :-1]}.get(self.background, table)

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """See :class:`Layout`."""
        boxes = self.box_format.to_corners(outputs[self.box_output].reshape(-1, 4).astype(np.float32), size)
        scores = self.read_scores(outputs)
        labels = scores.argmax(axis=1)
        return _select_candidates(boxes, scores[np.arange(len(scores)), labels], labels.astype(np.int64), threshold)


PACKED_COLUMNS = {
    "corners, score and label": (0, 4, 5),
    "corners, label and score": (0, 5, 4),
    "label, score and corners": (2, 1, 0),
    "image, corners, label and score": (1, 6, 5),
    "image, label, score and corners": (3, 2, 1),
    "image, corners, score and label": (1, 5, 6),
}
"""What the columns of a packed output may be: where the corners begin, the score's and the label's column."""


@dataclass(frozen=True)
class PackedLayout:
    """Corners, score and label in the columns of one output."""

    output: str
    columns: str = "corners, score and label"
    box_format: BoxFormat = BoxFormat()
    kind: str = "boxes"
    class_count: int | None = None
    has_nms: bool = True
    is_stretched: bool = False

    def describe(self) -> str:
        """See :class:`Layout`."""
        shares = "; the corners are shares of the picture" if self.box_format.is_relative else ""
        shares += "; y stands before x" if self.box_format.form == "yxyx" else ""
        width = "seven" if self.columns.startswith("image") else "six"
        return f"read as boxes: {self.columns} in the {width} columns of {self.output!r}{shares}"

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """See :class:`Layout`."""
        return self._read_rows(outputs)[:, PACKED_COLUMNS[self.columns][1]]

    def read_labels(self, outputs: Outputs) -> NDArray[np.float32]:
        """All numbers that are read as labels."""
        return self._read_rows(outputs)[:, PACKED_COLUMNS[self.columns][2]]

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """See :class:`Layout`."""
        start = PACKED_COLUMNS[self.columns][0]
        boxes = self.box_format.to_corners(self._read_rows(outputs)[:, start : start + 4], size)
        labels = np.rint(self.read_labels(outputs)).astype(np.int64)
        return _select_candidates(boxes, self.read_scores(outputs), labels, threshold)

    def _read_rows(self, outputs: Outputs) -> NDArray[np.float32]:
        array = outputs[self.output]
        return array.reshape(-1, array.shape[-1]).astype(np.float32)


@dataclass(frozen=True)
class DenseLayout:
    """A table with a candidate a row (or, ``transposed``, a column): centre, size, maybe objectness, class scores."""

    output: str
    kind: str
    is_transposed: bool
    has_objectness: bool
    has_grid_offsets: bool
    class_count: int | None
    candidate_count: int
    max_offset: float = 0.0
    has_nms: bool = False
    box_format: BoxFormat = BoxFormat("cxcywh")
    is_stretched: bool = False

    def describe(self) -> str:
        """See :class:`Layout`."""
        name = {"yolov8": "YOLOv8–v11", "yolov5": "YOLOv5–v7", "yolox": "YOLOX"}[self.kind]
        name = "RT-DETR" if self.is_stretched else name
        objectness = " + objectness" if self.has_objectness else ""
        table = f"{self.output!r} is {self.candidate_count} candidates × (4{objectness} + {self.class_count} classes)"
        if self.kind == "yolox" and self.has_grid_offsets:
            offsets = f"x and y count from the cell (at most {self.max_offset:.1f})"
            return f"read as YOLOX raw: {table}, one a cell of the grids of stride 8, 16 and 32; {offsets}"
        where = ", decoded in the graph" if self.kind == "yolox" else ""
        shares = ", boxes as shares of the picture" if self.box_format.is_relative else ""
        return f"read as {name}{where}: {table}{shares}"

    def read_scores(self, outputs: Outputs) -> NDArray[np.float32]:
        """See :class:`Layout`."""
        table = self._read_table(outputs)
        return table[:, 4 : 4 + int(self.has_objectness) + (self.class_count or 0)]

    def decode(self, outputs: Outputs, size: tuple[int, int], threshold: float) -> Detections:
        """See :class:`Layout`."""
        table = self._read_table(outputs)
        scores = self.read_scores(outputs)
        if self.has_objectness:
            scores = scores[:, 1:] * scores[:, :1]
        labels = scores.argmax(axis=1)
        best = scores[np.arange(len(scores)), labels]
        places = table[:, :4]
        if self.has_grid_offsets:
            places = decode_grid_offsets(places, size)
        return _select_candidates(self.box_format.to_corners(places, size), best, labels.astype(np.int64), threshold)

    def _read_table(self, outputs: Outputs) -> NDArray[np.float32]:
        array = outputs[self.output]
        rows = array.reshape(array.shape[-2:]).astype(np.float32, copy=False)
        return rows.T if self.is_transposed else rows


def _select_candidates(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], labels: NDArray[np.int64], threshold: float
) -> Detections:
    kept = (scores >= threshold) & (labels >= 0)
    return Detections(boxes[kept], scores[kept], labels[kept])


def centres_to_corners(places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes given by centre and size as corner boxes, xyxy.

    >>> centres_to_corners(np.array([[5, 5, 4, 2]], np.float32)).tolist()
    [[3.0, 4.0, 7.0, 6.0]]
    """
    half = places[:, 2:] / 2
    return np.concatenate([places[:, :2] - half, places[:, :2] + half], axis=1)


def list_grids(size: tuple[int, int]) -> list[tuple[int, int, int]]:
    """Rows, columns and stride of each grid of an input of ``size`` (height, width)."""
    return [(size[0] // stride, size[1] // stride, stride) for stride in GRID_STRIDES]


def decode_grid_offsets(places: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """YOLOX's raw centres and sizes in pixels: ``(offset + cell) * stride`` and ``exp(log size) * stride``."""
    origins = []
    for rows, columns, stride in list_grids(size):
        y, x = np.divmod(np.arange(rows * columns, dtype=np.float32), columns)
        origins.append(np.stack([x, y, np.full_like(x, stride)], axis=1))
    cell = np.concatenate(origins)
    centre = (places[:, :2] + cell[:, :2]) * cell[:, 2:]
    # A size of e^20 strides is no box; without the bound, what is no detection may overflow.
    return np.concatenate([centre, np.exp(np.minimum(places[:, 2:], 20)) * cell[:, 2:]], axis=1)
