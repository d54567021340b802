"""What the classic pipelines consist of: the steps of each level for frames, for slices of scans and for volumes."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing must not look for a newer version on the net


def build_frame_steps(level: str) -> list[Any]:
    """Build the steps for driving frames: a street is never upside down.

    Of albumentations' weather there is no fog, of which it makes 3 frames a second, and no ISO noise, which in floats
    is white specks.

    Args:
        level: one of :data:`domaingan.augmentation.CLASSIC_LEVELS`.

    Returns:
        Transforms of albumentations, in order.
    """
    import albumentations as A
    import cv2

    border = cv2.BORDER_REPLICATE
    flips = [A.HorizontalFlip(p=0.5)]
    if level == "light":
        return [*flips, A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.2, p=0.5)]
    elastic = A.ElasticTransform(alpha=40, sigma=6, border_mode=border, p=0.2)
    gamma = A.RandomGamma(gamma_limit=(75, 130), p=0.3)
    if level == "medium":
        return [
            *flips,
            A.Affine(rotate=(-5, 5), scale=(0.85, 1.15), translate_percent=(-0.08, 0.08), border_mode=border, p=0.7),
            elastic,
            A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.2, p=0.5),
            gamma,
            A.GaussNoise(std_range=(0.005, 0.03), p=0.3),
            A.GaussianBlur(blur_limit=(3, 5), p=0.2),
        ]
    weather = [
        A.RandomRain(blur_value=3, brightness_coefficient=0.85, p=1),
        A.RandomShadow(p=1),
        A.RandomSunFlare(flare_roi=(0, 0, 1, 0.4), src_radius=80, method="physics_based", p=1),
        A.PlanckianJitter(mode="blackbody", temperature_limit=(4500, 10_000), p=1),
    ]
    noises = [A.GaussNoise(std_range=(0.01, 0.06)), A.ISONoise(), A.ImageCompression(quality_range=(40, 90))]
    blurs = [A.GaussianBlur(blur_limit=(3, 7)), A.MotionBlur(blur_limit=(3, 9)), A.Downscale(scale_range=(0.4, 0.8))]
    return [
        *flips,
        A.Affine(rotate=(-8, 8), scale=(0.8, 1.4), translate_percent=(-0.08, 0.08), border_mode=border, p=0.8),
        A.Perspective(scale=(0.02, 0.06), border_mode=border, p=0.2),
        elastic,
        A.RandomBrightnessContrast(brightness_limit=0.25, contrast_limit=0.3, p=0.6),
        A.HueSaturationValue(hue_shift_limit=8, sat_shift_limit=30, val_shift_limit=0, p=0.3),
        gamma,
        A.OneOf(weather, p=0.3),
        A.OneOf(noises, p=0.4),
        A.OneOf(blurs, p=0.3),
    ]


def build_slice_steps(level: str) -> list[Any]:
    """Build the steps for slices of scans: no colour, any direction, and the shading that a coil leaves.

    Args:
        level: one of :data:`domaingan.augmentation.CLASSIC_LEVELS`.

    Returns:
        Transforms of albumentations, in order.
    """
    import albumentations as A
    import cv2

    border = cv2.BORDER_REPLICATE
    flips = [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)]
    if level == "light":
        return [*flips, A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.2, p=0.5)]
    if level == "medium":
        return [
            *flips,
            A.Affine(rotate=(-20, 20), scale=(0.85, 1.15), translate_percent=(-0.08, 0.08), border_mode=border, p=0.7),
            A.ElasticTransform(alpha=40, sigma=6, border_mode=border, p=0.2),
            A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.2, p=0.5),
            A.RandomGamma(gamma_limit=(75, 130), p=0.3),
            A.GaussNoise(std_range=(0.005, 0.03), p=0.3),
            A.GaussianBlur(blur_limit=(3, 5), p=0.2),
        ]
    warps = [A.ElasticTransform(alpha=80, sigma=7, border_mode=border), A.GridDistortion(border_mode=border)]
    curves = [A.RandomGamma(gamma_limit=(65, 150)), A.RandomToneCurve(scale=0.15)]
    blurs = [A.GaussianBlur(blur_limit=(3, 7)), A.Downscale(scale_range=(0.5, 0.9))]
    return [
        *flips,
        A.Affine(rotate=(-45, 45), scale=(0.7, 1.3), translate_percent=(-0.1, 0.1), border_mode=border, p=0.8),
        A.OneOf(warps, p=0.4),
        A.RandomBrightnessContrast(brightness_limit=0.15, contrast_limit=0.3, p=0.6),
        A.OneOf(curves, p=0.4),
        A.Illumination(intensity_range=(0.02, 0.15), p=0.3),
        A.GaussNoise(std_range=(0.01, 0.035), p=0.4),
        A.OneOf(blurs, p=0.3),
    ]


def build_volume_steps(level: str) -> list[Any]:
    """Build the steps for volumes: any direction; ``strong`` adds what coils and k-space do.

    Args:
        level: one of :data:`domaingan.augmentation.CLASSIC_LEVELS`.

    Returns:
        MONAI's transforms of ``image`` and ``mask``, in order.
    """
    from monai import transforms as M

    both = ["image", "mask"]
    image = ["image"]
    flips = [M.RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)]
    contrast = M.RandScaleIntensityd(image, factors=0.2, prob=0.5)
    brightness = M.RandShiftIntensityd(image, offsets=0.1, prob=0.5)
    if level == "light":
        return [*flips, contrast, brightness]
    gamma = M.RandAdjustContrastd(image, gamma=(0.75, 1.3), prob=0.3)
    if level == "medium":
        return [
            *flips,
            _build_volume_affine(rotation=0.35, scale=0.15, shift=4, prob=0.7),
            contrast,
            brightness,
            gamma,
            M.RandGaussianNoised(image, std=0.03, prob=0.3),
            _build_volume_blur((0.4, 1), prob=0.2),
        ]
    return [
        *flips,
        _build_volume_affine(rotation=0.6, scale=0.25, shift=6, prob=0.8),
        contrast,
        brightness,
        gamma,
        M.RandBiasFieldd(image, coeff_range=(0.0, 0.15), prob=0.3),
        M.RandGibbsNoised(image, alpha=(0.2, 0.6), prob=0.15),
        M.RandSimulateLowResolutiond(image, zoom_range=(0.5, 0.9), prob=0.2),
        M.RandGaussianNoised(image, std=0.06, prob=0.4),
        _build_volume_blur((0.4, 1.5), prob=0.3),
    ]


def _build_volume_affine(rotation: float, scale: float, shift: float, prob: float) -> Any:
    """Build an affine transform: up to ``rotation`` radians, a factor of ``1 ± scale`` and ``shift`` voxels an axis."""
    from monai import transforms as M

    return M.RandAffined(
        ["image", "mask"],
        prob=prob,
        rotate_range=[rotation] * 3,
        scale_range=[scale] * 3,
        translate_range=[shift] * 3,
        mode=["bilinear", "nearest"],
        padding_mode="border",
    )


def _build_volume_blur(sigma: tuple[float, float], prob: float) -> Any:
    """Build a Gaussian blur of the image, with a standard deviation in voxels between the two of ``sigma``."""
    from monai import transforms as M

    return M.RandGaussianSmoothd(["image"], sigma_x=sigma, sigma_y=sigma, sigma_z=sigma, prob=prob)
