"""The classic pipelines: what a practitioner would use before anything is generated.

There is one pipeline for frames and one for scans in 2D, both by albumentations, and one for scans in 3D by MONAI. Each
has three levels, see :data:`CLASSIC_LEVELS`. All change geometry, intensity or colour, noise and blur; frames also get
weather, and volumes what a scanner does. Mixing two images (MixUp, CutMix) is done on batches, see
:mod:`domaingan.augmentation.mixup`.

Images come and go in scaled units (see :mod:`domaingan.imaging.intensity`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.arguments import RngOrSeed, read_generator
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Domain, DomainName, read_domain

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing must not look for a newer version on the net

CLASSIC_LEVELS = ("light", "medium", "strong")
"""Geometry and brightness alone; with shape, noise and blur, for most uses; with all there is, for few images."""

Image = NDArray[np.float32]
Pipeline = Callable[[Image, NDArray[Any], int], tuple[Image, NDArray[Any]]]

MIN_VISIBLE_SHARE = 0.2
"""Boxes of which less than this share stays in the frame are dropped."""

SCAN_RANGE = (-0.25, 1.75)
"""Scaled units that reach a scan's pipeline: brighter lesions than the 99.5th percentile must not be clipped."""

# ------------------------------------------------------------------ the pipelines


def build_frame_steps(level: str) -> list[Any]:
    """Driving frames: a street is never upside down.

    Of albumentations' weather there is no fog, of which it makes 3 frames a second, and no ISO noise, which in floats
    is white specks.
    """
    import albumentations as A
    import cv2

    edge = cv2.BORDER_REPLICATE
    light = [A.HorizontalFlip(p=0.5)]
    shape = A.Affine(rotate=(-5, 5), scale=(0.85, 1.15), translate_percent=(-0.08, 0.08), border_mode=edge, p=0.7)
    colour = A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.2, p=0.5)
    if level == "light":
        return [*light, colour]
    bent = A.ElasticTransform(alpha=40, sigma=6, border_mode=edge, p=0.2)
    gamma = A.RandomGamma(gamma_limit=(75, 130), p=0.3)
    noise, blur = A.GaussNoise(std_range=(0.005, 0.03), p=0.3), A.GaussianBlur(blur_limit=(3, 5), p=0.2)
    if level == "medium":
        return [*light, shape, bent, colour, gamma, noise, blur]
    wide = A.Affine(rotate=(-8, 8), scale=(0.8, 1.4), translate_percent=(-0.08, 0.08), border_mode=edge, p=0.8)
    tint = A.HueSaturationValue(hue_shift_limit=8, sat_shift_limit=30, val_shift_limit=0, p=0.3)
    bold = A.RandomBrightnessContrast(brightness_limit=0.25, contrast_limit=0.3, p=0.6)
    grain = A.OneOf(
        [A.GaussNoise(std_range=(0.01, 0.06)), A.ISONoise(), A.ImageCompression(quality_range=(40, 90))], p=0.4
    )
    soft = A.OneOf(
        [A.GaussianBlur(blur_limit=(3, 7)), A.MotionBlur(blur_limit=(3, 9)), A.Downscale(scale_range=(0.4, 0.8))], p=0.3
    )
    weather = [
        A.RandomRain(blur_value=3, brightness_coefficient=0.85, p=1),
        A.RandomShadow(p=1),
        A.RandomSunFlare(flare_roi=(0, 0, 1, 0.4), src_radius=80, method="physics_based", p=1),
        A.PlanckianJitter(mode="blackbody", temperature_limit=(4500, 10_000), p=1),
    ]
    tilt = A.Perspective(scale=(0.02, 0.06), border_mode=edge, p=0.2)
    return [*light, wide, tilt, bent, bold, tint, gamma, A.OneOf(weather, p=0.3), grain, soft]


def build_slice_steps(level: str) -> list[Any]:
    """Slices of scans: no colour, any direction, and the shading that a coil leaves."""
    import albumentations as A
    import cv2

    edge = cv2.BORDER_REPLICATE
    light = [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)]
    shape = A.Affine(rotate=(-20, 20), scale=(0.85, 1.15), translate_percent=(-0.08, 0.08), border_mode=edge, p=0.7)
    contrast = A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.2, p=0.5)
    if level == "light":
        return [*light, contrast]
    bent = A.ElasticTransform(alpha=40, sigma=6, border_mode=edge, p=0.2)
    gamma = A.RandomGamma(gamma_limit=(75, 130), p=0.3)
    noise, blur = A.GaussNoise(std_range=(0.005, 0.03), p=0.3), A.GaussianBlur(blur_limit=(3, 5), p=0.2)
    if level == "medium":
        return [*light, shape, bent, contrast, gamma, noise, blur]
    wide = A.Affine(rotate=(-45, 45), scale=(0.7, 1.3), translate_percent=(-0.1, 0.1), border_mode=edge, p=0.8)
    bent = A.OneOf([A.ElasticTransform(alpha=80, sigma=7, border_mode=edge), A.GridDistortion(border_mode=edge)], p=0.4)
    bold = A.RandomBrightnessContrast(brightness_limit=0.15, contrast_limit=0.3, p=0.6)
    curve = A.OneOf([A.RandomGamma(gamma_limit=(65, 150)), A.RandomToneCurve(scale=0.15)], p=0.4)
    grain = A.GaussNoise(std_range=(0.01, 0.035), p=0.4)
    soft = A.OneOf([A.GaussianBlur(blur_limit=(3, 7)), A.Downscale(scale_range=(0.5, 0.9))], p=0.3)
    return [*light, wide, bent, bold, curve, A.Illumination(intensity_range=(0.02, 0.15), p=0.3), grain, soft]


def build_volume_steps(level: str) -> list[Any]:
    """Volumes, of ``image`` and ``mask``: any direction; strong with what coils and k-space do."""
    from monai import transforms as M

    both, image = ["image", "mask"], ["image"]
    light: list[Any] = [M.RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)]
    size = [M.RandScaleIntensityd(image, factors=0.2, prob=0.5), M.RandShiftIntensityd(image, offsets=0.1, prob=0.5)]
    if level == "light":
        return [*light, *size]

    def affine(turn: float, scale: float, shift: float, prob: float) -> Any:
        ranges = {"rotate_range": [turn] * 3, "scale_range": [scale] * 3, "translate_range": [shift] * 3}
        return M.RandAffined(both, prob=prob, **ranges, mode=["bilinear", "nearest"], padding_mode="border")

    def smooth(sigma: tuple[float, float], prob: float) -> Any:
        return M.RandGaussianSmoothd(image, sigma_x=sigma, sigma_y=sigma, sigma_z=sigma, prob=prob)

    gamma = M.RandAdjustContrastd(image, gamma=(0.75, 1.3), prob=0.3)
    if level == "medium":
        noise = M.RandGaussianNoised(image, std=0.03, prob=0.3)
        return [*light, affine(0.35, 0.15, 4, prob=0.7), *size, gamma, noise, smooth((0.4, 1), prob=0.2)]
    scanner = [
        M.RandBiasFieldd(image, coeff_range=(0.0, 0.15), prob=0.3),
        M.RandGibbsNoised(image, alpha=(0.2, 0.6), prob=0.15),
        M.RandSimulateLowResolutiond(image, zoom_range=(0.5, 0.9), prob=0.2),
    ]
    grain = [M.RandGaussianNoised(image, std=0.06, prob=0.4), smooth((0.4, 1.5), prob=0.3)]
    return [*light, affine(0.6, 0.25, 6, prob=0.8), *size, gamma, *scanner, *grain]


# -------------------------------------------------------------------- running them


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
        self.spatial_dims, self.domain, self.level = spatial_dims, read_domain(domain), level
        self.value_range = SCAN_RANGE if self.domain.has_body else (0.0, 1.0)
        self._pipeline: Pipeline | None = None
        self._boxed_pipeline: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pipeline": None, "_boxed_pipeline": None}  # built anew in each worker

    def __call__(self, image: Image, mask: NDArray[Any], rng: RngOrSeed) -> tuple[Image, NDArray[Any]]:
        """Augment an image and its mask.

        Args:
            image: ``(C, *spatial)`` in scaled units.
            mask: ``(*spatial)`` integers.
            rng: a generator, or a seed.

        Returns:
            Image and mask, of the same shapes; the mask keeps its type.
        """
        rng = read_generator(rng)
        if self._pipeline is None:
            self._pipeline = _compose_3d(self.level) if self.spatial_dims == 3 else _compose_2d(self._build_steps())
        low, high = self.value_range
        unit = np.clip((image - low) / (high - low), 0, 1).astype(np.float32)
        values, codes = _encode_as_bytes(mask)
        unit, changed = self._pipeline(unit, codes, int(rng.integers(2**31)))
        changed = changed if values is None else values[changed.astype(np.int64)]
        return (unit * (high - low) + low).astype(np.float32), changed.astype(mask.dtype)

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
            The frame, and the boxes that are left with their labels: see :data:`MIN_VISIBLE_SHARE`.
        """
        if self._boxed_pipeline is None:
            self._boxed_pipeline = _compose_with_boxes(self._build_steps())
        self._boxed_pipeline.set_random_seed(int(read_generator(rng).integers(2**31)))
        pixels = np.ascontiguousarray(np.moveaxis(image.clip(0, 1), 0, -1))
        out = self._boxed_pipeline(image=pixels, bboxes=boxes, labels=labels)
        moved = np.asarray(out["bboxes"], dtype=np.float32).reshape(-1, 4)
        names = np.asarray(out["labels"], dtype=np.int64).reshape(-1)
        return np.ascontiguousarray(np.moveaxis(out["image"], -1, 0)), moved, names

    def _build_steps(self) -> list[Any]:
        return (build_slice_steps if self.domain.has_body else build_frame_steps)(self.level)


def _encode_as_bytes(mask: NDArray[Any]) -> tuple[NDArray[Any] | None, NDArray[Any]]:
    """A mask as libraries move it: of bytes. Where its values do not fit, their table and the positions in it.

    Raises:
        DataError: more values than a byte has.
    """
    if mask.dtype == np.uint8 or (mask.size and mask.min() >= 0 and mask.max() <= 255):
        return None, mask
    values = np.unique(np.append(mask, np.zeros(1, mask.dtype)))
    values = np.concatenate([values[values == 0], values[values != 0]])  # what comes in from outside is background
    if len(values) > 256:
        raise DataError(f"a mask of {len(values)} values", expected="at most 256, for classic augmentation")
    order = np.argsort(values)
    return values, order[np.searchsorted(values, mask, sorter=order)].astype(np.uint8)


class InPlaneClassic:
    """The classic augmentation of slices on every slice of a volume, the same in each: for stacks of thick slices.

    To turn or bend such a stack across its slices would make steps and pull its border in (nnU-Net does as much,
    Isensee et al. 2021).

    Args:
        axis: across the slices.
        level: one of :data:`CLASSIC_LEVELS`.
    """

    def __init__(self, axis: int, level: str = "medium") -> None:
        self.axis, self.classic = axis, Classic(2, SCAN, level)

    def __call__(self, image: Image, mask: NDArray[Any], rng: np.random.Generator) -> tuple[Image, NDArray[Any]]:
        """As :meth:`Classic.__call__`, of ``(C, X, Y, Z)`` and ``(X, Y, Z)``."""
        seed = int(rng.integers(2**31))
        slices = zip(np.moveaxis(image, self.axis + 1, 0), np.moveaxis(mask, self.axis, 0), strict=True)
        made = [self.classic(each, labels, np.random.default_rng(seed)) for each, labels in slices]
        return np.stack([one for one, _ in made], self.axis + 1), np.stack([two for _, two in made], self.axis)


def find_thick_axis(shape: Sequence[int], spacing: Sequence[float]) -> int | None:
    """The axis across thick or few slices: spaced three times as far, or with a quarter as many, as any other.

    >>> find_thick_axis((160, 256, 5), (1, 1, 1)), find_thick_axis((99, 99, 40), (1, 1, 5))
    (2, 2)
    >>> find_thick_axis((99, 99, 99), (1, 1, 2)) is None
    True
    """
    few, coarse = np.argsort(shape), np.argsort(spacing)[::-1]
    if shape[few[0]] * 4 <= shape[few[1]]:
        return int(few[0])
    return int(coarse[0]) if spacing[coarse[0]] >= 3 * spacing[coarse[1]] else None


def _compose_with_boxes(steps: list[Any]) -> Any:
    import albumentations as A

    kept = A.BboxParams(format="pascal_voc", label_fields=["labels"], min_visibility=MIN_VISIBLE_SHARE, clip=True)
    return A.Compose(steps, bbox_params=kept)


def _compose_2d(steps: list[Any]) -> Pipeline:
    import albumentations as A

    compose = A.Compose(steps)

    def run(image: Image, mask: NDArray[Any], seed: int) -> tuple[Image, NDArray[Any]]:
        compose.set_random_seed(seed)
        out = compose(image=np.ascontiguousarray(np.moveaxis(image, 0, -1)), mask=mask.astype(np.uint8))
        pixels = out["image"] if out["image"].ndim == 3 else out["image"][..., None]
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), out["mask"]

    return run


def _compose_3d(level: str) -> Pipeline:
    from monai import transforms as M

    compose = M.Compose(build_volume_steps(level))

    def run(image: Image, mask: NDArray[Any], seed: int) -> tuple[Image, NDArray[Any]]:
        compose.set_random_state(seed)
        out = compose({"image": image, "mask": mask[None].astype(np.float32)})
        return np.asarray(out["image"]).clip(0, 1), np.rint(np.asarray(out["mask"])[0])

    return run
