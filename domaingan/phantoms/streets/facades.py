"""The walls along a street: house fronts and the ends of houses, roofs, hedges."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from domaingan.phantoms.streets.lens import FAR_METRES, Lens
from domaingan.phantoms.streets.shapes import BLACK, Colour, Point, pick_colour, scale_colour, to_linear
from domaingan.phantoms.streets.street_plan import StreetPlan

BRICK_COLOURS = [
    to_linear(0.48, 0.30, 0.23),
    to_linear(0.56, 0.44, 0.33),
    to_linear(0.38, 0.26, 0.22),
    to_linear(0.62, 0.54, 0.42),
]
RENDER_COLOURS = [
    to_linear(0.80, 0.77, 0.70),
    to_linear(0.74, 0.66, 0.52),
    to_linear(0.66, 0.68, 0.70),
    to_linear(0.70, 0.56, 0.48),
]
STONE_COLOURS = [
    to_linear(0.56, 0.54, 0.50),
    to_linear(0.44, 0.43, 0.42),
    to_linear(0.50, 0.46, 0.38),
    to_linear(0.34, 0.36, 0.38),
]
ROOF_COLOURS = [to_linear(0.32, 0.20, 0.17), to_linear(0.26, 0.27, 0.29), to_linear(0.40, 0.28, 0.22)]
FRAME_COLOURS = [to_linear(0.85, 0.85, 0.83), to_linear(0.30, 0.28, 0.27), to_linear(0.55, 0.53, 0.50)]
SHOP_COLOURS = [
    to_linear(0.40, 0.08, 0.10),
    to_linear(0.08, 0.22, 0.14),
    to_linear(0.10, 0.14, 0.32),
    to_linear(0.75, 0.70, 0.55),
    to_linear(0.14, 0.14, 0.15),
    to_linear(0.65, 0.35, 0.10),
]

BLOCK_LENGTH = 17.0
"""Length of street front that is built together, in metres."""

FRONT_KIND, ROOF_KIND, HEDGE_KIND = 0, 1, 2
"""Kinds of walls."""


class Wall(NamedTuple):
    """An upright surface from ``p`` to ``q`` (s, d), and how it looks.

    ``outline`` is what of it is drawn; ``normal`` (s, d) is where it looks to; ``bay`` and ``storey`` are the grid of
    its windows in metres, ``wide`` and ``tall`` their share of it; ``shop`` is the colour of a shop front, black for
    none; ``roughness`` says how much its texture shows; ``seed`` tells its windows from others'.
    """

    kind: int
    p: tuple[float, float]
    q: tuple[float, float]
    outline: list[Point]
    normal: tuple[float, float]
    colour: Colour
    trim: Colour = BLACK
    shop: Colour = BLACK
    bay: float = 3.0
    storey: float = 3.0
    wide: float = 0.0
    tall: float = 0.0
    height: float = 0.0
    roughness: float = 0.1
    seed: int = 0


def build_walls(plan: StreetPlan, lens: Lens) -> list[Wall]:
    """Build all walls that may be visible, farthest first."""
    first = math.floor(lens.s / BLOCK_LENGTH) - 1
    walls: list[Wall] = []
    for side in (-1, 1):
        for block in range(first, first + int(FAR_METRES / BLOCK_LENGTH) + 3):
            rng = np.random.default_rng((*plan.key, 6 + (side > 0), block + (1 << 20)))
            walls += _build_block(plan, rng, side, block * BLOCK_LENGTH)
    seen = [wall for wall in walls if max(wall.p[0], wall.q[0]) > lens.s + 1.6]
    return sorted(seen, key=lambda wall: -(wall.p[0] + wall.q[0]))


def _build_block(plan: StreetPlan, rng: np.random.Generator, side: int, start: float) -> Iterator[Wall]:
    """Build a few houses in a row, perhaps with a gap after them, perhaps with hedges before them."""
    end = BLOCK_LENGTH - (float(rng.uniform(3, 9)) if rng.random() < plan.gap_chance else 0.0)
    n = int(rng.integers(1, 4)) if plan.storeys < 3 else int(rng.integers(1, 3))
    cuts = [0.0, *np.sort(rng.uniform(0.3, 0.7, n - 1) if n < 3 else (0.33, 0.66)).tolist(), 1.0]
    d = side * plan.get_building_line(side)
    for a, b in pairwise(cuts):
        yield from _build_house(plan, rng, side, start + a * end, start + b * end, d)
    if plan.setbacks[side > 0] and rng.random() < 0.75:
        edge = side * (plan.get_kerb(side) + plan.pavement_width + 0.3)
        stop = start + float(rng.uniform(0.6, 1.0)) * BLOCK_LENGTH
        yield _build_hedge(
            rng,
            (start, edge),
            (stop, edge),
            side,
            pick_colour(rng, plan.leaf_colours, 0.2),
            float(rng.uniform(0.7, 1.7)),
        )


def _build_house(
    plan: StreetPlan, rng: np.random.Generator, side: int, start: float, end: float, d: float
) -> Iterator[Wall]:
    """Build a house: a roof, the end that the camera sees, and the front along the street."""
    palette = (BRICK_COLOURS, RENDER_COLOURS, STONE_COLOURS)[int(np.searchsorted((0.45, 0.75, 1.0), rng.random()))]
    storeys = max(1, round(plan.storeys + float(rng.normal(0, 0.6))))
    storey = plan.storey_height * float(rng.uniform(0.95, 1.05))
    height = storeys * storey + float(rng.uniform(0.2, 0.9))
    office = plan.storeys > 3 and rng.random() < 0.35
    shop = rng.random() < (0.75 if plan.setbacks[side > 0] == 0 and plan.storeys > 2.3 else 0.05)
    look = Wall(
        FRONT_KIND, (start, d), (end, d), outline_wall((start, d), (end, d), height), (0.0, -float(side)),
        colour=pick_colour(rng, palette, 0.18), trim=pick_colour(rng, FRAME_COLOURS, 0.15),
        shop=pick_colour(rng, SHOP_COLOURS, 0.25) if shop else BLACK,
        bay=float(rng.uniform(1.6, 2.4) if office else rng.uniform(2.2, 3.6)), storey=storey,
        wide=float(rng.uniform(0.75, 0.9) if office else rng.uniform(0.35, 0.55)),
        tall=float(rng.uniform(0.5, 0.65) if office else rng.uniform(0.45, 0.6)), height=height,
        roughness=0.22 if palette is BRICK_COLOURS else 0.1, seed=int(rng.integers(1 << 16)),
    )  # fmt: skip
    deep = float(rng.uniform(8, 11))
    pitched = not office and rng.random() < 0.7
    peak = float(rng.uniform(0.25, 0.45)) * deep if pitched else 0.0
    back = (start, d + side * deep)
    gable = [
        (start, d, 0.0),
        (*back, 0.0),
        (*back, height),
        (start, d + side * deep / 2, height + peak),
        (start, d, height),
    ]
    if pitched:
        ridge = [(start, d, height), (end, d, height), (end, d + side * deep / 2, height + peak),
                 (start, d + side * deep / 2, height + peak)]  # fmt: skip
        yield look._replace(kind=ROOF_KIND, outline=ridge, colour=pick_colour(rng, ROOF_COLOURS, 0.15), roughness=0.2)
    yield look._replace(
        q=back, outline=gable, normal=(-1.0, 0.0), shop=BLACK, bay=4.5, wide=0.22 if rng.random() < 0.5 else 0.0
    )
    yield look


def _build_hedge(
    rng: np.random.Generator, p: tuple[float, float], q: tuple[float, float], side: int, green: Colour, height: float
) -> Wall:
    """Build a hedge with a ragged top."""
    n = 12
    along = np.linspace(q[0], p[0], n).tolist()
    top = [(s, p[1], height * float(rng.uniform(0.8, 1.1))) for s in along]
    outline = [(*p, 0.0), (*q, 0.0), *top]
    return Wall(HEDGE_KIND, p, q, outline, (0.0, -float(side)), scale_colour(green, 0.9), height=height, roughness=0.6)


def outline_wall(p: tuple[float, float], q: tuple[float, float], height: float) -> list[Point]:
    """Outline a wall from ``p`` to ``q``."""
    return [(*p, 0.0), (*q, 0.0), (*q, height), (*p, height)]
