"""Tables of candidate boxes, as YOLO's detectors and those with queries write them: what their columns may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.robustness_eval.decode import BoxFormat, DenseLayout, list_grids

COCO_CLASS_COUNT = 80
"""A table without names is first taken to have as many classes."""

MAX_QUERIES = 1000
"""Detectors with queries in the place of a grid have no more of them."""

Outputs = Mapping[str, NDArray[Any]]


def count_grid_candidates(size: tuple[int, int]) -> tuple[int, int]:
    """How many candidates the grids of an input have, with one and with three anchors a cell."""
    grid = sum(h * w for h, w, _ in list_grids(size))
    return grid, 3 * grid


def list_dense_layouts(
    outputs: Outputs, size: tuple[int, int], decode: str | None, class_count: int | None
) -> list[DenseLayout]:
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
    grid = count_grid_candidates(size)[0]
    first = _is_transposed(rows, columns, grid)
    count, width = (columns, rows) if first else (rows, columns)
    table = outputs[name].reshape(rows, columns).astype(np.float64)
    table = table.T if first else table
    prototypes = [array.shape[1] for array in outputs.values() if array.ndim == 4]
    found: list[DenseLayout] = []
    for objectness in _guess_objectness(table, first, count, size, decode, class_count):
        known = width - (5 if objectness else 4)
        if prototypes:  # the last columns are coefficients of masks, whose prototypes are the other output
            known = class_count if class_count is not None and class_count < known else known - prototypes[0]
        if known < 1:
            continue
        if objectness:
            found += _list_objectness_layouts(
                DenseLayout(name, "yolov5", first, True, False, known, count), table, size, decode
            )
        else:
            is_query = not first and count not in count_grid_candidates(size) and count <= MAX_QUERIES
            pixels = DenseLayout(name, "yolov8", first, False, False, known, count)
            shares = DenseLayout(
                name,
                "yolov8",
                first,
                False,
                False,
                known,
                count,
                box_format=BoxFormat("cxcywh", True),
                is_stretched=is_query,
            )
            found += [shares, pixels] if is_query else [pixels, shares]
    return found


def _is_table(array: NDArray[Any]) -> bool:
    """Whether an output has rows and columns enough, with or without a batch axis."""
    is_flat = array.ndim == 2 or (array.ndim == 3 and array.shape[0] == 1)
    return is_flat and min(array.shape[-2:]) >= 5


def _list_objectness_layouts(
    plain: DenseLayout, table: NDArray[np.float64], size: tuple[int, int], decode: str | None
) -> list[DenseLayout]:
    """The readings of a table with objectness: pixels, shares, or YOLOX's offsets from the cells of its grids."""
    reach = float(table[:, :2].max(initial=0))
    is_grid = plain.candidate_count == count_grid_candidates(size)[0]
    if decode == "yolox" and not is_grid:
        return []
    is_raw = _is_raw(table, plain.is_transposed, size)
    is_yolox = decode == "yolox" or (decode is None and is_grid and (is_raw or bool((table[:, 4] < 1).any())))
    kind = "yolox" if is_yolox else "yolov5"
    here = (plain.output, kind, plain.is_transposed, True)
    if is_yolox and is_raw:
        return [
            DenseLayout(*here, True, plain.class_count, plain.candidate_count, reach, box_format=BoxFormat("cxcywh"))
        ]
    pixels = DenseLayout(*here, False, plain.class_count, plain.candidate_count, reach)
    return [
        pixels,
        DenseLayout(
            *here, False, plain.class_count, plain.candidate_count, reach, box_format=BoxFormat("cxcywh", True)
        ),
    ]


def _is_raw(table: NDArray[np.float64], is_transposed: bool, size: tuple[int, int]) -> bool:
    """Whether boxes count from the cells of YOLOX's grids, as logarithms of strides.

    Centres that are pixels reach across the picture; offsets from cells stay small; shares are from 0 to 1.
    """
    places = table[:, :4]
    is_shares = bool((places >= -1e-3).all() and (places <= 1 + 1e-3).all())
    reach = float(table[:, :2].max(initial=0))
    return (
        not is_transposed and len(table) == count_grid_candidates(size)[0] and reach < max(size) / 4 and not is_shares
    )


def _is_transposed(rows: int, columns: int, grid: int) -> bool:
    """Whether candidates lie along the last axis: it has a grid's number of them, else is the longer one."""
    for multiple in (1, 3):
        if (rows == multiple * grid) != (columns == multiple * grid):
            return columns == multiple * grid
    return columns > rows


def _guess_objectness(
    table: NDArray[np.float64],
    is_transposed: bool,
    count: int,
    size: tuple[int, int],
    decode: str | None,
    class_count: int | None,
) -> tuple[bool, ...]:
    """Whether the fifth column is objectness: what the user, names, shape or values say; both where none does."""
    if decode:
        return (decode in ("yolov5", "yolox"),)
    width, (grid, anchors) = table.shape[1], count_grid_candidates(size)
    if _is_raw(table, is_transposed, size):
        return (True,)
    if class_count is not None and width in (4 + class_count, 5 + class_count):
        return (width == 5 + class_count,)
    if count == anchors and count != grid:
        return (True, False)
    if width in (4 + COCO_CLASS_COUNT, 5 + COCO_CLASS_COUNT) and not is_transposed:
        return (width == 5 + COCO_CLASS_COUNT,)
    if is_transposed:
        return (False, True)
    likely = _has_objectness(table[:, 4:])
    if likely is None:
        likely = count > MAX_QUERIES or count == grid
    return (likely, not likely)


def _has_objectness(scores: NDArray[np.float64]) -> bool | None:
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
