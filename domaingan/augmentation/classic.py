"""Classic augmentation: what a practitioner would use before anything is generated.

There is one pipeline for frames and one for scans in 2D, both by albumentations, and one for scans in 3D by MONAI. Each
has three levels, see :data:`CLASSIC_LEVELS`. All change geometry, intensity or colour, noise and blur; frames also get
weather, and volumes what a scanner does. Mixing two images (MixUp, CutMix) is done on batches, see
:mod:`domaingan.augmentation.mixup`.

Images are in scaled units before and after (see :mod:`domaingan.imaging.intensity`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.augmentation.classic_pipelines import (
    Image,
    Pipeline,
    compose_2d,
    compose_3d,
    compose_with_boxes,
    encode_as_bytes,
)
from domaingan.augmentation.classic_steps import build_frame_steps, build_slice_steps, build_volume_steps
from domaingan.core.arguments import RngOrSeed, read_generator
from domaingan.core.errors import DataError
from domaingan.data import Domain, DomainName, read_domain

CLASSIC_LEVELS = ("light", "medium", "strong")
"""Geometry and brightness alone; with shape, noise and blur, for most uses; with all there is, for few images."""

FRAME_VALUE_RANGE = (0.0, 1.0)

SCAN_VALUE_RANGE = (-0.25, 1.75)
"""Scaled units that reach a scan's pipeline: brighter lesions than the 99.5th percentile must not be clipped."""


class Classic:
    """Classic augmentation of an image and its mask.

    Args:
        spatial_dims: 2 (albumentations) or 3 (MONAI).
        domain: ``scan`` or ``frame``; decides the pipeline and the value range.
        level: one of :data:`CLASSIC_LEVELS`.

    Raises:
        DataError: there is no such level.
    """

    def __init__(self, spatial_dims: int, domain: Domain | DomainName, level: str = "medium") -> None:
        if level not in CLASSIC_LEVELS:
            raise DataError(f"classic {level!r}", expected=f"one of {', '.join(CLASSIC_LEVELS)}")
        self.spatial_dims = spatial_dims
        self.domain = read_domain(domain)
        self.level = level
        self.value_range = SCAN_VALUE_RANGE if self.domain.has_body else FRAME_VALUE_RANGE
        self._pipeline: Pipeline | None = None
        self._box_pipeline: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pipeline": None, "_box_pipeline": None}  # built anew in each worker

    def __call__(self, image: Image, mask: NDArray[Any], rng: RngOrSeed) -> tuple[Image, NDArray[Any]]:
        """Augment an image and its mask.

        Args:
            image: ``(C, *spatial)`` in scaled units.
            mask: ``(*spatial)`` integers.
            rng: a generator, or a seed.

        Returns:
            Image and mask, of the same shapes; the mask keeps its type.

        Raises:
            DataError: the mask has more values than a byte.
        """
        rng = read_generator(rng)
        if self._pipeline is None:
            self._pipeline = self._build_pipeline()
        low, high = self.value_range
        unit_image = np.clip((image - low) / (high - low), 0, 1).astype(np.float32)
        values, bytes_mask = encode_as_bytes(mask)
        unit_image, changed_mask = self._pipeline(unit_image, bytes_mask, int(rng.integers(2**31)))
        if values is not None:
            changed_mask = values[changed_mask.astype(np.int64)]
        changed_image = (unit_image * (high - low) + low).astype(np.float32)
        return changed_image, changed_mask.astype(mask.dtype)

    def augment_boxes(
        self, image: Image, boxes: NDArray[np.float32], labels: NDArray[np.int64], rng: RngOrSeed
    ) -> tuple[Image, NDArray[np.float32], NDArray[np.int64]]:
        """Augment a frame and its boxes.

        Args:
            image: ``(3, H, W)`` in [0, 1].
            boxes: ``(N, 4)`` corners in pixels.
            labels: ``(N,)`` class values.
            rng: a generator, or a seed.

        Returns:
            The frame, and the boxes that are left with their labels. Boxes of which less than
            :data:`~domaingan.imaging.instances.MIN_VISIBLE_SHARE` stays in the frame are dropped.
        """
        if self._box_pipeline is None:
            self._box_pipeline = compose_with_boxes(self._build_2d_steps())
        self._box_pipeline.set_random_seed(int(read_generator(rng).integers(2**31)))
        pixels = np.ascontiguousarray(np.moveaxis(image.clip(0, 1), 0, -1))
        changed = self._box_pipeline(image=pixels, bboxes=boxes, labels=labels)
        changed_image = np.ascontiguousarray(np.moveaxis(changed["image"], -1, 0))
        changed_boxes = np.asarray(changed["bboxes"], dtype=np.float32).reshape(-1, 4)
        changed_labels = np.asarray(changed["labels"], dtype=np.int64).reshape(-1)
        return changed_image, changed_boxes, changed_labels

    def _build_pipeline(self) -> Pipeline:
        if self.spatial_dims == 3:
            return compose_3d(build_volume_steps(self.level))
        return compose_2d(self._build_2d_steps())

    def _build_2d_steps(self) -> list[Any]:
        build_steps = build_slice_steps if self.domain.has_body else build_frame_steps
        return build_steps(self.level)
