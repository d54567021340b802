"""Frozen panes: ice flowers grown from seeds, in the place of ImageNet-C's photographs of frost."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from domaingan.corrupt.base import normals

Layer = NDArray[np.float32]

PANES = 5
"""How many different panes there are; the published pictures are as many."""

SIDE = 1024
"""Pixels of a grown pane's side; larger ones are magnified."""

_SHADE, _LIGHT = np.float32([70, 98, 122]), np.float32([240, 247, 255])
"""Colours of thin and of thick ice, RGB."""


@lru_cache(maxsize=2 * PANES)
def pane(number: int, side: int) -> NDArray[np.uint8]:
    """A frozen pane, ``(S, S, 3)`` RGB with S at least ``side``; always the same for the same number."""
    if side > 0.9 * SIDE:
        large = int(np.ceil(1.1 * side))
        return cv2.resize(pane(number, 0), (large, large), interpolation=cv2.INTER_CUBIC)
    return _grown(np.random.default_rng(number)) if side == 0 else pane(number, 0)


def _grown(rng: Generator) -> NDArray[np.uint8]:
    """Feathers on both sides of curved stems, on a thin film that is thicker in some places than in others."""
    along, away, reach = _nearest(_stems(rng))
    warp = 7 * _smooth(rng, 24) + 3 * _smooth(rng, 8)
    barbs, position, offset = _feather(along + warp, away, angle=52, spacing=21, width=0.5)
    barbules, _, _ = _feather(position + 0.4 * warp, np.abs(offset), angle=48, spacing=5.5, width=0.6)
    spine = np.exp(-((away / 2.2) ** 2))
    grain = 0.5 + 0.5 * np.clip(_smooth(rng, 1.0), -1, 1)
    ice = np.exp(-away / reach) * (0.55 * barbs + 0.65 * barbules * (0.45 + 0.55 * barbs)) + 0.6 * spine
    patches = 1 / (1 + np.exp(-2.5 * (_smooth(rng, 70) + 0.35)))
    film = 0.22 + 0.16 * patches + 0.1 * _smooth(rng, 16) * patches
    thickness = np.clip(film + ice * (0.25 + 0.75 * patches) * (0.7 + 0.6 * grain), 0, 1)[..., None]
    return np.rint(thickness * (_SHADE + thickness * (_LIGHT - _SHADE))).astype(np.uint8)


def _stems(rng: Generator, count: int = 26) -> list[NDArray[np.float64]]:
    """Curved lines, ``(n, 2)`` points (x, y) a pixel apart."""
    stems = []
    for _ in range(count):
        length = int(rng.uniform(0.2, 0.75) * SIDE)
        bend = rng.normal(0, 1.2) / SIDE + np.cumsum(rng.normal(0, 0.0006, length)) * 0.1
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(bend)
        steps = np.stack([np.cos(heading), np.sin(heading)], axis=1)
        stems.append(rng.uniform(0, SIDE, 2) + np.cumsum(steps, axis=0))
    return stems


def _nearest(stems: list[NDArray[np.float64]]) -> tuple[Layer, Layer, Layer]:
    """For every pixel: how far along the nearest stem it lies, how far away from it, and how far that one's ice goes."""
    free = np.full((SIDE, SIDE), 255, dtype=np.uint8)
    along, reach = np.zeros((2, SIDE, SIDE), dtype=np.float32)
    for stem in stems:
        x, y = np.rint(stem).astype(int).T
        inside = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
        place = (y[inside], x[inside])
        free[place] = 0
        rest = np.arange(len(stem))[::-1][inside]
        along[place] = np.flatnonzero(inside)
        reach[place] = 12 + 0.45 * np.sqrt(rest * len(stem)) * 0.6
    away, label = cv2.distanceTransformWithLabels(free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    origin = np.zeros(label.max() + 1, dtype=np.int64)
    origin[label[free == 0]] = np.flatnonzero(free == 0)
    return along.ravel()[origin[label]], away, reach.ravel()[origin[label]]


def _feather(along: Layer, away: Layer, angle: float, spacing: float, width: float) -> tuple[Layer, Layer, Layer]:
    """Barbs that leave a stem at an angle: their brightness, and the position along and across the nearest barb."""
    turn = np.deg2rad(angle)
    phase = (along - away / np.tan(turn)) / spacing
    offset = (phase - np.rint(phase)) * spacing * np.sin(turn)
    bright = np.exp(-((offset / (0.5 * width * spacing * 0.5)) ** 2))
    return bright, away / np.sin(turn) + 3.7 * np.rint(phase), offset


def _smooth(rng: Generator, scale: float) -> Layer:
    """A smooth random ``(SIDE, SIDE)`` field of features ``scale`` pixels wide, mean about 0, deviation 1."""
    coarse = max(1, int(scale / 2))
    field = cv2.GaussianBlur(normals(rng, (SIDE // coarse + 1,) * 2), (0, 0), scale / coarse)
    field = cv2.resize(field, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / field.std()
