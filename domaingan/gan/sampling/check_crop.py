"""Check that the mask of a generated crop is usable and agrees with the crop's condition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from domaingan.banks.find_objects import MIN_OBJECT_PIXELS
from domaingan.gan.config import MASK, GANConfig
from domaingan.gan.sampling.record_finder import RecordFinder
from domaingan.imaging.intensity import compute_equivalent_radius, label_components

MAX_RADIUS_RATIO = 1.5
"""A mask agrees with the requested radius if it is off by at most this factor."""


@dataclass(frozen=True)
class GeneratedCrop:
    """A generated crop and what is wrong with it.

    Attributes:
        image: ``(C, *size)`` in scaled units.
        mask: ``(*size)`` class values.
        problem: why the crop is rejected, in words; empty if it is not.
        is_too_small: whether the mask is too small to be used at all.
    """

    image: NDArray[np.float16]
    mask: NDArray[np.uint8]
    problem: str = ""
    is_too_small: bool = False


@dataclass(frozen=True)
class CropCheck:
    """Checks generated crops.

    Attributes:
        config: the model's.
        finder: finds the spacing of a crop.
    """

    config: GANConfig
    finder: RecordFinder

    def __call__(
        self, image: NDArray[np.float16], mask: NDArray[np.uint8], codes: tuple[int, ...], numbers: Tensor
    ) -> GeneratedCrop:
        """Keep the largest component of the mask and check it. Scenes and masks of hosts are not checked.

        Args:
            image: ``(C, *size)`` in scaled units.
            mask: ``(*size)`` class values.
            codes: codes of the class conditions.
            numbers: ``(L,)`` number conditions in [0, 1].
        """
        config = self.config
        if config.data.kind == "scenes" or MASK in config.network.conditioning:
            return GeneratedCrop(image, mask)
        mask = _keep_largest_component(mask)
        min_pixels, pixels = MIN_OBJECT_PIXELS[config.network.spatial_dims], int(np.count_nonzero(mask))
        if pixels < min_pixels:
            problem = f"draws with a mask under {min_pixels} pixels"
            return GeneratedCrop(image, mask, problem, is_too_small=True)
        for value in config.name_values(codes).values():
            classes = config.data.classes
            if value in classes and not (mask == classes[value]).any():
                return GeneratedCrop(image, mask, f"draws without the {value} asked for")
        if "radius_mm" in config.data.numbers and not self._has_requested_radius(pixels, codes, numbers):
            return GeneratedCrop(image, mask, "draws with another radius than asked for")
        return GeneratedCrop(image, mask)

    def _has_requested_radius(self, pixels: int, codes: tuple[int, ...], numbers: Tensor) -> bool:
        requested = unscale_number(self.config, "radius_mm", numbers)
        record = self.finder.find_similar(codes, pixels, np.random.default_rng(0))
        found = compute_equivalent_radius(pixels * float(np.prod(record.spacing)), self.config.network.spatial_dims)
        is_unknown = not requested > 0
        return is_unknown or 1 / MAX_RADIUS_RATIO <= found / requested <= MAX_RADIUS_RATIO


def unscale_number(config: GANConfig, name: str, numbers: Tensor) -> float:
    """Return a number condition in its own unit; NaN where it is unknown.

    Args:
        config: the model's.
        name: of the number condition.
        numbers: ``(L,)`` all number conditions in [0, 1].
    """
    low, high = config.data.numbers[name]
    return low + float(numbers[list(config.data.numbers).index(name)]) * (high - low)


def _keep_largest_component(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    labels, n = label_components(mask)
    if n <= 1:
        return mask
    largest = 1 + np.argmax(np.bincount(labels.ravel())[1:])
    return np.where(labels == largest, mask, 0).astype(np.uint8)
