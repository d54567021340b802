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
from domaingan.blend.placement import dilate_labels, draw_corners, find_overlap, find_place
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
    find_extent,
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
        class_table: host mask value for every bank mask value.
        blend: how pixels are mixed.
        variation: how crops are varied.
        min_depth_mm: smallest depth of a pasted object below the body's surface.
        placement: where in the body objects are tried.
        class_codes: code of the class of each entry of the bank, by which objects are placed.
        can_overlap: whether pasted objects may lie on labelled ones.
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
        """Prepare a sample with a mask to be pasted into."""
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
        """Measure a sample and copy its image and labels.

        Args:
            sample: a scan or slice with a mask.
            rules: of the paste.

        Returns:
            The host.
        """
        assert sample.mask is not None
        measured = with_foreground(sample, SCAN)
        foreground = get_foreground(measured)
        has_boxes = sample.boxes is not None and sample.labels is not None
        has_objects = sample.instances is not None or has_boxes
        channels = sample.image.reshape(len(sample.image), -1)
        body_extent = find_body_extent(foreground)
        return cls(
            rules=rules,
            sample=sample,
            image=sample.image.copy(order="K"),
            mask=sample.mask.copy(),
            occluded=OccludedObjects.from_objects(find_objects(sample, ())) if has_objects else None,
            intensity_range=find_host_range(measured, rules.info),
            foreground=foreground,
            surface=BodySurface(foreground, sample.spacing),
            soft_levels=find_soft_levels(rules.info),
            min_values=channels.min(axis=1),
            sample_centres=rules.placement.for_box(body_extent, get_body_axes(sample)),
        )

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
        rules = self.rules
        draw = rules.variation.draw(self.sample.spatial_dims, rng)
        blend = rules.blend.with_reach(draw.blend_width)
        margin = max(blend.reach, RING_WIDTH) + 1
        warped = warp_crop(crop, draw, self.sample.spacing, margin, self.mask.shape)
        if warped is None:
            return None
        body = warped.mask > 0
        class_code = int(rules.class_codes[crop.index])
        sample_centres = partial(self.sample_centres, class_code)
        occupied = np.zeros(self.mask.shape, dtype=bool) if rules.can_overlap else self._find_occupied()
        corner = find_place(body, self.surface, rules.min_depth_mm, occupied, rng, sample_centres)
        if corner is None:
            return None
        target_contrast = _measure_crop_contrast(crop, self.soft_levels) * np.float32(draw.contrast)
        return PlacedCrop(
            image=warped.sample_image(),
            mask=rules.class_table[warped.mask],
            corner=corner,
            scale=draw.scale,
            body=body,
            blend=blend,
            target_contrast=target_contrast,
            contrast=draw.contrast,
        )

    def move_anywhere(self, placed: PlacedCrop, rng: np.random.Generator) -> PlacedCrop | None:
        """Move a placed crop to anywhere in the image, in the body or not, where nothing is labelled.

        Args:
            placed: as returned by :meth:`place_crop`.
            rng: source of every draw.

        Returns:
            The moved crop; None if no place was found.
        """
        extent = find_extent(placed.body)
        assert extent is not None
        occupied = self._find_occupied()
        for corner, region in draw_corners(placed.body, self.mask.shape, rng):
            if not (occupied[region] & placed.body[extent]).any():
                return replace(placed, corner=corner)
        return None

    def paste_crop(self, placed: PlacedCrop, rng: np.random.Generator) -> None:
        """Blend a placed crop into the image, clipped to the host, and merge the labels.

        Args:
            placed: as returned by :meth:`place_crop`.
            rng: source of every draw.
        """
        source, target = find_overlap(placed.mask.shape, self.mask.shape, placed.corner)
        image = placed.image[(slice(None), *source)]
        values = placed.mask[source]
        if not values.any() and placed.replaced_pixels is None:
            return
        stored = self.image[(slice(None), *target)]
        labelled = self.mask[target] > 0
        if placed.replaced_pixels is None:
            host_image = to_scaled(stored, self.intensity_range)
            tissue = self.foreground[target] & ~labelled
            image, changed = self._blend_patch(host_image, tissue, image, values > 0, placed, rng)
        else:
            changed = placed.replaced_pixels[source] & ~labelled
        # Only changed pixels go through the scaled units and back: all others stay bit-identical.
        # No pixel becomes darker than the darkest stored value: a scanner stores nothing below it.
        new_values = from_scaled(image, self.intensity_range)[:, changed]
        new_values = np.maximum(new_values, self.min_values[:, None])
        stored[:, changed] = to_dtype(new_values, stored.dtype)
        self.touched.append(target)
        if values.any():
            self._merge_labels(target, values, int(placed.body.sum()))

    def _blend_patch(
        self,
        host: NDArray[np.float32],
        tissue: NDArray[np.bool_],
        image: NDArray[np.float32],
        body: NDArray[np.bool_],
        placed: PlacedCrop,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Blend the patch into the host's tissue, and return it with the pixels that changed."""
        target_contrast = placed.target_contrast
        crop_surroundings = find_surroundings(image, body, _find_shown_body(image), self.soft_levels)
        host_surroundings = find_surroundings(host, body, tissue, self.soft_levels)
        if crop_surroundings.is_soft != host_surroundings.is_soft:
            target_contrast = find_target_contrast(
                image, body, crop_surroundings, host, host_surroundings, self.soft_levels
            )
        return blend_patch(
            host,
            image,
            body,
            host_surroundings.tissue,
            crop_surroundings.tissue,
            placed.blend,
            rng,
            target_contrast,
        )

    def to_sample(self) -> Sample:
        """Return the sample with everything that was pasted."""
        sample = self.sample if self.occluded is None else self.occluded.to_sample(self.sample)
        return replace(sample, image=self.image, mask=self.mask)

    def _place_bound_crop(self, crop: Crop) -> PlacedCrop | None:
        """Find whether a bound crop fits into its place: it may not touch another object."""
        resampled = resample_to_host(crop, self.sample, self.intensity_range)
        if resampled is None:
            return None
        image, mask, replaced_pixels, corner = resampled
        body = mask > 0
        source, target = find_overlap(mask.shape, self.mask.shape, corner)
        if not body[source].any() or (self._find_occupied()[target] & body[source]).any():
            return None
        values = np.zeros_like(mask) if crop.is_healthy else self.rules.class_table[mask]
        return PlacedCrop(
            image=image,
            mask=values,
            corner=corner,
            scale=1.0,
            body=body,
            blend=self.rules.blend,
            replaced_pixels=replaced_pixels,
        )

    def _find_occupied(self) -> NDArray[np.bool_]:
        """Find the labelled pixels and a gap around them."""
        if self.occupied is None:
            self.occupied = dilate_labels(self.mask, OBJECT_GAP)
        return self.occupied

    def _merge_labels(self, region: tuple[slice, ...], values: NDArray[Any], full_size: int) -> None:
        """Merge an object into the labels."""
        body = values > 0
        is_on_labels = (self.mask[region] > 0)[body].any()
        if is_on_labels:
            pasted = np.zeros_like(self.mask)
            pasted[region] = values
            self.mask = merge_mask(self.mask, pasted)
        else:
            np.copyto(self.mask[region], values, where=body, casting="unsafe")
        self.occupied = None
        if self.occluded is None:
            return
        most_frequent_value = int(np.bincount(values[body]).argmax())
        removed = self.occluded.add(region, body, most_frequent_value, full_size)
        if removed is not None:
            self.mask[removed] = 0


def _measure_crop_contrast(crop: Crop, soft_levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Measure the contrast ``(C,)`` of a crop's object to its surroundings."""
    surroundings = find_surroundings(crop.image, crop.mask > 0, _find_shown_body(crop.image), soft_levels)
    return measure_contrast(crop.image, crop.mask, find_ring(crop.mask, inside=surroundings.tissue))


def _find_shown_body(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find where a scaled image shows the body; small dark specks are body, as air is never so thin."""
    air = np.pad(~find_nonzero(image), 1, mode="edge")
    without_padding = (slice(1, -1),) * air.ndim
    shown: NDArray[np.bool_] = ~ndimage.binary_opening(air)[without_padding]
    return shown
