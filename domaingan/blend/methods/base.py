"""What every blending method offers, and the weights that most of them use.

To add a method, write a subclass of :class:`BlendMethod` in a file of its own and name it in ``METHODS`` in this
folder's ``__init__.py``. ``feather.py`` is an example. The intensity around the object is matched and the contrast is
kept for every method alike, see :func:`domaingan.blend.methods.blending.blend_patch`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.distances import measure_squared_distance

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

MAX_TABLE_REACH = 16
"""Up to this reach in pixels a table of squared distances is faster than an exact distance transform."""


@dataclass(frozen=True)
class BlendMethod(ABC):
    """One way to mix a crop into its host.

    Attributes:
        reach: largest distance from the object, in pixels, at which a pixel of the host may change.
    """

    reach: int = 0

    def with_reach(self, reach: int) -> BlendMethod:
        """Return the same method with another reach. Methods that change nothing around an object return themselves.

        Args:
            reach: pixels around the object that may change.
        """
        return replace(self, reach=reach)

    @abstractmethod
    def compute_weight(self, body: Mask) -> Image:
        """Compute how much of the crop each pixel gets.

        Args:
            body: ``(*patch)``, the object.

        Returns:
            ``(*patch)`` in [0, 1]; 0 beyond :attr:`reach`.
        """

    def mix(self, host: Image, crop: Image, weight: Image, free: Mask) -> Image:
        """Mix a crop into its host. The default is the weighted mean, pixel by pixel.

        Args:
            host, crop: ``(C, *patch)`` in one unit.
            weight: ``(*patch)``, from :meth:`compute_weight`; 0 also where the host must stay.
            free: ``(*patch)``, the object and its surroundings. Objects in front and air are not free.

        Returns:
            ``(C, *patch)``, bit-identical to the host where the weight is 0.
        """
        return host + weight * (crop - host)


def compute_ramp(body: Mask, reach: int) -> Image:
    """Compute a weight of 1 in the body that falls linearly with the distance from it.

    Args:
        body: ``(*patch)``, the object.
        reach: the weight is 0 at more than this distance, in pixels.

    Returns:
        ``(*patch)`` in [0, 1].

    >>> compute_ramp(np.array([True, False, False, False]), 2).round(2)
    array([1.  , 0.67, 0.33, 0.  ], dtype=float32)
    """
    if not body.any():
        return np.zeros(body.shape, dtype=np.float32)
    if reach > MAX_TABLE_REACH:
        distance = ndimage.distance_transform_edt(~body)
        return np.where(distance <= reach, 1 - distance / (reach + 1), 0).astype(np.float32)
    weight_by_square = np.zeros(reach**2 + 2, dtype=np.float32)
    weight_by_square[:-1] = 1 - np.sqrt(np.arange(reach**2 + 1)) / (reach + 1)
    return weight_by_square[measure_squared_distance(body, reach)]
