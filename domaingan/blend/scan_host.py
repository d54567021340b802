"""A scan or slice while crops go into it: in the body, below its surface, on no other object, the ring matched."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.bank import Crop
from domaingan.blend.covered import Covered, objects_of
from domaingan.blend.labels import merge_mask
from domaingan.blend.methods import Blend, blend_patch
from domaingan.blend.placement import grown, overlap, place
from domaingan.blend.variation import NONE, Variation, apply
from domaingan.sample import Sample
from domaingan.tissue import (
    RING_WIDTH,
    as_stored,
    contrast,
    foreground,
    from_scaled,
    intensity_range,
    ring,
    surface_depth,
    tissue,
    to_scaled,
)

GAP = 2
"""Pixels kept free between a pasted object and an older one."""


@dataclass(frozen=True)
class ScanRules:
    """What is the same for every host of a paste.

    Attributes:
        values: host mask value for every bank mask value.
        blend: how pixels are mixed.
        variation: how crops are varied.
        depth_mm: pasted objects lie at least so deep below the surface.
    """

    values: NDArray[np.int64]
    blend: Blend
    variation: Variation
    depth_mm: float

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
    depth: NDArray[np.float32]
    darkest: NDArray[Any]
    touched: list[tuple[slice, ...]] = field(default_factory=list)

    @classmethod
    def of(cls, sample: Sample, rules: ScanRules) -> ScanHost:
        """Measure a sample, which must have a mask."""
        assert sample.mask is not None
        inside = foreground(sample)
        measured = replace(sample, meta=sample.meta | {"foreground": inside})
        depth, ends = surface_depth(inside, sample.spacing), intensity_range(measured, "scan")
        copies = sample.image.copy(order="K"), sample.mask.copy()
        known = sample.instances is not None or (sample.boxes is not None and sample.labels is not None)
        covered = Covered.of(objects_of(sample, ())) if known else None
        darkest = sample.image.reshape(len(sample.image), -1).min(axis=1)
        return cls(rules, sample, *copies, covered, ends, inside, depth, darkest)

    def take(self, crop: Crop, rng: np.random.Generator) -> dict[str, Any] | None:
        """Paste a crop; its place, scale and contrast, or None where it found no place."""
        rules, bound = self.rules, crop.is_bound
        draw = (NONE if bound else rules.variation).draw(self.sample.spatial_dims, rng)
        margin = max(rules.blend.reach, RING_WIDTH) + 1
        patch = apply(crop, draw, self.sample.spacing, margin)
        if patch is None:
            return None
        image, mask = patch
        if bound:
            corner: NDArray[Any] | None = np.array(crop.entry["place"]) + _trim(crop, margin)
        else:
            taken = grown(self.mask, GAP)
            corner = place(mask > 0, self.depth, rules.depth_mm, taken, self.sample.spacing, rng)
        if corner is None:
            return None
        self._paste(image, rules.values[mask], corner, _own_contrast(crop) * draw.contrast, rng)
        return {"place": [int(c) for c in corner], "scale": draw.scale, "contrast": draw.contrast}

    def result(self) -> Sample:
        """The sample with everything that was pasted."""
        sample = self.sample if self.covered is None else self.covered.told(self.sample)
        return replace(sample, image=self.image, mask=self.mask)

    def _paste(
        self,
        image: NDArray[np.float32],
        values: NDArray[Any],
        corner: NDArray[Any],
        target: Any,
        rng: np.random.Generator,
    ) -> None:
        """Blend a patch in at ``corner``, clipped to the host, and merge the labels."""
        whole = int((values > 0).sum())
        source, where = overlap(values.shape, self.mask.shape, corner)
        image, values = image[(slice(None), *source)], values[source]
        stored = self.image[(slice(None), *where)]
        older = self.mask[where] > 0
        blended, changed = blend_patch(
            to_scaled(stored, self.ends),
            image,
            values > 0,
            self.inside[where] & ~older,
            tissue(image),
            self.rules.blend,
            rng,
            target,
        )
        # Only what changed goes through the scaled units and back: all else stays bit-identical. A dark object in a
        # dark place must not become darker than anything a scanner stores.
        bright = np.maximum(from_scaled(blended, self.ends)[:, changed], self.darkest[:, None])
        stored[:, changed] = as_stored(bright, stored.dtype)
        self.touched.append(where)
        pasted = np.zeros_like(self.mask)
        pasted[where] = values
        self.mask = merge_mask(self.mask, pasted)
        if self.covered is not None:
            gone = self.covered.put(where, values > 0, int(np.bincount(values[values > 0]).argmax()), whole)
            if gone is not None:
                self.mask[gone] = 0


def _trim(crop: Crop, margin: int) -> NDArray[Any]:
    """How far :func:`domaingan.blend.variation.apply` moves the corner of an unvaried crop by trimming it."""
    return np.argwhere(crop.mask > 0).min(axis=0) - margin


def _own_contrast(crop: Crop) -> NDArray[np.float32]:
    return contrast(crop.image, crop.mask, ring(crop.mask, inside=tissue(crop.image)))
