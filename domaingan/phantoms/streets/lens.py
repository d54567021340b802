"""The camera's geometry: from the street's coordinates to pixels, and maps of what each pixel sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.phantoms.fields import Field
from domaingan.phantoms.streets.shapes import Point, Polygon, Thing

NEAR_METRES, FAR_METRES = 1.5, 110.0
"""Nothing nearer or farther than this is drawn, in metres."""

SKY_DEPTH = 3000.0
"""The depth of the sky, in metres."""

FRACTION_BITS = 4
"""Bits of a pixel's fraction in polygon corners."""

Ints = NDArray[np.int32]

Outline = NDArray[np.int32]
"""``(K, 2)`` columns and rows of corners, in units of a pixel / 2 ** :data:`FRACTION_BITS`."""


@dataclass(frozen=True)
class Lens:
    """A pinhole camera over a street that bends: at depth z the street's middle lies bend * z² / 2 to the right.

    Attributes:
        shape: rows and columns of the maps, twice those of the frame; pixel (i, j) of the frame is (2i, 2j) in them.
        focal: focal length, in pixels of the maps.
        horizon: the row where the ground ends.
        s, d, y: where the camera is, in the street's coordinates.
        yaw: how far the street's direction is turned to the right of the camera's, as a slope.
        bend: the street's curvature, in 1/m.
    """

    shape: tuple[int, int]
    focal: float
    horizon: float
    s: float
    d: float
    y: float
    yaw: float
    bend: float

    @property
    def middle(self) -> float:
        """The column straight ahead."""
        return (self.shape[1] - 2) / 2

    @cached_property
    def slopes(self) -> Field:
        """``(W,)`` metres to the right, a metre ahead, of each column's rays."""
        return ((np.arange(self.shape[1]) - self.middle) / self.focal).astype(np.float32)

    @cached_property
    def drops(self) -> Field:
        """``(H,)`` metres down, a metre ahead, of each row's rays."""
        return ((np.arange(self.shape[0]) - self.horizon) / self.focal).astype(np.float32)

    @cached_property
    def ground_depth(self) -> Field:
        """``(H,)`` depth of the ground in each row, :data:`SKY_DEPTH` above the horizon."""
        return np.minimum(self.y / np.maximum(self.drops, 1e-6), SKY_DEPTH).astype(np.float32)

    def get_apparent_position(self, s: float) -> Point:
        """Return where the camera seems to be from a thing at ``s``, as if the street were straight."""
        return self.s, self.d + self.bend * (s - self.s) ** 2 / 2, self.y

    def is_in_view(self, s: Field, d: Field, margin: float = 3.0) -> NDArray[np.bool_]:
        """Tell whether something within ``margin`` metres of each ``s``, ``d`` may be in the frame."""
        z = s - self.s
        x = d - self.d + self.yaw * z + self.bend * z * z / 2
        seen: NDArray[np.bool_] = np.abs(x) - margin < (z + margin) * self.middle / self.focal
        return seen

    def to_rays(self, points: NDArray[Any]) -> Field:
        """Convert ``(N, 3)`` points of the street to metres to the right, below the camera and ahead."""
        z = points[:, 0] - self.s
        x = points[:, 1] - self.d + self.yaw * z + self.bend * z * z / 2
        return np.stack([x, self.y - points[:, 2], z], axis=1)

    def project_rays(self, rays: Field) -> Field:
        """Project ``(N, 3)`` rays, which must be ahead, to ``(N, 2)`` columns and rows."""
        scaled = rays[:, :2] * (self.focal / rays[:, 2:])
        return scaled + np.array((self.middle, self.horizon))

    def to_street(self, slope: Field, z: Field) -> tuple[Field, Field]:
        """Convert what lies along ``slope`` at depth ``z`` to ``s`` and ``d`` of the street."""
        return z + np.float32(self.s), (slope - self.yaw - self.bend / 2 * z) * z + np.float32(self.d)


class DrawnThings(NamedTuple):
    """Maps of what each pixel sees of a list of things.

    Attributes:
        polygon_numbers: ``(H, W)`` number of the polygon from 1, 0 where there is none.
        polygons: all of them, in that order.
        owners: of which thing each is, from 0.
    """

    polygon_numbers: Ints
    polygons: list[Polygon]
    owners: Ints


def draw_things(things: Sequence[Thing], lens: Lens) -> DrawnThings:
    """Draw things, farthest first."""
    order = sorted(range(len(things)), key=lambda i: -things[i].distance)
    polygons = [polygon for i in order for polygon in things[i].polygons]
    owner = np.array([i for i in order for _ in things[i].polygons], dtype=np.int32)
    pieces = np.zeros(lens.shape, dtype=np.int32)
    for number, outline in enumerate(project_outlines([polygon.points for polygon in polygons], lens), start=1):
        fill_outline(pieces, outline, number)
    return DrawnThings(pieces, polygons, owner)


def project_outlines(shapes: Sequence[Sequence[Point]], lens: Lens) -> list[Outline | None]:
    """Project shapes to outlines, clipped where they come too near; None for a shape that is not visible."""
    if not shapes:
        return []
    lengths = [len(points) for points in shapes]
    rays = lens.to_rays(np.array(list(chain.from_iterable(shapes))))
    corners = round_to_outline(lens.project_rays(np.maximum(rays, (-np.inf, -np.inf, NEAR_METRES))))
    starts = np.cumsum([0, *lengths[:-1]])
    low, high = np.minimum.reduceat(corners, starts), np.maximum.reduceat(corners, starts)
    limits = np.array(lens.shape[::-1]) << FRACTION_BITS
    seen = ((high >= 0) & (low < limits)).all(axis=1)
    nearest, farthest = np.minimum.reduceat(rays[:, 2], starts), np.maximum.reduceat(rays[:, 2], starts)
    whole, some = (seen & (nearest >= NEAR_METRES)).tolist(), (farthest > NEAR_METRES).tolist()
    found: list[Outline | None] = []
    for number, (start, length) in enumerate(zip(starts.tolist(), lengths, strict=True)):
        if whole[number]:
            found.append(corners[start : start + length])
        elif some[number] and nearest[number] < NEAR_METRES:
            found.append(round_to_outline(lens.project_rays(_clip_near(rays[start : start + length]))))
        else:
            found.append(None)
    return found


def round_to_outline(pixels: Field) -> Outline:
    """Round ``(N, 2)`` columns and rows to corners that can be drawn."""
    return np.rint(np.clip(pixels, -30000, 30000) * (1 << FRACTION_BITS)).astype(np.int32)


def _clip_near(rays: Field) -> Field:
    """Clip a polygon at :data:`NEAR_METRES` ahead (Sutherland & Hodgman 1974, one plane)."""
    kept = []
    for a, b in zip(rays, np.roll(rays, -1, axis=0), strict=True):
        if a[2] >= NEAR_METRES:
            kept.append(a)
        if (a[2] >= NEAR_METRES) != (b[2] >= NEAR_METRES):
            kept.append(a + (NEAR_METRES - a[2]) / (b[2] - a[2]) * (b - a))
    return np.array(kept).reshape(-1, 3)


def fill_outline(target: NDArray[Any], outline: Outline | None, value: float) -> None:
    """Fill an outline in a picture with a number, in place. Nothing is drawn where the outline is None or empty."""
    if outline is not None and len(outline):
        cv2.fillPoly(target, [outline], value, shift=FRACTION_BITS)
