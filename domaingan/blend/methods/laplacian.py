"""Pyramid blending: coarse structure is mixed over a wide border, fine structure over a narrow one, in 2D and 3D.

P. J. Burt and E. H. Adelson, "A multiresolution spline with application to image mosaics", ACM Transactions on
Graphics 2 (1983). A pyramid is linear, so that one of the difference between crop and host is enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.blend.methods.alpha import compute_ramp

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

PYRAMID_KERNEL = np.array([1, 4, 6, 4, 1], dtype=np.float32) / 16
"""Burt and Adelson's generating kernel with a = 0.375."""


@dataclass(frozen=True)
class Laplacian:
    """Mixes each octave over a border as wide as its structures, halfway between the mask and ``reach``.

    Attributes:
        reach: the change fades out over the outer half of so many pixels around the mask.
        levels: octaves that are mixed apart; fewer where the patch is small.
    """

    reach: int = 6
    levels: int = 3

    def with_reach(self, reach: int) -> Laplacian:
        """The same over another width."""
        return replace(self, reach=reach)

    def compute_weight(self, body: Mask) -> Image:
        """1 in the body, falling to 0 outside it."""
        return compute_ramp(body, self.reach)

    def mix(self, host: Image, crop: Image, weight: Image, free: Mask) -> Image:
        """The two pyramids mixed; the host where the weight is 0."""
        where = ndimage.find_objects((weight > 0).astype(np.uint8))
        if not where:
            return host
        # The pyramid's grid begins at the object's own box: the same object comes out the same wherever it lies.
        box = where[0]
        near, weight, free = (slice(None), *box), weight[box], free[box]
        difference = np.where(free, crop[near] - host[near], 0)
        share = ((weight > 0.5) & free).astype(np.float32)
        levels = min(self.levels, int(np.log2(min(weight.shape))))
        blended = host.copy()
        blended[near] += np.minimum(2 * weight, 1) * mix_octaves(difference, share[None], levels)
        return blended


def mix_octaves(image: Image, share: Image, levels: int) -> Image:
    """An image of which each octave is multiplied by a share that is blurred as much.

    Args:
        image: ``(C, *spatial)``.
        share: ``(1, *spatial)`` in [0, 1].
        levels: octaves, 1 or more; with 1 the product of both.
    """
    if levels <= 1:
        return image * share
    small = reduce_image(image)
    shape = image.shape[1:]
    fine = (image - expand_image(small, shape)) * share
    return fine + expand_image(mix_octaves(small, reduce_image(share), levels - 1), shape)


def reduce_image(image: Image) -> Image:
    """Half as large along each spatial axis of a ``(C, *spatial)`` image."""
    for axis in range(1, image.ndim):
        image = ndimage.correlate1d(image, PYRAMID_KERNEL, axis, mode="mirror")
    return image[(slice(None), *[slice(None, None, 2)] * (image.ndim - 1))]


def expand_image(image: Image, shape: tuple[int, ...]) -> Image:
    """A :func:`reduced` image brought back to a spatial shape."""
    large = np.zeros((len(image), *shape), dtype=image.dtype)
    large[(slice(None), *[slice(None, None, 2)] * len(shape))] = image
    for axis in range(1, large.ndim):
        large = ndimage.correlate1d(large, 2 * PYRAMID_KERNEL, axis, mode="mirror")
    return large
