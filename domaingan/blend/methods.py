"""How a crop's pixels and a host's pixels become one: the weight that each pixel of the crop gets.

A method is a small class: ``reach`` says how many pixels outside the mask it may change, and calling it with
the crop's body gives the crop's weight at each pixel, 1 everywhere in the body. The intensity of the ring is
matched, and the contrast kept, for every method alike (:func:`blend_patch`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.tissue import contrast, ring

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Method(Protocol):
    """What every blending method offers."""

    @property
    def reach(self) -> int:
        """How many pixels away from the mask a pixel may be changed."""

    def __call__(self, body: Mask) -> Image:
        """The crop's weight in [0, 1] at each pixel of a patch whose object is ``body``."""


@dataclass(frozen=True)
class Alpha:
    """The mask itself: a hard edge."""

    reach: int = 0

    def __call__(self, body: Mask) -> Image:
        """1 in the body, 0 elsewhere."""
        return body.astype(np.float32)


@dataclass(frozen=True)
class Feather:
    """A linear ramp by distance from 1 at the mask's edge to 0 beyond ``reach`` pixels outside it."""

    reach: int = 3

    def __call__(self, body: Mask) -> Image:
        """1 in the body, falling to 0 outside it."""
        distance = ndimage.distance_transform_edt(~body)
        ramp = 1 - distance / (self.reach + 1)
        return np.where(distance <= self.reach, ramp, 0).astype(np.float32)


@dataclass(frozen=True)
class Soft:
    """The mask with its outermost pixels half mixed with the host, as a lens would: nothing outside it is changed."""

    edge: float = 0.6
    reach: int = 0

    def __call__(self, body: Mask) -> Image:
        """1 in the body, ``edge`` at its border, 0 elsewhere."""
        inner = ndimage.binary_erosion(body, ndimage.generate_binary_structure(body.ndim, 1), border_value=1)
        return np.where(inner, 1, self.edge * body).astype(np.float32)


METHODS: dict[str, type[Alpha] | type[Feather] | type[Soft]] = {"alpha": Alpha, "feather": Feather, "soft": Soft}

DEFAULTS = {"scan": "feather", "frame": "soft"}
"""The method of a domain, unless another is named."""


def blend_patch(
    host: Image,
    crop: Image,
    body: Mask,
    host_tissue: Mask,
    crop_tissue: Mask,
    method: Method,
    target: NDArray[np.float32] | None = None,
) -> tuple[Image, Mask]:
    """Put a crop's object into a host's patch of the same shape; both ``(C, *patch)`` in scaled units.

    1. The crop is shifted, channel by channel, so that its ring has the mean of the host's ring.
    2. Host and crop are mixed by the method's weight; outside the object, only where both show tissue.
    3. The crop's part is shifted by what the mixing took from the contrast between object and ring, so that the
       contrast of the result is ``target`` (that of the crop itself unless given).

    Returns:
        The blended patch, and where it may differ from the host.
    """
    around_host, around_crop = ring(body, inside=host_tissue), ring(body, inside=crop_tissue)
    matched = around_host.any() and around_crop.any()
    shape = (-1, *[1] * body.ndim)
    shifted = crop
    if matched:
        difference = host[:, around_host].mean(axis=1) - crop[:, around_crop].mean(axis=1)
        shifted = crop + difference.reshape(shape)
    weight = method(body)
    weight = np.where(body | (host_tissue & crop_tissue), weight, 0).astype(np.float32)
    blended = host + weight * (shifted - host)
    if matched:
        wanted = contrast(crop, body, around_crop) if target is None else target
        lost = wanted - contrast(blended, body, around_host)
        # A shift s · weight moves the contrast by s · (mean weight in the body - mean weight in the ring).
        gain = max(float(weight[body].mean()) - float(weight[around_host].mean()), 0.1)
        blended = blended + weight * (lost / gain).reshape(shape)
    return blended.astype(np.float32), weight > 0
