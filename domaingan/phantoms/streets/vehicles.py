"""Cars and vans: a profile drawn out across, with windows, lights and wheels."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from domaingan.phantoms.streets.shapes import BLACK, Colour, Point, Polygon, Thing, disc, linear, pick, times

PAINTS = [
    linear(*rgb)
    for rgb in [
        (0.82, 0.83, 0.84), (0.62, 0.64, 0.66), (0.40, 0.42, 0.45), (0.12, 0.12, 0.14), (0.20, 0.22, 0.26),
        (0.55, 0.10, 0.10), (0.14, 0.22, 0.45), (0.10, 0.26, 0.20), (0.60, 0.55, 0.45), (0.42, 0.28, 0.20),
        (0.72, 0.66, 0.52), (0.35, 0.45, 0.55),
    ]
]  # fmt: skip
"""Two thirds of them could as well be a wall's."""

GLASS, TYRE, CHROME = linear(0.16, 0.19, 0.22), linear(0.09, 0.09, 0.09), linear(0.55, 0.55, 0.56)
TAIL, HEAD = (1.0, 0.05, 0.02), (1.0, 0.92, 0.75)
"""The colours of the lights."""


class Model(NamedTuple):
    """A profile from the rear bumper forwards, as (along, height); ``panes`` are the strips that are windows."""

    profile: tuple[tuple[float, float], ...]
    panes: tuple[int, int]
    width: float
    sill: float
    lights: float
    lean: float = 1.0


MODELS = [
    Model(((0, 0.3), (0, 0.93), (0.55, 0.98), (1.25, 1.4), (2.55, 1.42), (3.3, 0.98), (4.3, 0.78), (4.4, 0.3)),
          (2, 4), 1.76, 0.92, 0.75),
    Model(((0, 0.3), (0, 0.85), (0.1, 0.95), (0.45, 1.42), (2.2, 1.47), (2.9, 1.0), (3.7, 0.8), (3.8, 0.3)),
          (2, 4), 1.7, 0.95, 0.8),
    Model(((0, 0.35), (0, 0.95), (0.05, 1.1), (0.3, 1.68), (2.9, 1.72), (3.6, 1.15), (4.5, 0.98), (4.6, 0.35)),
          (2, 4), 1.85, 1.08, 0.9),
    Model(((0, 0.35), (0, 1.15), (0.02, 1.2), (0.1, 2.15), (3.9, 2.2), (4.6, 1.25), (5.2, 1.0), (5.3, 0.35)),
          (2, 4), 1.95, 1.2, 0.85, 0.2),
]  # fmt: skip
"""Saloon, hatchback, off-roader, van."""

SHARES = (0.35, 0.7, 0.88, 1.0)
"""How common they are, summed up."""

AWAY, ASIDE, UP = 0.72, 0.95, 1.12
"""Brightness of faces that look back, aside and up."""


class _Body(NamedTuple):
    """Where a car stands: turns its own measures into the street's coordinates."""

    model: Model
    s: float
    d: float
    heading: int

    @property
    def length(self) -> float:
        return self.model.profile[-1][0]

    def at(self, along: float, across: float, height: float) -> Point:
        """Metres from the rear bumper, half widths to the right (narrower above the sill), metres above the ground."""
        lean = 1 - 0.3 * max(height - self.model.sill, 0.0) * self.model.lean
        half = self.model.width / 2 * lean
        return self.s + self.heading * (along - self.length / 2), self.d + across * half, height


def car(
    rng: np.random.Generator, label: int, s: float, d: float, heading: int, eye: Point, lit: float, detail: bool
) -> Thing:
    """A car with its middle at ``s``, ``d``, bound ahead (1) or towards us (-1), its lights on as bright as ``lit``."""
    model = MODELS[int(np.searchsorted(SHARES, rng.random()))]
    body, paint = _Body(model, s, d, heading), pick(rng, PAINTS, 0.15)
    near = -1 if d > eye[1] else 1  # which of its sides we see
    polygons = [*_shell(body, paint), *_side(body, paint, near, detail), *_end(body, paint, lit)]
    at, length = body.at, body.length
    outline = [at(0, -1, 0), at(length, -1, 0), at(length, 1, 0), at(0, 1, 0)]
    roof = [at(along, side, height) for along, height in model.profile[1:-1] for side in (-1, 1)]
    lamp = times(TAIL, 0.5 * lit) if heading > 0 else times(HEAD, 2.5 * lit)
    nearest = 0.0 if heading > 0 else length
    lamps = [(at(nearest, side * 0.75, model.lights), lamp) for side in (-1, 1)] if lit else []
    return Thing(label, s, polygons, outline, [*outline, *roof], lamps)


def _shell(body: _Body, paint: Colour) -> list[Polygon]:
    """The strips between the two sides, from the far end to the near one."""
    at, profile = body.at, body.model.profile
    strips = list(enumerate(pairwise(profile)))
    found = []
    for number, (a, b) in strips[:: -body.heading]:
        steep = abs(b[1] - a[1]) > 0.5 * abs(b[0] - a[0])
        face = times(paint, AWAY if steep else UP)
        found.append(Polygon([at(a[0], -1, a[1]), at(a[0], 1, a[1]), at(b[0], 1, b[1]), at(b[0], -1, b[1])], face))
        if number in body.model.panes:
            c, e = _between(a, b, 0.12), _between(a, b, 0.88)
            found.append(Polygon([at(c[0], -0.88, c[1]), at(c[0], 0.88, c[1]), at(e[0], 0.86, e[1]),
                                  at(e[0], -0.86, e[1])], GLASS))  # fmt: skip
    return found


def _between(a: tuple[float, float], b: tuple[float, float], t: float) -> tuple[float, float]:
    return a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])


def _side(body: _Body, paint: Colour, near: int, detail: bool) -> list[Polygon]:
    """The side that we see: panel, window band with a pillar, wheels."""
    at, model, length = body.at, body.model, body.length
    panel = Polygon([at(along, near, height) for along, height in model.profile], times(paint, ASIDE))
    first, last = model.panes
    rear, front = model.profile[first : first + 2], model.profile[last : last + 2]
    top = rear[1][1] - 0.1
    low = model.sill + 0.04
    band = [(rear[0][0] + 0.3, low), (rear[1][0] + 0.12, top), (front[0][0] - 0.08, top), (front[1][0] - 0.3, low)]
    found = [panel, Polygon([at(along, near, height) for along, height in band], GLASS)]
    if detail:
        pillar = length * 0.46
        found.append(Polygon([at(pillar, near, low), at(pillar + 0.12, near, low), at(pillar + 0.12, near, top),
                              at(pillar, near, top)], times(paint, ASIDE)))  # fmt: skip
        sill = model.profile[0][1]
        found.append(Polygon([at(0.3, near, sill), at(length - 0.3, near, sill), at(length - 0.3, near, sill + 0.12),
                              at(0.3, near, sill + 0.12)], times(paint, 0.45)))  # fmt: skip
    for along in (0.19 * length, 0.81 * length):
        centre = at(along, near, 0.32)
        found.append(Polygon(disc(centre, 0.33, (1.0, 0.0)), TYRE))
        found += [Polygon(disc(centre, 0.19, (1.0, 0.0), 8), times(CHROME, 0.5))] if detail else []
    return found


def _end(body: _Body, paint: Colour, lit: float) -> list[Polygon]:
    """What is on the end that we see: tyres, bumper, plate and lights."""
    at, model, rear = body.at, body.model, body.heading > 0
    along, height, sill = (0.0 if rear else body.length), model.lights, model.profile[0][1]

    def panel(left: float, right: float, low: float, high: float) -> list[Point]:
        return [at(along, left, low), at(along, right, low), at(along, right, high), at(along, left, high)]

    found = [Polygon(panel(side * 0.95, side * 0.68, 0.0, 0.4), TYRE) for side in (-1, 1)]
    found.append(Polygon(panel(-0.98, 0.98, sill - 0.08, sill + 0.18), times(paint, 0.4)))
    plate = linear(0.85, 0.75, 0.2) if rear else linear(0.85, 0.85, 0.82)
    found.append(Polygon(panel(-0.28, 0.28, sill + 0.2, sill + 0.32), times(plate, 0.7)))
    if not rear:
        found.append(Polygon(panel(-0.5, 0.5, height - 0.1, height + 0.02), linear(0.1, 0.1, 0.1)))
    colour = linear(0.5, 0.06, 0.05) if rear else linear(0.8, 0.8, 0.78)
    glow = times(TAIL, 1.2 * lit) if rear else times(HEAD, 6.0 * lit)
    low, high = (height - 0.1, height + 0.14) if rear else (height - 0.1, height + 0.05)
    lights = [Polygon(panel(side * 0.97, side * 0.66, low, high), colour, glow if lit else BLACK) for side in (-1, 1)]
    return found + lights
