"""Flat polygons in the street's coordinates, and the simple bodies that everything is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Point = tuple[float, float, float]
"""Metres ahead along the street, right of its middle, above the ground."""

Colour = tuple[float, float, float]
"""Linear red, green and blue; a reflectance in [0, 1], or a radiance."""

BLACK: Colour = (0.0, 0.0, 0.0)


class Polygon(NamedTuple):
    """A flat piece of a thing.

    Attributes:
        points: its corners.
        colour: its reflectance, with the shade of its orientation.
        glow: what it emits.
        is_foliage: whether it is foliage, which has a texture.
    """

    points: Sequence[Point]
    colour: Colour
    glow: Colour = BLACK
    is_foliage: bool = False


class Thing(NamedTuple):
    """One body in the street: all of it has one label, and where its class is an object it is one instance.

    Attributes:
        label: the mask's value.
        distance: metres ahead of its middle: what decides who hides whom.
        polygons: in the order in which they cover one another.
        footprint: the outline of what touches the ground, or nearly.
        shadow_outline: what casts the sun's shadow, seen from the sun.
        lamps: its lights, for their reflections on a wet road.
    """

    label: int
    distance: float
    polygons: list[Polygon]
    footprint: Sequence[Point] = ()
    shadow_outline: Sequence[Point] = ()
    lamps: Sequence[tuple[Point, Colour]] = ()


def to_linear(red: float, green: float, blue: float) -> Colour:
    """Convert a colour as a screen shows it (sRGB, [0, 1]) to linear light, by a power of 2.2."""
    return red**2.2, green**2.2, blue**2.2


def scale_colour(colour: Colour, factor: float) -> Colour:
    """Scale the brightness of a colour."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def pick_colour(rng: np.random.Generator, palette: Sequence[Colour], spread: float = 0.1) -> Colour:
    """Pick a colour of a palette, and change it a little in brightness and hue."""
    base = palette[int(rng.random() * len(palette))]
    brightness, *hues = (spread * rng.standard_normal(4)).tolist()
    red, green, blue = [
        min(channel * math.exp(brightness + 0.25 * hue), 0.95) for channel, hue in zip(base, hues, strict=True)
    ]
    return red, green, blue


def outline_limb(p: Point, q: Point, r: float, r2: float, eye: Point) -> list[Point]:
    """Outline a rounded bar of radius ``r`` at ``p`` and ``r2`` at ``q``, turned towards ``eye``."""
    along = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    view = p[0] - eye[0], p[1] - eye[1], p[2] - eye[2]
    cross = (
        along[1] * view[2] - along[2] * view[1],
        along[2] * view[0] - along[0] * view[2],
        along[0] * view[1] - along[1] * view[0],
    )
    length = math.hypot(*along) or 1e-6
    across = math.hypot(*cross) or 1e-6
    n = cross[0] / across, cross[1] / across, cross[2] / across
    e = along[0] / length, along[1] / length, along[2] / length

    def at(centre: Point, radius: float, side: float, forth: float) -> Point:
        a, b = side * radius, forth * radius
        return centre[0] + a * n[0] + b * e[0], centre[1] + a * n[1] + b * e[1], centre[2] + a * n[2] + b * e[2]

    start = [at(p, r, 1, 0), at(p, r, 0.6, -0.6), at(p, r, -0.6, -0.6), at(p, r, -1, 0)]
    return [*start, at(q, r2, -1, 0), at(q, r2, -0.6, 0.6), at(q, r2, 0.6, 0.6), at(q, r2, 1, 0)]


def outline_disc(centre: Point, radius: float, axis: tuple[float, float] = (0.0, 1.0), n: int = 10) -> list[Point]:
    """Outline an upright disc that stretches along ``axis``, a direction on the ground (s, d)."""
    turns = [2 * math.pi * k / n for k in range(n)]
    return [
        (
            centre[0] + radius * axis[0] * math.cos(turn),
            centre[1] + radius * axis[1] * math.cos(turn),
            centre[2] + radius * math.sin(turn),
        )
        for turn in turns
    ]


def outline_ring(centre: Point, radius: float, hole: float, axis: tuple[float, float], n: int = 12) -> list[Point]:
    """Outline a disc with a hole of radius ``hole``: around both, joined by a seam."""
    outer, inner = outline_disc(centre, radius, axis, n), outline_disc(centre, hole, axis, n)
    return [*outer, outer[0], inner[0], *reversed(inner)]


def outline_card(s: float, d: float, low: float, high: float, half: float) -> list[Point]:
    """Outline an upright rectangle that faces along the street."""
    return [(s, d - half, low), (s, d + half, low), (s, d + half, high), (s, d - half, high)]
