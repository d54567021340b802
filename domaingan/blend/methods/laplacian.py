"""Pyramid blending: coarse structure is mixed over a wide border, fine structure over a narrow one, in 2D and 3D.

P. J. Burt and E. H. Adelson, "A multiresolution spline with application to image mosaics", ACM Transactions on
Graphics 2 (1983). A pyramid is linear, so one pyramid of the difference between crop and host is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from domaingan.blend.methods.base import BlendMethod, Image, Mask, compute_ramp

PYRAMID_KERNEL = np.array([1, 4, 6, 4, 1], dtype=np.float32) / 16
"""Burt and Adelson's generating kernel with a = 0.375."""


@dataclass(frozen=True)
class Laplacian(BlendMethod):
    """Mixes each octave over a border as wide as its structures, halfway between the mask and ``reach``.

    Attributes:
        reach: the change fades out over the outer half of this many pixels around the mask.
        levels: number of octaves. Small patches have fewer.
    """

    reach: int = 6
    levels: int = 3

    def compute_weight(self, body: Mask) -> Image:
        """Return 1 in the body, and less the farther a pixel is from it."""
        return compute_ramp(body, self.reach)

    def mix(self, host: Image, crop: Image, weight: Image, free: Mask) -> Image:
        """Mix the pyramids of crop and host; see :meth:`BlendMethod.mix`."""
        boxes = ndimage.find_objects((weight > 0).astype(np.uint8))
        if not boxes:
            return host
        # The pyramid's grid begins at the object's own box. So the result does not depend on where the object lies.
        box = boxes[0]
        in_box = (slice(None), *box)
        weight = weight[box]
        free = free[box]
        difference = np.where(free, crop[in_box] - host[in_box], 0)
        share = ((weight > 0.5) & free).astype(np.float32)
        levels = min(self.levels, int(np.log2(min(weight.shape))))
        blended = host.copy()
        blended[in_box] += np.minimum(2 * weight, 1) * mix_octaves(difference, share[None], levels)
        return blended


def mix_octaves(image: Image, share: Image, levels: int) -> Image:
    """Multiply each octave of an image by a share that is blurred as much as the octave.

    Args:
        image: ``(C, *spatial)``.
        share: ``(1, *spatial)`` in [0, 1].
        levels: number of octaves. With 1 or fewer the result is the product of both.

    Returns:
        ``(C, *spatial)``.
    """
    if levels <= 1:
        return image * share
    shape = image.shape[1:]
    coarse = reduce_image(image)
    fine = (image - expand_image(coarse, shape)) * share
    mixed_coarse = mix_octaves(coarse, reduce_image(share), levels - 1)
    return fine + expand_image(mixed_coarse, shape)


def reduce_image(image: Image) -> Image:
    """Blur a ``(C, *spatial)`` image and keep every second pixel along each spatial axis."""
    for axis in range(1, image.ndim):
        image = ndimage.correlate1d(image, PYRAMID_KERNEL, axis, mode="mirror")
    every_second = [slice(None, None, 2)] * (image.ndim - 1)
    return image[(slice(None), *every_second)]


def expand_image(image: Image, shape: tuple[int, ...]) -> Image:
    """Enlarge an image of :func:`reduce_image` to a spatial shape.

    Args:
        image: ``(C, *half)``.
        shape: the shape before the image was reduced.

    Returns:
        ``(C, *shape)``.
    """
    every_second = [slice(None, None, 2)] * len(shape)
    large = np.zeros((len(image), *shape), dtype=image.dtype)
    large[(slice(None), *every_second)] = image
    for axis in range(1, large.ndim):
        large = ndimage.correlate1d(large, 2 * PYRAMID_KERNEL, axis, mode="mirror")
    return large
