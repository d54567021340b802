"""A scan or slice while crops go into it: in the body, below its surface, on no other object, the ring matched."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks import BankInfo, Crop
from domaingan.blend.bound_crops import at_its_place
from domaingan.blend.merge_labels import merge_mask
from domaingan.blend.methods.blending import Blend, blend_patch
from domaingan.blend.occlusion import Covered, objects_of
from domaingan.blend.placed_crop import GAP, Spotted
from domaingan.blend.placement import grown, overlap, place
from domaingan.blend.scan.host_range import host_range
from domaingan.blend.scan.prior import Middles, Placement
from domaingan.blend.scan.soft_tissue import soft_levels, surroundings_of, wanted_contrast
from domaingan.blend.scan.surface_depth import Surface
from domaingan.blend.variation import Variation, warp
from domaingan.data import Sample
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
    values: NDArray[np.int64]
    blend: Blend
    variation: Variation
    depth_mm: float
    placement: Placement
    kinds: NDArray[np.int64]
    overlap: bool = False

    def host(self, sample: Sample) -> ScanHost:
        """The sample, ready to be pasted into."""
        return ScanHost.of(sample, self)


@dataclass
class ScanHost:
    """A host while crops go into it: its own copies of image and labels, and what is measured once."""

    rules: ScanRules
    sample: Sample
    image: NDArray[Any]
    mask: NDArray[Any]
    covered: Covered | None
    ends: NDArray[np.float32]
    inside: NDArray[np.bool_]
    surface: Surface
    levels: NDArray[np.float32]
    darkest: NDArray[Any]
    middles: Middles
    touched: list[tuple[slice, ...]] = field(default_factory=list)
    taken: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, sample: Sample, rules: ScanRules) -> ScanHost:
        """Measure a sample, which must have a mask."""
        assert sample.mask is not None
        inside = get_foreground(sample)
        measured = replace(sample, meta=sample.meta | {"foreground": inside})
        surface, ends = Surface(inside, sample.spacing), host_range(measured, rules.info)
        copies = sample.image.copy(order="K"), sample.mask.copy()
        known = sample.instances is not None or (sample.boxes is not None and sample.labels is not None)
        covered = Covered.of(objects_of(sample, ())) if known else None
        darkest = sample.image.reshape(len(sample.image), -1).min(axis=1)
        middles = rules.placement.over(find_body_extent(inside), get_body_axes(sample))
        return cls(rules, sample, *copies, covered, ends, inside, surface, soft_levels(rules.info), darkest, middles)

    def find(self, crop: Crop, rng: np.random.Generator) -> Spotted | None:
        """Vary a crop and find it a place; nothing of the host changes. None where it found none.

        Raises:
            DataError: the crop is bound, and the host has not the size that it had.
        """
        if crop.is_bound:
            return self._find_bound(crop)
        rules = self.rules
        draw = rules.variation.draw(self.sample.spatial_dims, rng)
        blend = rules.blend.with_reach(draw.width)
        warped = warp(crop, draw, self.sample.spacing, max(blend.reach, RING_WIDTH) + 1, self.mask.shape)
        if warped is None:
            return None
        mask = warped.mask
        middles = partial(self.middles, int(rules.kinds[crop.index]))
        taken = np.zeros(self.mask.shape, dtype=bool) if rules.overlap else self._find_taken()
        corner = place(mask > 0, self.surface, rules.depth_mm, taken, rng, middles)
        if corner is None:
            return None
        target, facts = _own_contrast(crop, self.levels) * np.float32(draw.contrast), (("contrast", draw.contrast),)
        return Spotted(
            warped.sample_image(), rules.values[mask], corner, draw.scale, mask > 0, blend, target, facts=facts
        )

    def paste(self, spotted: Spotted, rng: np.random.Generator) -> None:
        """Blend in what was found, clipped to the host, and merge the labels."""
        source, where = overlap(spotted.mask.shape, self.mask.shape, spotted.corner)
        image, values = spotted.image[(slice(None), *source)], spotted.mask[source]
        if not values.any() and spotted.replaced is None:
            return
        stored = self.image[(slice(None), *where)]
        older = self.mask[where] > 0
        if spotted.replaced is None:
            host, surroundings = to_scaled(stored, self.ends), self.inside[where] & ~older
            body, target = values > 0, spotted.target
            own = surroundings_of(image, body, _shown(image), self.levels)
            there = surroundings_of(host, body, surroundings, self.levels)
            if own.is_soft != there.is_soft:
                target = wanted_contrast(image, body, own, host, there, self.levels)
            image, changed = blend_patch(host, image, body, there.tissue, own.tissue, spotted.blend, rng, target)
        else:
            changed = spotted.replaced[source] & ~older
        # Only what changed goes through the scaled units and back: all else stays bit-identical. A dark object in a
        # dark place must not become darker than anything a scanner stores.
        bright = np.maximum(from_scaled(image, self.ends)[:, changed], self.darkest[:, None])
        stored[:, changed] = to_dtype(bright, stored.dtype)
        self.touched.append(where)
        if values.any():
            self._label(where, values, int(spotted.body.sum()))

    def result(self) -> Sample:
        """The sample with everything that was pasted."""
        sample = self.sample if self.covered is None else self.covered.told(self.sample)
        return replace(sample, image=self.image, mask=self.mask)

    def _find_bound(self, crop: Crop) -> Spotted | None:
        found = at_its_place(crop, self.sample, self.ends)
        if found is None:
            return None
        image, mask, replaced, corner = found
        source, where = overlap(mask.shape, self.mask.shape, corner)
        if not mask[source].any() or (self._find_taken()[where] & (mask[source] > 0)).any():
            return None
        values = np.zeros_like(mask) if crop.is_healthy else self.rules.values[mask]
        return Spotted(image, values, corner, 1.0, mask > 0, self.rules.blend, replaced=replaced)

    def _find_taken(self) -> NDArray[np.bool_]:
        """What is labelled and a gap around it."""
        if self.taken is None:
            self.taken = grown(self.mask, GAP)
        return self.taken

    def _label(self, where: tuple[slice, ...], values: NDArray[Any], whole: int) -> None:
        """Merge an object into the labels."""
        if (self.mask[where] > 0)[values > 0].any():
            pasted = np.zeros_like(self.mask)
            pasted[where] = values
            self.mask = merge_mask(self.mask, pasted)
        else:
            np.copyto(self.mask[where], values, where=values > 0, casting="unsafe")
        self.taken = None
        if self.covered is not None:
            gone = self.covered.put(where, values > 0, int(np.bincount(values[values > 0]).argmax()), whole)
            if gone is not None:
                self.mask[gone] = 0


def _own_contrast(crop: Crop, levels: NDArray[np.float32]) -> NDArray[np.float32]:
    own = surroundings_of(crop.image, crop.mask > 0, _shown(crop.image), levels)
    return measure_contrast(crop.image, crop.mask, find_ring(crop.mask, inside=own.tissue))


def _shown(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a scaled image shows the body: its darkest specks are not air, which is nowhere thin."""
    air = np.pad(~find_nonzero(image), 1, mode="edge")
    shown: NDArray[np.bool_] = ~ndimage.binary_opening(air)[(slice(1, -1),) * air.ndim]
    return shown
