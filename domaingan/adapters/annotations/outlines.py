"""Outlines of masks as one closed line, as layouts need it that have one polygon for each object."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SCALE = 8
"""A mask is enlarged by this factor before it is traced, so that the outline runs along the edges of its pixels to 1/16
of a pixel."""


def trace_outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Trace the outline of a mask. Parts and holes are joined by bridges of no width.

    Whoever fills the line by the even-odd rule, as OpenCV and pycocotools do, gets all parts without the holes.

    Args:
        mask: ``(H, W)``, true somewhere.

    Returns:
        ``(N, 2)`` x and y of the corners in pixels.

    >>> trace_outline(np.array([[False, True, True]])).round().astype(int).tolist()
    [[1, 0], [1, 1], [3, 1], [3, 0]]
    """
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    part = mask[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.uint8)
    enlarged = np.kron(part, np.ones((SCALE, SCALE), np.uint8))
    lines, _ = cv2.findContours(enlarged, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    first = lines[0][:, 0]
    corners = [first]
    for line in lines[1:]:
        other = line[:, 0]
        corners += [first[:1], other, other[:1]]
    if len(lines) > 1:
        corners.append(first[:1])
    return (np.concatenate(corners) + 0.5) / SCALE + (left, top)
