"""Where an object goes in a frame: its feet on the ground of its class, in a row that suits its size, seen enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Crop
from domaingan.blend.frame.ground import SupportingGround
from domaingan.blend.frame.perspective import Perspective
from domaingan.blend.merge_labels import MIN_VISIBLE_SHARE
from domaingan.blend.placement import find_overlap
from domaingan.imaging.instances import Objects, find_corner_box

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
"""Fewest pixels that must be seen of a pasted object."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class GroundPosition:
    """A row for an object's feet, columns to try, and how large it appears there.

    Attributes:
        foot: the row of its lowest pixel.
        columns: where the middle of its feet may go.
        scale: how much larger it appears than in its own frame, as shares of the frames' heights.
        flip: whether it is mirrored.
        cut: whether it is cut by the frame's top, left and right (after mirroring), and must be again.
    """

    contact_row: int
    columns: NDArray[np.int64]
    scale: float
    flip: bool
    cut_sides: tuple[bool, bool, bool]


@dataclass(frozen=True)
class GroundSampler:
    """What a spot is drawn by.

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
        """A spot, uniform over the pixels of the ground where the scale is in range; None where there is none.

        Args:
            crop: an entry of the bank that the perspective is of.
            mask: ``(H, W)`` the host's class values.
            horizon: the row of the host's horizon, a share of its height.
            finest: the largest scale at which the crop is sharp enough.
            rng: source of every draw.
        """
        known, (height, width) = self.perspective, mask.shape
        flip = bool(self.flip and rng.random() < 0.5)
        jitter = float(np.exp(rng.uniform(-MAX_SIZE_JITTER, MAX_SIZE_JITTER)))
        top, bottom, *sides = (bool(side) for side in known.cut_sides[crop.index])
        left, right = sides[::-1] if flip else sides
        smallest, largest = self.scale[0], min(self.scale[1], sharpest_scale / jitter)
        if smallest > largest or (bottom and largest < 1):
            return None
        low, high = known.find_row_range(crop.index, smallest, largest, horizon)
        first, last = max(0, round(low * height)), min(height - 1, int(high * height) - 1)
        if bottom:
            first = last = height - 1
        if first > last:
            return None
        value = int(known.class_values[crop.index])
        ground = self.ground.find_pixels(mask, first, last, value)
        if self.ground.is_unknown_for(value) and not bottom:
            ground &= known.find_columns(crop.index, (np.arange(first, last + 1) + 1) / height, width, horizon)
        if left != right:
            ground[:, 1 if left else 0 : width if left else width - 1] = False
        spots = np.flatnonzero(ground)
        if not len(spots):
            return None
        row = int(spots[int(rng.integers(len(spots)))]) // width
        scale = 1.0 if bottom else known.compute_scale(crop.index, (first + row + 1) / height, horizon)
        columns = rng.choice(np.flatnonzero(ground[row]), MAX_COLUMN_TRIES)
        return GroundPosition(first + row, columns, scale * jitter, flip, (top, left, right))

    def find_corner(
        self, body: Mask, position: GroundPosition, column: int, mask: NDArray[Any], value: int
    ) -> NDArray[np.int64] | None:
        """Where a patch goes so that its feet stand there, or its cut sides at the border; None if that does not do."""
        width = mask.shape[1]
        rows, columns = (np.flatnonzero(body.any(axis=axis)) for axis in (1, 0))
        base = np.flatnonzero(body[rows[-1] - len(rows) // 10 : rows[-1] + 1].any(axis=0))
        down, across = position.contact_row - int(rows[-1]), column - int(base.mean())
        top, left, right = position.cut_sides
        if left != right:
            across = -int(columns[0]) if left else width - 1 - int(columns[-1])
        if (top and down + rows[0] > 0) or (
            left and right and (across + columns[0] > 0 or across + columns[-1] < width)
        ):
            return None
        stood = base + across
        stood = stood[(stood >= 0) & (stood < width)]
        if not len(stood) or self.ground.compute_share(mask, position.contact_row, stood, value) < MIN_INSIDE_SHARE:
            return None
        return np.array([down, across], dtype=np.int64)


def find_visible(body: Mask, corner: NDArray[np.int64], objects: Objects) -> Mask | None:
    """What would be seen of an object in its patch; None where that is too little, or its box would be another's.

    Objects whose feet are lower in the frame are nearer, and stay in front.
    """
    source, where = find_overlap(body.shape, objects.instances.shape, corner)
    inside = body[source]
    if inside.sum() < MIN_INSIDE_SHARE * body.sum():
        return None
    start = np.array([part.start for part in where])
    nearer = objects.boxes[:, 3] > find_corner_box(inside, start)[3]
    front = np.concatenate([[False], nearer])[objects.instances[where]]
    seen = inside & ~front
    if (
        seen.sum() < max(MIN_VISIBLE_PIXELS, MIN_VISIBLE_SHARE * body.sum())
        or _compute_max_iou(find_corner_box(seen, start), objects.boxes) > MAX_BOX_IOU
    ):
        return None
    return seen


def _compute_max_iou(box: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """The largest intersection over union of a box with others; 0 where there are none."""
    if not len(others):
        return 0.0
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return float((both / (areas - both)).max())
