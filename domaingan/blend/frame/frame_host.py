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
from domaingan.blend.placement import dilate_labels, draw_corners, find_overlap
from domaingan.blend.variation import Variation
from domaingan.data import FRAME, Sample
from domaingan.imaging.intensity import from_scaled, get_intensity_range, to_dtype, to_scaled

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class FrameRules:
    """What is the same for every host of a paste.

    Attributes:
        ground_sampler: draws where crops go.
        blend: how pixels are mixed.
        variation: how crops are varied.
        object_values: host mask values of all objects.
        ignored_value: host mask value that no score counts, None where there is none.
    """

    ground_sampler: GroundSampler
    blend: Blend
    variation: Variation
    object_values: tuple[int, ...]
    ignored_value: int | None

    def prepare_host(self, sample: Sample) -> FrameHost:
        """Prepare a sample to be pasted into.

        Args:
            sample: a frame with a mask, or with boxes, which then mark where its objects are.

        Returns:
            The host, with its own copies of image and labels.
        """
        mask = fill_boxes(sample) if sample.mask is None else sample.mask.copy()
        objects = find_objects(replace(sample, mask=mask), self.object_values)
        horizon = self.ground_sampler.perspective.find_horizon(sample.group, objects)
        return FrameHost(
            rules=self,
            sample=sample,
            image=sample.image.copy(order="K"),
            mask=mask,
            intensity_range=get_intensity_range(sample, FRAME),
            occluded=OccludedObjects.from_objects(objects),
            horizon=horizon,
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
        """Return the sample with everything that was pasted; a sample that had only boxes has only boxes again."""
        sample = self.occluded.to_sample(self.sample)
        if self.sample.mask is not None:
            return replace(sample, image=self.image, mask=self.mask)
        assert self.sample.boxes is not None and sample.boxes is not None
        origins = self.occluded.origins
        is_original = origins >= 0
        original_boxes = self.sample.boxes[origins[is_original]]
        boxes = sample.boxes.copy()
        boxes[is_original] = shrink_boxes(original_boxes, self._find_pasted())
        return replace(sample, image=self.image, boxes=boxes)

    def place_crop(self, crop: Crop, rng: np.random.Generator) -> PlacedCrop | None:
        """Vary a crop and find a place for it. Nothing in the host changes.

        Args:
            crop: an entry of the bank.
            rng: source of every draw.

        Returns:
            The placed crop; None if no place was found.

        Raises:
            DataError: the crop is bound, and the host does not have the size of its host.
        """
        if crop.is_bound:
            return self._place_bound_crop(crop)
        sampler = self.rules.ground_sampler
        variation = self.rules.variation
        zoom = self._compute_zoom(crop)
        position = sampler.draw_position(crop, self.mask, self.horizon, MAX_MAGNIFICATION / max(zoom), rng)
        if position is None:
            return None
        angle = float(np.deg2rad(rng.uniform(-variation.rotate, variation.rotate)))
        displacements = variation.draw_displacements(2, rng)
        if sampler.perspective.cut_sides[crop.index].any():
            # A cut side stays as straight as the border that cuts it.
            angle = 0.0
            displacements = None
        blend = self.rules.blend.with_reach(variation.draw_width(rng))
        crop_zoom = (zoom[0] * position.scale, zoom[1] * position.scale)
        resampled = resample_crop(crop, crop_zoom, position.flip, angle, displacements, variation.order)
        if resampled is None:
            return None
        image, body = resampled
        value = int(sampler.perspective.class_values[crop.index])
        for column in position.columns.tolist():
            corner = sampler.find_corner(body, position, column, self.mask, value)
            if corner is None:
                continue
            visible = find_visible(body, corner, self.occluded.objects)
            if visible is None:
                continue
            return PlacedCrop(
                image=image,
                mask=self._fill_visible(body, visible, corner, value),
                corner=corner,
                scale=position.scale,
                body=body,
                blend=blend,
                ground_contact=(position.contact_row, column),
            )
        return None

    def move_anywhere(self, placed: PlacedCrop, rng: np.random.Generator) -> PlacedCrop | None:
        """Move a placed crop to anywhere in the frame, whatever is there and however small it would appear there.

        Args:
            placed: as returned by :meth:`place_crop`.
            rng: source of every draw.

        Returns:
            The moved crop, behind what stands lower; None if too little of it is visible wherever it was tried.
        """
        value = int(placed.mask.max())
        for corner, region in draw_corners(placed.body, self.mask.shape, rng):
            visible = find_visible(placed.body, corner, self.occluded.objects)
            if visible is None:
                continue
            mask = self._fill_visible(placed.body, visible, corner, value)
            rows, columns = region
            contact = (rows.stop - 1, (columns.start + columns.stop) // 2)
            return replace(placed, mask=mask, corner=corner, ground_contact=contact)
        return None

    def paste_crop(self, placed: PlacedCrop, rng: np.random.Generator) -> None:
        """Blend a placed crop into the image, clipped to the host, and update mask, boxes and instances.

        Args:
            placed: as returned by :meth:`place_crop`.
            rng: source of every draw.
        """
        source, target = find_overlap(placed.mask.shape, self.mask.shape, placed.corner)
        image = placed.image[(slice(None), *source)]
        values = placed.mask[source]
        visible = values > 0
        if not visible.any() and placed.replaced_pixels is None:
            return
        stored = self.image[(slice(None), *target)]
        others = (self.occluded.objects.instances[target] > 0) & ~visible  # a soft edge leaves their pixels alone
        if placed.replaced_pixels is None:
            host_image = to_scaled(stored, self.intensity_range)
            image, changed = self._blend_patch(host_image, image, placed, source, others, rng)
        else:
            changed = placed.replaced_pixels[source] & ~others
        stored_values = from_scaled(np.clip(image, 0, 1), self.intensity_range)
        stored[:, changed] = to_dtype(stored_values[:, changed], stored.dtype)
        self.touched.append(target)
        if not visible.any():  # a healthy crop changes no label
            return
        self.mask[target][visible] = values[visible]
        removed = self.occluded.add(target, visible, int(values.max()), int(placed.body.sum()))
        if removed is not None and self.rules.ignored_value is not None:
            self.mask[removed] = self.rules.ignored_value

    def _place_bound_crop(self, crop: Crop) -> PlacedCrop | None:
        """Find whether a bound crop fits into its place.

        It may partly hide objects that were labelled, which are older than the crop. It may not touch pasted objects.
        """
        resampled = resample_to_host(crop, self.sample, self.intensity_range)
        if resampled is None:
            return None
        image, mask, replaced_pixels, corner = resampled
        body = mask > 0
        source, target = find_overlap(mask.shape, self.mask.shape, corner)
        if not body[source].any():
            return None
        near_pasted = dilate_labels(self._find_pasted(), OBJECT_GAP)
        if (near_pasted[target] & body[source]).any():
            return None
        visible = find_visible(body, corner, self.occluded.objects)
        if visible is None:
            return None
        value = 0 if crop.is_healthy else int(self.rules.ground_sampler.perspective.class_values[crop.index])
        return PlacedCrop(
            image=image,
            mask=self._fill_visible(body, visible, corner, value),
            corner=corner,
            scale=1.0,
            body=body,
            blend=self.rules.blend,
            replaced_pixels=replaced_pixels,
        )

    def _find_pasted(self) -> Mask:
        """Find the pixels ``(H, W)`` of objects that were pasted."""
        is_pasted = self.occluded.origins < 0
        return np.concatenate([[False], is_pasted])[self.occluded.objects.instances]

    def _fill_visible(self, body: Mask, visible: Mask, corner: NDArray[np.int64], value: int) -> NDArray[np.int64]:
        """Return a patch's mask: the class value where the object is visible, 0 elsewhere."""
        values = np.zeros(body.shape, dtype=np.int64)
        source, _ = find_overlap(body.shape, self.mask.shape, corner)
        values[source][visible] = value
        return values

    def _compute_zoom(self, crop: Crop) -> tuple[float, float]:
        """Compute the host pixels per crop pixel, of rows and columns, at which it looks as large as in its frame."""
        row_spacing, column_spacing = crop.spacing
        crop_height = float(crop.entry["source_size"][0])
        host_height = self.mask.shape[0]
        pixels_per_unit = host_height / crop_height if crop_height else 1 / self.sample.spacing[0]
        stretch = self.sample.spacing[0] / self.sample.spacing[1]  # pixels that are not square
        return pixels_per_unit * row_spacing, pixels_per_unit * column_spacing * stretch

    def _blend_patch(
        self,
        host: NDArray[np.float32],
        image: NDArray[np.float32],
        placed: PlacedCrop,
        source: tuple[slice, ...],
        others: Mask,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float32], Mask]:
        """Blend the patch into the host, and return it with the pixels that changed."""
        blend = placed.blend
        visible = placed.mask[source] > 0
        exposure = compute_exposure(host, image, placed.body[source])
        image = np.clip(image * exposure, 0, 1)
        image = blend.match_crop(host, image, visible, ~others, np.ones_like(visible), rng)
        weight = blend.method.compute_weight(visible) * ~others
        return blend.method.mix(host, image, weight, ~others), weight > 0
