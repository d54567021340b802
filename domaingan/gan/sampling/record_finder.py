"""Find the training crop that a generated crop takes its place and spacing from."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from domaingan.gan.config import GANConfig
from domaingan.gan.crop_records import TrainingCropRecord
from domaingan.imaging.intensity import compute_equivalent_radius

NEAREST_RECORDS = 5
"""Place and spacing are those of one of this many training crops of the same classes, the nearest in size."""


class RecordFinder:
    """Finds the records of training crops by their class conditions and their size in pixels.

    Args:
        config: the model's; it holds the records.
    """

    def __init__(self, config: GANConfig) -> None:
        self.config = config
        self._by_codes: dict[tuple[int, ...], tuple[list[TrainingCropRecord], NDArray[np.float64]]] = {}

    def find_similar(self, codes: tuple[int, ...], pixels: int, rng: np.random.Generator) -> TrainingCropRecord:
        """Draw one of the training crops of the same classes that are nearest in size.

        Args:
            codes: codes of the class conditions.
            pixels: number of pixels of the generated mask.
            rng: the random draw.
        """
        if codes not in self._by_codes:
            every = self.config.data.crop_records
            records = [record for record in every if record.codes == codes] or list(every)
            self._by_codes[codes] = records, np.array([_radius_in_pixels(record) for record in records])
        records, radii = self._by_codes[codes]
        distance = np.abs(radii - compute_equivalent_radius(pixels, self.config.network.spatial_dims))
        nearest = distance.argsort(kind="stable")[:NEAREST_RECORDS]
        return records[nearest[int(rng.integers(len(nearest)))]]


def _radius_in_pixels(record: TrainingCropRecord) -> float:
    pixel = math.prod(record.spacing) ** (1 / len(record.spacing))
    return float(record.radius_mm / pixel)
