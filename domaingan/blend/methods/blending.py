"""How a crop's pixels and a host's pixels become one: a blending method, and what is matched before.

The intensity around the object is matched, and the object's contrast is kept, for every method alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.blend.methods import MATCHES, METHODS
from domaingan.blend.methods.base import BlendMethod, Image, Mask
from domaingan.blend.methods.matching import Match
from domaingan.blend.methods.poisson import Poisson
from domaingan.core.errors import DataError
from domaingan.imaging.intensity import find_ring, measure_contrast

RIM_WIDTH = 2
"""Thickness of a body's surface in pixels. These pixels are half air."""

MIN_CONTRAST_GAIN = 0.1
"""Smallest difference of mean weights, object minus ring, that a lost contrast is divided by."""


@dataclass(frozen=True)
class Blend:
    """A blending method, and what is matched before it.

    Attributes:
        method: how pixels are mixed.
        matches: what the crop takes over from the host first, in this order.
    """

    method: BlendMethod
    matches: tuple[Match, ...] = ()

    @property
    def reach(self) -> int:
        """Largest distance from the object, in pixels, at which a pixel of the host may change."""
        return self.method.reach

    def with_reach(self, reach: int | None) -> Blend:
        """Return the same blend with another reach, or itself if ``reach`` is None.

        Args:
            reach: pixels around the object that may change.
        """
        if reach is None:
            return self
        return replace(self, method=self.method.with_reach(reach))

    def match_crop(
        self, host: Image, crop: Image, body: Mask, host_tissue: Mask, crop_tissue: Mask, rng: np.random.Generator
    ) -> Image:
        """Match the crop to its host in everything that :attr:`matches` names.

        Args:
            host, crop, body, host_tissue, crop_tissue, rng: see :class:`domaingan.blend.methods.matching.Match`.

        Returns:
            The crop, ``(C, *patch)``.
        """
        for match in self.matches:
            crop = match(host, crop, body, host_tissue, crop_tissue, rng)
        return crop


def parse_method(name: str) -> Blend:
    """Build what a name stands for, such as ``feather``, ``feather+noise`` or ``poisson+histogram+noise``.

    Args:
        name: a name of :data:`~domaingan.blend.methods.METHODS`, then any of
            :data:`~domaingan.blend.methods.MATCHES`, joined by ``+``.

    Raises:
        DataError: a method or match is unknown, or a match is named twice.
    """
    method, *matches = str(name).split("+")
    if method not in METHODS:
        raise DataError(f"no method {method!r}", expected=f"one of {', '.join(METHODS)}")
    unknown = [match for match in matches if match not in MATCHES]
    if unknown or len(set(matches)) < len(matches):
        found = f"{name!r} matches {', '.join(map(repr, unknown or matches))}"
        raise DataError(found, expected=f"{method}, or {method}+ any of {', '.join(MATCHES)}, each once")
    return Blend(METHODS[method](), tuple(MATCHES[match]() for match in matches))


def blend_patch(
    host: Image,
    crop: Image,
    body: Mask,
    host_tissue: Mask,
    crop_tissue: Mask,
    blend: Blend,
    rng: np.random.Generator,
    target_contrast: NDArray[np.float32] | None = None,
) -> tuple[Image, Mask]:
    """Blend a crop's object into a host's patch of the same shape.

    1. The crop takes over what is to be matched. Each channel is shifted so that the mean of the crop's ring equals
       that of the host's ring.
    2. Where the crop shows air, or is half air, and the host does not, the crop is extended smoothly. A lesion from
       the surface of a brain gets a soft edge on all sides.
    3. Crop and host are mixed by the method. Outside the object this is done only where the host shows tissue.
    4. The crop's part is shifted by the contrast that the object lost in these steps.

    Args:
        host, crop: ``(C, *patch)`` in scaled units.
        body: ``(*patch)``, the object.
        host_tissue, crop_tissue: ``(*patch)``, which pixels count as surroundings of the object in each.
        blend: the method and its matches.
        rng: source of every draw.
        target_contrast: ``(C,)`` contrast between object and ring of the result. The crop's own unless given.

    Returns:
        The blended patch ``(C, *patch)``, and where ``(*patch)`` it may differ from the host.
    """
    host_ring = find_ring(body, inside=host_tissue)
    crop_ring = find_ring(body, inside=crop_tissue)
    is_comparable = host_ring.any() and crop_ring.any()
    per_channel = (-1, *[1] * body.ndim)
    if target_contrast is None:
        target_contrast = measure_contrast(crop, body, crop_ring)
    crop = blend.match_crop(host, crop, body, host_tissue, crop_tissue, rng)
    if is_comparable:
        difference = host[:, host_ring].mean(axis=1) - crop[:, crop_ring].mean(axis=1)
        crop = crop + difference.reshape(per_channel)
        crop = _extend_crop(crop, _find_missing_tissue(crop_tissue, host_tissue))
    free = body | host_tissue
    weight = np.where(free, blend.method.compute_weight(body), 0).astype(np.float32)
    blended = blend.method.mix(host, crop, weight, free)
    if is_comparable:
        lost_contrast = target_contrast - measure_contrast(blended, body, host_ring)
        # A shift s · weight moves the contrast by s · (mean weight in the body - mean weight in the ring).
        gain = float(weight[body].mean()) - float(weight[host_ring].mean())
        shift = lost_contrast / max(gain, MIN_CONTRAST_GAIN)
        blended = blended + weight * shift.reshape(per_channel)
    return blended.astype(np.float32), weight > 0


def _extend_crop(crop: Image, missing: Mask) -> Image:
    """Replace the missing pixels of a crop by a smooth continuation of what surrounds them."""
    if not missing.any() or missing.all():
        return crop
    weight = missing.astype(np.float32)
    flat = np.zeros_like(crop)
    return Poisson().mix(crop, flat, weight, np.ones_like(missing))


def _find_missing_tissue(crop_tissue: Mask, host_tissue: Mask) -> Mask:
    """Find where a crop shows air or is half air, and its host is not."""
    crop_tissue = ndimage.binary_fill_holes(crop_tissue)
    if crop_tissue.all():
        return ~crop_tissue
    crop_inner = ndimage.binary_erosion(crop_tissue, iterations=RIM_WIDTH, border_value=1)
    host_inner = ndimage.binary_erosion(host_tissue, iterations=RIM_WIDTH, border_value=1)
    return (~crop_tissue & host_tissue) | (~crop_inner & host_inner)
