"""What stands beside a street: trees, lamp posts and signs."""

from __future__ import annotations

import math

import numpy as np

from domaingan.phantoms.streets.people import outline_ground_disc, outline_shadow_caster
from domaingan.phantoms.streets.shapes import (
    BLACK,
    Colour,
    Point,
    Polygon,
    Thing,
    outline_card,
    outline_disc,
    outline_limb,
    pick_colour,
    scale_colour,
    to_linear,
)

BARK_COLOURS = [to_linear(0.30, 0.25, 0.20), to_linear(0.40, 0.36, 0.30), to_linear(0.22, 0.20, 0.19)]
STEEL_COLOURS = [to_linear(0.35, 0.37, 0.38), to_linear(0.16, 0.18, 0.17), to_linear(0.55, 0.56, 0.56)]
SIGN_COLOURS = [
    to_linear(0.75, 0.12, 0.12),
    to_linear(0.12, 0.25, 0.60),
    to_linear(0.80, 0.80, 0.78),
    to_linear(0.80, 0.65, 0.10),
]


def make_tree(
    rng: np.random.Generator,
    label: int,
    s: float,
    d: float,
    greens: list[Colour],
    size: float,
    eye: Point,
    is_detailed: bool,
) -> Thing:
    """Make a tree ``size`` metres tall: a trunk, and a crown of clumps that are darker inside and below."""
    green = pick_colour(rng, greens, 0.15)
    wide, low = size * float(rng.uniform(0.24, 0.36)), size * float(rng.uniform(0.25, 0.38))
    bark, lean = pick_colour(rng, BARK_COLOURS, 0.15), float(rng.normal(0, 0.03)) * size
    girth = 0.012 * size + 0.08
    fork = (s, d + lean / 2, low + 0.2 * size)
    found = [Polygon(outline_limb((s, d, 0), fork, girth * 1.2, girth * 0.7, eye), bark)]
    for side in (-1, 1):
        tip = (s, d + lean + side * 0.5 * wide, low + 0.36 * size)
        found.append(Polygon(outline_limb(fork, tip, girth * 0.6, girth * 0.3, eye), bark))
    middle, tall = (low + size) / 2, (size - low) / 2
    found += _make_crown(rng, (s, d + lean, middle), wide, tall, green, 34 if is_detailed else 9)
    crown = [(s + a * wide, d + lean + b * wide, y) for y in (low, size) for a, b in CROWN_CORNERS]
    return Thing(label, s, found, outline_ground_disc(s, d, 0.5), crown)


CROWN_CORNERS = ((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7))


def _make_crown(
    rng: np.random.Generator, centre: Point, wide: float, tall: float, green: Colour, n: int
) -> list[Polygon]:
    """Make ``n`` ragged clumps of leaves that face along the street, the lower ones first, as the upper are lit."""
    turn, reach = rng.uniform(0, 2 * math.pi, n), np.sqrt(rng.uniform(0, 1, n))
    reach[0] = 0.0
    order = np.argsort(np.sin(turn) * reach)
    across, up = 0.78 * reach * np.cos(turn), 0.78 * reach * np.sin(turn)
    radius = wide * rng.uniform(0.2, 0.38, n) * np.where(reach == 0, 2.0, 1.0)
    shade = np.maximum(0.78 + 0.34 * up + rng.normal(0, 0.11, n), 0.35)
    corners = np.linspace(0, 2 * math.pi, 11 if n > 20 else 8, endpoint=False)
    rough = radius[:, None] * rng.uniform(0.6, 1.2, (n, len(corners)))
    points = np.empty((n, len(corners), 3))
    points[..., 0] = centre[0]
    points[..., 1] = centre[1] + (across * wide)[:, None] + rough * np.cos(corners)
    points[..., 2] = centre[2] + (up * tall)[:, None] + rough * np.sin(corners)
    outlines, shades = points[order].tolist(), shade[order].tolist()
    return [
        Polygon(outline, scale_colour(green, s), is_foliage=True) for outline, s in zip(outlines, shades, strict=True)
    ]


def make_lamp_post(label: int, s: float, d: float, height: float, steel: Colour, light: Colour, eye: Point) -> Thing:
    """Make a lamp post with an arm over the road, shining with ``light`` (black: it is off)."""
    inwards = -1.6 if d > 0 else 1.6
    top, head = (s, d, height), (s, d + inwards, height + 0.25)
    found = [
        Polygon(outline_limb((s, d, 0), (s, d, 1.2), 0.11, 0.1, eye), scale_colour(steel, 0.8)),
        Polygon(outline_limb((s, d, 0), top, 0.09, 0.06, eye), steel),
        Polygon(outline_limb(top, head, 0.05, 0.04, eye), steel),
        Polygon(
            outline_limb(head, (s, head[1] + 0.35 * inwards, head[2]), 0.11, 0.08, eye), scale_colour(steel, 0.9), light
        ),
    ]
    lamps = [(head, scale_colour(light, 0.25))] if light != BLACK else []
    return Thing(label, s, found, outline_ground_disc(s, d, 0.15), outline_shadow_caster(s, d, 0.08, height), lamps)


def make_sign(rng: np.random.Generator, label: int, s: float, d: float, steel: Colour, eye: Point) -> Thing:
    """Make a road sign: round, or a plate, on a thin post. Together they are a pole."""
    height, face = float(rng.uniform(2.1, 2.6)), pick_colour(rng, SIGN_COLOURS, 0.15)
    found = [Polygon(outline_limb((s, d, 0), (s, d, height), 0.05, 0.05, eye), steel)]
    if rng.random() < 0.5:
        found.append(Polygon(outline_disc((s, d, height), 0.34, n=12), face))
        found.append(Polygon(outline_disc((s, d, height), 0.22, n=10), to_linear(0.85, 0.85, 0.83)))
    else:
        half = float(rng.uniform(0.25, 0.4))
        found.append(Polygon(outline_card(s, d, height - 0.45, height + 0.25, half), face))
        found.append(
            Polygon(outline_card(s - 0.01, d, height - 0.3, height - 0.1, 0.75 * half), to_linear(0.85, 0.85, 0.83))
        )
    return Thing(label, s, found, outline_ground_disc(s, d, 0.15), outline_shadow_caster(s, d, 0.1, height))
