"""A frame while objects go into it: on the ground they stand on, as large as their row calls for, in order of depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.bank import Crop
from domaingan.blend.labels import VISIBLE
from domaingan.blend.methods import Method
from domaingan.blend.perspective import Perspective
from domaingan.blend.placement import overlap
from domaingan.blend.variation import Draw, Variation, apply, rotation
from domaingan.objects import Objects, box_of, from_mask
from domaingan.sample import Sample
from domaingan.tissue import ring

TRIES = 12
"""How often a place is drawn before giving up."""

INSIDE = 0.5
"""At least this share of an object that was whole lies in the frame."""

JITTER = 0.1
"""Sizes vary by so much either way (natural logarithm): not everybody is of one height."""

CLOSE = 0.5
"""An object is not pasted where its box overlaps an older one's by more than this (intersection over union)."""

GAIN = (0.6, 1.6)
"""How much darker or brighter a crop may be made, so that it is exposed as its new surroundings are."""

SURROUNDINGS = 8
"""Width of the surroundings that the exposure is measured on, in pixels."""

LEAST = 12
"""Fewest pixels that must be seen of a pasted object."""

LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue (ITU-R BT.601)."""


@dataclass(frozen=True)
class FrameRules:
    """What is the same for every host of a paste.

    Attributes:
        values: host mask value for every bank mask value.
        method: how pixels are mixed.
        variation: how crops are varied; flips mirror left and right alone, sizes follow the row within ``scale``.
        perspective: where the crops stood, and how size goes with the row.
        grounds: for each object's host mask value the values of what it may stand on.
        objects: host mask values of all objects.
        ignored: host mask value that no score counts, None where there is none.
    """

    values: NDArray[np.int64]
    method: Method
    variation: Variation
    perspective: Perspective
    grounds: Mapping[int, tuple[int, ...]]
    objects: tuple[int, ...]
    ignored: int | None

    def host(self, sample: Sample) -> FrameHost:
        """The sample, ready to be pasted into."""
        assert sample.mask is not None
        if sample.instances is None or sample.boxes is None or sample.labels is None:
            known = from_mask(sample.mask, self.objects)
        else:
            known = Objects(sample.instances.copy(), sample.boxes, sample.labels)
        return FrameHost(self, sample, sample.image.copy(), sample.mask.copy(), known)


@dataclass
class FrameHost:
    """One frame, with its own copies of image and labels."""

    rules: FrameRules
    sample: Sample
    image: NDArray[np.float32]
    mask: NDArray[Any]
    objects: Objects

    def result(self) -> Sample:
        """The sample with everything that was pasted; what it did not know of its objects stays unknown."""
        known = self.objects
        boxes = None if self.sample.boxes is None else known.boxes
        labels = None if self.sample.labels is None else known.labels
        instances = None if self.sample.instances is None else known.instances
        return replace(self.sample, image=self.image, mask=self.mask, boxes=boxes, labels=labels, instances=instances)

    def take(self, crop: Crop, rng: np.random.Generator) -> dict[str, Any] | None:
        """Paste a crop; its place, foot and scale, or None where it found no place."""
        flip = bool(self.rules.variation.flip and rng.random() < 0.5)
        spot = self._ground(crop, flip, rng)
        if spot is None:
            return None
        foot, columns = spot
        scale = self._scale(crop, foot, rng)
        patch = self._patch(crop, scale, flip, rng)
        if patch is None:
            return None
        image, values = patch
        for column in columns:
            corner = self._corner(values > 0, crop, flip, foot, int(column))
            visible = self._visible(values > 0, corner)
            if visible is not None:
                self._paste(image, values, corner, visible)
                return {"place": corner.tolist(), "foot": [foot, int(column)], "scale": scale}
        return None

    # ---------------------------------------------------------------- where

    def _ground(self, crop: Crop, flip: bool, rng: np.random.Generator) -> tuple[int, NDArray[np.int64]] | None:
        """A row for the feet, drawn over the ground's pixels where the scale is in range, and columns to try."""
        rules, height = self.rules, self.mask.shape[0]
        value = int(rules.values[crop.mask.max()])
        low, high = rules.perspective.rows(crop.index, *rules.variation.scale)
        _, bottom, left, right = rules.perspective.sides[crop.index]
        first, last = max(0, int(low * height)), min(height - 1, int(high * height))
        if bottom:
            first = last = height - 1
        ground = np.isin(self.mask[first : last + 1], rules.grounds.get(value, ()))
        if left != right:  # it is cut by this side of the frame, and must be again
            edge = 0 if bool(left) != flip else ground.shape[1] - 1
            others = np.ones(ground.shape[1], dtype=bool)
            others[edge] = False
            ground[:, others] = False
        spots = np.argwhere(ground)
        if not len(spots):
            return None
        row = int(spots[int(rng.integers(len(spots))), 0])
        return row + first, rng.choice(np.flatnonzero(ground[row]), TRIES)

    def _scale(self, crop: Crop, foot: int, rng: np.random.Generator) -> float:
        """What the crop's pixels are to be multiplied by, in the host's millimetres (pixels of the whole frame)."""
        jitter = float(np.exp(rng.uniform(-JITTER, JITTER)))
        own = max(float(crop.entry["extent"][0]), 1.0)
        size = self.mask.shape[0] * self.sample.spacing[0] / own  # frames of another resolution
        bottom = self.rules.perspective.sides[crop.index, 1]
        row = 1.0 if bottom else self.rules.perspective.scale(crop.index, (foot + 1) / self.mask.shape[0])
        return size * jitter * row

    def _patch(
        self, crop: Crop, scale: float, flip: bool, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
        """The varied crop and its host mask values, on the host's grid."""
        limit = self.rules.variation.rotate
        angle = np.deg2rad(rng.uniform(-limit, limit))
        matrix = scale * rotation(angle) @ np.diag([1.0, -1.0 if flip else 1.0])
        draw = Draw(tuple(map(tuple, matrix.tolist())), scale, 1.0)
        patch = apply(crop, draw, self.sample.spacing, SURROUNDINGS)
        return None if patch is None else (patch[0], self.rules.values[patch[1]])

    def _corner(self, body: NDArray[np.bool_], crop: Crop, flip: bool, foot: int, column: int) -> NDArray[np.int64]:
        """Where the patch goes so that its lowest pixels stand at ``(foot, column)``, or its cut side at the border."""
        rows, columns = (np.flatnonzero(body.any(axis=axis)) for axis in (1, 0))
        feet = np.flatnonzero(body[rows[-1] - max(1, len(rows) // 10) + 1 : rows[-1] + 1].any(axis=0))
        across = column - int(feet.mean())
        _, _, left, right = self.rules.perspective.sides[crop.index]
        if left != right:
            across = -columns[0] if bool(left) != flip else self.mask.shape[1] - 1 - columns[-1]
        return np.array([foot - rows[-1], across], dtype=np.int64)

    def _visible(self, body: NDArray[np.bool_], corner: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """``(H, W)`` what would be seen of an object; None where too little would, or it would stand in another."""
        source, where = overlap(body.shape, self.mask.shape, corner)
        whole = np.zeros(self.mask.shape, dtype=bool)
        whole[where] = body[source]
        if whole.sum() < INSIDE * body.sum():
            return None
        box = box_of(whole, np.zeros(2, dtype=int))
        nearer = 1 + np.flatnonzero(self.objects.boxes[:, 3] > box[3])  # whose feet are lower in the frame
        seen = whole & ~np.isin(self.objects.instances, nearer)
        if seen.sum() < max(LEAST, VISIBLE * body.sum()):
            return None
        return None if _overlaps(box_of(seen, np.zeros(2, dtype=int)), self.objects.boxes) > CLOSE else seen

    # ----------------------------------------------------------------- what

    def _paste(
        self,
        image: NDArray[np.float32],
        values: NDArray[np.int64],
        corner: NDArray[np.int64],
        seen: NDArray[np.bool_],
    ) -> None:
        source, where = overlap(values.shape, self.mask.shape, corner)
        image, values, body = image[(slice(None), *source)], values[source], seen[where]
        stored = self.image[(slice(None), *where)]
        image = image * _exposure(stored, image, values > 0)
        weight = self.rules.method(values > 0) * body
        changed = weight > 0
        mixed = stored + weight * (np.clip(image, 0, 1) - stored)
        stored[:, changed] = np.clip(mixed, 0, 1)[:, changed]
        self.mask[where][body] = values[body]
        self._merge(seen, int(values[body].max()))

    def _merge(self, seen: NDArray[np.bool_], value: int) -> None:
        """Older objects lose what is covered, and go where too little of them is left; the new one is last."""
        instances, boxes, labels = self.objects.instances, list(self.objects.boxes), list(self.objects.labels)
        kept = []
        for number in range(1, len(boxes) + 1):
            own = instances == number
            left = own & ~seen
            if left.sum() < VISIBLE * own.sum():
                if self.rules.ignored is not None:
                    self.mask[left] = self.rules.ignored
                continue
            if left.sum() < own.sum():
                boxes[number - 1] = box_of(left, np.zeros(2, dtype=int))
            kept.append(number)
        table = np.zeros(len(boxes) + 1, dtype=np.int32)
        table[kept] = np.arange(1, len(kept) + 1)
        renumbered = table[instances]
        renumbered[seen] = len(kept) + 1
        stacked = [*(boxes[n - 1] for n in kept), box_of(seen, np.zeros(2, dtype=int))]
        names = [*(int(labels[n - 1]) for n in kept), value]
        self.objects = Objects(renumbered, np.array(stacked, np.float32), np.array(names, np.int64))


def _overlaps(box: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """The largest intersection over union of a box with others; 0 where there are none."""
    if not len(others):
        return 0.0
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return float((both / (areas - both)).max())


def _exposure(host: NDArray[np.float32], crop: NDArray[np.float32], body: NDArray[np.bool_]) -> np.float32:
    """One factor that makes the crop's surroundings as bright as the host's: an exposure, not another contrast.

    The ring of a scan's lesion is shifted to the host's; what stands behind an object in a frame says nothing about it,
    so that the surroundings only serve as a light meter.
    """
    around = ring(body, SURROUNDINGS)
    if not around.any():
        return np.float32(1)
    lights = [float((LUMINANCE @ picture[:, around]).mean()) for picture in (host, crop)]
    return np.float32(np.clip(lights[0] / max(lights[1], 0.02), *GAIN))
