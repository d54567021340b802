"""Tables of candidate boxes, as YOLO's detectors and those with queries write them: what their columns may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.robustness_eval.decode import Dense, Places, cells

COCO_CLASSES = 80
"""A table without names is first taken to have as many classes."""

MAX_QUERIES = 1000
"""Detectors with queries in the place of a grid have no more of them."""

Outputs = Mapping[str, NDArray[Any]]


def grid_counts(size: tuple[int, int]) -> tuple[int, int]:
    """How many candidates the grids of an input have, with one and with three anchors a cell."""
    grid = sum(h * w for h, w, _ in cells(size))
    return grid, 3 * grid


def dense_layouts(outputs: Outputs, size: tuple[int, int], decode: str | None, classes: int | None) -> list[Dense]:
    """List the readings of a table with a candidate a row or a column, the likeliest first.

    Args:
        outputs: what a detector gave for one picture, by output name.
        size: height and width of its input.
        decode: ``yolov8``, ``yolov5`` or ``yolox`` where the user says which.
        classes: number of class names, where known.

    Returns:
        The readings; none where there is no such table, or more than one.
    """
    tables = [n for n, a in outputs.items() if _is_table(a)]
    if len(tables) != 1:
        return []
    name = tables[0]
    rows, columns = outputs[name].shape[-2:]
    grid = grid_counts(size)[0]
    first = _channels_first(rows, columns, grid)
    count, width = (columns, rows) if first else (rows, columns)
    table = outputs[name].reshape(rows, columns).astype(np.float64)
    table = table.T if first else table
    prototypes = [array.shape[1] for array in outputs.values() if array.ndim == 4]
    found: list[Dense] = []
    for objectness in _objectness(table, first, count, size, decode, classes):
        known = width - (5 if objectness else 4)
        if prototypes:  # the last columns are coefficients of masks, whose prototypes are the other output
            known = classes if classes is not None and classes < known else known - prototypes[0]
        if known < 1:
            continue
        if objectness:
            found += _with_objectness(Dense(name, "yolov5", first, True, False, known, count), table, size, decode)
        else:
            is_query = not first and count not in grid_counts(size) and count <= MAX_QUERIES
            pixels = Dense(name, "yolov8", first, False, False, known, count)
            shares = Dense(
                name, "yolov8", first, False, False, known, count, places=Places("cxcywh", True), stretched=is_query
            )
            found += [shares, pixels] if is_query else [pixels, shares]
    return found


def _is_table(array: NDArray[Any]) -> bool:
    """Whether an output has rows and columns enough, with or without a batch axis."""
    is_flat = array.ndim == 2 or (array.ndim == 3 and array.shape[0] == 1)
    return is_flat and min(array.shape[-2:]) >= 5


def _with_objectness(
    plain: Dense, table: NDArray[np.float64], size: tuple[int, int], decode: str | None
) -> list[Dense]:
    """The readings of a table with objectness: pixels, shares, or YOLOX's offsets from the cells of its grids."""
    reach = float(table[:, :2].max(initial=0))
    is_grid = plain.candidates == grid_counts(size)[0]
    if decode == "yolox" and not is_grid:
        return []
    is_raw = _is_raw(table, plain.transposed, size)
    is_yolox = decode == "yolox" or (decode is None and is_grid and (is_raw or bool((table[:, 4] < 1).any())))
    kind = "yolox" if is_yolox else "yolov5"
    here = (plain.output, kind, plain.transposed, True)
    if is_yolox and is_raw:
        return [Dense(*here, True, plain.classes, plain.candidates, reach, places=Places("cxcywh"))]
    pixels = Dense(*here, False, plain.classes, plain.candidates, reach)
    return [pixels, Dense(*here, False, plain.classes, plain.candidates, reach, places=Places("cxcywh", True))]


def _is_raw(table: NDArray[np.float64], first: bool, size: tuple[int, int]) -> bool:
    """Whether boxes count from the cells of YOLOX's grids, as logarithms of strides.

    Centres that are pixels reach across the picture; offsets from cells stay small; shares are from 0 to 1.
    """
    places = table[:, :4]
    is_shares = bool((places >= -1e-3).all() and (places <= 1 + 1e-3).all())
    reach = float(table[:, :2].max(initial=0))
    return not first and len(table) == grid_counts(size)[0] and reach < max(size) / 4 and not is_shares


def _channels_first(rows: int, columns: int, grid: int) -> bool:
    """Whether candidates lie along the last axis: it has a grid's number of them, else is the longer one."""
    for multiple in (1, 3):
        if (rows == multiple * grid) != (columns == multiple * grid):
            return columns == multiple * grid
    return columns > rows


def _objectness(
    table: NDArray[np.float64], first: bool, count: int, size: tuple[int, int], decode: str | None, classes: int | None
) -> tuple[bool, ...]:
    """Whether the fifth column is objectness: what the user, names, shape or values say; both where none does."""
    if decode:
        return (decode in ("yolov5", "yolox"),)
    width, (grid, anchors) = table.shape[1], grid_counts(size)
    if _is_raw(table, first, size):
        return (True,)
    if classes is not None and width in (4 + classes, 5 + classes):
        return (width == 5 + classes,)
    if count == anchors and count != grid:
        return (True, False)
    if width in (4 + COCO_CLASSES, 5 + COCO_CLASSES) and not first:
        return (width == 5 + COCO_CLASSES,)
    if first:
        return (False, True)
    likely = _gates_classes(table[:, 4:])
    if likely is None:
        likely = count > MAX_QUERIES or count == grid
    return (likely, not likely)


def _gates_classes(scores: NDArray[np.float64]) -> bool | None:
    """Whether the first column is objectness rather than a class: it is high where any class is; None if unknown.

    Where a first class is sure, the others are not. Without any row that is sure of the first column: rows that are
    sure of another one are few where scores are final, but many where they are yet to be multiplied by objectness.
    """
    if scores.shape[1] < 2 or not scores.max(initial=0) > 0:
        return None
    high = scores.max() / 2
    gate, others = scores[:, 0], scores[:, 1:].max(axis=1)
    if (gate >= high).any():
        return bool((others[gate >= high] >= 0.2 * high).mean() >= 0.5)
    return bool((others >= high).mean() > 0.1)
