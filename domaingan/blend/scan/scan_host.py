"""A scan or slice while crops go into it: in the body, below its surface, on no other object, the ring matched."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks import BankInfo, Crop
from domaingan.blend.bound_crops import resample_to_host
from domaingan.blend.merge_labels import merge_mask
from domaingan.blend.methods.blending import Blend, blend_patch
from domaingan.blend.occlusion import OccludedObjects, find_objects
from domaingan.blend.placed_crop import OBJECT_GAP, PlacedCrop
from domaingan.blend.placement import dilate_labels, find_overlap, find_place
from domaingan.blend.scan.host_range import find_host_range
from domaingan.blend.scan.prior import CentreSampler, Placement
from domaingan.blend.scan.soft_tissue import find_soft_levels, find_surroundings, find_target_contrast
from domaingan.blend.scan.surface_depth import BodySurface
from domaingan.blend.variation import Variation
from domaingan.blend.warp import warp_crop
from domaingan.data import SCAN, Sample
from domaingan.imaging.body_axes import get_body_axes
from domaingan.imaging.intensity import (
    RING_WIDTH,
    find_body_extent,
    find_nonzero,
    find_ring,
    from_scaled,
    get_foreground,
    measure_contrast,
    to_dtype,
    to_scaled,
    with_foreground,
)


@dataclass(frozen=True)
class ScanRules:
    """What is the same for every host of a paste.

    Attributes:
        info: of the bank.
        values: host mask value for every bank mask value.
        blend: how pixels are mixed.
        variation: how crops are varied.
        depth_mm: pasted objects lie at least so deep below the surface.
        placement: where in the body they are tried.
        kinds: of each of the bank's entries the code of its class, by which they are placed.
        overlap: whether they may come to lie on what is labelled.
    """

    info: BankInfo
    class_table: NDArray[np.int64]
    blend: Blend
    variation: Variation
    min_depth_mm: float
    placement: Placement
    class_codes: NDArray[np.int64]
    can_overlap: bool = False

    def prepare_host(self, sample: Sample) -> ScanHost:
        """The sample, ready to be pasted into."""
        return ScanHost.from_sample(sample, self)


@dataclass
class ScanHost:
    """A host while crops go into it: its own copies of image and labels, and what is measured once."""

    rules: ScanRules
    sample: Sample
    image: NDArray[Any]
    mask: NDArray[Any]
    occluded: OccludedObjects | None
    intensity_range: NDArray[np.float32]
    foreground: NDArray[np.bool_]
    surface: BodySurface
    soft_levels: NDArray[np.float32]
    min_values: NDArray[Any]
    sample_centres: CentreSampler
    touched: list[tuple[slice, ...]] = field(default_factory=list)
    occupied: NDArray[np.bool_] | None = None

    @classmethod
    def from_sample(cls, sample: Sample, rules: ScanRules) -> ScanHost:
        """Measure a sample, which must have a mask."""
        assert sample.mask is not None
        measured = with_foreground(sample, SCAN)
        inside = get_foreground(measured)
        surface, ends = BodySurface(inside, sample.spacing), find_host_range(measured, rules.info)
        copies = sample.image.copy(order="K"), sample.mask.copy()
        known = sample.instances is not None or (sample.boxes is not None and sample.labels is not None)
        covered = OccludedObjects.from_objects(find_objects(sample, ())) if known else None
        darkest = sample.image.reshape(len(sample.image), -1).min(axis=1)
        middles = rules.placement.for_box(find_body_extent(inside), get_body_axes(sample))
        return cls(
            rules, sample, *copies, covered, ends, inside, surface, find_soft_levels(rules.info), darkest, middles
        )

    def place_crop(self, crop: Crop, rng: np.random.Generator) -> PlacedCrop | None:
        """Vary a crop and find it a place; nothing of the host changes. None where it found none.

        Raises:
            DataError: the crop is bound, and the host has not the size that it had.
        """
        if crop.is_bound:
            return self._place_bound_crop(crop)
        rules = self.rules
        draw = rules.variation.draw(self.sample.spatial_dims, rng)
        blend = rules.blend.with_reach(draw.blend_width)
        warped = warp_crop(crop, draw, self.sample.spacing, max(blend.reach, RING_WIDTH) + 1, self.mask.shape)
        if warped is None:
            return None
        mask = warped.mask
        middles = partial(self.sample_centres, int(rules.class_codes[crop.index]))
        taken = np.zeros(self.mask.shape, dtype=bool) if rules.can_overlap else self._find_occupied()
        corner = find_place(mask > 0, self.surface, rules.min_depth_mm, taken, rng, middles)
        if corner is None:
            return None
        target = _measure_crop_contrast(crop, self.soft_levels) * np.float32(draw.contrast)
        return PlacedCrop(
            warped.sample_image(),
            rules.class_table[mask],
            corner,
            draw.scale,
            mask > 0,
            blend,
            target,
            contrast=draw.contrast,
        )

    def paste_crop(self, placed: PlacedCrop, rng: np.random.Generator) -> None:
        """Blend in what was found, clipped to the host, and merge the labels."""
        source, where = find_overlap(placed.mask.shape, self.mask.shape, placed.corner)
        image, values = placed.image[(slice(None), *source)], placed.mask[source]
        if not values.any() and placed.replaced_pixels is None:
            return
        stored = self.image[(slice(None), *where)]
        older = self.mask[where] > 0
        if placed.replaced_pixels is None:
            host, surroundings = to_scaled(stored, self.intensity_range), self.foreground[where] & ~older
            body, target = values > 0, placed.target_contrast
            own = find_surroundings(image, body, _find_shown_body(image), self.soft_levels)
            there = find_surroundings(host, body, surroundings, self.soft_levels)
            if own.is_soft != there.is_soft:
                target = find_target_contrast(image, body, own, host, there, self.soft_levels)
            image, changed = blend_patch(host, image, body, there.tissue, own.tissue, placed.blend, rng, target)
        else:
            changed = placed.replaced_pixels[source] & ~older
        # Only what changed goes through the scaled units and back: all else stays bit-identical. A dark object in a
        # dark place must not become darker than anything a scanner stores.
        bright = np.maximum(from_scaled(image, self.intensity_range)[:, changed], self.min_values[:, None])
        stored[:, changed] = to_dtype(bright, stored.dtype)
        self.touched.append(where)
        if values.any():
            self._merge_labels(where, values, int(placed.body.sum()))

    def to_sample(self) -> Sample:
        """The sample with everything that was pasted."""
        sample = self.sample if self.occluded is None else self.occluded.to_sample(self.sample)
        return replace(sample, image=self.image, mask=self.mask)

    def _place_bound_crop(self, crop: Crop) -> PlacedCrop | None:
        found = resample_to_host(crop, self.sample, self.intensity_range)
        if found is None:
            return None
        image, mask, replaced, corner = found
        source, where = find_overlap(mask.shape, self.mask.shape, corner)
        if not mask[source].any() or (self._find_occupied()[where] & (mask[source] > 0)).any():
            return None
        values = np.zeros_like(mask) if crop.is_healthy else self.rules.class_table[mask]
        return PlacedCrop(image, values, corner, 1.0, mask > 0, self.rules.blend, replaced_pixels=replaced)

    def _find_occupied(self) -> NDArray[np.bool_]:
        """What is labelled and a gap around it."""
        if self.occupied is None:
            self.occupied = dilate_labels(self.mask, OBJECT_GAP)
        return self.occupied

    def _merge_labels(self, region: tuple[slice, ...], values: NDArray[Any], full_size: int) -> None:
        """Merge an object into the labels."""
        if (self.mask[region] > 0)[values > 0].any():
            pasted = np.zeros_like(self.mask)
            pasted[region] = values
            self.mask = merge_mask(self.mask, pasted)
        else:
            np.copyto(self.mask[region], values, where=values > 0, casting="unsafe")
        self.occupied = None
        if self.occluded is not None:
            gone = self.occluded.add(region, values > 0, int(np.bincount(values[values > 0]).argmax()), full_size)
            if gone is not None:
                self.mask[gone] = 0


def _measure_crop_contrast(crop: Crop, soft_levels: NDArray[np.float32]) -> NDArray[np.float32]:
    own = find_surroundings(crop.image, crop.mask > 0, _find_shown_body(crop.image), soft_levels)
    return measure_contrast(crop.image, crop.mask, find_ring(crop.mask, inside=own.tissue))


def _find_shown_body(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a scaled image shows the body: its darkest specks are not air, which is nowhere thin."""
    air = np.pad(~find_nonzero(image), 1, mode="edge")
    shown: NDArray[np.bool_] = ~ndimage.binary_opening(air)[(slice(1, -1),) * air.ndim]
    return shown
