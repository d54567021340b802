"""Frozen panes: ice ferns grown from seeds, in the place of ImageNet-C's photographs of frost."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from domaingan.corruptions.base import draw_normals

Layer = NDArray[np.float32]

Lines = NDArray[np.floating[Any]]
"""``(N, 4)``: x, y of the ends."""

PANE_COUNT = 5
"""How many different panes there are; the published pictures are as many."""

PANE_SIDE = 1024
"""Pixels of a grown pane's side; larger ones are magnified."""

_FEATHER_COUNT = 160

_BRANCH_ANGLE = np.deg2rad(57)
"""Ice branches at about 60°: its crystals are hexagonal."""

_ICE_TINT = np.array([0.92, 1.01, 1.07], dtype=np.float32)

_PANE_TONES = ((0.51, 0.16), (0.81, 0.09), (0.80, 0.09), (0.60, 0.12), (0.48, 0.17))
"""Mean and spread of each pane's brightness: those of the published photographs, two of which are nearly white."""


@lru_cache(maxsize=2 * PANE_COUNT)
def make_pane(number: int, side: int = PANE_SIDE) -> NDArray[np.uint8]:
    """A frozen pane, ``(S, S, 3)`` RGB with S at least ``side``; always the same for the same number."""
    if side > PANE_SIDE:
        return cv2.resize(make_pane(number), (side, side), interpolation=cv2.INTER_CUBIC)
    return _grow_pane(np.random.default_rng(number), *_PANE_TONES[number]) if side == PANE_SIDE else make_pane(number)


def _grow_pane(rng: Generator, mean: float, spread: float) -> NDArray[np.uint8]:
    """Feathers over one another, their glow, and a grainy film, all thicker in some places than in others.

    Args:
        rng: where they grow.
        mean: brightness of the pane, 0 to 1.
        spread: standard deviation of its brightness.
    """
    ice = np.zeros((PANE_SIDE, PANE_SIDE), dtype=np.float32)
    for length in np.sort(rng.uniform(80, 300, _FEATHER_COUNT)):
        _draw_feather(ice, _grow_feather(float(length), rng), rng)
    cover = _sample_smooth_noise(rng, 96)
    grain = cv2.GaussianBlur(draw_normals(rng, ice.shape), (0, 0), 0.8)
    film = (0.35 + 0.16 * grain) * cover + 0.12 * _sample_smooth_noise(rng, 24)
    thickness = film + (0.25 + 0.75 * cover) * (0.8 * ice + 0.7 * cv2.GaussianBlur(ice, (0, 0), 5))
    brightness = (thickness - thickness.mean()) * (spread / thickness.std()) + mean
    return np.rint(np.clip(brightness[..., None] * _ICE_TINT, 0, 1) * 255).astype(np.uint8)


def _grow_feather(length: float, rng: Generator) -> list[Lines]:
    """A stem, its barbs, and their barbs."""
    start, heading = rng.uniform(-0.05, 1.05, 2) * PANE_SIDE, rng.uniform(0, 2 * np.pi)
    ways = heading + rng.uniform(-1, 1) / 300 * np.arange(0, length, 4)
    points = start + 4 * np.cumsum(np.stack([np.cos(ways), np.sin(ways)], axis=1), axis=0)
    stem = np.concatenate([points[:-1], points[1:]], axis=1)
    rest = 1 - np.arange(len(stem)) / len(stem)
    barbs = _grow_barbs(stem[:, :2], ways[:-1], 0.45 * length * rest, rng)
    runs, along = barbs[:, 2:] - barbs[:, :2], np.linspace(0.1, 0.9, 9)
    roots = (barbs[:, None, :2] + along[:, None] * runs[:, None]).reshape(-1, 2)
    reach = 0.3 * np.hypot(*runs.T)[:, None] * (1 - along)
    barbules = _grow_barbs(roots, np.repeat(np.arctan2(runs[:, 1], runs[:, 0]), len(along)), reach.ravel(), rng)
    return [stem, barbs, barbules]


def _grow_barbs(roots: Lines, headings: Lines, lengths: Lines, rng: Generator) -> Lines:
    """``(2 N, 4)``: to either side of each of N roots a line of a random part of its length."""
    sides = []
    for side in (-_BRANCH_ANGLE, _BRANCH_ANGLE):
        way = headings + side + rng.normal(0, 0.06, len(headings))
        run = (lengths * rng.uniform(0.35, 1, len(headings)))[:, None] * np.stack([np.cos(way), np.sin(way)], axis=1)
        sides.append(np.concatenate([roots, roots + run], axis=1))
    return np.concatenate(sides)


def _draw_feather(ice: Layer, orders: list[Lines], rng: Generator) -> None:
    """Lays a feather over what has grown, which it dims."""
    layer = np.zeros(ice.shape, dtype=np.uint8)
    for lines, light in zip(reversed(orders), (105, 165, 235), strict=True):
        ends = np.rint(lines.reshape(-1, 2, 2) * 16).astype(np.int32)  # four bits of a pixel's fraction
        cv2.polylines(layer, list(ends), False, light, 1, cv2.LINE_AA, 4)
    mine = layer * np.float32(rng.uniform(0.5, 1) / 255)
    np.maximum(ice * np.float32(0.8), mine, out=ice, where=mine > 0)


def _sample_smooth_noise(rng: Generator, scale: int) -> Layer:
    """Smooth noise in [0, 1], its features ``scale`` pixels wide."""
    cells = PANE_SIDE // scale + 3
    coarse = rng.random((cells, cells), dtype=np.float32)
    return np.clip(cv2.resize(coarse, (PANE_SIDE, PANE_SIDE), interpolation=cv2.INTER_CUBIC), 0, 1)
