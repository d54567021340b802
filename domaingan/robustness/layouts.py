"""How the outputs of an exported detector are to be read: decided by shapes, metadata and a look at the values.

What people's exporters write:

- ``boxes``: boxes (N, 4) xyxy, scores (N,), labels (N,), each with or without a batch axis, as torchvision has them; or
  one output (1, N, 6) of xyxy, score, label, as detectors that suppress duplicates themselves have it.
- ``yolov8`` (to v11): (1, 4 + C, N): centre, size and C scores of N candidates.
- ``yolov5`` (to v7): (1, N, 5 + C): centre, size, objectness and C scores.
- ``yolox``: the same shape, but with N grid cells of stride 8, 16 and 32 in that order, whose x and y count from the
  cell in strides and whose sizes are logarithms of strides (Ge et al. 2021, https://arxiv.org/abs/2107.08430).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.errors import DataError
from domaingan.robustness.decode import Boxes, Dense, Layout, Packed, cells

KINDS = ("boxes", "yolov8", "yolov5", "yolox")

EXPECTED = (
    "boxes (N, 4) with scores and labels (N,); or (1, N, 6); or YOLO's (1, 4 + C, N) or (1, N, 5 + C); "
    "--decode boxes|yolov8|yolov5|yolox says which"
)

Outputs = Mapping[str, NDArray[Any]]


def layout_of(
    outputs: Outputs, size: tuple[int, int], *, decode: str | None = None, classes: int | None = None, path: str = ""
) -> Layout:
    """How to read a detector's outputs.

    Args:
        outputs: what it gave for one picture, by output name.
        size: height and width of its input.
        decode: one of :data:`KINDS` where the user says which.
        classes: number of class names, where known.
        path: its file, for messages.

    Raises:
        DataError: they cannot be read, or not as the user says.
    """
    if decode is not None and decode not in KINDS:
        raise DataError(f"--decode {decode}", expected=f"one of {', '.join(KINDS)}")
    found: Layout | None = None
    if decode in (None, "boxes"):
        found = _boxes(outputs) or _packed(outputs, size, sure=decode == "boxes")
    if found is None and decode != "boxes":
        found = _dense(outputs, size, decode, classes)
    if found is None:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in outputs.items())
        said = f" as {decode}" if decode else ""
        raise DataError(f"outputs that cannot be read{said}: {shapes}", path=path, expected=EXPECTED)
    _check(found, outputs, path)
    return found


# ---------------------------------------------------------------- boxes, scores, labels


def _boxes(outputs: Outputs) -> Boxes | None:
    corners = [n for n, a in outputs.items() if a.shape[-1:] == (4,) and a.ndim - _batched(a) == 2]
    if len(corners) != 1:
        return None
    count = outputs[corners[0]].shape[-2]
    others = [n for n, a in outputs.items() if a.shape[-1:] == (count,) and a.ndim - _batched(a, 2) == 1]
    others = [n for n in others if n != corners[0]]
    if len(others) != 2:
        return None
    scores, labels = _ordered(others, outputs)
    return Boxes(corners[0], scores, labels)


def _batched(array: NDArray[Any], least: int = 3) -> int:
    return int(array.ndim >= least and array.shape[0] == 1)


def _ordered(names: Sequence[str], outputs: Outputs) -> tuple[str, str]:
    """The scores and the labels among two outputs: told by their names, else by kind, else by their values."""
    first, second = names
    for hints, wanted in ((("score", "conf", "prob"), 0), (("label", "class", "cls"), 1)):
        hit = [any(hint in name.lower() for hint in hints) for name in names]
        if hit[0] != hit[1]:
            return (first, second) if hit[wanted] else (second, first)
    whole = [np.issubdtype(outputs[name].dtype, np.integer) for name in names]
    if whole[0] == whole[1]:
        whole = [outputs[n].size > 0 and bool((outputs[n] == np.rint(outputs[n])).all()) for n in names]
    return (second, first) if whole[0] and not whole[1] else (first, second)


def _packed(outputs: Outputs, size: tuple[int, int], sure: bool) -> Packed | None:
    """One output of xyxy, score, label: told from YOLOv5 with one class by its corners and its whole labels."""
    name = next((n for n, a in outputs.items() if a.ndim == 3 and a.shape[0] == 1 and a.shape[2] == 6), None)
    if name is None:
        return None
    rows = outputs[name][0].astype(np.float64)
    ordered = bool((rows[:, 2:4] >= rows[:, :2] - 1e-3).all())
    whole = bool((rows[:, 5] == np.rint(rows[:, 5])).all())
    inside = not len(rows) or float(np.abs(rows[:, :4]).max()) <= 2 * max(size)
    return Packed(name) if sure or (ordered and whole and inside) else None


# ---------------------------------------------------------------- a row a candidate


def _dense(outputs: Outputs, size: tuple[int, int], decode: str | None, classes: int | None) -> Dense | None:
    tables = [n for n, a in outputs.items() if a.ndim == 3 and a.shape[0] == 1 and min(a.shape[1:]) >= 5]
    if len(tables) != 1:
        return None
    name = tables[0]
    rows, columns = outputs[name].shape[1:]
    grid = sum(h * w for h, w, _ in cells(size))
    first = _channels_first(rows, columns, grid)
    count, width = (columns, rows) if first else (rows, columns)
    table = (outputs[name][0].T if first else outputs[name][0]).astype(np.float64)
    # Centres that are pixels reach across the picture; offsets from cells stay small.
    reach = float(table[:, :2].max(initial=0))
    raw = count == grid and not first and reach < max(size) / 4
    objectness = decode in ("yolov5", "yolox") if decode else raw or _has_objectness(table, first, classes)
    known = width - (5 if objectness else 4)
    if known < 1 or (decode == "yolox" and count != grid):
        return None
    if classes is not None and classes < known and any(a.ndim == 4 for a in outputs.values()):
        known = classes  # the rest are coefficients of masks, whose prototypes are the other output
    if not objectness:
        return Dense(name, "yolov8", first, False, False, known, count)
    is_yolox = decode == "yolox" or (decode is None and count == grid and (raw or bool((table[:, 4] < 1).any())))
    return Dense(name, "yolox" if is_yolox else "yolov5", first, True, is_yolox and raw, known, count, reach)


def _channels_first(rows: int, columns: int, grid: int) -> bool:
    """Whether candidates lie along the last axis: it has a grid's number of them, else is the longer one."""
    for multiple in (1, 3):
        if (rows == multiple * grid) != (columns == multiple * grid):
            return columns == multiple * grid
    return columns > rows


def _has_objectness(table: NDArray[np.float64], first: bool, classes: int | None) -> bool:
    """By the number of classes where it is known, else as the exporters lay them out: rows first have it."""
    if classes is not None and table.shape[1] in (4 + classes, 5 + classes):
        return table.shape[1] == 5 + classes
    return not first


def _check(layout: Layout, outputs: Outputs, path: str) -> None:
    """Refuse scores that are none: logits, or pixels that were taken for scores.

    Raises:
        DataError: a score is not from 0 to 1, or a number is NaN.
    """
    scores = layout.scores(outputs)
    if not np.isfinite(scores).all():
        raise DataError(f"NaN or infinite scores, {layout.said()}", path=path, expected="0 to 1")
    low, high = float(scores.min(initial=0)), float(scores.max(initial=0))
    if low < -1e-3 or high > 1 + 1e-3:
        raise DataError(
            f"scores from {low:.3g} to {high:.3g}, {layout.said()}", path=path, expected=f"0 to 1; {EXPECTED}"
        )
