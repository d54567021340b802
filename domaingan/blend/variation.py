"""How a crop is varied before it is pasted: drawn in one place, applied to image and mask alike in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks import Crop
from domaingan.blend.deformation import Deformation, draw_grid_displacements
from domaingan.core.arguments import read_count_range, read_number_range
from domaingan.core.errors import DataError

Image = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SampledVariation:
    """One drawn variation.

    Attributes:
        matrix: in millimetres, from the crop to the host.
        scale: how much larger the object becomes.
        contrast: factor on the contrast between object and ring.
        bend: ``(dims, …)`` displacements of :mod:`domaingan.blend.deformation`, in radii of the object; None for none.
        width: how far around the object it is blended; None for the method's own.
        order: of the splines that the image is interpolated by.
    """

    matrix: tuple[tuple[float, ...], ...]
    scale: float = 1.0
    contrast: float = 1.0
    displacements: Array | None = None
    blend_width: int | None = None
    order: int = 3


@dataclass(frozen=True)
class Variation:
    """Ranges that a variation is drawn from.

    Attributes:
        flip: mirror each axis with probability 1/2 (frames: left and right).
        rotate: largest rotation in degrees, either way; in 3D about a random axis.
        scale: range of the size factor, drawn uniformly in its logarithm.
        contrast: range of the factor on the contrast between object and ring (scans).
        elastic: size of a smooth random deformation (the standard deviation of how far points move), in radii of the
            object, as far as nothing folds: from about 0.15 on that is what limits it.
        width: fewest and most pixels around the object that it is blended over, drawn for each crop, so that no network
            learns the seam; None for the method's own. Methods that change nothing around an object have none.
        order: how the image is interpolated where it is turned, resized or deformed: 3, by cubic splines, or 1,
            linearly, which tells what was pasted by its blur. Masks are always nearest.

    Raises:
        DataError: a range that ends before it begins, a negative deformation, or another order.
    """

    flip: bool = True
    rotate: float = 180.0
    scale: tuple[float, float] = (0.8, 1.25)
    contrast: tuple[float, float] = (1.0, 1.0)
    elastic: float = 0.0
    width: tuple[int, int] | None = None
    order: int = 3

    def __post_init__(self) -> None:
        for name in ("scale", "contrast"):  # one number is both ends
            object.__setattr__(self, name, read_number_range(getattr(self, name), name))
        if self.width is not None:
            object.__setattr__(self, "width", read_count_range(self.width, "pixels of width"))
        if not 0 < self.scale[0] <= self.scale[1]:
            raise DataError(f"scale {self.scale}", expected="positive factors, the smallest first")
        if not self.elastic >= 0:
            raise DataError(f"elastic {self.elastic}", expected="0 or more radii of the object")
        if self.order not in (1, 3):
            raise DataError(f"order {self.order}", expected="1 (linear) or 3 (cubic)")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Variation:
        """A variation from its settings by name, with lists for ranges as files have them.

        Raises:
            DataError: there is no such setting, or as of the constructor.
        """
        known = [one.name for one in fields(cls)]
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise DataError(f"no variation {unknown[0]!r}", expected=f"some of {', '.join(known)}")
        chosen: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
        return cls(**chosen)

    def draw(self, dims: int, rng: np.random.Generator) -> SampledVariation:
        """Draw a variation for a crop of ``dims`` dimensions."""
        flips = np.where(rng.random(dims) < 0.5, -1.0, 1.0) if self.flip else np.ones(dims)
        angle = np.deg2rad(rng.uniform(-self.rotate, self.rotate))
        scale = float(np.exp(rng.uniform(*np.log(self.scale))))
        factor = float(rng.uniform(*self.contrast))
        matrix = scale * _build_rotation(dims, angle, rng) @ np.diag(flips)
        bend, width = self.draw_displacements(dims, rng), self.draw_width(rng)
        return SampledVariation(tuple(map(tuple, matrix.tolist())), scale, factor, bend, width, self.order)

    def draw_displacements(self, dims: int, rng: np.random.Generator) -> Array | None:
        """Draw a deformation."""
        return self.elastic * draw_grid_displacements(dims, rng) if self.elastic else None

    def draw_width(self, rng: np.random.Generator) -> int | None:
        """Draw a blending width."""
        return None if self.width is None else int(rng.integers(self.width[0], self.width[1] + 1))


IDENTITY = Variation(flip=False, rotate=0.0, scale=(1.0, 1.0))
"""Nothing is varied."""


def _build_rotation(dims: int, angle: float, rng: np.random.Generator) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    if dims == 2:
        return np.array([[cos, -sin], [sin, cos]])
    # Rodrigues' formula about an axis drawn uniformly on the sphere.
    x, y, z = axis = rng.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: Array = np.eye(3) + sin * cross + (1 - cos) * cross @ cross
    return turned


def apply(
    crop: Crop, draw: SampledVariation, spacing: Sequence[float], margin: int, largest: Sequence[int] | None = None
) -> tuple[Image, NDArray[np.uint8]] | None:
    """The varied crop on the host's grid, trimmed to its object and ``margin`` pixels around it.

    Args:
        crop, draw, spacing, margin, largest: as of :func:`warp`.

    Returns:
        Image ``(C, *patch)`` and mask ``(*patch)``, or None as of :func:`warp`.
    """
    warped = warp_crop(crop, draw, spacing, margin, largest)
    return None if warped is None else (warped.sample_image(), warped.mask)


def warp_crop(
    crop: Crop, sampled: SampledVariation, spacing: Sequence[float], margin: int, max_shape: Sequence[int] | None = None
) -> WarpedCrop | None:
    """Vary a crop's mask on the host's grid; its image, which takes most of the time, is made when it is asked for.

    Args:
        crop: an entry of a bank; its own spacing says how large it is.
        draw: what to vary.
        spacing: the host's spacing, in mm.
        margin: pixels kept around the object; outside the crop its edge pixels are repeated.
        largest: the host's shape; an object that is larger along any axis is not made at all, as it fits nowhere.

    Returns:
        The crop trimmed to its object and the margin around it, or None where nothing of the object is left on that
        grid, or it is too large for the host.
    """
    out_step = np.asarray(spacing, dtype=float)
    in_step = np.asarray(crop.spacing)
    forward = np.asarray(sampled.matrix)  # crop's millimetres to host's millimetres
    middle = (np.array(crop.mask.shape) - 1) / 2
    points = (np.argwhere(crop.mask > 0) - middle) * in_step
    if not len(points):
        return None
    moved = points @ forward.T / out_step
    if max_shape is not None and (np.ptp(moved, axis=0) > np.asarray(max_shape)).any():
        return None
    volume = float(np.prod(in_step) * abs(np.linalg.det(forward)))
    bend = None if sampled.displacements is None else Deformation.fit(sampled.displacements, moved * out_step, volume)
    # Output pixels sit where input pixels do (half a pixel off the middle for even sizes), so that a crop that is
    # not varied is not interpolated either.
    room = margin + (0 if bend is None else np.ceil(bend.max_displacement / out_step))
    low = np.floor(moved.min(axis=0) - middle - room) + middle - 1
    shape = (np.ceil(moved.max(axis=0) + room) + 1 - low + 1).astype(int)
    # ndimage wants the way from output pixels to input pixels.
    back = np.diag(1 / in_step) @ np.linalg.inv(forward) @ np.diag(out_step)
    grid = _SamplingGrid(back, back @ low + middle, tuple(shape))
    if bend is not None:
        at = [(a + np.arange(n)) * step for a, n, step in zip(low, shape, out_step, strict=True)]
        grid = _SamplingGrid(
            back, grid.offset, grid.shape, bend.compute_displacement(at) / out_step.reshape(-1, *[1] * len(at))
        )
    mask = grid.sample(crop.mask, 0, "constant")
    body = ndimage.find_objects((mask > 0).astype(np.uint8))
    if not body:
        return None
    where = tuple(slice(max(0, s.start - margin), s.stop + margin) for s in body[0])
    return WarpedCrop(crop, mask[where], grid.trim_to(where), sampled.order)


@dataclass(frozen=True, eq=False)
class _SamplingGrid:
    """Where in a crop the pixels of a patch are: at ``matrix @ (pixel + shift) + offset``."""

    matrix: Array
    offset: Array
    shape: tuple[int, ...]
    displacement: Array | None = None

    @property
    def is_on_pixels(self) -> bool:
        """Whether each is in the middle of a pixel, so that nothing has to be interpolated."""
        turned, offset = np.abs(self.matrix), self.offset
        return (
            self.displacement is None and np.allclose(turned, np.rint(turned)) and np.allclose(offset, np.rint(offset))
        )

    def trim_to(self, region: tuple[slice, ...]) -> _SamplingGrid:
        """A part of the patch."""
        start, shape = (
            [side.start for side in region],
            tuple(len(range(*s.indices(n))) for s, n in self._zip_sides(region)),
        )
        shift = None if self.displacement is None else self.displacement[(slice(None), *region)]
        return _SamplingGrid(self.matrix, self.offset + self.matrix @ start, shape, shift)

    def _zip_sides(self, where: tuple[slice, ...]) -> zip[tuple[slice, int]]:
        return zip(where, self.shape, strict=True)

    def sample(self, image: NDArray[Any], order: int, mode: str) -> NDArray[Any]:
        """A ``(*spatial)`` image at these places."""
        if self.displacement is None:
            settings: dict[str, Any] = {"offset": self.offset, "output_shape": self.shape}
            return np.asarray(ndimage.affine_transform(image, self.matrix, order=order, mode=mode, **settings))
        places = np.indices(self.shape, dtype=float) + self.displacement
        places = np.tensordot(self.matrix, places, 1) + self.offset.reshape(-1, *[1] * len(self.shape))
        return np.asarray(ndimage.map_coordinates(image, places, order=order, mode=mode))


@dataclass(frozen=True, eq=False)
class WarpedCrop:
    """A varied crop on a host's grid.

    Attributes:
        crop: as it was.
        mask: ``(*patch)``.
        grid: where in the crop the pixels of the patch are.
        order: the image is interpolated linearly (1) or by cubics (3).
    """

    crop: Crop
    mask: NDArray[np.uint8]
    grid: _SamplingGrid
    order: int

    def sample_image(self) -> Image:
        """The image ``(C, *patch)``; interpolation leaves each channel within its range."""
        order = 1 if self.grid.is_on_pixels else self.order
        channels = [np.clip(self.grid.sample(c, order, "nearest"), c.min(), c.max()) for c in self.crop.image]
        return np.stack(channels).astype(np.float32)


def read_variation(value: Any) -> Variation | None:
    """Read a variation: one as it is, or made of its settings by name; None as it is.

    Raises:
        DataError: it is something else, or as of :meth:`Variation.of`.

    >>> read_variation({"rotate": 3}).rotate
    3
    """
    if value is None or isinstance(value, Variation):
        return value
    if not isinstance(value, Mapping):
        raise DataError(f"variation {value!r}", expected="a Variation, or {setting: value}")
    return Variation.from_settings(value)
