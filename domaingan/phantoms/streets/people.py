"""People on foot and on bicycles: rounded limbs at the pose of a moment."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from domaingan.phantoms.streets.shapes import (
    BLACK,
    Colour,
    Point,
    Polygon,
    Thing,
    disc,
    limb,
    linear,
    pick,
    ring,
    times,
)

CLOTHES = [
    linear(*rgb)
    for rgb in [
        (0.10, 0.10, 0.12), (0.16, 0.18, 0.24), (0.25, 0.24, 0.24), (0.14, 0.20, 0.38), (0.33, 0.22, 0.16),
        (0.50, 0.47, 0.42), (0.60, 0.12, 0.12), (0.75, 0.73, 0.70), (0.20, 0.33, 0.22), (0.45, 0.16, 0.34),
        (0.40, 0.50, 0.62),
    ]
]  # fmt: skip
SKINS = [linear(0.85, 0.66, 0.55), linear(0.70, 0.50, 0.38), linear(0.42, 0.28, 0.20)]
HAIRS = [linear(0.10, 0.08, 0.07), linear(0.30, 0.20, 0.12), linear(0.55, 0.42, 0.25), linear(0.45, 0.45, 0.45)]
VEST = linear(0.75, 0.90, 0.15)

Way = tuple[float, float]
"""A unit direction on the ground, (s, d)."""


class _Pose(NamedTuple):
    """A place and a direction: points by metres forwards, to the right, and up, for someone ``size`` times as tall."""

    s: float
    d: float
    way: Way
    size: float
    lift: float = 0.0

    def at(self, forth: float, right: float, up: float) -> Point:
        a, b = forth * self.size, right * self.size
        return (
            self.s + a * self.way[0] - b * self.way[1],
            self.d + a * self.way[1] + b * self.way[0],
            self.lift + up * self.size,
        )


def pedestrian(
    rng: np.random.Generator, label: int, s: float, d: float, way: Way, step: float, eye: Point, detail: bool
) -> Thing:
    """Someone on foot.

    Args:
        rng: draws height, build, clothes.
        label: the mask's value.
        s: metres ahead along the street.
        d: metres right of its middle.
        way: where they walk.
        step: phase of the gait, in radians; 0 for someone who stands.
        eye: where the camera is.
        detail: whether knees and elbows can be seen.
    """
    size = float(np.clip(rng.normal(1.0, 0.06), 0.85, 1.12)) * (0.72 if rng.random() < 0.08 else 1.0)
    pose, width = _Pose(s, d, way, size), float(rng.uniform(0.9, 1.2))
    coat, trousers = pick(rng, CLOTHES, 0.2), pick(rng, CLOTHES, 0.2)
    skin, hair = pick(rng, SKINS), pick(rng, HAIRS)
    hem, swing = (0.5 if rng.random() < 0.3 else 0.8), 0.34 * math.sin(step)
    found = _leg(pose, trousers, 1, swing, width, eye, detail)
    found += _leg(pose, times(trousers, 0.8), -1, -swing, width, eye, detail)
    found += _arm(pose, coat, skin, -1, swing, width, eye, detail)
    trunk = limb(pose.at(0, 0, hem), pose.at(0.02, 0, 1.38), 0.19 * width * size, 0.2 * width * size, eye)
    found.append(Polygon(trunk, coat))
    found += _arm(pose, times(coat, 0.85), skin, 1, -swing, width, eye, detail)
    found += _head(pose, 0.02, 1.62, skin, hair, eye)
    if detail and rng.random() < 0.35:
        bag = limb(pose.at(-0.05, 0.24, 0.95), pose.at(-0.05, 0.24, 0.7), 0.1, 0.13, eye)
        found.append(Polygon(bag, pick(rng, CLOTHES, 0.3)))
    return Thing(label, s, found, disc_on_ground(s, d, 0.3), card_shade(s, d, 0.22, 1.7 * size))


def _leg(pose: _Pose, colour: Colour, side: int, forth: float, width: float, eye: Point, detail: bool) -> list[Polygon]:
    at, size = pose.at, pose.size
    hip, foot = at(0, 0.09 * side, 0.86), at(forth - 0.02, 0.1 * side, 0.05 + 0.1 * max(-forth, 0.0))
    if not detail:
        return [Polygon(limb(hip, foot, 0.1 * width * size, 0.06 * size, eye), colour)]
    knee = at(0.55 * forth + 0.03, 0.1 * side, 0.46)
    return [
        Polygon(limb(hip, knee, 0.1 * width * size, 0.075 * size, eye), colour),
        Polygon(limb(knee, foot, 0.075 * size, 0.055 * size, eye), colour),
        Polygon(limb(foot, at(forth + 0.12, 0.1 * side, 0.04), 0.05 * size, 0.04 * size, eye), SHOE),
    ]


SHOE = linear(0.08, 0.07, 0.07)


def disc_on_ground(s: float, d: float, radius: float) -> list[Point]:
    """An outline on the ground."""
    turns = [math.pi * k / 4 for k in range(8)]
    return [(s + radius * math.cos(turn), d + radius * math.sin(turn), 0.0) for turn in turns]


def card_shade(s: float, d: float, half: float, height: float) -> list[Point]:
    """What casts the shadow of something narrow and tall."""
    return [(s + a, d + b, y) for y in (0.0, height) for a, b in ((0, half), (0, -half), (half, 0), (-half, 0))]


def _arm(
    pose: _Pose, coat: Colour, skin: Colour, side: int, swing: float, width: float, eye: Point, detail: bool
) -> list[Polygon]:
    at, size = pose.at, pose.size
    shoulder, hand = at(0, 0.19 * width * side, 1.36), at(0.8 * swing + 0.05, 0.25 * width * side, 0.86)
    if not detail:
        return [Polygon(limb(shoulder, hand, 0.07 * size, 0.05 * size, eye), coat)]
    elbow = at(0.35 * swing, 0.26 * width * side, 1.1)
    upper = Polygon(limb(shoulder, elbow, 0.07 * size, 0.06 * size, eye), coat)
    lower = Polygon(limb(elbow, hand, 0.06 * size, 0.045 * size, eye), times(coat, 0.9))
    return [upper, lower, Polygon(disc(hand, 0.05 * size, (0.0, 1.0), 6), skin)]


def _head(pose: _Pose, forth: float, up: float, skin: Colour, hair: Colour, eye: Point) -> list[Polygon]:
    """Head and hair; seen from behind it is all hair."""
    size = pose.size
    low, high = pose.at(forth, 0, up - 0.05), pose.at(forth, 0, up + 0.05)
    found = [Polygon(limb(pose.at(forth, 0, up - 0.2), low, 0.06 * size, 0.06 * size, eye), times(skin, 0.8))]
    found.append(Polygon(limb(low, high, 0.095 * size, 0.1 * size, eye), skin if pose.way[0] < 0.7 else hair))
    crown = limb(pose.at(forth - 0.02, 0, up + 0.05), pose.at(forth - 0.02, 0, up + 0.1), 0.1 * size, 0.08 * size, eye)
    return [*found, Polygon(crown, hair)]


def cyclist(
    rng: np.random.Generator, label: int, s: float, d: float, way: Way, step: float, eye: Point, lit: float
) -> Thing:
    """Someone on a bicycle, which is part of them; arguments as for :func:`pedestrian`, ``step`` of the pedals."""
    size = float(np.clip(rng.normal(1.0, 0.05), 0.9, 1.1))
    pose = _Pose(s, d, way, size)
    coat = VEST if rng.random() < 0.3 else pick(rng, CLOTHES, 0.2)
    trousers, skin, hair = pick(rng, CLOTHES, 0.2), pick(rng, SKINS), pick(rng, HAIRS)
    hat = pick(rng, CLOTHES, 0.3) if rng.random() < 0.5 else hair
    at, found = pose.at, _bicycle(rng, pose, eye)
    for side, turn in ((-1, step), (1, step + math.pi)):
        pedal = at(0.05 + 0.16 * math.cos(turn), 0.12 * side, 0.3 + 0.16 * math.sin(turn))
        hip = at(-0.18, 0.09 * side, 0.97)
        knee = at(0.22, 0.12 * side, 0.68 + 0.12 * math.sin(turn))
        shade = times(trousers, 0.95 if side > 0 else 0.75)
        found.append(Polygon(limb(hip, knee, 0.1 * size, 0.075 * size, eye), shade))
        found.append(Polygon(limb(knee, pedal, 0.07 * size, 0.05 * size, eye), shade))
        found.append(Polygon(limb(pedal, at(0.16, 0.12 * side, 0.27), 0.045, 0.04, eye), SHOE))
    found.append(Polygon(limb(at(-0.2, 0, 1.0), at(0.16, 0, 1.46), 0.17 * size, 0.2 * size, eye), coat))
    for side in (-1, 1):
        grip, shoulder = at(0.42, 0.24 * side, 1.08), at(0.14, 0.2 * side, 1.44)
        found.append(Polygon(limb(shoulder, grip, 0.065 * size, 0.045 * size, eye), times(coat, 0.85)))
    found += _head(pose, 0.26, 1.68, skin, hat, eye)
    lamps: list[tuple[Point, Colour]] = []
    if lit:
        away = way[0] > 0
        place, colour = (at(-0.45, 0, 0.8), (1.0, 0.04, 0.02)) if away else (at(0.5, 0, 1.0), (1.0, 0.97, 0.9))
        found.append(Polygon(disc(place, 0.06, (0.0, 1.0), 6), BLACK, times(colour, (1.5 if away else 4.0) * lit)))
        lamps.append((place, times(colour, 0.4 * lit)))
    ground = [at(-0.85, 0.15, 0), at(0.85, 0.15, 0), at(0.85, -0.15, 0), at(-0.85, -0.15, 0)]
    roof = [*ground, *(at(forth, right, 1.6) for forth in (-0.1, 0.3) for right in (-0.2, 0.2))]
    return Thing(label, s, found, ground, roof, lamps)


def _bicycle(rng: np.random.Generator, pose: _Pose, eye: Point) -> list[Polygon]:
    """Wheels, frame and handlebar."""
    at, found = pose.at, []
    frame, rubber = pick(rng, CLOTHES, 0.5), linear(0.1, 0.1, 0.1)
    for forth in (0.52, -0.52):
        found.append(Polygon(ring(at(forth, 0, 0.34), 0.34, 0.28, pose.way), rubber))
        tyre = limb(at(forth, 0, 0.03), at(forth, 0, 0.66), 0.028, 0.028, (eye[0], eye[1], 0.34))
        found.append(
            Polygon(tyre, rubber) if abs(pose.way[0]) > 0.7 else Polygon(disc(at(forth, 0, 0.34), 0.04), frame)
        )
    bars = [(-0.2, 0.88, 0.05, 0.3), (-0.2, 0.85, 0.4, 0.85), (0.05, 0.3, 0.4, 0.82), (0.38, 0.98, 0.52, 0.34),
            (-0.52, 0.34, 0.05, 0.3), (-0.52, 0.34, -0.2, 0.85)]  # fmt: skip
    found += [Polygon(limb(at(a, 0, b), at(c, 0, e), 0.025, 0.025, eye), frame) for a, b, c, e in bars]
    found.append(Polygon(limb(at(0.4, -0.27, 1.05), at(0.4, 0.27, 1.05), 0.025, 0.025, eye), rubber))
    return found
