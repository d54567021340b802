"""Synthetic weather on frames, by albumentations: it needs no data, and is what generated looks are compared with."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from domaingan.data import Sample

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing must not look for a newer version on the net

WEATHER_SHARE = 0.6
"""Share of the images that weather falls on, as often as a relighting arm relights."""


class Weather:
    """Rain, haze, shadow, sun flare, snow or dim light on a frame; labels stay.

    Haze is of one thickness everywhere: albumentations' own fog makes 5 frames of 360x480 pixels a second on one core,
    the others 500 and more.

    Args:
        share: share of the frames that get any of them.
    """

    def __init__(self, share: float = WEATHER_SHARE) -> None:
        self.share = share
        self._pipeline: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"share": self.share, "_pipeline": None}  # built anew in each worker

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The frame under one drawn kind of weather, or as it was."""
        if rng.random() >= self.share:
            return sample
        if self._pipeline is None:
            self._pipeline = _build_pipeline()
        self._pipeline.set_random_seed(int(rng.integers(2**31)))
        # Several of these transforms work on 8 bits.
        pixels = np.rint(np.moveaxis(sample.image, 0, -1).clip(0, 1) * 255).astype(np.uint8)
        changed = self._pipeline(image=np.ascontiguousarray(pixels))["image"]
        image = np.ascontiguousarray(np.moveaxis(changed, -1, 0), dtype=np.float32) / np.float32(255)
        return replace(sample, image=image.astype(np.float32))


def _build_pipeline() -> Any:
    import albumentations as A

    kinds = [
        A.RandomRain(p=1),
        # Fog of one thickness takes contrast away and adds its own light (Koschmieder 1924, at one distance).
        A.Sequential(
            [
                A.RandomBrightnessContrast(brightness_limit=(0.25, 0.45), contrast_limit=(-0.6, -0.25), p=1),
                A.HueSaturationValue(hue_shift_limit=0, sat_shift_limit=(-30, -10), val_shift_limit=0, p=1),
            ],
            p=1,
        ),
        A.RandomShadow(p=1),
        A.RandomSunFlare(flare_roi=(0, 0, 1, 0.5), src_radius=80, p=1),
        A.RandomSnow(p=1),
        # Dusk and night as classic transforms can make them: less light, another white.
        A.Sequential(
            [
                A.RandomBrightnessContrast(brightness_limit=(-0.5, -0.15), contrast_limit=(-0.2, 0.2), p=1),
                A.PlanckianJitter(mode="blackbody", p=1),
            ],
            p=1,
        ),
    ]
    return A.Compose([A.OneOf(kinds, p=1)])
