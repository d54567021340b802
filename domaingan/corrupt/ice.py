"""Frozen panes: ice ferns grown from seeds, in the place of ImageNet-C's photographs of frost."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from domaingan.corrupt.base import normals

Layer = NDArray[np.float32]
Lines = NDArray[np.float32]
"""``(n, points, 2)`` polylines of (x, y) in pixels."""

PANES = 5
"""How many different panes there are; the published pictures are as many."""

SIDE = 1024
"""Pixels of a grown pane's side; larger ones are magnified."""

_SHADE, _LIGHT = np.array([84, 108, 130], np.float32), np.array([244, 250, 255], np.float32)
"""Colours of thin and of thick ice, RGB."""


@lru_cache(maxsize=2 * PANES)
def pane(number: int, side: int = SIDE) -> NDArray[np.uint8]:
    """A frozen pane, ``(S, S, 3)`` RGB with S at least ``side``; always the same for the same number."""
    if side > SIDE:
        return cv2.resize(pane(number), (side, side), interpolation=cv2.INTER_CUBIC)
    return _grown(np.random.default_rng(number)) if side == SIDE else pane(number)


def _grown(rng: Generator) -> NDArray[np.uint8]:
    """Ferns over a film of needles, thicker in some places than in others, lit from one side."""
    stems = _stems(rng)
    barbs = _sprouts(rng, stems, every=3, angle=58, share=0.42)
    twigs = _sprouts(rng, barbs, every=2, angle=55, share=0.5)
    ferns = _drawn(stems, 3, 255) + _drawn(barbs, 2, 150) + 0.8 * _drawn(twigs, 1, 130)
    needles = _drawn(_needles(rng, 26_000), 1, 110)
    patches = 1 / (1 + np.exp(-2.2 * (_smooth(rng, 80) + 0.3)))
    height = 0.9 * ferns * (0.3 + 0.7 * patches) + 0.55 * needles * patches
    height += 0.5 * cv2.GaussianBlur(height, (0, 0), 5) + 0.05 * _smooth(rng, 1.0) * patches
    relief = cv2.GaussianBlur(height, (0, 0), 1.2) - np.roll(cv2.GaussianBlur(height, (0, 0), 1.2), (2, 2), (0, 1))
    thick = np.clip(0.1 + 0.2 * patches + 0.6 * height + 0.7 * relief, 0, 1)[..., None]
    return np.rint(thick**0.8 * (_SHADE + thick * (_LIGHT - _SHADE))).astype(np.uint8)


def _stems(rng: Generator, seeds: int = 13, fan: int = 5, points: int = 48) -> Lines:
    """Curved stems of 48 points that fan out from a few seeds."""
    n = seeds * fan
    place = np.repeat(rng.uniform(-0.05, 1.05, (seeds, 2)) * SIDE, fan, axis=0)
    heading = np.repeat(rng.uniform(0, 360, seeds), fan) + np.tile(np.arange(fan) * 38.0, seeds) + rng.normal(0, 9, n)
    return _walked(rng, place, np.deg2rad(heading), rng.uniform(70, 420, n), points, bend=0.8)


def _sprouts(rng: Generator, lines: Lines, every: int, angle: float, share: float) -> Lines:
    """Side shoots to the left and right of every ``every``-th point of lines, the shorter the nearer to the tip."""
    points = lines.shape[1]
    nodes = np.arange(1, points - 1, every)
    length = np.linalg.norm(np.diff(lines, axis=1), axis=2).sum(axis=1)
    ahead = lines[:, nodes + 1] - lines[:, nodes]
    left = np.sqrt(1 - nodes / points) * np.minimum(1, (nodes + 1) / (0.15 * points))
    shoots = []
    for side in (-1, 1):
        heading = np.arctan2(ahead[..., 1], ahead[..., 0]) + side * np.deg2rad(angle)
        grown = length[:, None] * share * left * rng.uniform(0.45, 1, heading.shape)
        shoots.append(
            _walked(
                rng,
                lines[:, nodes].reshape(-1, 2),
                (heading + rng.normal(0, 0.06, heading.shape)).ravel(),
                grown.ravel(),
                max(3, points // 3),
                bend=-0.25 * side,
            )
        )
    shoots = np.concatenate(shoots)
    return shoots


def _walked(
    rng: Generator, start: Lines, heading: NDArray[np.float64], length: NDArray[np.float64], points: int, bend: float
) -> Lines:
    """Lines of these lengths that start in these directions and bend, by about ``bend`` radians, on their way."""
    turn = np.linspace(0, 1, points - 1) * (bend * np.abs(rng.normal(0.6, 0.6, (len(heading), 1))))
    direction = heading[:, None] + turn
    steps = np.stack([np.cos(direction), np.sin(direction)], axis=-1) * (length / (points - 1))[:, None, None]
    path = start[:, None] + np.cumsum(steps, axis=1)
    return np.concatenate([start[:, None], path], axis=1).astype(np.float32)


def _needles(rng: Generator, n: int) -> Lines:
    """Short straight crystals in directions that change slowly over the pane."""
    place = rng.uniform(0, SIDE, (n, 2))
    x, y = place.astype(int).T
    heading = (2.2 * _smooth(rng, 60))[y, x] + rng.choice([0, np.pi / 3, -np.pi / 3], n)
    return _walked(rng, place, heading, rng.uniform(4, 16, n), 2, bend=0)


def _drawn(lines: Lines, width: int, shade: int) -> Layer:
    """Lines on a dark pane, ``(SIDE, SIDE)`` in [0, 1]."""
    canvas = np.zeros((SIDE, SIDE), dtype=np.uint8)
    fixed = np.rint(lines * 16).astype(np.int32)  # sixteenths of a pixel
    cv2.polylines(canvas, list(fixed), False, shade, width, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


def _smooth(rng: Generator, scale: float) -> Layer:
    """A smooth random ``(SIDE, SIDE)`` field of features ``scale`` pixels wide, mean 0, deviation 1."""
    coarse = max(1, int(scale / 2))
    field = cv2.GaussianBlur(normals(rng, (SIDE // coarse + 1,) * 2), (0, 0), scale / coarse)
    field = cv2.resize(field, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / field.std()
