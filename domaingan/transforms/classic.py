"""The classic pipelines: what a practitioner would use before anything is generated.

Geometry (flips, rotation, scale, shift, elastic), intensity (brightness, contrast, gamma), noise and blur:
albumentations in 2D, MONAI in 3D. Images come and go in scaled units (see :mod:`domaingan.tissue`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing must not look for a newer version on the net

Image = NDArray[np.float32]
Pipeline = Callable[[Image, NDArray[Any], int], tuple[Image, NDArray[Any]]]

VISIBLE = 0.2
"""Boxes of which less than this share stays in the frame are dropped."""

SCAN_RANGE = (-0.25, 1.75)
"""Scaled units that reach a scan's pipeline: brighter lesions than the 99.5th percentile must not be clipped."""


class Classic:
    """Classic augmentation of an image and its mask.

    Args:
        spatial_dims: 2 (albumentations) or 3 (MONAI).
        domain: ``scan`` or ``frame``; decides the value range, and whether a flip may turn up and down.
    """

    def __init__(self, spatial_dims: int, domain: str) -> None:
        self.spatial_dims, self.domain = spatial_dims, domain
        self.range = SCAN_RANGE if domain == "scan" else (0.0, 1.0)
        self._pipeline: Pipeline | None = None
        self._boxed: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pipeline": None, "_boxed": None}  # built anew in each worker

    def __call__(self, image: Image, mask: NDArray[Any], rng: np.random.Generator) -> tuple[Image, NDArray[Any]]:
        """The augmented ``(C, *spatial)`` image and ``(*spatial)`` mask, of the same shapes and types."""
        if self._pipeline is None:
            build = {2: _albumentations, 3: _monai}[self.spatial_dims]
            self._pipeline = build(self.domain)
        low, high = self.range
        unit = np.clip((image - low) / (high - low), 0, 1).astype(np.float32)
        unit, changed = self._pipeline(unit, mask, int(rng.integers(2**31)))
        return (unit * (high - low) + low).astype(np.float32), changed.astype(mask.dtype)

    def with_boxes(
        self, image: Image, boxes: NDArray[np.float32], labels: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Image, NDArray[np.float32], NDArray[np.int64]]:
        """The augmented ``(3, H, W)`` frame and its boxes ``(N, 4)`` with their labels; what leaves it is dropped."""
        if self._boxed is None:
            self._boxed = _boxed(self.domain)
        self._boxed.set_random_seed(int(rng.integers(2**31)))
        pixels = np.ascontiguousarray(np.moveaxis(image.clip(0, 1), 0, -1))
        out = self._boxed(image=pixels, bboxes=boxes, labels=labels)
        moved = np.asarray(out["bboxes"], dtype=np.float32).reshape(-1, 4)
        names = np.asarray(out["labels"], dtype=np.int64).reshape(-1)
        return np.ascontiguousarray(np.moveaxis(out["image"], -1, 0)), moved, names


def _boxed(domain: str) -> Any:
    import albumentations as A

    kept = A.BboxParams(format="pascal_voc", label_fields=["labels"], min_visibility=VISIBLE, clip=True)
    return A.Compose(_steps(domain), bbox_params=kept)


def _steps(domain: str) -> list[Any]:
    import albumentations as A
    import cv2

    edge = cv2.BORDER_REPLICATE
    steps: list[Any] = [A.HorizontalFlip(p=0.5)]
    if domain == "scan":
        steps.append(A.VerticalFlip(p=0.5))
    turn = 20 if domain == "scan" else 5
    return [
        *steps,
        A.Affine(rotate=(-turn, turn), scale=(0.85, 1.15), translate_percent=(-0.08, 0.08), border_mode=edge, p=0.7),
        A.ElasticTransform(alpha=40, sigma=6, border_mode=edge, p=0.2),
        A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.2, p=0.5),
        A.RandomGamma(gamma_limit=(75, 130), p=0.3),
        A.GaussNoise(std_range=(0.005, 0.03), p=0.3),
        A.GaussianBlur(blur_limit=(3, 5), p=0.2),
    ]


def _albumentations(domain: str) -> Pipeline:
    import albumentations as A

    compose = A.Compose(_steps(domain))

    def run(image: Image, mask: NDArray[Any], seed: int) -> tuple[Image, NDArray[Any]]:
        compose.set_random_seed(seed)
        out = compose(image=np.ascontiguousarray(np.moveaxis(image, 0, -1)), mask=mask.astype(np.uint8))
        pixels = out["image"] if out["image"].ndim == 3 else out["image"][..., None]
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), out["mask"]

    return run


def _monai(domain: str) -> Pipeline:
    from monai import transforms as M

    both, image_only = ["image", "mask"], ["image"]
    compose = M.Compose(
        [
            *[M.RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)],
            M.RandAffined(
                both,
                prob=0.7,
                rotate_range=[0.35] * 3,
                scale_range=[0.15] * 3,
                translate_range=[4] * 3,
                mode=["bilinear", "nearest"],
                padding_mode="border",
            ),
            M.RandScaleIntensityd(image_only, factors=0.2, prob=0.5),
            M.RandShiftIntensityd(image_only, offsets=0.1, prob=0.5),
            M.RandAdjustContrastd(image_only, gamma=(0.75, 1.3), prob=0.3),
            M.RandGaussianNoised(image_only, std=0.03, prob=0.3),
            M.RandGaussianSmoothd(image_only, sigma_x=(0.4, 1), sigma_y=(0.4, 1), sigma_z=(0.4, 1), prob=0.2),
        ]
    )

    def run(image: Image, mask: NDArray[Any], seed: int) -> tuple[Image, NDArray[Any]]:
        compose.set_random_state(seed)
        out = compose({"image": image, "mask": mask[None].astype(np.float32)})
        return np.asarray(out["image"]).clip(0, 1), np.rint(np.asarray(out["mask"])[0])

    return run
