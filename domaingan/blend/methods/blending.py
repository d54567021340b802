"""How a crop's pixels and a host's pixels become one, by name: a method, and what is matched before.

A method is a small class: ``reach`` says how many pixels outside the mask it may change, ``weight`` how much of the
crop is at each pixel, and ``mix`` what the pixels become where that is not 0. The intensity of the ring is matched, and
the contrast kept, for every method alike (:func:`blend_patch`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.blend.methods.alpha import Alpha, Feather, Soft
from domaingan.blend.methods.laplacian import Laplacian
from domaingan.blend.methods.matching import HistogramMatch, Match, NoiseMatch
from domaingan.blend.methods.poisson import Poisson
from domaingan.core.errors import DataError
from domaingan.imaging.intensity import find_ring, measure_contrast

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


class BlendMethod(Protocol):
    """What every blending method offers."""

    @property
    def reach(self) -> int:
        """How many pixels away from the mask a pixel may be changed."""

    def with_reach(self, reach: int) -> BlendMethod:
        """The same, blending over another width; a method that changes nothing around an object stays as it is."""

    def compute_weight(self, body: Mask) -> Image:
        """How much of the crop is at each pixel of a patch whose object is ``body``: 0 to 1, 0 beyond ``reach``."""

    def mix(self, host: Image, crop: Image, weight: Image, free: Mask) -> Image:
        """The blended patch ``(C, *patch)``, the host to the bit where the weight is 0.

        Args:
            host, crop: ``(C, *patch)``.
            weight: ``(*patch)``, of :meth:`weight`, 0 also where the host has to stay.
            free: ``(*patch)``, the object and its surroundings: not what lies in front of them, nor air.
        """


METHODS: dict[str, Callable[[], BlendMethod]] = {
    "alpha": Alpha,
    "feather": Feather,
    "soft": Soft,
    "laplacian": Laplacian,
    "poisson": Poisson,
    "poisson-mixed": partial(Poisson, is_mixed=True),
}

MATCHES: dict[str, Callable[[], Match]] = {"histogram": HistogramMatch, "noise": NoiseMatch}

RIM_WIDTH = 2
"""How many pixels the surface of a body is thick: they are half air."""


@dataclass(frozen=True)
class Blend:
    """A method, and what is matched before it.

    Attributes:
        method: how pixels are mixed.
        matches: what the crop takes over from the host first, in this order.
    """

    method: BlendMethod
    matches: tuple[Match, ...] = ()

    @property
    def reach(self) -> int:
        """How many pixels away from the mask a pixel may be changed."""
        return self.method.reach

    def with_reach(self, reach: int | None) -> Blend:
        """The same, blending over another width, unless that is None."""
        return self if reach is None else replace(self, method=self.method.with_reach(reach))

    def match_crop(
        self, host: Image, crop: Image, body: Mask, host_tissue: Mask, crop_tissue: Mask, rng: np.random.Generator
    ) -> Image:
        """The crop with everything matched; arguments as of :class:`domaingan.blend.methods.matching.Match`."""
        for match in self.matches:
            crop = match(host, crop, body, host_tissue, crop_tissue, rng)
        return crop


def parse_method(name: str) -> Blend:
    """What a name such as ``feather``, ``feather+noise`` or ``poisson+histogram+noise`` stands for.

    Raises:
        DataError: no such method or match, or a match that is named twice.
    """
    first, *others = str(name).split("+")
    if first not in METHODS:
        raise DataError(f"no method {first!r}", expected=f"one of {', '.join(METHODS)}")
    unknown = [other for other in others if other not in MATCHES]
    if unknown or len(set(others)) < len(others):
        found = f"{name!r} matches {', '.join(map(repr, unknown or others))}"
        raise DataError(found, expected=f"{first}, or {first}+ any of {', '.join(MATCHES)}, each once")
    return Blend(METHODS[first](), tuple(MATCHES[other]() for other in others))


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
    """Put a crop's object into a host's patch of the same shape; both ``(C, *patch)`` in scaled units.

    1. The crop takes over what is to be matched, and is shifted, channel by channel, so that its ring has the mean of
       the host's ring.
    2. Where it shows air, or is half of it, and the host does not, the crop is continued: a lesion from the surface of
       a brain gets a soft edge on all sides.
    3. Host and crop are mixed by the method; outside the object, only where the host shows tissue.
    4. The crop's part is shifted by what all that took from the contrast between object and ring, so that the contrast
       of the result is ``target`` (that of the crop itself unless given).

    Returns:
        The blended patch, and where it may differ from the host.
    """
    around_host, around_crop = find_ring(body, inside=host_tissue), find_ring(body, inside=crop_tissue)
    comparable = around_host.any() and around_crop.any()
    shape = (-1, *[1] * body.ndim)
    wanted = measure_contrast(crop, body, around_crop) if target_contrast is None else target_contrast
    crop = blend.match_crop(host, crop, body, host_tissue, crop_tissue, rng)
    if comparable:
        difference = host[:, around_host].mean(axis=1) - crop[:, around_crop].mean(axis=1)
        crop = crop + difference.reshape(shape)
        crop = _extend_crop(crop, _find_missing_tissue(crop_tissue, host_tissue))
    free = body | host_tissue
    weight = np.where(free, blend.method.compute_weight(body), 0).astype(np.float32)
    blended = blend.method.mix(host, crop, weight, free)
    if comparable:
        lost = wanted - measure_contrast(blended, body, around_host)
        # A shift s · weight moves the contrast by s · (mean weight in the body - mean weight in the ring).
        gain = max(float(weight[body].mean()) - float(weight[around_host].mean()), 0.1)
        blended = blended + weight * (lost / gain).reshape(shape)
    return blended.astype(np.float32), weight > 0


def _extend_crop(crop: Image, missing: Mask) -> Image:
    """The crop with a membrane stretched over what is ``missing``: as smooth there as its rim allows."""
    if not missing.any() or missing.all():
        return crop
    weight, everywhere = missing.astype(np.float32), np.ones_like(missing)
    return Poisson().mix(crop, np.zeros_like(crop), weight, everywhere)


def _find_missing_tissue(crop_tissue: Mask, host_tissue: Mask) -> Mask:
    """Where a crop shows air or is half of it, and the host is not."""
    crop_tissue = ndimage.binary_fill_holes(crop_tissue)
    if crop_tissue.all():
        return ~crop_tissue
    inner = [ndimage.binary_erosion(part, iterations=RIM_WIDTH, border_value=1) for part in (crop_tissue, host_tissue)]
    return (~crop_tissue & host_tissue) | (~inner[0] & inner[1])
