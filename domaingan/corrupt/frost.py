"""Frost on a pane: feathers of ice, grown rather than photographed."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.corrupt.kind import Pixels, Plane

Lines = NDArray[np.floating[Any]]

PANES = 3
_SIDE = 768
_FEATHERS = 90
_LEAN = np.deg2rad(57)
"""Ice branches at about 60°: its crystals are hexagonal."""


def crop_of_pane(shape: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """(H, W, 3) in [0, 1]: a random piece of a random pane, maybe mirrored; near 0 where the pane is clear."""
    pane = grown(int(rng.integers(PANES)))
    height, width = shape
    scale = min(rng.uniform(0.5, 0.8) / min(shape), 1 / max(shape)) * _SIDE
    rows, columns = max(1, int(height * scale)), max(1, int(width * scale))
    top, left = rng.integers(_SIDE - rows + 1), rng.integers(_SIDE - columns + 1)
    piece = pane[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(piece), (width, height), interpolation=way)


@cache
def grown(number: int) -> Pixels:
    """(768, 768, 3): the pane of this number, the same in every run; grown once (about a third of a second)."""
    rng = np.random.default_rng([0x1CE, number])
    ice = np.zeros((_SIDE, _SIDE), np.float32)
    for length in np.sort(rng.uniform(80, 300, _FEATHERS)):
        _draw(ice, _feather(float(length), rng), rng)
    cover = _cloud(rng, 96)
    grain = cv2.GaussianBlur(rng.random((_SIDE, _SIDE), dtype=np.float32), (0, 0), 0.8) - 0.5
    haze = 0.30 * cover + 0.12 * _cloud(rng, 24) + 0.35 * grain * cover
    glow = cv2.GaussianBlur(ice, (0, 0), 5)
    white = haze + (0.25 + 0.75 * cover) * (0.8 * ice + 0.7 * glow)
    return np.clip(white[..., None] * np.array([0.86, 0.95, 1.0], np.float32), 0, 1, dtype=np.float32)


def _cloud(rng: np.random.Generator, size: int) -> Plane:
    """Smooth noise in [0, 1] with features of about ``size`` pixels."""
    cells = _SIDE // size + 3
    cloud = cv2.resize(rng.random((cells, cells), dtype=np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    return np.clip(cloud, 0, 1)


def _feather(length: float, rng: np.random.Generator) -> list[Lines]:
    """A stem, its barbs and their barbs: for each order (n, 4) lines x0, y0, x1, y1."""
    start, angle = rng.uniform(-0.05, 1.05, 2) * _SIDE, rng.uniform(0, 2 * np.pi)
    bend = rng.uniform(-1, 1) / 300  # radians a pixel
    way = angle + bend * np.arange(0, length, 4.0)
    points = start + np.cumsum(4 * np.stack([np.cos(way), np.sin(way)], 1), axis=0)
    stem = np.concatenate([points[:-1], points[1:]], axis=1)
    left = 1 - np.arange(len(stem)) / len(stem)  # the part of the stem still to come
    barbs = _barbs(points[:-1], way[:-1], 0.45 * length * left, rng)
    along = np.linspace(0.1, 0.9, 9)
    runs = barbs[:, 2:] - barbs[:, :2]
    roots = (barbs[:, None, :2] + along[:, None] * runs[:, None]).reshape(-1, 2)
    ways = np.repeat(np.arctan2(runs[:, 1], runs[:, 0]), len(along))
    reach = np.hypot(runs[:, 0], runs[:, 1])[:, None] * 0.3 * (1 - along)
    return [stem, barbs, _barbs(roots, ways, reach.ravel(), rng)]


def _barbs(roots: Lines, ways: Lines, lengths: Lines, rng: np.random.Generator) -> Lines:
    """(2n, 4): a line to either side of each root, of random part of its length."""
    sides = []
    for sign in (-1, 1):
        way = ways + sign * _LEAN + rng.normal(0, 0.06, len(ways))
        run = (lengths * rng.uniform(0.35, 1.0, len(ways)))[:, None] * np.stack([np.cos(way), np.sin(way)], 1)
        sides.append(np.concatenate([roots, roots + run], axis=1))
    return np.concatenate(sides)


def _draw(ice: Plane, orders: list[Lines], rng: np.random.Generator) -> None:
    """Puts a feather over what has grown: where it lies it dims what is below."""
    layer = np.zeros(ice.shape, np.uint8)
    for lines, light in zip(orders[::-1], (105, 165, 235), strict=True):
        ends = np.rint(lines.reshape(-1, 2, 2) * 16).astype(np.int32)  # 4 bits of a pixel's fraction
        cv2.polylines(layer, list(ends), False, light, 1, cv2.LINE_AA, 4)
    mine = layer.astype(np.float32) * np.float32(rng.uniform(0.5, 1.0) / 255)
    np.maximum(ice * np.float32(0.8), mine, out=ice, where=mine > 0)
