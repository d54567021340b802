"""One frame: its things are drawn, coloured, lit and photographed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.phantoms.fields import Field
from domaingan.phantoms.streets import camera, facades, street_surfaces
from domaingan.phantoms.streets.facades import HEDGE_KIND, Wall
from domaingan.phantoms.streets.lens import (
    SKY_DEPTH,
    DrawnThings,
    Lens,
    draw_things,
    fill_outline,
    project_outlines,
    round_to_outline,
)
from domaingan.phantoms.streets.light import (
    Light,
    compute_received_light,
    compute_window_light,
    render_sky,
    sample_light,
)
from domaingan.phantoms.streets.shapes import Colour, Point, Thing, to_linear
from domaingan.phantoms.streets.street_plan import StreetPlan
from domaingan.phantoms.streets.traffic import place_things


class RenderedFrame(NamedTuple):
    """A frame: ``(H, W, 3)`` image in [0, 1], ``(H, W)`` class values, ``(H, W)`` number of the thing seen from 1."""

    image: NDArray[np.float32]
    mask: NDArray[np.uint8]
    things: NDArray[np.int32]


class _Maps:
    """Maps of what each pixel sees, twice as large as the frame. They are filled step by step."""

    def __init__(self, lens: Lens, labels: dict[str, int]) -> None:
        below = np.broadcast_to((lens.drops > 0)[:, None], lens.shape)
        self.mask = np.where(below, labels["pavement"], labels["sky"]).astype(np.uint8)
        self.depth = np.repeat(lens.ground_depth[:, None], lens.shape[1], axis=1)
        self.colour = np.zeros((*lens.shape, 3), dtype=np.float32)
        self.glow = np.zeros((*lens.shape, 3), dtype=np.float32)
        self.facing = np.full(lens.shape, 0.7, dtype=np.float32)
        self.flat = below.copy()
        self.things = np.zeros(lens.shape, dtype=np.int32)

    def set_pixels(self, at: NDArray[np.intp], **values: NDArray[Any] | float) -> None:
        """Set the named maps at these pixels, counted row by row."""
        for name, value in values.items():
            target = getattr(self, name)
            target.reshape(-1, *target.shape[2:])[at] = value


def render_frame(plan: StreetPlan, time: float, shape: tuple[int, int], labels: dict[str, int]) -> RenderedFrame:
    """Render the frame that the camera takes at a time.

    Args:
        plan: of the sequence.
        time: seconds since it began.
        shape: height and width of the frame.
        labels: class values by name.
    """
    lens, glowing = plan.make_lens(time, shape), sample_light(plan)
    things = place_things(plan, lens, time, labels)
    walls = facades.build_walls(plan, lens)
    maps = _Maps(lens, labels)
    _draw_skyline(maps, plan, lens, labels)
    _draw_walls(maps, walls, lens, glowing, labels)
    drawn = draw_things(things, lens)
    _draw_things(maps, drawn, things, lens)
    _draw_ground(maps, plan, lens, labels)
    maps.facing[maps.flat] = glowing.sun_height
    image = _take_photograph(maps, plan, lens, glowing, things, time, labels)
    return RenderedFrame(image, np.ascontiguousarray(maps.mask[::2, ::2]), np.ascontiguousarray(maps.things[::2, ::2]))


def _draw_skyline(maps: _Maps, plan: StreetPlan, lens: Lens, labels: dict[str, int]) -> None:
    """Draw far roofs and treetops, which stay where they are while the street passes."""
    rng = np.random.default_rng((*plan.key, 2))
    n, turn = 240, plan.compute_heading(lens.s)
    walk = np.cumsum(rng.normal(0, 1, n))
    ragged = 0.018 + 0.012 * (walk - np.linspace(0, walk[-1], n)) / max(np.ptp(walk), 1e-6)
    blocks = np.repeat(rng.uniform(0.0, 0.05, n // 6), 6) * (np.repeat(rng.random(n // 6), 6) < 0.6)
    slopes = np.linspace(-1.6, 1.6, n)
    layers: tuple[tuple[str, Field, Colour, float], ...] = (
        ("building", blocks, to_linear(0.45, 0.43, 0.42), 420.0),
        ("tree", ragged + 0.004 * rng.random(n), to_linear(0.24, 0.29, 0.18), 320.0),
    )
    for name, tops, colour, depth in layers:
        columns = lens.middle + lens.focal * (slopes - turn)
        rows = lens.horizon - lens.focal * tops
        outline = np.stack([np.r_[columns, columns[::-1]], np.r_[rows, np.full(n, lens.horizon + 1)]], axis=1)
        target = np.zeros(lens.shape, dtype=np.uint8)
        fill_outline(target, round_to_outline(outline), 1)
        where = (target > 0) & ~maps.flat
        maps.mask[where], maps.depth[where], maps.colour[where] = labels[name], depth, colour


def _draw_walls(maps: _Maps, walls: list[Wall], lens: Lens, light: Light, labels: dict[str, int]) -> None:
    if not walls:
        return
    pieces = np.zeros(lens.shape, dtype=np.int32)
    for number, outline in enumerate(project_outlines([wall.outline for wall in walls], lens), start=1):
        fill_outline(pieces, outline, number)
    at = np.flatnonzero(pieces)
    which = pieces.reshape(-1)[at].astype(np.intp) - 1
    rows, columns = np.divmod(at, lens.shape[1])
    seen = street_surfaces.colour_walls(walls, which, lens, lens.slopes[columns], lens.drops[rows])
    values = np.array([labels["tree" if wall.kind == HEDGE_KIND else "building"] for wall in walls], dtype=np.uint8)
    facing = light.compute_sun_share(np.array([wall.normal for wall in walls], dtype=np.float32))
    maps.set_pixels(at, mask=values[which], depth=seen.depth, colour=seen.colour, facing=facing[which], flat=False)
    if light.lit_windows[1]:
        maps.set_pixels(at, glow=compute_window_light(light, seen.window, (seen.window * 37.7) % 1))


def _draw_things(maps: _Maps, drawn: DrawnThings, things: Sequence[Thing], lens: Lens) -> None:
    """Draw the things over the rest, wherever they are nearer."""
    if not things:
        return
    depths = np.array([thing.distance - lens.s for thing in things], dtype=np.float32)
    ahead = np.where(drawn.polygon_numbers > 0, depths[drawn.owners][drawn.polygon_numbers - 1], SKY_DEPTH)
    at = np.flatnonzero((drawn.polygon_numbers > 0) & (maps.flat | (ahead < maps.depth)))
    which = drawn.polygon_numbers.reshape(-1)[at].astype(np.intp) - 1
    rows, columns = np.divmod(at, lens.shape[1])
    owner = drawn.owners[which]
    colour = np.array([polygon.colour for polygon in drawn.polygons], dtype=np.float32)[which]
    leaf = np.array([polygon.is_foliage for polygon in drawn.polygons])[which]
    z = depths[owner]
    s, d = lens.to_street(lens.slopes[columns], z)
    up = np.float32(lens.y) - lens.drops[rows] * z
    colour[leaf] = street_surfaces.colour_leaves(colour[leaf], s[leaf], d[leaf], up[leaf])
    mask = np.array([thing.label for thing in things], dtype=np.uint8)[owner]
    glow = np.array([polygon.glow for polygon in drawn.polygons], dtype=np.float32)[which]
    maps.set_pixels(at, mask=mask, depth=z, colour=colour, glow=glow, facing=0.6, flat=False, things=owner + 1)


def _draw_ground(maps: _Maps, plan: StreetPlan, lens: Lens, labels: dict[str, int]) -> None:
    at = np.flatnonzero(maps.flat)
    rows, columns = np.divmod(at, lens.shape[1])
    z = lens.ground_depth[rows]
    s, d = lens.to_street(lens.slopes[columns], z)
    seen = street_surfaces.colour_ground(plan, s, d, z)
    mask = np.select([seen.is_mark, seen.is_road], [labels["lane"], labels["road"]], labels["pavement"])
    maps.set_pixels(at, colour=seen.colour, mask=mask)


def _take_photograph(
    maps: _Maps, plan: StreetPlan, lens: Lens, light: Light, things: list[Thing], time: float, labels: dict[str, int]
) -> NDArray[np.float32]:
    rng = np.random.default_rng((*plan.key, 7, round(1000 * time)))
    lit = np.where(maps.flat, _compute_unshadowed(maps, lens, light, things), 1).astype(np.float32)
    received = compute_received_light(light, plan, lens, maps.depth, maps.facing, lit)
    radiance: NDArray[Any] = maps.colour * received + maps.glow
    open_sky = maps.mask == labels["sky"]
    last = int(np.flatnonzero(open_sky.any(axis=1))[-1]) + 1 if open_sky.any() else 0
    radiance[:last][open_sky[:last]] = render_sky(light, plan, lens, last)[open_sky[:last]]
    if light.wetness:
        radiance = camera.add_wet_reflections(radiance, maps.flat, things, lens, light)
    radiance = camera.halve_resolution(camera.apply_haze(radiance, maps.depth, light))
    radiance = camera.add_glare(radiance, light)
    if plan.weather == "rain":
        radiance = camera.add_rain(radiance, rng, light)
    return camera.develop_image(radiance, rng, light)


def _compute_unshadowed(maps: _Maps, lens: Lens, light: Light, things: list[Thing]) -> Field:
    """Compute the share of light that reaches the ground, ``(H, W)``: 1 in the open, less in shadows."""
    below = [thing.footprint for thing in things if thing.footprint]
    cast = (
        [_cast_shadow(thing.shadow_outline, light.shadow_shift) for thing in things if thing.shadow_outline]
        if light.sun.max() > 0.2
        else []
    )
    dark = np.zeros(lens.shape, dtype=np.float32)
    for outline in project_outlines(cast, lens):
        fill_outline(dark, None if outline is None or not len(outline) else cv2.convexHull(outline), 0.75)
    for outline in project_outlines(below, lens):
        fill_outline(dark, outline, 0.8)
    soft: Field = 1 - cv2.blur(dark, (2 * (lens.shape[1] // 160) + 1, 2 * (lens.shape[0] // 160) + 1))
    return soft


def _cast_shadow(points: Sequence[Point], shift: tuple[float, float]) -> list[Point]:
    """Cast the shadow of points on the ground."""
    return [(s + shift[0] * y, d + shift[1] * y, 0.0) for s, d, y in points]
