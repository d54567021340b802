"""What the ground, walls and leaves look like from close by: reflectance as a function of the place on them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaingan.phantoms.fields import Field
from domaingan.phantoms.streets.chance import hash_to_unit, look_up_noise
from domaingan.phantoms.streets.facades import HEDGE_KIND, ROOF_KIND, Wall
from domaingan.phantoms.streets.lens import Lens
from domaingan.phantoms.streets.shapes import pick_colour, to_linear
from domaingan.phantoms.streets.street_plan import StreetPlan

MAX_MARK_DISTANCE = 60.0
"""Metres ahead to which lane marks can be seen."""

ASPHALT_COLOURS = [to_linear(0.36, 0.36, 0.37), to_linear(0.44, 0.43, 0.42), to_linear(0.30, 0.30, 0.32)]
SLAB_COLOURS = [
    to_linear(0.52, 0.50, 0.47),
    to_linear(0.45, 0.44, 0.44),
    to_linear(0.50, 0.42, 0.38),
    to_linear(0.38, 0.37, 0.37),
]
WHITE_PAINT, YELLOW_PAINT = to_linear(0.82, 0.82, 0.80), to_linear(0.75, 0.60, 0.20)


# -------------------------------------------------------------------- ground


class GroundSurface(NamedTuple):
    """Where the ground is road or mark, ``(N,)``, and its ``(N, 3)`` reflectance."""

    is_road: NDArray[np.bool_]
    is_mark: NDArray[np.bool_]
    colour: Field


def colour_ground(plan: StreetPlan, s: Field, d: Field, z: Field) -> GroundSurface:
    """Colour the ground at ``s``, ``d``, seen from ``z`` metres: asphalt with marks, kerbs, pavements, forecourts."""
    rng = np.random.default_rng((*plan.key, 5))
    asphalt = np.array(pick_colour(rng, ASPHALT_COLOURS, 0.12))
    slab = np.array(pick_colour(rng, SLAB_COLOURS, 0.12))
    court = np.array(pick_colour(rng, SLAB_COLOURS + ASPHALT_COLOURS, 0.12))
    kerbs = np.where(d > 0, np.float32(plan.get_kerb(1)), np.float32(plan.get_kerb(-1)))
    beyond = np.abs(d) - kerbs
    road = beyond < 0
    marks = road & (z < MAX_MARK_DISTANCE) & _find_marks(plan, rng, s, d)
    fine = np.exp(-z / 14)
    mottle = 0.05 * look_up_noise(4 * s, 16 * d) + 0.09 * fine * look_up_noise(40 * s, 40 * d)
    mottle += (
        _compute_patches(rng, s, d)
        - 0.05 * np.exp(-(((np.abs(np.abs(d) - plan.lane_width / 2) - 0.75) / 0.3) ** 2)) * road
    )
    joints = ((s % 0.9 < 0.06) | (beyond % 0.6 < 0.05)) & (z < 16)
    colour = np.where(road[:, None], asphalt, np.where((beyond > plan.pavement_width)[:, None], court, slab))
    colour = colour.astype(np.float32) * (1 + mottle)[:, None]
    colour[(beyond >= 0) & joints] *= np.float32(0.72)
    colour[(beyond >= 0) & (beyond < 0.16)] *= np.float32(1.35)
    gutter = road & (beyond > -0.25)
    colour[gutter] *= np.float32(0.8)
    paint = np.array(YELLOW_PAINT if rng.random() < 0.15 else WHITE_PAINT, dtype=np.float32)
    worn = 0.75 + 0.12 * look_up_noise(30 * s[marks], 30 * d[marks])
    colour[marks] += (paint - colour[marks]) * np.clip(worn, 0.3, 0.95)[:, None]
    return GroundSurface(road, marks, colour)


def _find_marks(plan: StreetPlan, rng: np.random.Generator, s: Field, d: Field) -> NDArray[np.bool_]:
    """Find the marks on the road: middle line, lane lines, edge lines, crossings."""
    dash, width = float(rng.uniform(3, 6)), float(rng.uniform(0.13, 0.19))
    solid_middle, double, edges = rng.random(3) < (0.35, 0.5, 0.65)
    dashed = s % (2.2 * dash) < dash
    off = 0.16 if solid_middle and double else 0.0
    marks = (np.abs(np.abs(d) - off) < width / 2) & (dashed | solid_middle)
    for lane in range(1, plan.lanes):
        marks |= (np.abs(np.abs(d) - lane * plan.lane_width) < width / 2) & dashed
    outer = plan.lanes * plan.lane_width
    if edges:
        marks |= np.abs(np.abs(d) - outer - 0.1) < width / 2
    for side in (-1, 1):
        if plan.parking_widths[side > 0] and edges:
            bays = (s % 6.2 < 0.12) & (side * d > outer) & (side * d < plan.get_kerb(side))
            marks |= bays
    across = (s + plan.crossing_spacing / 3) % plan.crossing_spacing
    return marks | ((across < 3.0) & (d % 1.0 < 0.5)) | ((np.abs(across + 1.4) < 0.15) & (d * plan.traffic_side > 0))


def _compute_patches(rng: np.random.Generator, s: Field, d: Field) -> Field:
    """Compute patches where the road was repaired: rectangles that are a little brighter or darker."""
    long, wide = float(rng.uniform(5, 14)), float(rng.uniform(1.5, 3.5))
    row = np.floor(d / wide).astype(np.int32)
    chance = hash_to_unit(np.floor(s / long + 0.37 * row).astype(np.int32), row)
    return np.where(chance > 0.75, (chance - 0.87) * 2.2, 0).astype(np.float32)


# -------------------------------------------------------------------- walls


class WallSurface(NamedTuple):
    """Depth ``(N,)``, reflectance ``(N, 3)``, and the number of the window there, 0 to 1.3, 0 for none ``(N,)``."""

    depth: Field
    colour: Field
    window: Field


class _WallParameters:
    """The parameters of walls as arrays, for the pixels that show them."""

    def __init__(self, walls: list[Wall], which: NDArray[np.intp]) -> None:
        self.walls, self.which = walls, which

    def __call__(self, name: str) -> Field:
        return np.array([getattr(wall, name) for wall in self.walls], dtype=np.float32)[self.which]


def colour_walls(
    wall_list: list[Wall], wall_indices: NDArray[np.intp], lens: Lens, slope: Field, drop: Field
) -> WallSurface:
    """Colour the walls along rays.

    Args:
        wall_list: all walls.
        wall_indices: ``(N,)`` which wall each ray meets.
        lens: the camera.
        slope: ``(N,)`` of the rays, see :attr:`Lens.slopes`.
        drop: ``(N,)`` of the rays, see :attr:`Lens.drops`.
    """
    of = _WallParameters(wall_list, wall_indices)
    ends = np.array([(*wall.p, 0.0) for wall in wall_list] + [(*wall.q, 0.0) for wall in wall_list])
    rays = lens.to_rays(ends).astype(np.float32)
    p, q = rays[: len(wall_list)][wall_indices], rays[len(wall_list) :][wall_indices]
    run = q - p
    share = (slope * p[:, 2] - p[:, 0]) / (run[:, 0] - slope * run[:, 2] + np.float32(1e-6))
    share = np.clip(share, 0, 1)
    z = np.maximum(p[:, 2] + share * run[:, 2], np.float32(0.5))
    along, up = share * np.hypot(run[:, 0], run[:, 2]), np.float32(lens.y) - drop * z
    colour, window = _colour_facade(of, along, up, z)
    return WallSurface(z, colour, window)


def _colour_facade(parameters: _WallParameters, along: Field, up: Field, z: Field) -> tuple[Field, Field]:
    """Colour facades: a grid of windows in frames, shops below, a cornice above, texture all over.

    Returns:
        Reflectance ``(N, 3)``, and the number of the window ``(N,)``.
    """
    colour, seed, height = parameters("colour"), parameters("seed").astype(np.int32), parameters("height")
    storey, bay, kind = parameters("storey"), parameters("bay"), parameters("kind")
    column, level = np.floor(along / bay).astype(np.int32), np.floor(up / storey).astype(np.int32)
    x, y = np.abs(along / bay - column - 0.5) * 2, up / storey - level
    shop = (parameters("shop").sum(axis=1) > 0) & (up < storey)
    wide, tall = np.where(shop, 0.84, parameters("wide")), np.where(shop, 0.66, parameters("tall"))
    sill = np.where(shop, np.float32(0.12), np.float32(0.22))
    inside = (kind == 0) & (x < wide) & (y > sill) & (y < sill + tall) & (up < height - 0.3)
    framed = (kind == 0) & (x < wide + 0.1) & (y > sill - 0.05) & (y < sill + tall + 0.04) & (wide > 0) & ~inside
    upright_bar = inside & (x < 0.05)
    cross_bar = inside & ~shop & (np.abs(y - sill - 0.5 * tall) < 0.02)
    rough = parameters("roughness") * np.exp(-z / 40)
    texture = look_up_noise(9 * along + 31 * seed, 22 * up) * rough + 0.1 * look_up_noise(
        1.5 * along + 7 * seed, 1.5 * up
    )
    colour = colour * np.clip(1 + texture, 0.3, 1.8)[:, None]
    colour[kind == HEDGE_KIND] *= np.clip(0.55 + 0.6 * up / np.maximum(height, 0.1), 0.4, 1.15)[
        kind == HEDGE_KIND, None
    ]
    colour[(kind == ROOF_KIND) & (up % 0.5 < 0.1)] *= np.float32(0.8)
    colour[(kind == 0) & (up > height - 0.3)] *= np.float32(0.75)
    sign = shop & (y > 0.8)
    colour[sign] = parameters("shop")[sign]
    rim = framed | upright_bar | cross_bar
    colour[rim] = parameters("trim")[rim]
    chance = hash_to_unit(column, level, seed)
    glass = inside & ~(upright_bar | cross_bar)
    pane = 0.02 + 0.1 * chance[glass] ** 2 + 0.05 * (1 - (y[glass] - sill[glass]) / tall[glass])
    colour[glass] = pane[:, None] * np.array((0.9, 1.0, 1.12), dtype=np.float32)
    window = np.where(glass, np.where(shop, 0.3 + chance, chance), 0).astype(np.float32)
    return colour.astype(np.float32), window


def colour_leaves(colour: Field, s: Field, d: Field, up: Field) -> Field:
    """Colour ``(N, 3)`` foliage with the light and dark of its leaves."""
    flecks = 0.28 * look_up_noise(14 * d + 5 * s, 14 * up) + 0.16 * look_up_noise(3 * d, 3 * up + s)
    return colour * np.clip(1 + flecks, 0.25, 1.9)[:, None]
