"""What one sequence is like: its street, traffic and camera. It is sampled once, and the same for all of its frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from domaingan.phantoms.streets.lens import Lens
from domaingan.phantoms.streets.scenery import STEEL_COLOURS
from domaingan.phantoms.streets.shapes import Colour, pick_colour, to_linear

LEAF_COLOURS = [
    to_linear(0.22, 0.32, 0.13),
    to_linear(0.30, 0.36, 0.16),
    to_linear(0.16, 0.25, 0.14),
    to_linear(0.38, 0.38, 0.18),
]
AUTUMN_COLOURS = [to_linear(0.48, 0.34, 0.14), to_linear(0.42, 0.24, 0.12), to_linear(0.40, 0.38, 0.18)]


@dataclass(frozen=True)
class StreetPlan:
    """The parameters of a sequence. Lengths are in metres, speeds in metres a second.

    Attributes:
        key: what everything in it is drawn from: the seed and the sequence's number.
        lighting: ``day``, ``dusk`` or ``night``.
        weather: ``clear``, ``fog`` or ``rain``.
        has_cyclists: whether there are any.
        traffic_side: 1 where traffic keeps right, -1 where it keeps left.
        lanes: lanes a direction.
        lane_width: width of a lane.
        parking_widths: width of the parking strip left and right, 0 where there is none.
        pavement_width: width of the pavement.
        setbacks: from the pavement to the buildings, left and right.
        speed: of the camera.
        bend_wavelength: length over which the street swings once to either side.
        max_curvature: its largest curvature, in 1/m.
        bend_phase: where in a swing it begins, in radians.
        focal, horizon: as shares of the frame's width and height.
        camera_height: of the camera.
        storey_height: height of a storey.
        storeys: how many storeys buildings have, about.
        gap_chance: chance of a gap between buildings.
        parked_chance, moving_chance, pedestrian_chance: chances that a place is taken by a parked car, a moving one,
            somebody on foot.
        tree_spacing: metres between trees, and the chance of one.
        leaf_colours: colours of the leaves.
        lamp_spacing: metres between lamp posts, and their height.
        metal_colour: colour of what is made of metal.
        crossing_spacing: metres between crossings.
    """

    key: tuple[int, int]
    lighting: str
    weather: str
    has_cyclists: bool
    traffic_side: int
    lanes: int
    lane_width: float
    parking_widths: tuple[float, float]
    pavement_width: float
    setbacks: tuple[float, float]
    speed: float
    bend_wavelength: float
    max_curvature: float
    bend_phase: float
    focal: float
    horizon: float
    camera_height: float
    storey_height: float
    storeys: float
    gap_chance: float
    parked_chance: float
    moving_chance: float
    pedestrian_chance: float
    tree_spacing: tuple[float, float]
    leaf_colours: tuple[Colour, ...]
    lamp_spacing: tuple[float, float]
    metal_colour: Colour
    crossing_spacing: float

    def get_kerb(self, side: int) -> float:
        """Return where the road ends on the left (-1) or right (1), in metres from its middle."""
        return self.lanes * self.lane_width + max(self.parking_widths[side > 0], 0.5)

    def get_building_line(self, side: int) -> float:
        """Return where buildings begin on the left (-1) or right (1), in metres from the road's middle."""
        return self.get_kerb(side) + self.pavement_width + self.setbacks[side > 0]

    def get_vehicle_brightness(self) -> float:
        """Return how bright the lights of vehicles are, from 0 (off) to 1."""
        by_light = {"day": 0.0, "dusk": 0.7, "night": 1.0}[self.lighting]
        return max(by_light, 0.0 if self.weather == "clear" else 0.35)

    def compute_position(self, time: float) -> float:
        """Compute where along the street the camera is after ``time`` seconds, in metres."""
        return self.speed * time + 1.5 * math.sin(0.35 * time + self.bend_phase)

    def compute_heading(self, s: float) -> float:
        """Compute the direction of the street at ``s``, in radians to the right of its mean."""
        return (
            -self.max_curvature
            * self.bend_wavelength
            / (2 * math.pi)
            * math.cos(2 * math.pi * s / self.bend_wavelength + self.bend_phase)
        )

    def make_lens(self, time: float, shape: tuple[int, int]) -> Lens:
        """Make the camera at a time, for frames of ``shape``: in its lane, a little restless."""
        height, width = shape
        s = self.compute_position(time)
        wobble = np.random.default_rng((*self.key, 3, round(1000 * time))).normal(0, 1, 3)
        return Lens(
            shape=(2 * height, 2 * width),
            focal=2 * self.focal * width,
            horizon=2 * height * (self.horizon + 0.006 * float(wobble[0])),
            s=s,
            d=self.traffic_side * self.lane_width / 2 + 0.12 * float(wobble[1]),
            y=self.camera_height,
            yaw=0.008 * float(wobble[2]),
            bend=self.max_curvature * math.sin(2 * math.pi * (s + 20) / self.bend_wavelength + self.bend_phase),
        )


def sample_plan(key: tuple[int, int], lighting: str, weather: str, has_cyclists: bool) -> StreetPlan:
    """Sample the plan of a sequence.

    Args:
        key: the seed and the sequence's number.
        lighting: ``day``, ``dusk`` or ``night``.
        weather: ``clear``, ``fog`` or ``rain``.
        has_cyclists: whether there are any.
    """
    rng = np.random.default_rng((*key, 0))
    lanes = 1 if rng.random() < 0.7 else 2
    calm = float(rng.beta(1.6, 1.6))  # from a busy shopping street to a quiet one with gardens and trees
    parking = [2.15 if rng.random() < 0.6 else 0.0 for _ in range(2)]
    setback = [float(rng.uniform(2, 6)) if rng.random() < calm else 0.0 for _ in range(2)]
    palette = AUTUMN_COLOURS + LEAF_COLOURS[1:3] if rng.random() < 0.25 else LEAF_COLOURS
    return StreetPlan(
        key,
        lighting,
        weather,
        has_cyclists,
        traffic_side=-1 if rng.random() < 0.5 else 1,
        lanes=lanes,
        lane_width=float(rng.uniform(2.9, 3.5)),
        parking_widths=(parking[0], parking[1]),
        pavement_width=float(rng.uniform(1.8, 4.2)),
        setbacks=(setback[0], setback[1]),
        speed=float(rng.uniform(4.0, 10.0)),
        bend_wavelength=float(rng.uniform(160, 360)),
        max_curvature=float(rng.uniform(0.0, 1 / 140)),
        bend_phase=float(rng.uniform(0, 2 * math.pi)),
        focal=float(rng.uniform(0.85, 1.15)),
        horizon=float(rng.uniform(0.40, 0.52)),
        camera_height=float(rng.uniform(1.25, 1.75)),
        storey_height=float(rng.uniform(2.8, 3.5)),
        storeys=float(rng.uniform(1.6, 2.6) if calm > 0.6 else rng.uniform(2.4, 5.0)),
        gap_chance=0.1 + 0.6 * calm,
        parked_chance=float(rng.uniform(0.25, 0.85)),
        moving_chance=float(rng.uniform(0.2, 0.65)),
        pedestrian_chance=float(rng.uniform(0.15, 0.5)) * (1.25 - calm),
        tree_spacing=(float(rng.uniform(8, 15)), float(np.clip(0.15 + 0.7 * calm + rng.normal(0, 0.15), 0.05, 0.95))),
        leaf_colours=tuple(pick_colour(rng, palette, 0.15) for _ in range(3)),
        lamp_spacing=(float(rng.uniform(22, 34)), float(rng.uniform(5.5, 8.5))),
        metal_colour=pick_colour(rng, STEEL_COLOURS, 0.15),
        crossing_spacing=float(rng.uniform(60, 130)),
    )
