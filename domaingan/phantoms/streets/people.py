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
    outline_disc,
    outline_limb,
    outline_ring,
    pick_colour,
    scale_colour,
    to_linear,
)

CLOTHING_COLOURS = [
    to_linear(*rgb)
    for rgb in [
        (0.10, 0.10, 0.12), (0.16, 0.18, 0.24), (0.25, 0.24, 0.24), (0.14, 0.20, 0.38), (0.33, 0.22, 0.16),
        (0.50, 0.47, 0.42), (0.60, 0.12, 0.12), (0.75, 0.73, 0.70), (0.20, 0.33, 0.22), (0.45, 0.16, 0.34),
        (0.40, 0.50, 0.62),
    ]
]  # fmt: skip
SKIN_COLOURS = [to_linear(0.85, 0.66, 0.55), to_linear(0.70, 0.50, 0.38), to_linear(0.42, 0.28, 0.20)]
HAIR_COLOURS = [
    to_linear(0.10, 0.08, 0.07),
    to_linear(0.30, 0.20, 0.12),
    to_linear(0.55, 0.42, 0.25),
    to_linear(0.45, 0.45, 0.45),
]
VEST_COLOUR = to_linear(0.75, 0.90, 0.15)

Direction = tuple[float, float]
"""A unit direction on the ground, (s, d)."""


class _Pose(NamedTuple):
    """A place and a direction. Points are given in metres forwards, to the right and up, for someone of mean height."""

    s: float
    d: float
    direction: Direction
    size: float
    lift: float = 0.0

    def place_point(self, forth: float, right: float, up: float) -> Point:
        a, b = forth * self.size, right * self.size
        return (
            self.s + a * self.direction[0] - b * self.direction[1],
            self.d + a * self.direction[1] + b * self.direction[0],
            self.lift + up * self.size,
        )


def make_pedestrian(
    rng: np.random.Generator,
    label: int,
    s: float,
    d: float,
    direction: Direction,
    gait_phase: float,
    eye: Point,
    is_detailed: bool,
) -> Thing:
    """Make someone on foot.

    Args:
        rng: draws height, build, clothes.
        label: the mask's value.
        s: metres ahead along the street.
        d: metres right of its middle.
        direction: where they walk.
        gait_phase: phase of the gait, in radians; 0 for someone who stands.
        eye: where the camera is.
        is_detailed: whether knees and elbows can be seen.
    """
    size = float(np.clip(rng.normal(1.0, 0.06), 0.85, 1.12)) * (0.72 if rng.random() < 0.08 else 1.0)
    pose, width = _Pose(s, d, direction, size), float(rng.uniform(0.9, 1.2))
    coat, trousers = pick_colour(rng, CLOTHING_COLOURS, 0.2), pick_colour(rng, CLOTHING_COLOURS, 0.2)
    skin, hair = pick_colour(rng, SKIN_COLOURS), pick_colour(rng, HAIR_COLOURS)
    hem, swing = (0.5 if rng.random() < 0.3 else 0.8), 0.34 * math.sin(gait_phase)
    found = _make_leg(pose, trousers, 1, swing, width, eye, is_detailed)
    found += _make_leg(pose, scale_colour(trousers, 0.8), -1, -swing, width, eye, is_detailed)
    found += _make_arm(pose, coat, skin, -1, swing, width, eye, is_detailed)
    trunk = outline_limb(
        pose.place_point(0, 0, hem), pose.place_point(0.02, 0, 1.38), 0.19 * width * size, 0.2 * width * size, eye
    )
    found.append(Polygon(trunk, coat))
    found += _make_arm(pose, scale_colour(coat, 0.85), skin, 1, -swing, width, eye, is_detailed)
    found += _make_head(pose, 0.02, 1.62, skin, hair, eye)
    if is_detailed and rng.random() < 0.35:
        bag = outline_limb(pose.place_point(-0.05, 0.24, 0.95), pose.place_point(-0.05, 0.24, 0.7), 0.1, 0.13, eye)
        found.append(Polygon(bag, pick_colour(rng, CLOTHING_COLOURS, 0.3)))
    return Thing(label, s, found, outline_ground_disc(s, d, 0.3), outline_shadow_caster(s, d, 0.22, 1.7 * size))


def _make_leg(
    pose: _Pose, colour: Colour, side: int, forth: float, width: float, eye: Point, is_detailed: bool
) -> list[Polygon]:
    at, size = pose.place_point, pose.size
    hip, foot = at(0, 0.09 * side, 0.86), at(forth - 0.02, 0.1 * side, 0.05 + 0.1 * max(-forth, 0.0))
    if not is_detailed:
        return [Polygon(outline_limb(hip, foot, 0.1 * width * size, 0.06 * size, eye), colour)]
    knee = at(0.55 * forth + 0.03, 0.1 * side, 0.46)
    return [
        Polygon(outline_limb(hip, knee, 0.1 * width * size, 0.075 * size, eye), colour),
        Polygon(outline_limb(knee, foot, 0.075 * size, 0.055 * size, eye), colour),
        Polygon(outline_limb(foot, at(forth + 0.12, 0.1 * side, 0.04), 0.05 * size, 0.04 * size, eye), SHOE_COLOUR),
    ]


SHOE_COLOUR = to_linear(0.08, 0.07, 0.07)


def outline_ground_disc(s: float, d: float, radius: float) -> list[Point]:
    """Outline a disc on the ground."""
    turns = [math.pi * k / 4 for k in range(8)]
    return [(s + radius * math.cos(turn), d + radius * math.sin(turn), 0.0) for turn in turns]


def outline_shadow_caster(s: float, d: float, half: float, height: float) -> list[Point]:
    """Outline what casts the shadow of something narrow and tall."""
    return [(s + a, d + b, y) for y in (0.0, height) for a, b in ((0, half), (0, -half), (half, 0), (-half, 0))]


def _make_arm(
    pose: _Pose, coat: Colour, skin: Colour, side: int, swing: float, width: float, eye: Point, is_detailed: bool
) -> list[Polygon]:
    at, size = pose.place_point, pose.size
    shoulder, hand = at(0, 0.19 * width * side, 1.36), at(0.8 * swing + 0.05, 0.25 * width * side, 0.86)
    if not is_detailed:
        return [Polygon(outline_limb(shoulder, hand, 0.07 * size, 0.05 * size, eye), coat)]
    elbow = at(0.35 * swing, 0.26 * width * side, 1.1)
    upper = Polygon(outline_limb(shoulder, elbow, 0.07 * size, 0.06 * size, eye), coat)
    lower = Polygon(outline_limb(elbow, hand, 0.06 * size, 0.045 * size, eye), scale_colour(coat, 0.9))
    return [upper, lower, Polygon(outline_disc(hand, 0.05 * size, (0.0, 1.0), 6), skin)]


def _make_head(pose: _Pose, forth: float, up: float, skin: Colour, hair: Colour, eye: Point) -> list[Polygon]:
    """Make head and hair; from behind it is all hair."""
    size = pose.size
    low, high = pose.place_point(forth, 0, up - 0.05), pose.place_point(forth, 0, up + 0.05)
    found = [
        Polygon(
            outline_limb(pose.place_point(forth, 0, up - 0.2), low, 0.06 * size, 0.06 * size, eye),
            scale_colour(skin, 0.8),
        )
    ]
    found.append(
        Polygon(outline_limb(low, high, 0.095 * size, 0.1 * size, eye), skin if pose.direction[0] < 0.7 else hair)
    )
    crown = outline_limb(
        pose.place_point(forth - 0.02, 0, up + 0.05),
        pose.place_point(forth - 0.02, 0, up + 0.1),
        0.1 * size,
        0.08 * size,
        eye,
    )
    return [*found, Polygon(crown, hair)]


def make_cyclist(
    rng: np.random.Generator,
    label: int,
    s: float,
    d: float,
    direction: Direction,
    pedal_phase: float,
    eye: Point,
    lamp_brightness: float,
) -> Thing:
    """Make someone on a bicycle, which is part of them. For the arguments see :func:`make_pedestrian`."""
    size = float(np.clip(rng.normal(1.0, 0.05), 0.9, 1.1))
    pose = _Pose(s, d, direction, size)
    coat = VEST_COLOUR if rng.random() < 0.3 else pick_colour(rng, CLOTHING_COLOURS, 0.2)
    trousers, skin, hair = (
        pick_colour(rng, CLOTHING_COLOURS, 0.2),
        pick_colour(rng, SKIN_COLOURS),
        pick_colour(rng, HAIR_COLOURS),
    )
    hat = pick_colour(rng, CLOTHING_COLOURS, 0.3) if rng.random() < 0.5 else hair
    at, found = pose.place_point, _make_bicycle(rng, pose, eye)
    for side, turn in ((-1, pedal_phase), (1, pedal_phase + math.pi)):
        pedal = at(0.05 + 0.16 * math.cos(turn), 0.12 * side, 0.3 + 0.16 * math.sin(turn))
        hip = at(-0.18, 0.09 * side, 0.97)
        knee = at(0.22, 0.12 * side, 0.68 + 0.12 * math.sin(turn))
        shade = scale_colour(trousers, 0.95 if side > 0 else 0.75)
        found.append(Polygon(outline_limb(hip, knee, 0.1 * size, 0.075 * size, eye), shade))
        found.append(Polygon(outline_limb(knee, pedal, 0.07 * size, 0.05 * size, eye), shade))
        found.append(Polygon(outline_limb(pedal, at(0.16, 0.12 * side, 0.27), 0.045, 0.04, eye), SHOE_COLOUR))
    found.append(Polygon(outline_limb(at(-0.2, 0, 1.0), at(0.16, 0, 1.46), 0.17 * size, 0.2 * size, eye), coat))
    for side in (-1, 1):
        grip, shoulder = at(0.42, 0.24 * side, 1.08), at(0.14, 0.2 * side, 1.44)
        found.append(Polygon(outline_limb(shoulder, grip, 0.065 * size, 0.045 * size, eye), scale_colour(coat, 0.85)))
    found += _make_head(pose, 0.26, 1.68, skin, hat, eye)
    lamps: list[tuple[Point, Colour]] = []
    if lamp_brightness:
        away = direction[0] > 0
        place, colour = (at(-0.45, 0, 0.8), (1.0, 0.04, 0.02)) if away else (at(0.5, 0, 1.0), (1.0, 0.97, 0.9))
        found.append(
            Polygon(
                outline_disc(place, 0.06, (0.0, 1.0), 6),
                BLACK,
                scale_colour(colour, (1.5 if away else 4.0) * lamp_brightness),
            )
        )
        lamps.append((place, scale_colour(colour, 0.4 * lamp_brightness)))
    ground = [at(-0.85, 0.15, 0), at(0.85, 0.15, 0), at(0.85, -0.15, 0), at(-0.85, -0.15, 0)]
    roof = [*ground, *(at(forth, right, 1.6) for forth in (-0.1, 0.3) for right in (-0.2, 0.2))]
    return Thing(label, s, found, ground, roof, lamps)


def _make_bicycle(rng: np.random.Generator, pose: _Pose, eye: Point) -> list[Polygon]:
    """Make wheels, frame and handlebar."""
    at, found = pose.place_point, []
    frame, rubber = pick_colour(rng, CLOTHING_COLOURS, 0.5), to_linear(0.1, 0.1, 0.1)
    for forth in (0.52, -0.52):
        found.append(Polygon(outline_ring(at(forth, 0, 0.34), 0.34, 0.28, pose.direction), rubber))
        tyre = outline_limb(at(forth, 0, 0.03), at(forth, 0, 0.66), 0.028, 0.028, (eye[0], eye[1], 0.34))
        found.append(
            Polygon(tyre, rubber)
            if abs(pose.direction[0]) > 0.7
            else Polygon(outline_disc(at(forth, 0, 0.34), 0.04), frame)
        )
    bars = [(-0.2, 0.88, 0.05, 0.3), (-0.2, 0.85, 0.4, 0.85), (0.05, 0.3, 0.4, 0.82), (0.38, 0.98, 0.52, 0.34),
            (-0.52, 0.34, 0.05, 0.3), (-0.52, 0.34, -0.2, 0.85)]  # fmt: skip
    found += [Polygon(outline_limb(at(a, 0, b), at(c, 0, e), 0.025, 0.025, eye), frame) for a, b, c, e in bars]
    found.append(Polygon(outline_limb(at(0.4, -0.27, 1.05), at(0.4, 0.27, 1.05), 0.025, 0.025, eye), rubber))
    return found
