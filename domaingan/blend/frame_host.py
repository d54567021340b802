"""A frame while objects go into it: on the ground they stand on, as large as their row calls for, in order of depth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.bank import Crop
from domaingan.blend.covered import Covered, objects_of
from domaingan.blend.frame_patch import exposure, patch
from domaingan.blend.frame_place import MAGNIFIED, Spots, visible
from domaingan.blend.methods import Blend
from domaingan.blend.placement import overlap
from domaingan.sample import Sample
from domaingan.tissue import as_stored, from_scaled, intensity_range, to_scaled

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class FrameRules:
    """What is the same for every host of a paste.

    Attributes:
        spots: where crops may go.
        blend: how pixels are mixed.
        rotate: largest lean, in degrees.
        objects: host mask values of all objects.
        ignored: host mask value that no score counts, None where there is none.
    """

    spots: Spots
    blend: Blend
    rotate: float
    objects: tuple[int, ...]
    ignored: int | None

    def host(self, sample: Sample) -> FrameHost:
        """The sample, ready to be pasted into."""
        assert sample.mask is not None
        objects = objects_of(sample, self.objects)
        horizon = self.spots.perspective.horizon_of(sample.group, objects)
        ends = intensity_range(sample, "frame")
        copies = sample.image.copy(order="K"), sample.mask.copy()
        return FrameHost(self, sample, *copies, ends, Covered.of(objects), horizon)


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
        """The sample with everything that was pasted."""
        return replace(self.covered.told(self.sample), image=self.image, mask=self.mask)

    def take(self, crop: Crop, rng: np.random.Generator) -> dict[str, Any] | None:
        """Paste a crop; its place, foot and scale, or None where it found no place."""
        zoom = self._zoom(crop)
        spot = self.rules.spots.draw(crop, self.mask, self.horizon, MAGNIFIED / max(zoom), rng)
        if spot is None:
            return None
        lean = np.deg2rad(rng.uniform(-self.rules.rotate, self.rules.rotate))
        lean *= not self.rules.spots.perspective.sides[crop.index].any()  # a cut is as straight as the border it is at
        made = patch(crop, (zoom[0] * spot.scale, zoom[1] * spot.scale), spot.flip, float(lean))
        if made is None:
            return None
        value = int(self.rules.spots.perspective.kinds[crop.index])
        for column in spot.columns.tolist():
            corner = self.rules.spots.corner(made[1], spot, column, self.mask, value)
            seen = None if corner is None else visible(made[1], corner, self.covered.objects)
            if corner is not None and seen is not None:
                self._paste(*made, corner, seen, value, rng)
                return {"place": corner.tolist(), "foot": [spot.foot, column], "scale": spot.scale}
        return None

    def _zoom(self, crop: Crop) -> tuple[float, float]:
        """Host pixels a pixel of the crop, of rows and columns, were it to appear as large as in its own frame."""
        rows, columns = crop.spacing
        own, host = float(crop.entry["extent"][0]), self.mask.shape[0]
        pixel = host / own if own else 1 / self.sample.spacing[0]
        stretch = self.sample.spacing[0] / self.sample.spacing[1]  # pixels that are not square
        return pixel * rows, pixel * columns * stretch

    def _paste(
        self,
        image: NDArray[np.float32],
        body: Mask,
        corner: NDArray[np.int64],
        seen: Mask,
        value: int,
        rng: np.random.Generator,
    ) -> None:
        whole = int(body.sum())
        source, where = overlap(body.shape, self.mask.shape, corner)
        image, body = image[(slice(None), *source)], body[source]
        stored = self.image[(slice(None), *where)]
        host = to_scaled(stored, self.ends)
        image = np.clip(image * exposure(host, image, body), 0, 1)
        others = (self.covered.objects.instances[where] > 0) & ~seen  # whose pixels a feather leaves alone
        blend = self.rules.blend
        image = blend.matched(host, image, seen, ~others, np.ones_like(seen), rng)
        weight = blend.method.weight(seen) * ~others
        changed = weight > 0
        mixed = np.clip(blend.method.mix(host, image, weight, ~others), 0, 1)
        stored[:, changed] = as_stored(from_scaled(mixed, self.ends)[:, changed], stored.dtype)
        self.mask[where][seen] = value
        self.touched.append(where)
        gone = self.covered.put(where, seen, value, whole)
        if gone is not None and self.rules.ignored is not None:
            self.mask[gone] = self.rules.ignored
