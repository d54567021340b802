"""Crops on their host's grid: turned, resized and deformed as a variation says, image and mask alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks import Crop
from domaingan.blend.deformation import Deformation
from domaingan.blend.variation import SampledVariation

Image = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WarpedCrop:
    """A varied crop on a host's grid.

    Attributes:
        crop: as it was.
        mask: ``(*patch)`` class values.
        grid: where in the crop the pixels of the patch are.
        order: the image is interpolated linearly (1) or by cubic splines (3).
    """

    crop: Crop
    mask: NDArray[np.uint8]
    grid: SamplingGrid
    order: int

    def sample_image(self) -> Image:
        """Interpolate the image ``(C, *patch)``. Each channel stays within its range."""
        order = 1 if self.grid.is_on_pixels else self.order
        channels = []
        for channel in self.crop.image:
            sampled = self.grid.sample(channel, order, "nearest")
            channels.append(np.clip(sampled, channel.min(), channel.max()))
        return np.stack(channels).astype(np.float32)


def warp_crop(
    crop: Crop, sampled: SampledVariation, spacing: Sequence[float], margin: int, max_shape: Sequence[int] | None = None
) -> WarpedCrop | None:
    """Vary a crop's mask on the host's grid. Its image takes most of the time and is made when it is asked for.

    Args:
        crop: an entry of a bank. Its own spacing says how large it is.
        sampled: the variation.
        spacing: the host's spacing, in mm.
        margin: pixels kept around the object. Outside the crop its edge pixels are repeated.
        max_shape: the host's shape. A larger object is not made at all, as it fits nowhere.

    Returns:
        The crop trimmed to its object and the margin around it; None where nothing of the object is left on that grid,
        or it is too large for the host.
    """
    host_spacing = np.asarray(spacing, dtype=float)
    crop_spacing = np.asarray(crop.spacing)
    matrix = np.asarray(sampled.matrix)
    centre = (np.array(crop.mask.shape) - 1) / 2
    points_mm = (np.argwhere(crop.mask > 0) - centre) * crop_spacing
    if not len(points_mm):
        return None
    points = points_mm @ matrix.T / host_spacing
    if max_shape is not None and (np.ptp(points, axis=0) > np.asarray(max_shape)).any():
        return None
    deformation = None
    room: Any = margin
    if sampled.displacements is not None:
        point_volume = float(np.prod(crop_spacing) * abs(np.linalg.det(matrix)))
        deformation = Deformation.fit(sampled.displacements, points * host_spacing, point_volume)
        room = margin + np.ceil(deformation.max_displacement / host_spacing)
    # Output pixels sit where input pixels do (half a pixel off the centre for even sizes), so that a crop that is not
    # varied is not interpolated either.
    start = np.floor(points.min(axis=0) - centre - room) + centre - 1
    shape = (np.ceil(points.max(axis=0) + room) + 1 - start + 1).astype(int)
    to_crop = np.diag(1 / crop_spacing) @ np.linalg.inv(matrix) @ np.diag(host_spacing)
    displacement = None
    if deformation is not None:
        displacement = _compute_displacement(deformation, start, shape, host_spacing)
    grid = SamplingGrid(to_crop, to_crop @ start + centre, tuple(shape), displacement)
    mask = grid.sample(crop.mask, 0, "constant")
    boxes = ndimage.find_objects((mask > 0).astype(np.uint8))
    if not boxes:
        return None
    region = tuple(slice(max(0, side.start - margin), side.stop + margin) for side in boxes[0])
    return WarpedCrop(crop, mask[region], grid.trim_to(region), sampled.order)


def _compute_displacement(deformation: Deformation, start: Array, shape: NDArray[Any], spacing: Array) -> Array:
    """Compute how far each pixel of a patch is moved, in pixels: ``(dims, *patch)``."""
    coordinates = []
    for first, size, step in zip(start, shape, spacing, strict=True):
        coordinates.append((first + np.arange(size)) * step)
    per_axis = spacing.reshape(-1, *[1] * len(coordinates))
    return deformation.compute_displacement(coordinates) / per_axis


@dataclass(frozen=True, eq=False)
class SamplingGrid:
    """Where in a crop the pixels of a patch are: at ``matrix @ (pixel + displacement) + offset``.

    Attributes:
        matrix: ``(dims, dims)``, from the patch's pixels to the crop's.
        offset: ``(dims,)``, in the crop's pixels.
        shape: of the patch.
        displacement: ``(dims, *patch)``, in the patch's pixels; None for none.
    """

    matrix: Array
    offset: Array
    shape: tuple[int, ...]
    displacement: Array | None = None

    @property
    def is_on_pixels(self) -> bool:
        """Whether every pixel of the patch is at the centre of a crop's pixel, so that nothing is interpolated."""
        if self.displacement is not None:
            return False
        lengths, offset = np.abs(self.matrix), self.offset
        return np.allclose(lengths, np.rint(lengths)) and np.allclose(offset, np.rint(offset))

    def trim_to(self, region: tuple[slice, ...]) -> SamplingGrid:
        """Return the grid of a part of the patch."""
        start = [side.start for side in region]
        shape = []
        for side, size in zip(region, self.shape, strict=True):
            shape.append(len(range(*side.indices(size))))
        displacement = None
        if self.displacement is not None:
            displacement = self.displacement[(slice(None), *region)]
        return SamplingGrid(self.matrix, self.offset + self.matrix @ start, tuple(shape), displacement)

    def sample(self, image: NDArray[Any], order: int, mode: str) -> NDArray[Any]:
        """Interpolate a ``(*spatial)`` image of the crop.

        Args:
            image: of the crop.
            order: of the splines.
            mode: what is beyond the crop, see :func:`scipy.ndimage.affine_transform`.

        Returns:
            ``(*patch)``.
        """
        if self.displacement is None:
            settings: dict[str, Any] = {"offset": self.offset, "output_shape": self.shape}
            return np.asarray(ndimage.affine_transform(image, self.matrix, order=order, mode=mode, **settings))
        pixels = np.indices(self.shape, dtype=float) + self.displacement
        per_axis = self.offset.reshape(-1, *[1] * len(self.shape))
        places = np.tensordot(self.matrix, pixels, 1) + per_axis
        return np.asarray(ndimage.map_coordinates(image, places, order=order, mode=mode))
