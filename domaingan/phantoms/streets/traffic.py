"""What stands and moves where at a time.

Each kind comes in streams. A stream is cut into stretches that move along together, each taken or not, so that what is
in one depends on its own number alone: streets have no end, and neither has a sequence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domaingan.phantoms.streets import people, scenery, vehicles
from domaingan.phantoms.streets.chance import hash_to_unit
from domaingan.phantoms.streets.lens import FAR_METRES, Lens
from domaingan.phantoms.streets.shapes import BLACK, Thing, scale_colour, to_linear
from domaingan.phantoms.streets.street_plan import StreetPlan

DETAIL_METRES, CAR_DETAIL_METRES = 25.0, 45.0
"""Farther than so many metres, people and trees, or cars, are drawn with less detail."""

SODIUM_COLOUR, LED_COLOUR = to_linear(1.0, 0.72, 0.38), to_linear(0.95, 0.97, 1.0)
"""The lights of street lamps."""


class Place(NamedTuple):
    """A place for a thing, with its own source of draws."""

    rng: np.random.Generator
    s: float
    d: float


@dataclass(frozen=True)
class Stream:
    """A row of places at ``d``, one in every ``gap`` metres, each taken with a ``chance``, moving at ``speed``.

    ``jitter`` is how far a place may lie from the middle of its stretch (as a share of half of it), ``offset`` how far
    from ``d``; ``number`` tells streams of one sequence apart.
    """

    number: int
    d: float
    gap: float
    chance: float
    speed: float = 0.0
    jitter: float = 0.5
    offset: float = 0.1

    def sample_places(self, key: tuple[int, int], lens: Lens, time: float, near: float = 0.5) -> Iterator[Place]:
        """Sample the places that are taken, from ``near`` metres ahead to the end of sight."""
        moved = self.speed * time
        first = math.floor((lens.s - moved) / self.gap) - 1
        stretches = np.arange(first, first + int(FAR_METRES / self.gap) + 3)
        taken = hash_to_unit(*key, self.number, 0, stretches)
        along = hash_to_unit(*key, self.number, 1, stretches)
        aside = hash_to_unit(*key, self.number, 2, stretches)
        s = moved + (stretches + 0.5 + self.jitter * (along - 0.5)) * self.gap
        d = self.d + self.offset * (2 * aside - 1)
        kept = (taken < self.chance) & (s > lens.s + near) & (s < lens.s + FAR_METRES) & lens.is_in_view(s, d)
        for place in np.flatnonzero(kept).tolist():
            rng = np.random.default_rng((*key, 8 + self.number, int(stretches[place]) + (1 << 20)))
            yield Place(rng, float(s[place]), float(d[place]))


def choose_lamp_colour(plan: StreetPlan) -> tuple[float, float, float]:
    """Choose the colour of the street lamps; black by day."""
    if plan.lighting == "day":
        return BLACK
    return SODIUM_COLOUR if np.random.default_rng((*plan.key, 4)).random() < 0.6 else LED_COLOUR


def place_things(plan: StreetPlan, lens: Lens, time: float, labels: dict[str, int]) -> list[Thing]:
    """Place everything that stands or moves in the street and its surroundings, but for the buildings."""
    found = [*_place_cars(plan, lens, time, labels["car"]), *_place_people(plan, lens, time, labels["pedestrian"])]
    found += _place_cyclists(plan, lens, time, labels["cyclist"]) if plan.has_cyclists else []
    return [*found, *_place_trees(plan, lens, labels["tree"]), *_place_poles(plan, lens, labels["pole"])]


def _place_cars(plan: StreetPlan, lens: Lens, time: float, label: int) -> Iterator[Thing]:
    hand, lane, lit = plan.traffic_side, plan.lane_width, plan.get_vehicle_brightness()
    for side in (-1, 1):
        if plan.parking_widths[side > 0]:
            row = Stream(
                side + 1, side * (plan.get_kerb(side) - 1.08), 6.2, plan.parked_chance, jitter=0.12, offset=0.08
            )
            for rng, s, d in row.sample_places(plan.key, lens, time):
                yield vehicles.make_car(
                    rng, label, s, d, side * hand, lens.get_apparent_position(s), 0.0, s - lens.s < CAR_DETAIL_METRES
                )
    lanes = [Stream(3, hand * lane / 2, 21, plan.moving_chance, _compute_mean_speed(plan, time), offset=0.25)]
    lanes.append(Stream(4, -hand * lane / 2, 19, plan.moving_chance, -0.9 * plan.speed - 2, offset=0.25))
    if plan.lanes > 1:
        lanes.append(Stream(5, hand * lane * 1.5, 24, plan.moving_chance, 0.8 * plan.speed + 3, offset=0.25))
        lanes.append(Stream(6, -hand * lane * 1.5, 26, 0.7 * plan.moving_chance, -1.2 * plan.speed - 1, offset=0.25))
    for stream in lanes:
        ours = stream.number == 3
        for rng, s, d in stream.sample_places(plan.key, lens, time, near=12.0 if ours else 0.5):
            heading = 1 if d * hand > 0 else -1
            yield vehicles.make_car(
                rng, label, s, d, heading, lens.get_apparent_position(s), lit, s - lens.s < CAR_DETAIL_METRES
            )


def _compute_mean_speed(plan: StreetPlan, time: float) -> float:
    """Compute the mean speed until now of the cars ahead of the camera, so that they stay ahead."""
    return plan.compute_position(time) / time if time > 0 else plan.speed


def _place_people(plan: StreetPlan, lens: Lens, time: float, label: int) -> Iterator[Thing]:
    number = 10
    for side in (-1, 1):
        for share, speed in ((0.35, 1.25), (0.65, -1.35), (0.8, 0.0)):
            d = side * (plan.get_kerb(side) + share * plan.pavement_width)
            stream = Stream(
                number, d, 6.5, plan.pedestrian_chance * (1.0 if speed else 0.5), speed, 0.8, 0.12 * plan.pavement_width
            )
            number += 1
            for rng, s, at in stream.sample_places(plan.key, lens, time, near=2.5):
                turn = float(rng.uniform(-0.3, 0.3) if speed else rng.uniform(-3.1, 3.1))
                way = (math.copysign(math.cos(turn), speed) if speed else math.cos(turn), math.sin(turn))
                step = 5.4 * time + float(rng.uniform(0, 6)) if speed else 0.0
                yield people.make_pedestrian(
                    rng, label, s, at, way, step, lens.get_apparent_position(s), s - lens.s < DETAIL_METRES
                )
    for rng, s, _ in Stream(number, 0, 24, 0.75 * plan.pedestrian_chance, jitter=0.8).sample_places(
        plan.key, lens, time, near=4.0
    ):
        d, way = _place_crossing(plan, rng, time, s - lens.s)
        step = 5.4 * time + float(rng.uniform(0, 6))
        yield people.make_pedestrian(
            rng, label, s, d, way, step, lens.get_apparent_position(s), s - lens.s < DETAIL_METRES
        )


def _place_crossing(
    plan: StreetPlan, rng: np.random.Generator, time: float, ahead: float
) -> tuple[float, tuple[float, float]]:
    """Place somebody who crosses the road over and back, and waits at the kerb for the camera's car.

    Returns:
        Where they are (d), and the direction in which they walk.
    """
    left, right = -plan.get_kerb(-1) - 0.6, plan.get_kerb(1) + 0.6
    walked = (float(rng.uniform(0, 2)) * (right - left) + 1.3 * time) % (2 * (right - left))
    there = walked < right - left
    d = left + walked if there else 2 * right - left - walked
    if ahead < 10:
        d = left if d < 0 else right
    return d, (0.0, 1.0 if there else -1.0)


def _place_cyclists(plan: StreetPlan, lens: Lens, time: float, label: int) -> Iterator[Thing]:
    for number, side, gap, chance in ((30, plan.traffic_side, 11.0, 0.6), (31, -plan.traffic_side, 16.0, 0.55)):
        d = side * (plan.get_kerb(side) - max(plan.parking_widths[side > 0], 0.1) - 0.55)
        speed = 0.75 * plan.speed if side == plan.traffic_side else -4.5
        for rng, s, at in Stream(number, d, gap, chance, speed, 0.9, 0.25).sample_places(
            plan.key, lens, time, near=3.5
        ):
            turn = float(rng.normal(0, 0.12))
            way = (math.copysign(math.cos(turn), speed), math.sin(turn))
            step = 6.0 * time + float(rng.uniform(0, 6))
            yield people.make_cyclist(
                rng, label, s, at, way, step, lens.get_apparent_position(s), plan.get_vehicle_brightness()
            )


def _place_trees(plan: StreetPlan, lens: Lens, label: int) -> Iterator[Thing]:
    greens, (gap, chance) = list(plan.leaf_colours), plan.tree_spacing
    for number, side in ((40, -1), (41, 1)):
        kerbside = side * (plan.get_kerb(side) + min(0.9, 0.3 * plan.pavement_width))
        behind = side * (plan.get_building_line(side) + 6)
        rows = [Stream(number, kerbside, gap, chance, jitter=0.3), Stream(number + 2, behind, 11, 0.7, 0, 0.9, 3.0)]
        for row, sizes in zip(rows, ((4.5, 8.0), (6.0, 12.0)), strict=True):
            for rng, s, d in row.sample_places(plan.key, lens, 0.0, near=2.0):
                size = float(rng.uniform(*sizes))
                yield scenery.make_tree(
                    rng, label, s, d, greens, size, lens.get_apparent_position(s), s - lens.s < DETAIL_METRES
                )


def _place_poles(plan: StreetPlan, lens: Lens, label: int) -> Iterator[Thing]:
    light = choose_lamp_colour(plan)
    shine = scale_colour(light, 30.0 if plan.lighting == "night" else 6.0)
    for number, side in ((50, -1), (51, 1)):
        edge = side * (plan.get_kerb(side) + 0.45)
        gap, height = plan.lamp_spacing
        first = math.ceil((lens.s + 1) / gap - 0.25 * side)
        for s in (gap * (n + 0.25 * side) for n in range(first, first + int(FAR_METRES / gap))):
            yield scenery.make_lamp_post(
                label, s, edge, height, plan.metal_colour, shine, lens.get_apparent_position(s)
            )
        for rng, s, d in Stream(number + 2, edge, 26, 0.55, 0.0, 0.8, 0.1).sample_places(plan.key, lens, 0.0):
            yield scenery.make_sign(rng, label, s, d, plan.metal_colour, lens.get_apparent_position(s))
