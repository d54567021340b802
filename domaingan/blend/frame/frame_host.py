"""A frame while objects go into it: on the ground they stand on, as large as their row calls for, in order of depth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Crop
from domaingan.blend.bound_crops import at_its_place
from domaingan.blend.frame.frame_patch import exposure, patch
from domaingan.blend.frame.frame_place import MAGNIFIED, Spots, visible
from domaingan.blend.methods.blending import Blend
from domaingan.blend.occlusion import Covered, mask_of_boxes, objects_of, shrink_boxes
from domaingan.blend.placed_crop import GAP, Spotted
from domaingan.blend.placement import grown, overlap
from domaingan.blend.variation import Variation
from domaingan.data import FRAME, Sample
from domaingan.imaging.intensity import from_scaled, get_intensity_range, to_dtype, to_scaled

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class FrameRules:
    """What is the same for every host of a paste.

    Attributes:
        spots: where crops may go.
        blend: how pixels are mixed.
        variation: how crops are varied besides.
        objects: host mask values of all objects.
        ignored: host mask value that no score counts, None where there is none.
    """

    spots: Spots
    blend: Blend
    variation: Variation
    objects: tuple[int, ...]
    ignored: int | None

    def host(self, sample: Sample) -> FrameHost:
        """The sample, ready to be pasted into; it has a mask, or boxes, which then tell where something is."""
        mask = mask_of_boxes(sample) if sample.mask is None else sample.mask.copy()
        objects = objects_of(replace(sample, mask=mask), self.objects)
        horizon = self.spots.perspective.horizon_of(sample.group, objects)
        ends = get_intensity_range(sample, FRAME)
        return FrameHost(self, sample, sample.image.copy(order="K"), mask, ends, Covered.of(objects), horizon)


@dataclass
class FrameHost:
    """One frame, with its own copies of image and labels."""

    rules: FrameRules
    sample: Sample
    image: NDArray[Any]
    mask: NDArray[Any]
    ends: NDArray[np.float32]
    covered: Covered
    horizon: float | None
    touched: list[tuple[slice, ...]] = field(default_factory=list)

    def result(self) -> Sample:
        """The sample with everything that was pasted; where it had boxes alone, boxes alone."""
        after = self.covered.told(self.sample)
        if self.sample.mask is not None:
            return replace(after, image=self.image, mask=self.mask)
        assert self.sample.boxes is not None and after.boxes is not None
        origins = self.covered.origins
        pasted = np.concatenate([[False], origins < 0])[self.covered.objects.instances]
        boxes = after.boxes.copy()
        boxes[origins >= 0] = shrink_boxes(self.sample.boxes[origins[origins >= 0]], pasted)
        return replace(after, image=self.image, boxes=boxes)

    def find(self, crop: Crop, rng: np.random.Generator) -> Spotted | None:
        """Vary a crop and find it a place; nothing of the host changes. None where it found none.

        Raises:
            DataError: the crop is bound, and the host has not the size that it had.
        """
        if crop.is_bound:
            return self._find_bound(crop)
        spots, variation, zoom = self.rules.spots, self.rules.variation, self._zoom(crop)
        spot = spots.draw(crop, self.mask, self.horizon, MAGNIFIED / max(zoom), rng)
        if spot is None:
            return None
        lean, bend = float(np.deg2rad(rng.uniform(-variation.rotate, variation.rotate))), variation.bend(2, rng)
        if spots.perspective.sides[crop.index].any():
            lean, bend = 0.0, None  # a cut is as straight as the border it is at
        blend = self.rules.blend.with_reach(variation.drawn_width(rng))
        made = patch(crop, (zoom[0] * spot.scale, zoom[1] * spot.scale), spot.flip, lean, bend, variation.order)
        if made is None:
            return None
        image, body = made
        value = int(spots.perspective.kinds[crop.index])
        for column in spot.columns.tolist():
            corner = spots.corner(body, spot, column, self.mask, value)
            seen = None if corner is None else visible(body, corner, self.covered.objects)
            if corner is not None and seen is not None:
                values = self._values(body, seen, corner, value)
                facts = (("foot", [spot.foot, column]),)
                return Spotted(image, values, corner, spot.scale, body, blend, facts=facts)
        return None

    def paste(self, spotted: Spotted, rng: np.random.Generator) -> None:
        """Blend in what was found, clipped to the host, and tell its mask, boxes and instances."""
        source, where = overlap(spotted.mask.shape, self.mask.shape, spotted.corner)
        image, values = spotted.image[(slice(None), *source)], spotted.mask[source]
        seen = values > 0
        if not seen.any() and spotted.replaced is None:
            return
        stored = self.image[(slice(None), *where)]
        others = (self.covered.objects.instances[where] > 0) & ~seen  # whose pixels a feather leaves alone
        if spotted.replaced is None:
            image, changed = self._blended(to_scaled(stored, self.ends), image, spotted, source, others, rng)
        else:
            changed = spotted.replaced[source] & ~others
        stored[:, changed] = to_dtype(from_scaled(np.clip(image, 0, 1), self.ends)[:, changed], stored.dtype)
        self.touched.append(where)
        if not seen.any():  # what is healthy changes no label
            return
        self.mask[where][seen] = values[seen]
        gone = self.covered.put(where, seen, int(values.max()), int(spotted.body.sum()))
        if gone is not None and self.rules.ignored is not None:
            self.mask[gone] = self.rules.ignored

    def _find_bound(self, crop: Crop) -> Spotted | None:
        """What was labelled is older than the crop, and may be partly hidden by it; what was pasted may not."""
        found = at_its_place(crop, self.sample, self.ends)
        if found is None:
            return None
        image, mask, replaced, corner = found
        body, objects = mask > 0, self.covered.objects
        source, where = overlap(mask.shape, self.mask.shape, corner)
        pasted = np.concatenate([[False], self.covered.origins < 0])[objects.instances]
        if not body[source].any() or (grown(pasted, GAP)[where] & body[source]).any():
            return None
        seen = visible(body, corner, objects)
        if seen is None:
            return None
        kind = 0 if crop.is_healthy else int(self.rules.spots.perspective.kinds[crop.index])
        values = self._values(body, seen, corner, kind)
        return Spotted(image, values, corner, 1.0, body, self.rules.blend, replaced=replaced)

    def _values(self, body: Mask, seen: Mask, corner: NDArray[np.int64], value: int) -> NDArray[np.int64]:
        """The class of what is seen of a patch, 0 elsewhere."""
        values = np.zeros(body.shape, dtype=np.int64)
        values[overlap(body.shape, self.mask.shape, corner)[0]][seen] = value
        return values

    def _zoom(self, crop: Crop) -> tuple[float, float]:
        """Host pixels a pixel of the crop, of rows and columns, were it to appear as large as in its own frame."""
        rows, columns = crop.spacing
        own, host = float(crop.entry["extent"][0]), self.mask.shape[0]
        pixel = host / own if own else 1 / self.sample.spacing[0]
        stretch = self.sample.spacing[0] / self.sample.spacing[1]  # pixels that are not square
        return pixel * rows, pixel * columns * stretch

    def _blended(
        self,
        host: NDArray[np.float32],
        image: NDArray[np.float32],
        spotted: Spotted,
        source: tuple[slice, ...],
        others: Mask,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float32], Mask]:
        """The patch mixed into the host, and where it differs."""
        seen, blend = spotted.mask[source] > 0, spotted.blend
        image = np.clip(image * exposure(host, image, spotted.body[source]), 0, 1)
        image = blend.matched(host, image, seen, ~others, np.ones_like(seen), rng)
        weight = blend.method.weight(seen) * ~others
        return blend.method.mix(host, image, weight, ~others), weight > 0
