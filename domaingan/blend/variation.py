"""How crops are varied before they are pasted: the ranges, and what is drawn from them for one crop.

:mod:`domaingan.blend.warp` applies what was drawn, to image and mask alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.blend.deformation import draw_grid_displacements
from domaingan.core.arguments import read_count_range, read_number_range
from domaingan.core.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SampledVariation:
    """One drawn variation.

    Attributes:
        matrix: from the crop's millimetres to the host's.
        scale: how much larger the object becomes.
        contrast: factor on the contrast between object and ring.
        displacements: ``(dims, …)`` of the grid of :mod:`domaingan.blend.deformation`, in radii of the object; None
            for no deformation.
        blend_width: pixels around the object that it is blended over; None for the method's own reach.
        order: of the splines that interpolate the image.
    """

    matrix: tuple[tuple[float, ...], ...]
    scale: float
    contrast: float
    displacements: Array | None
    blend_width: int | None
    order: int


@dataclass(frozen=True)
class Variation:
    """Ranges that a variation is drawn from. A single number for a range is both of its ends.

    Args:
        flip: mirror each axis with probability 1/2 (of frames, left and right only).
        rotate: largest rotation in degrees, either way; in 3D about a random axis.
        scale: range of the factor on the size, drawn uniformly in its logarithm.
        contrast: range of the factor on the contrast between object and ring (of scans).
        elastic: strength of a smooth random deformation: the standard deviation of how far points move, in radii of
            the object. Nothing folds, which is what limits it from about 0.15 on.
        width: smallest and largest number of pixels around the object that it is blended over, drawn for each crop, so
            that no network learns the seam. None for the method's own. Methods that change nothing around an object
            ignore it.
        order: how the image is interpolated where it is turned, resized or deformed: 3 for cubic splines, 1 for linear
            interpolation, whose blur shows what was pasted. Masks take the nearest pixel.

    Raises:
        DataError: a range ends before it begins, the deformation is negative, or the order is another number.
    """

    flip: bool = True
    rotate: float = 180.0
    scale: tuple[float, float] = (0.8, 1.25)
    contrast: tuple[float, float] = (1.0, 1.0)
    elastic: float = 0.0
    width: tuple[int, int] | None = None
    order: int = 3

    def __post_init__(self) -> None:
        for name in ("scale", "contrast"):
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
        """Build a variation from its settings by name.

        Args:
            settings: values by name. Ranges may be lists, as in files.

        Raises:
            DataError: there is no such setting, or the variation refuses its value.
        """
        known = [setting.name for setting in fields(cls)]
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise DataError(f"no variation {unknown[0]!r}", expected=f"some of {', '.join(known)}")
        values: dict[str, Any] = {}
        for name, value in settings.items():
            values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)

    def draw(self, dims: int, rng: np.random.Generator) -> SampledVariation:
        """Draw a variation for one crop.

        Args:
            dims: spatial dimensions of the crop, 2 or 3.
            rng: source of every draw.
        """
        flips = np.where(rng.random(dims) < 0.5, -1.0, 1.0) if self.flip else np.ones(dims)
        angle = np.deg2rad(rng.uniform(-self.rotate, self.rotate))
        scale = float(np.exp(rng.uniform(*np.log(self.scale))))
        contrast = float(rng.uniform(*self.contrast))
        matrix = scale * _build_rotation(dims, angle, rng) @ np.diag(flips)
        return SampledVariation(
            matrix=tuple(map(tuple, matrix.tolist())),
            scale=scale,
            contrast=contrast,
            displacements=self.draw_displacements(dims, rng),
            blend_width=self.draw_width(rng),
            order=self.order,
        )

    def draw_displacements(self, dims: int, rng: np.random.Generator) -> Array | None:
        """Draw the displacements of a deformation, in radii of the object; None where nothing is deformed."""
        if not self.elastic:
            return None
        return self.elastic * draw_grid_displacements(dims, rng)

    def draw_width(self, rng: np.random.Generator) -> int | None:
        """Draw how many pixels around the object it is blended over; None for the method's own reach."""
        if self.width is None:
            return None
        low, high = self.width
        return int(rng.integers(low, high + 1))


IDENTITY = Variation(flip=False, rotate=0.0, scale=(1.0, 1.0))
"""The variation that changes nothing."""


def _build_rotation(dims: int, angle: float, rng: np.random.Generator) -> Array:
    """Build a rotation by an angle in radians; in 3D about an axis that is drawn."""
    cos, sin = np.cos(angle), np.sin(angle)
    if dims == 2:
        return np.array([[cos, -sin], [sin, cos]])
    # Rodrigues' formula about an axis drawn uniformly on the sphere.
    direction = rng.normal(size=3)
    x, y, z = direction / np.linalg.norm(direction)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation: Array = np.eye(3) + sin * cross + (1 - cos) * cross @ cross
    return rotation


def read_variation(value: Any) -> Variation | None:
    """Read a variation.

    Args:
        value: a variation, its settings by name, or None.

    Raises:
        DataError: it is something else, or :meth:`Variation.from_settings` refuses it.

    >>> read_variation({"rotate": 3}).rotate
    3
    """
    if value is None or isinstance(value, Variation):
        return value
    if not isinstance(value, Mapping):
        raise DataError(f"variation {value!r}", expected="a Variation, or {setting: value}")
    return Variation.from_settings(value)
