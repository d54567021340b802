"""How a crop is varied before it is pasted: drawn in one place, applied to image and mask alike in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.bank import Crop

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Draw:
    """One drawn variation: a matrix in millimetres and a factor on the contrast."""

    matrix: tuple[tuple[float, ...], ...]
    scale: float
    contrast: float


@dataclass(frozen=True)
class Variation:
    """Ranges that a variation is drawn from.

    Attributes:
        flip: mirror each axis with probability 1/2.
        rotate: largest rotation in degrees, either way; in 3D about a random axis.
        scale: range of the size factor, drawn uniformly in its logarithm.
        contrast: range of the factor on the contrast between object and ring.
    """

    flip: bool = True
    rotate: float = 180.0
    scale: tuple[float, float] = (0.8, 1.25)
    contrast: tuple[float, float] = (1.0, 1.0)

    def draw(self, dims: int, rng: np.random.Generator) -> Draw:
        """Draw a variation for a crop of ``dims`` dimensions."""
        flips = np.where(rng.random(dims) < 0.5, -1.0, 1.0) if self.flip else np.ones(dims)
        angle = np.deg2rad(rng.uniform(-self.rotate, self.rotate))
        scale = float(np.exp(rng.uniform(*np.log(self.scale))))
        factor = float(rng.uniform(*self.contrast))
        matrix = scale * _rotation(dims, angle, rng) @ np.diag(flips)
        return Draw(tuple(map(tuple, matrix.tolist())), scale, factor)


NONE = Variation(flip=False, rotate=0.0, scale=(1.0, 1.0))
"""Nothing is varied."""


def _rotation(dims: int, angle: float, rng: np.random.Generator) -> NDArray[np.float64]:
    cos, sin = np.cos(angle), np.sin(angle)
    if dims == 2:
        return np.array([[cos, -sin], [sin, cos]])
    # Rodrigues' formula about an axis drawn uniformly on the sphere.
    x, y, z = axis = rng.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: NDArray[np.float64] = np.eye(3) + sin * cross + (1 - cos) * cross @ cross
    return turned


def apply(crop: Crop, draw: Draw, spacing: Sequence[float], margin: int) -> tuple[Image, NDArray[np.uint8]] | None:
    """The varied crop on the host's grid, trimmed to its object and ``margin`` pixels around it.

    Args:
        crop: an entry of a bank; its own spacing says how large it is.
        draw: what to vary.
        spacing: the host's spacing, in mm.
        margin: pixels kept around the object; outside the crop its edge pixels are repeated.

    Returns:
        Image ``(C, *patch)`` and mask ``(*patch)``, or None where nothing of the object is left on that grid.
    """
    out_step = np.asarray(spacing, dtype=float)
    in_step = np.asarray(crop.spacing)
    forward = np.asarray(draw.matrix)  # crop's millimetres to host's millimetres
    middle = (np.array(crop.mask.shape) - 1) / 2
    points = (np.argwhere(crop.mask > 0) - middle) * in_step
    moved = points @ forward.T / out_step
    # Output pixels sit where input pixels do (half a pixel off the middle for even sizes), so that a crop that is
    # not varied is not interpolated either.
    low = np.floor(moved.min(axis=0) - middle) + middle - margin - 1
    shape = (np.ceil(moved.max(axis=0)) + margin + 1 - low + 1).astype(int)
    # ndimage wants the way from output pixels to input pixels.
    back = np.diag(1 / in_step) @ np.linalg.inv(forward) @ np.diag(out_step)
    offset = back @ low + middle
    settings: dict[str, Any] = {"offset": offset, "output_shape": tuple(shape)}
    mask = ndimage.affine_transform(crop.mask, back, order=0, mode="constant", **settings)
    body = ndimage.find_objects((mask > 0).astype(np.uint8))
    if not body:
        return None
    where = tuple(slice(max(0, s.start - margin), s.stop + margin) for s in body[0])
    image = np.stack([ndimage.affine_transform(c, back, order=1, mode="nearest", **settings) for c in crop.image])
    return image[(slice(None), *where)].astype(np.float32), mask[where]
