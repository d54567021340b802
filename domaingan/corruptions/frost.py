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
"""``(PANE_SIDE, PANE_SIDE)`` thickness of ice, 0 to 1."""

Lines = NDArray[np.floating[Any]]
"""``(N, 4)``: x, y of one end, x, y of the other."""

PANE_COUNT = 5
"""Number of different panes; the published pictures are as many."""

PANE_SIDE = 1024
"""Side of a grown pane in pixels; larger ones are magnified."""

FEATHER_COUNT = 160
"""Feathers that grow on a pane."""

STEM_STEP = 4
"""Length of a piece of a stem, in pixels."""

BRANCH_ANGLE = np.deg2rad(57)
"""Ice branches at about 60°: its crystals are hexagonal."""

ICE_TINT = np.array([0.92, 1.01, 1.07], dtype=np.float32)
"""Colour of ice, RGB."""

PANE_TONES = ((0.51, 0.16), (0.81, 0.09), (0.80, 0.09), (0.60, 0.12), (0.48, 0.17))
"""Mean and deviation of each pane's brightness: those of the published photographs, two of which are nearly white."""

LINE_BRIGHTNESS = (105, 165, 235)
"""Brightness of the finest lines of a feather, of its barbs and of its stem, of 255."""

FRACTION_BITS = 4
"""Bits of a pixel's fraction in line ends."""


@lru_cache(maxsize=2 * PANE_COUNT)
def make_pane(number: int, side: int = PANE_SIDE) -> NDArray[np.uint8]:
    """Make a frozen pane; it is always the same for the same number.

    Args:
        number: 0 to 4.
        side: the least side, in pixels.

    Returns:
        ``(S, S, 3)`` RGB, with S at least ``side``.
    """
    if side > PANE_SIDE:
        return cv2.resize(make_pane(number), (side, side), interpolation=cv2.INTER_CUBIC)
    if side < PANE_SIDE:
        return make_pane(number)
    mean, deviation = PANE_TONES[number]
    return _grow_pane(np.random.default_rng(number), mean, deviation)


def _grow_pane(rng: Generator, mean: float, deviation: float) -> NDArray[np.uint8]:
    """Grow feathers over one another, their glow, and a grainy film, all thicker in some places than in others.

    Args:
        rng: source of all draws.
        mean: brightness of the pane, 0 to 1.
        deviation: standard deviation of its brightness.
    """
    ice = np.zeros((PANE_SIDE, PANE_SIDE), dtype=np.float32)
    for length in np.sort(rng.uniform(80, 300, FEATHER_COUNT)):
        _draw_feather(ice, _grow_feather(float(length), rng), rng)
    cover = _sample_smooth_noise(rng, 96)
    grain = cv2.GaussianBlur(draw_normals(rng, ice.shape), (0, 0), 0.8)
    film = (0.35 + 0.16 * grain) * cover + 0.12 * _sample_smooth_noise(rng, 24)
    glow = cv2.GaussianBlur(ice, (0, 0), 5)
    thickness = film + (0.25 + 0.75 * cover) * (0.8 * ice + 0.7 * glow)
    brightness = (thickness - thickness.mean()) * (deviation / thickness.std()) + mean
    coloured = np.clip(brightness[..., None] * ICE_TINT, 0, 1)
    return np.rint(coloured * 255).astype(np.uint8)


def _grow_feather(length: float, rng: Generator) -> list[Lines]:
    """Grow a feather: the lines of its stem, of its barbs, and of their barbs."""
    start = rng.uniform(-0.05, 1.05, 2) * PANE_SIDE
    heading = rng.uniform(0, 2 * np.pi)
    turn = rng.uniform(-1, 1) / 300
    headings = heading + turn * np.arange(0, length, STEM_STEP)
    directions = np.stack([np.cos(headings), np.sin(headings)], axis=1)
    points = start + STEM_STEP * np.cumsum(directions, axis=0)
    stem = np.concatenate([points[:-1], points[1:]], axis=1)

    share_left = 1 - np.arange(len(stem)) / len(stem)
    barbs = _grow_barbs(stem[:, :2], headings[:-1], 0.45 * length * share_left, rng)

    runs = barbs[:, 2:] - barbs[:, :2]
    along = np.linspace(0.1, 0.9, 9)
    roots = (barbs[:, None, :2] + along[:, None] * runs[:, None]).reshape(-1, 2)
    lengths = 0.3 * np.hypot(*runs.T)[:, None] * (1 - along)
    barb_headings = np.repeat(np.arctan2(runs[:, 1], runs[:, 0]), len(along))
    barbules = _grow_barbs(roots, barb_headings, lengths.ravel(), rng)
    return [stem, barbs, barbules]


def _grow_barbs(roots: Lines, headings: Lines, lengths: Lines, rng: Generator) -> Lines:
    """Grow a line to either side of each of N roots, of a random part of its length: ``(2 N, 4)``."""
    sides = []
    for side in (-BRANCH_ANGLE, BRANCH_ANGLE):
        angles = headings + side + rng.normal(0, 0.06, len(headings))
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        reach = lengths * rng.uniform(0.35, 1, len(headings))
        runs = reach[:, None] * directions
        sides.append(np.concatenate([roots, roots + runs], axis=1))
    return np.concatenate(sides)


def _draw_feather(ice: Layer, orders: list[Lines], rng: Generator) -> None:
    """Lay a feather over what has grown, and dim what lies below it; ``ice`` changes in place."""
    layer = np.zeros(ice.shape, dtype=np.uint8)
    for lines, brightness in zip(reversed(orders), LINE_BRIGHTNESS, strict=True):
        ends = np.rint(lines.reshape(-1, 2, 2) * (1 << FRACTION_BITS)).astype(np.int32)
        cv2.polylines(layer, list(ends), False, brightness, 1, cv2.LINE_AA, FRACTION_BITS)
    feather = layer * np.float32(rng.uniform(0.5, 1) / 255)
    np.maximum(ice * np.float32(0.8), feather, out=ice, where=feather > 0)


def _sample_smooth_noise(rng: Generator, scale: int) -> Layer:
    """Sample smooth noise in [0, 1], its features ``scale`` pixels wide."""
    cells = PANE_SIDE // scale + 3
    coarse = rng.random((cells, cells), dtype=np.float32)
    return np.clip(cv2.resize(coarse, (PANE_SIDE, PANE_SIDE), interpolation=cv2.INTER_CUBIC), 0, 1)
