"""A frame while objects go into it: on the ground they stand on, as large as their row calls for, in order of depth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Crop
from domaingan.blend.bound_crops import resample_to_host
from domaingan.blend.frame.frame_patch import compute_exposure, resample_crop
from domaingan.blend.frame.frame_place import MAX_MAGNIFICATION, GroundSampler, find_visible
from domaingan.blend.methods.blending import Blend
from domaingan.blend.occlusion import OccludedObjects, fill_boxes, find_objects, shrink_boxes
from domaingan.blend.placed_crop import OBJECT_GAP, PlacedCrop
from domaingan.blend.placement import dilate_labels, find_overlap
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

    ground_sampler: GroundSampler
    blend: Blend
    variation: Variation
    object_values: tuple[int, ...]
    ignored_value: int | None

    def prepare_host(self, sample: Sample) -> FrameHost:
        """The sample, ready to be pasted into; it has a mask, or boxes, which then tell where something is."""
        mask = fill_boxes(sample) if sample.mask is None else sample.mask.copy()
        objects = find_objects(replace(sample, mask=mask), self.object_values)
        horizon = self.ground_sampler.perspective.find_horizon(sample.group, objects)
        ends = get_intensity_range(sample, FRAME)
        return FrameHost(
            self, sample, sample.image.copy(order="K"), mask, ends, OccludedObjects.from_objects(objects), horizon
        )


@dataclass
class FrameHost:
    """One frame, with its own copies of image and labels."""

    rules: FrameRules
    sample: Sample
    image: NDArray[Any]
    mask: NDArray[Any]
    intensity_range: NDArray[np.float32]
    occluded: OccludedObjects
    horizon: float | None
    touched: list[tuple[slice, ...]] = field(default_factory=list)

    def to_sample(self) -> Sample:
        """The sample with everything that was pasted; where it had boxes alone, boxes alone."""
        after = self.occluded.to_sample(self.sample)
        if self.sample.mask is not None:
            return replace(after, image=self.image, mask=self.mask)
        assert self.sample.boxes is not None and after.boxes is not None
        origins = self.occluded.origins
        pasted = np.concatenate([[False], origins < 0])[self.occluded.objects.instances]
        boxes = after.boxes.copy()
        boxes[origins >= 0] = shrink_boxes(self.sample.boxes[origins[origins >= 0]], pasted)
        return replace(after, image=self.image, boxes=boxes)

    def place_crop(self, crop: Crop, rng: np.random.Generator) -> PlacedCrop | None:
        """Vary a crop and find it a place; nothing of the host changes. None where it found none.

        Raises:
            DataError: the crop is bound, and the host has not the size that it had.
        """
        if crop.is_bound:
            return self._place_bound_crop(crop)
        spots, variation, zoom = self.rules.ground_sampler, self.rules.variation, self._compute_zoom(crop)
        spot = spots.draw_position(crop, self.mask, self.horizon, MAX_MAGNIFICATION / max(zoom), rng)
        if spot is None:
            return None
        lean, bend = (
            float(np.deg2rad(rng.uniform(-variation.rotate, variation.rotate))),
            variation.draw_displacements(2, rng),
        )
        if spots.perspective.cut_sides[crop.index].any():
            lean, bend = 0.0, None  # a cut is as straight as the border it is at
        blend = self.rules.blend.with_reach(variation.draw_width(rng))
        made = resample_crop(crop, (zoom[0] * spot.scale, zoom[1] * spot.scale), spot.flip, lean, bend, variation.order)
        if made is None:
            return None
        image, body = made
        value = int(spots.perspective.class_values[crop.index])
        for column in spot.columns.tolist():
            corner = spots.find_corner(body, spot, column, self.mask, value)
            seen = None if corner is None else find_visible(body, corner, self.occluded.objects)
            if corner is not None and seen is not None:
                values = self._fill_visible(body, seen, corner, value)
                return PlacedCrop(
                    image, values, corner, spot.scale, body, blend, ground_contact=(spot.contact_row, column)
                )
        return None

    def paste_crop(self, placed: PlacedCrop, rng: np.random.Generator) -> None:
        """Blend in what was found, clipped to the host, and tell its mask, boxes and instances."""
        source, where = find_overlap(placed.mask.shape, self.mask.shape, placed.corner)
        image, values = placed.image[(slice(None), *source)], placed.mask[source]
        seen = values > 0
        if not seen.any() and placed.replaced_pixels is None:
            return
        stored = self.image[(slice(None), *where)]
        others = (self.occluded.objects.instances[where] > 0) & ~seen  # whose pixels a feather leaves alone
        if placed.replaced_pixels is None:
            image, changed = self._blend_patch(
                to_scaled(stored, self.intensity_range), image, placed, source, others, rng
            )
        else:
            changed = placed.replaced_pixels[source] & ~others
        stored[:, changed] = to_dtype(from_scaled(np.clip(image, 0, 1), self.intensity_range)[:, changed], stored.dtype)
        self.touched.append(where)
        if not seen.any():  # what is healthy changes no label
            return
        self.mask[where][seen] = values[seen]
        gone = self.occluded.add(where, seen, int(values.max()), int(placed.body.sum()))
        if gone is not None and self.rules.ignored_value is not None:
            self.mask[gone] = self.rules.ignored_value

    def _place_bound_crop(self, crop: Crop) -> PlacedCrop | None:
        """What was labelled is older than the crop, and may be partly hidden by it; what was pasted may not."""
        found = resample_to_host(crop, self.sample, self.intensity_range)
        if found is None:
            return None
        image, mask, replaced, corner = found
        body, objects = mask > 0, self.occluded.objects
        source, where = find_overlap(mask.shape, self.mask.shape, corner)
        pasted = np.concatenate([[False], self.occluded.origins < 0])[objects.instances]
        if not body[source].any() or (dilate_labels(pasted, OBJECT_GAP)[where] & body[source]).any():
            return None
        seen = find_visible(body, corner, objects)
        if seen is None:
            return None
        kind = 0 if crop.is_healthy else int(self.rules.ground_sampler.perspective.class_values[crop.index])
        values = self._fill_visible(body, seen, corner, kind)
        return PlacedCrop(image, values, corner, 1.0, body, self.rules.blend, replaced_pixels=replaced)

    def _fill_visible(self, body: Mask, visible: Mask, corner: NDArray[np.int64], value: int) -> NDArray[np.int64]:
        """The class of what is seen of a patch, 0 elsewhere."""
        values = np.zeros(body.shape, dtype=np.int64)
        values[find_overlap(body.shape, self.mask.shape, corner)[0]][visible] = value
        return values

    def _compute_zoom(self, crop: Crop) -> tuple[float, float]:
        """Host pixels a pixel of the crop, of rows and columns, were it to appear as large as in its own frame."""
        rows, columns = crop.spacing
        own, host = float(crop.entry["source_size"][0]), self.mask.shape[0]
        pixel = host / own if own else 1 / self.sample.spacing[0]
        stretch = self.sample.spacing[0] / self.sample.spacing[1]  # pixels that are not square
        return pixel * rows, pixel * columns * stretch

    def _blend_patch(
        self,
        host: NDArray[np.float32],
        image: NDArray[np.float32],
        placed: PlacedCrop,
        source: tuple[slice, ...],
        others: Mask,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float32], Mask]:
        """The patch mixed into the host, and where it differs."""
        seen, blend = placed.mask[source] > 0, placed.blend
        image = np.clip(image * compute_exposure(host, image, placed.body[source]), 0, 1)
        image = blend.match_crop(host, image, seen, ~others, np.ones_like(seen), rng)
        weight = blend.method.compute_weight(seen) * ~others
        return blend.method.mix(host, image, weight, ~others), weight > 0
