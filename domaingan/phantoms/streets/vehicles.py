"""Cars and vans: a profile drawn out across, with windows, lights and wheels."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from domaingan.phantoms.streets.shapes import (
    BLACK,
    Colour,
    Point,
    Polygon,
    Thing,
    outline_disc,
    pick_colour,
    scale_colour,
    to_linear,
)

PAINT_COLOURS = [
    to_linear(*rgb)
    for rgb in [
        (0.82, 0.83, 0.84), (0.62, 0.64, 0.66), (0.40, 0.42, 0.45), (0.12, 0.12, 0.14), (0.20, 0.22, 0.26),
        (0.55, 0.10, 0.10), (0.14, 0.22, 0.45), (0.10, 0.26, 0.20), (0.60, 0.55, 0.45), (0.42, 0.28, 0.20),
        (0.72, 0.66, 0.52), (0.35, 0.45, 0.55),
    ]
]  # fmt: skip
"""Colours of cars. Two thirds of them could as well be those of a wall."""

GLASS_COLOUR, TYRE_COLOUR, CHROME_COLOUR = (
    to_linear(0.16, 0.19, 0.22),
    to_linear(0.09, 0.09, 0.09),
    to_linear(0.55, 0.55, 0.56),
)
TAIL_LIGHT, HEAD_LIGHT = (1.0, 0.05, 0.02), (1.0, 0.92, 0.75)
"""The colours of the lights."""


class CarModel(NamedTuple):
    """A profile from the rear bumper forwards, as (along, height); ``panes`` are the strips that are windows."""

    profile: tuple[tuple[float, float], ...]
    panes: tuple[int, int]
    width: float
    sill: float
    lights: float
    lean: float = 1.0


CAR_MODELS = [
    CarModel(((0, 0.3), (0, 0.93), (0.55, 0.98), (1.25, 1.4), (2.55, 1.42), (3.3, 0.98), (4.3, 0.78), (4.4, 0.3)),
          (2, 4), 1.76, 0.92, 0.75),
    CarModel(((0, 0.3), (0, 0.85), (0.1, 0.95), (0.45, 1.42), (2.2, 1.47), (2.9, 1.0), (3.7, 0.8), (3.8, 0.3)),
          (2, 4), 1.7, 0.95, 0.8),
    CarModel(((0, 0.35), (0, 0.95), (0.05, 1.1), (0.3, 1.68), (2.9, 1.72), (3.6, 1.15), (4.5, 0.98), (4.6, 0.35)),
          (2, 4), 1.85, 1.08, 0.9),
    CarModel(((0, 0.35), (0, 1.15), (0.02, 1.2), (0.1, 2.15), (3.9, 2.2), (4.6, 1.25), (5.2, 1.0), (5.3, 0.35)),
          (2, 4), 1.95, 1.2, 0.85, 0.2),
]  # fmt: skip
"""Saloon, hatchback, off-roader, van."""

MODEL_SHARES = (0.35, 0.7, 0.88, 1.0)
"""Cumulative shares of the models."""

AWAY_BRIGHTNESS, SIDE_BRIGHTNESS, TOP_BRIGHTNESS = 0.72, 0.95, 1.12
"""Brightness of faces that look back, aside and up."""


class _Body(NamedTuple):
    """The place of a car, which turns measures of the car into coordinates of the street."""

    model: CarModel
    s: float
    d: float
    heading: int

    @property
    def length(self) -> float:
        return self.model.profile[-1][0]

    def place_point(self, along: float, across: float, height: float) -> Point:
        """Place a point of the car in the street.

        Args:
            along: metres from the rear bumper.
            across: half widths to the right; the car is narrower above the sill.
            height: metres above the ground.
        """
        lean = 1 - 0.3 * max(height - self.model.sill, 0.0) * self.model.lean
        half = self.model.width / 2 * lean
        return self.s + self.heading * (along - self.length / 2), self.d + across * half, height


def make_car(
    rng: np.random.Generator,
    label: int,
    s: float,
    d: float,
    heading: int,
    eye: Point,
    lamp_brightness: float,
    is_detailed: bool,
) -> Thing:
    """Make a car with its middle at ``s``, ``d``, bound ahead (1) or towards the camera (-1)."""
    model = CAR_MODELS[int(np.searchsorted(MODEL_SHARES, rng.random()))]
    body, paint = _Body(model, s, d, heading), pick_colour(rng, PAINT_COLOURS, 0.15)
    near = -1 if d > eye[1] else 1  # which of its sides we see
    polygons = [
        *_make_shell(body, paint),
        *_make_side(body, paint, near, is_detailed),
        *_make_end(body, paint, lamp_brightness),
    ]
    at, length = body.place_point, body.length
    outline = [at(0, -1, 0), at(length, -1, 0), at(length, 1, 0), at(0, 1, 0)]
    roof = [at(along, side, height) for along, height in model.profile[1:-1] for side in (-1, 1)]
    lamp = (
        scale_colour(TAIL_LIGHT, 0.5 * lamp_brightness)
        if heading > 0
        else scale_colour(HEAD_LIGHT, 2.5 * lamp_brightness)
    )
    nearest = 0.0 if heading > 0 else length
    lamps = [(at(nearest, side * 0.75, model.lights), lamp) for side in (-1, 1)] if lamp_brightness else []
    return Thing(label, s, polygons, outline, [*outline, *roof], lamps)


def _make_shell(body: _Body, paint: Colour) -> list[Polygon]:
    """Make the strips between the two sides, from the far end to the near one."""
    at, profile = body.place_point, body.model.profile
    strips = list(enumerate(pairwise(profile)))
    found = []
    for number, (a, b) in strips[:: -body.heading]:
        steep = abs(b[1] - a[1]) > 0.5 * abs(b[0] - a[0])
        face = scale_colour(paint, AWAY_BRIGHTNESS if steep else TOP_BRIGHTNESS)
        found.append(Polygon([at(a[0], -1, a[1]), at(a[0], 1, a[1]), at(b[0], 1, b[1]), at(b[0], -1, b[1])], face))
        if number in body.model.panes:
            c, e = _interpolate(a, b, 0.12), _interpolate(a, b, 0.88)
            found.append(Polygon([at(c[0], -0.88, c[1]), at(c[0], 0.88, c[1]), at(e[0], 0.86, e[1]),
                                  at(e[0], -0.86, e[1])], GLASS_COLOUR))  # fmt: skip
    return found


def _interpolate(a: tuple[float, float], b: tuple[float, float], t: float) -> tuple[float, float]:
    return a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])


def _make_side(body: _Body, paint: Colour, near: int, is_detailed: bool) -> list[Polygon]:
    """Make the side that the camera sees: panel, window band with a pillar, wheels."""
    at, model, length = body.place_point, body.model, body.length
    panel = Polygon([at(along, near, height) for along, height in model.profile], scale_colour(paint, SIDE_BRIGHTNESS))
    first, last = model.panes
    rear, front = model.profile[first : first + 2], model.profile[last : last + 2]
    top = rear[1][1] - 0.1
    low = model.sill + 0.04
    band = [(rear[0][0] + 0.3, low), (rear[1][0] + 0.12, top), (front[0][0] - 0.08, top), (front[1][0] - 0.3, low)]
    found = [panel, Polygon([at(along, near, height) for along, height in band], GLASS_COLOUR)]
    if is_detailed:
        pillar = length * 0.46
        found.append(Polygon([at(pillar, near, low), at(pillar + 0.12, near, low), at(pillar + 0.12, near, top),
                              at(pillar, near, top)], scale_colour(paint, SIDE_BRIGHTNESS)))  # fmt: skip
        sill = model.profile[0][1]
        found.append(Polygon([at(0.3, near, sill), at(length - 0.3, near, sill), at(length - 0.3, near, sill + 0.12),
                              at(0.3, near, sill + 0.12)], scale_colour(paint, 0.45)))  # fmt: skip
    for along in (0.19 * length, 0.81 * length):
        centre = at(along, near, 0.32)
        found.append(Polygon(outline_disc(centre, 0.33, (1.0, 0.0)), TYRE_COLOUR))
        found += (
            [Polygon(outline_disc(centre, 0.19, (1.0, 0.0), 8), scale_colour(CHROME_COLOUR, 0.5))]
            if is_detailed
            else []
        )
    return found


def _make_end(body: _Body, paint: Colour, lamp_brightness: float) -> list[Polygon]:
    """Make what is on the end that the camera sees: tyres, bumper, plate and lights."""
    at, model, rear = body.place_point, body.model, body.heading > 0
    along, height, sill = (0.0 if rear else body.length), model.lights, model.profile[0][1]

    def panel(left: float, right: float, low: float, high: float) -> list[Point]:
        return [at(along, left, low), at(along, right, low), at(along, right, high), at(along, left, high)]

    found = [Polygon(panel(side * 0.95, side * 0.68, 0.0, 0.4), TYRE_COLOUR) for side in (-1, 1)]
    found.append(Polygon(panel(-0.98, 0.98, sill - 0.08, sill + 0.18), scale_colour(paint, 0.4)))
    plate = to_linear(0.85, 0.75, 0.2) if rear else to_linear(0.85, 0.85, 0.82)
    found.append(Polygon(panel(-0.28, 0.28, sill + 0.2, sill + 0.32), scale_colour(plate, 0.7)))
    if not rear:
        found.append(Polygon(panel(-0.5, 0.5, height - 0.1, height + 0.02), to_linear(0.1, 0.1, 0.1)))
    colour = to_linear(0.5, 0.06, 0.05) if rear else to_linear(0.8, 0.8, 0.78)
    glow = scale_colour(TAIL_LIGHT, 1.2 * lamp_brightness) if rear else scale_colour(HEAD_LIGHT, 6.0 * lamp_brightness)
    low, high = (height - 0.1, height + 0.14) if rear else (height - 0.1, height + 0.05)
    lights = [
        Polygon(panel(side * 0.97, side * 0.66, low, high), colour, glow if lamp_brightness else BLACK)
        for side in (-1, 1)
    ]
    return found + lights
