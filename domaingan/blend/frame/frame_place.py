"""Where an object goes in a frame: on the ground of its class, in a row that suits its size, and visible enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Crop
from domaingan.blend.frame.ground import SupportingGround
from domaingan.blend.frame.perspective import Perspective
from domaingan.blend.placement import find_overlap
from domaingan.imaging.instances import Objects, find_corner_box, is_nearly_hidden

MAX_COLUMN_TRIES = 12
"""How often a place in a row is drawn before giving up."""

MIN_INSIDE_SHARE = 0.5
"""At least this share of an object lies in the frame, and of its base on its ground."""

MAX_SIZE_JITTER = 0.1
"""Sizes vary by so much either way (natural logarithm): not everybody is of one height."""

MAX_BOX_IOU = 0.5
"""An object is not pasted where its box overlaps an older one's by more than this (intersection over union)."""

MAX_MAGNIFICATION = 2.0
"""Crops are not pasted at more host pixels a pixel than this: they would be a blur among what is sharp."""

MIN_VISIBLE_PIXELS = 12
"""Fewest pixels of a pasted object that must be visible."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class GroundPosition:
    """A row for an object's ground contact, columns to try, and how large the object appears there.

    Attributes:
        contact_row: the row of its lowest pixel.
        columns: where the middle of its ground contact may go, to be tried in this order.
        scale: how much larger it appears than in its own frame, as shares of the frames' heights.
        flip: whether it is mirrored.
        cut_sides: whether the frame's top, left and right (after mirroring) cut it, and must cut it again.
    """

    contact_row: int
    columns: NDArray[np.int64]
    scale: float
    flip: bool
    cut_sides: tuple[bool, bool, bool]


@dataclass(frozen=True)
class GroundSampler:
    """The rules by which a position on the ground is drawn.

    Attributes:
        perspective: where the crops stood, and how size goes with the row.
        ground: where in a host's mask objects may stand.
        flip: whether crops are mirrored, half of the time.
        scale: range of sizes.
    """

    perspective: Perspective
    ground: SupportingGround
    flip: bool
    scale: tuple[float, float]

    def draw_position(
        self, crop: Crop, mask: NDArray[Any], horizon: float | None, sharpest_scale: float, rng: np.random.Generator
    ) -> GroundPosition | None:
        """Draw a position, uniform over the pixels of the ground where the scale is in range.

        Args:
            crop: an entry of the bank that the perspective was measured on.
            mask: ``(H, W)`` the host's class values.
            horizon: the row of the host's horizon, a share of its height.
            sharpest_scale: the largest scale at which the crop is sharp enough.
            rng: source of every draw.

        Returns:
            The position; None where there is none.
        """
        perspective = self.perspective
        height, width = mask.shape
        flip = bool(self.flip and rng.random() < 0.5)
        jitter = float(np.exp(rng.uniform(-MAX_SIZE_JITTER, MAX_SIZE_JITTER)))
        top, bottom, left, right = perspective.cut_sides[crop.index].tolist()
        if flip:
            left, right = right, left

        min_scale = self.scale[0]
        max_scale = min(self.scale[1], sharpest_scale / jitter)
        if min_scale > max_scale or (bottom and max_scale < 1):
            return None
        low, high = perspective.find_row_range(crop.index, min_scale, max_scale, horizon)
        first = max(0, round(low * height))
        last = min(height - 1, int(high * height) - 1)
        if bottom:
            first = last = height - 1
        if first > last:
            return None

        value = int(perspective.class_values[crop.index])
        ground = self.ground.find_pixels(mask, first, last, value)
        if self.ground.is_unknown_for(value) and not bottom:
            contact_rows = (np.arange(first, last + 1) + 1) / height
            ground &= perspective.find_columns(crop.index, contact_rows, width, horizon)
        if left and not right:
            ground[:, 1:] = False
        if right and not left:
            ground[:, : width - 1] = False
        pixels = np.flatnonzero(ground)
        if not len(pixels):
            return None

        row = int(pixels[int(rng.integers(len(pixels)))]) // width
        scale = 1.0 if bottom else perspective.compute_scale(crop.index, (first + row + 1) / height, horizon)
        columns = rng.choice(np.flatnonzero(ground[row]), MAX_COLUMN_TRIES)
        return GroundPosition(first + row, columns, scale * jitter, flip, (top, left, right))

    def find_corner(
        self, body: Mask, position: GroundPosition, column: int, mask: NDArray[Any], value: int
    ) -> NDArray[np.int64] | None:
        """Find where a patch goes so that its object stands at a position, or its cut sides lie at the border.

        Args:
            body: ``(*patch)`` the object.
            position: where its ground contact goes.
            column: one of the position's columns.
            mask: ``(H, W)`` the host's class values.
            value: host mask value of the object's class.

        Returns:
            ``(2,)`` row and column of the patch's corner in the host; None if the object does not fit there.
        """
        width = mask.shape[1]
        rows = np.flatnonzero(body.any(axis=1))
        columns = np.flatnonzero(body.any(axis=0))
        lowest_rows = body[rows[-1] - len(rows) // 10 : rows[-1] + 1]
        base_columns = np.flatnonzero(lowest_rows.any(axis=0))
        row_shift = position.contact_row - int(rows[-1])
        column_shift = column - int(base_columns.mean())

        top, left, right = position.cut_sides
        if left and not right:
            column_shift = -int(columns[0])
        if right and not left:
            column_shift = width - 1 - int(columns[-1])
        if top and row_shift + rows[0] > 0:
            return None
        has_border_gap = column_shift + columns[0] > 0 or column_shift + columns[-1] < width - 1
        if left and right and has_border_gap:
            return None

        contact_columns = base_columns + column_shift
        contact_columns = contact_columns[(contact_columns >= 0) & (contact_columns < width)]
        if not len(contact_columns):
            return None
        ground_share = self.ground.compute_share(mask, position.contact_row, contact_columns, value)
        if ground_share < MIN_INSIDE_SHARE:
            return None
        return np.array([row_shift, column_shift], dtype=np.int64)


def find_visible(body: Mask, corner: NDArray[np.int64], objects: Objects) -> Mask | None:
    """Find the part of a pasted object that would be visible.

    Objects whose ground contact is lower in the frame are nearer, and stay in front.

    Args:
        body: ``(*patch)`` the object.
        corner: ``(2,)`` where the patch starts in the host.
        objects: of the host.

    Returns:
        The visible pixels of the part of the patch that lies in the host. None if too few are visible, or if its box
        overlaps another object's box too much.
    """
    source, target = find_overlap(body.shape, objects.instances.shape, corner)
    inside = body[source]
    if inside.sum() < MIN_INSIDE_SHARE * body.sum():
        return None
    start = np.array([side.start for side in target])
    contact_row = find_corner_box(inside, start)[3]
    is_nearer = objects.boxes[:, 3] > contact_row
    in_front = np.concatenate([[False], is_nearer])[objects.instances[target]]
    visible = inside & ~in_front
    n_visible = visible.sum()
    if n_visible < MIN_VISIBLE_PIXELS or is_nearly_hidden(n_visible, body.sum()):
        return None
    if _compute_max_iou(find_corner_box(visible, start), objects.boxes) > MAX_BOX_IOU:
        return None
    return visible


def _compute_max_iou(box: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Compute the largest intersection over union of a box with others; 0 where there are none."""
    if not len(others):
        return 0.0
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    intersections = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return float((intersections / (areas - intersections)).max())
