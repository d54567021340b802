"""One frame: draw, colour, light, photograph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.phantoms.fields import Field
from domaingan.phantoms.streets import camera, facades, surfaces
from domaingan.phantoms.streets.facades import HEDGE, Wall
from domaingan.phantoms.streets.lens import INFINITY, Drawn, Lens, draw, fill, outlines, rounded
from domaingan.phantoms.streets.light import Light, falling, light, shining, sky
from domaingan.phantoms.streets.shapes import Colour, Point, Thing, linear
from domaingan.phantoms.streets.street_plan import Plan
from domaingan.phantoms.streets.traffic import populate


class Picture(NamedTuple):
    """A frame: ``(H, W, 3)`` image in [0, 1], ``(H, W)`` class values, ``(H, W)`` number of the thing seen from 1."""

    image: NDArray[np.float32]
    mask: NDArray[np.uint8]
    things: NDArray[np.int32]


class _Maps:
    """What each pixel of the double-sized maps sees; filled step by step."""

    def __init__(self, lens: Lens, labels: dict[str, int]) -> None:
        below = np.broadcast_to((lens.falls > 0)[:, None], lens.shape)
        self.mask = np.where(below, labels["pavement"], labels["sky"]).astype(np.uint8)
        self.depth = np.repeat(lens.ground[:, None], lens.shape[1], axis=1)
        self.colour = np.zeros((*lens.shape, 3), dtype=np.float32)
        self.glow = np.zeros((*lens.shape, 3), dtype=np.float32)
        self.facing = np.full(lens.shape, 0.7, dtype=np.float32)
        self.flat = below.copy()
        self.things = np.zeros(lens.shape, dtype=np.int32)

    def put(self, at: NDArray[np.intp], **values: NDArray[Any] | float) -> None:
        """Set the named maps at these pixels, counted row by row."""
        for name, value in values.items():
            target = getattr(self, name)
            target.reshape(-1, *target.shape[2:])[at] = value


def render(plan: Plan, time: float, shape: tuple[int, int], labels: dict[str, int]) -> Picture:
    """The frame that the camera takes at ``time``."""
    lens, glowing = plan.lens(time, shape), light(plan)
    things = populate(plan, lens, time, labels)
    walls = facades.build(plan, lens)
    maps = _Maps(lens, labels)
    _skyline(maps, plan, lens, labels)
    _walls(maps, walls, lens, glowing, labels)
    drawn = draw(things, lens)
    _things(maps, drawn, things, lens)
    _ground(maps, plan, lens, labels)
    maps.facing[maps.flat] = glowing.sun_height
    image = _photograph(maps, plan, lens, glowing, things, time, labels)
    return Picture(image, np.ascontiguousarray(maps.mask[::2, ::2]), np.ascontiguousarray(maps.things[::2, ::2]))


def _skyline(maps: _Maps, plan: Plan, lens: Lens, labels: dict[str, int]) -> None:
    """Far roofs and treetops, which stay where they are while the street passes."""
    rng = np.random.default_rng((*plan.key, 2))
    n, turn = 240, plan.heading(lens.s)
    walk = np.cumsum(rng.normal(0, 1, n))
    ragged = 0.018 + 0.012 * (walk - np.linspace(0, walk[-1], n)) / max(np.ptp(walk), 1e-6)
    blocks = np.repeat(rng.uniform(0.0, 0.05, n // 6), 6) * (np.repeat(rng.random(n // 6), 6) < 0.6)
    slopes = np.linspace(-1.6, 1.6, n)
    layers: tuple[tuple[str, Field, Colour, float], ...] = (
        ("building", blocks, linear(0.45, 0.43, 0.42), 420.0),
        ("tree", ragged + 0.004 * rng.random(n), linear(0.24, 0.29, 0.18), 320.0),
    )
    for name, tops, colour, depth in layers:
        columns = lens.middle + lens.focal * (slopes - turn)
        rows = lens.horizon - lens.focal * tops
        outline = np.stack([np.r_[columns, columns[::-1]], np.r_[rows, np.full(n, lens.horizon + 1)]], axis=1)
        target = np.zeros(lens.shape, dtype=np.uint8)
        fill(target, rounded(outline), 1)
        where = (target > 0) & ~maps.flat
        maps.mask[where], maps.depth[where], maps.colour[where] = labels[name], depth, colour


def _walls(maps: _Maps, walls: list[Wall], lens: Lens, glowing: Light, labels: dict[str, int]) -> None:
    if not walls:
        return
    pieces = np.zeros(lens.shape, dtype=np.int32)
    for number, outline in enumerate(outlines([wall.outline for wall in walls], lens), start=1):
        fill(pieces, outline, number)
    at = np.flatnonzero(pieces)
    which = pieces.reshape(-1)[at].astype(np.intp) - 1
    rows, columns = np.divmod(at, lens.shape[1])
    seen = surfaces.walls(walls, which, lens, lens.slopes[columns], lens.falls[rows])
    values = np.array([labels["tree" if wall.kind == HEDGE else "building"] for wall in walls], dtype=np.uint8)
    facing = glowing.facing(np.array([wall.normal for wall in walls], dtype=np.float32))
    maps.put(at, mask=values[which], depth=seen.depth, colour=seen.colour, facing=facing[which], flat=False)
    if glowing.windows[1]:
        maps.put(at, glow=shining(glowing, seen.window, (seen.window * 37.7) % 1))


def _things(maps: _Maps, drawn: Drawn, things: Sequence[Thing], lens: Lens) -> None:
    """Lay the things over the rest, wherever they are nearer."""
    if not things:
        return
    depths = np.array([thing.s - lens.s for thing in things], dtype=np.float32)
    ahead = np.where(drawn.pieces > 0, depths[drawn.owner][drawn.pieces - 1], INFINITY)
    at = np.flatnonzero((drawn.pieces > 0) & (maps.flat | (ahead < maps.depth)))
    which = drawn.pieces.reshape(-1)[at].astype(np.intp) - 1
    rows, columns = np.divmod(at, lens.shape[1])
    owner = drawn.owner[which]
    colour = np.array([polygon.colour for polygon in drawn.polygons], dtype=np.float32)[which]
    leaf = np.array([polygon.leaf for polygon in drawn.polygons])[which]
    z = depths[owner]
    s, d = lens.street(lens.slopes[columns], z)
    up = np.float32(lens.y) - lens.falls[rows] * z
    colour[leaf] = surfaces.leaves(colour[leaf], s[leaf], d[leaf], up[leaf])
    mask = np.array([thing.label for thing in things], dtype=np.uint8)[owner]
    glow = np.array([polygon.glow for polygon in drawn.polygons], dtype=np.float32)[which]
    maps.put(at, mask=mask, depth=z, colour=colour, glow=glow, facing=0.6, flat=False, things=owner + 1)


def _ground(maps: _Maps, plan: Plan, lens: Lens, labels: dict[str, int]) -> None:
    at = np.flatnonzero(maps.flat)
    rows, columns = np.divmod(at, lens.shape[1])
    z = lens.ground[rows]
    s, d = lens.street(lens.slopes[columns], z)
    seen = surfaces.ground(plan, s, d, z)
    mask = np.select([seen.marks, seen.road], [labels["lane"], labels["road"]], labels["pavement"])
    maps.put(at, colour=seen.colour, mask=mask)


def _photograph(
    maps: _Maps, plan: Plan, lens: Lens, glowing: Light, things: list[Thing], time: float, labels: dict[str, int]
) -> NDArray[np.float32]:
    rng = np.random.default_rng((*plan.key, 7, round(1000 * time)))
    lit = np.where(maps.flat, _open_sky(maps, lens, glowing, things), 1).astype(np.float32)
    received = falling(glowing, plan, lens, maps.depth, maps.facing, lit)
    radiance: NDArray[Any] = maps.colour * received + maps.glow
    open_sky = maps.mask == labels["sky"]
    last = int(np.flatnonzero(open_sky.any(axis=1))[-1]) + 1 if open_sky.any() else 0
    radiance[:last][open_sky[:last]] = sky(glowing, plan, lens, last)[open_sky[:last]]
    if glowing.wet:
        radiance = camera.mirrored(radiance, maps.flat, things, lens, glowing)
    radiance = camera.reduced(camera.through_air(radiance, maps.depth, glowing))
    radiance = camera.glare(radiance, glowing)
    if plan.weather == "rain":
        radiance = camera.rain(radiance, rng, glowing)
    return camera.developed(radiance, rng, glowing)


def _open_sky(maps: _Maps, lens: Lens, glowing: Light, things: list[Thing]) -> Field:
    """``(H, W)`` how much light no thing keeps from the ground: 1 in the open, less in shadows."""
    below = [thing.footprint for thing in things if thing.footprint]
    cast = [_shadow(thing.shade, glowing.shift) for thing in things if thing.shade] if glowing.sun.max() > 0.2 else []
    dark = np.zeros(lens.shape, dtype=np.float32)
    for outline in outlines(cast, lens):
        fill(dark, None if outline is None or not len(outline) else cv2.convexHull(outline), 0.75)
    for outline in outlines(below, lens):
        fill(dark, outline, 0.8)
    soft: Field = 1 - cv2.blur(dark, (2 * (lens.shape[1] // 160) + 1, 2 * (lens.shape[0] // 160) + 1))
    return soft


def _shadow(points: Sequence[Point], shift: tuple[float, float]) -> list[Point]:
    """Where the sun throws points on the ground."""
    return [(s + shift[0] * y, d + shift[1] * y, 0.0) for s, d, y in points]
