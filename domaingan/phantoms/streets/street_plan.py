"""What one sequence is like: its street, its traffic, its camera. Drawn once, the same for all of its frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from domaingan.phantoms.streets.lens import Lens
from domaingan.phantoms.streets.scenery import STEELS
from domaingan.phantoms.streets.shapes import Colour, linear, pick

GREENS = [linear(0.22, 0.32, 0.13), linear(0.30, 0.36, 0.16), linear(0.16, 0.25, 0.14), linear(0.38, 0.38, 0.18)]
AUTUMN = [linear(0.48, 0.34, 0.14), linear(0.42, 0.24, 0.12), linear(0.40, 0.38, 0.18)]


@dataclass(frozen=True)
class Plan:
    """A sequence's own parameters; lengths in metres, speeds in metres a second.

    Attributes:
        key: what everything in it is drawn from: the seed and the sequence's number.
        lighting: ``day``, ``dusk`` or ``night``.
        weather: ``clear``, ``fog`` or ``rain``.
        cyclists: whether there are any.
        hand: 1 where traffic keeps right, -1 where it keeps left.
        lanes: lanes a direction.
        lane: width of a lane.
        parking: width of the parking strip left and right, 0 where there is none.
        pavement: width of the pavement.
        setback: from the pavement to the buildings, left and right.
        speed: of the camera.
        wave: length over which the street swings once to either side.
        swing: its largest curvature, in 1/m.
        focal, horizon: as shares of the frame's width and height.
        height: of the camera.
        storey, storeys: height of a storey, and how many buildings have about.
        gaps: chance of a gap between buildings.
        parked, busy, people: chances that a place is taken by a parked car, a moving one, somebody on foot.
        trees: metres between trees, and the chance of one.
        greens: colours of the leaves.
        lamps: metres between lamp posts, and their height.
        steel: colour of what is made of metal.
        zebra: metres between crossings.
    """

    key: tuple[int, int]
    lighting: str
    weather: str
    cyclists: bool
    hand: int
    lanes: int
    lane: float
    parking: tuple[float, float]
    pavement: float
    setback: tuple[float, float]
    speed: float
    wave: float
    swing: float
    phase: float
    focal: float
    horizon: float
    height: float
    storey: float
    storeys: float
    gaps: float
    parked: float
    busy: float
    people: float
    trees: tuple[float, float]
    greens: tuple[Colour, ...]
    lamps: tuple[float, float]
    steel: Colour
    zebra: float

    def kerb(self, side: int) -> float:
        """Where the road ends on the left (-1) or right (1), in metres from its middle."""
        return self.lanes * self.lane + max(self.parking[side > 0], 0.5)

    def front(self, side: int) -> float:
        """Where buildings begin."""
        return self.kerb(side) + self.pavement + self.setback[side > 0]

    def lit(self) -> float:
        """How bright vehicles' lights are, from 0 (off) to 1."""
        by_light = {"day": 0.0, "dusk": 0.7, "night": 1.0}[self.lighting]
        return max(by_light, 0.0 if self.weather == "clear" else 0.35)

    def travelled(self, time: float) -> float:
        """Where along the street the camera is."""
        return self.speed * time + 1.5 * math.sin(0.35 * time + self.phase)

    def heading(self, s: float) -> float:
        """The street's direction, in radians to the right of its mean."""
        return -self.swing * self.wave / (2 * math.pi) * math.cos(2 * math.pi * s / self.wave + self.phase)

    def lens(self, time: float, shape: tuple[int, int]) -> Lens:
        """The camera at a time, for frames of ``shape``: in its lane, a little restless."""
        height, width = shape
        s = self.travelled(time)
        wobble = np.random.default_rng((*self.key, 3, round(1000 * time))).normal(0, 1, 3)
        return Lens(
            shape=(2 * height, 2 * width),
            focal=2 * self.focal * width,
            horizon=2 * height * (self.horizon + 0.006 * float(wobble[0])),
            s=s,
            d=self.hand * self.lane / 2 + 0.12 * float(wobble[1]),
            y=self.height,
            yaw=0.008 * float(wobble[2]),
            bend=self.swing * math.sin(2 * math.pi * (s + 20) / self.wave + self.phase),
        )


def plan(key: tuple[int, int], lighting: str, weather: str, cyclists: bool) -> Plan:
    """Draw a sequence."""
    rng = np.random.default_rng((*key, 0))
    lanes = 1 if rng.random() < 0.7 else 2
    calm = float(rng.beta(1.6, 1.6))  # from a busy shopping street to a quiet one with gardens and trees
    parking = [2.15 if rng.random() < 0.6 else 0.0 for _ in range(2)]
    setback = [float(rng.uniform(2, 6)) if rng.random() < calm else 0.0 for _ in range(2)]
    palette = AUTUMN + GREENS[1:3] if rng.random() < 0.25 else GREENS
    return Plan(
        key,
        lighting,
        weather,
        cyclists,
        hand=-1 if rng.random() < 0.5 else 1,
        lanes=lanes,
        lane=float(rng.uniform(2.9, 3.5)),
        parking=(parking[0], parking[1]),
        pavement=float(rng.uniform(1.8, 4.2)),
        setback=(setback[0], setback[1]),
        speed=float(rng.uniform(4.0, 10.0)),
        wave=float(rng.uniform(160, 360)),
        swing=float(rng.uniform(0.0, 1 / 140)),
        phase=float(rng.uniform(0, 2 * math.pi)),
        focal=float(rng.uniform(0.85, 1.15)),
        horizon=float(rng.uniform(0.40, 0.52)),
        height=float(rng.uniform(1.25, 1.75)),
        storey=float(rng.uniform(2.8, 3.5)),
        storeys=float(rng.uniform(1.6, 2.6) if calm > 0.6 else rng.uniform(2.4, 5.0)),
        gaps=0.1 + 0.6 * calm,
        parked=float(rng.uniform(0.25, 0.85)),
        busy=float(rng.uniform(0.2, 0.65)),
        people=float(rng.uniform(0.15, 0.5)) * (1.25 - calm),
        trees=(float(rng.uniform(8, 15)), float(np.clip(0.15 + 0.7 * calm + rng.normal(0, 0.15), 0.05, 0.95))),
        greens=tuple(pick(rng, palette, 0.15) for _ in range(3)),
        lamps=(float(rng.uniform(22, 34)), float(rng.uniform(5.5, 8.5))),
        steel=pick(rng, STEELS, 0.15),
        zebra=float(rng.uniform(60, 130)),
    )
