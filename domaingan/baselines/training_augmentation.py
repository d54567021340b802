"""What is done to a training sample before a baseline sees it: paste, relight, weather, classic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from domaingan.augmentation import Classic, Weather
from domaingan.blend import Paste, Relight
from domaingan.data import Sample

Blender = TypeVar("Blender", Paste, Relight)

PASTE_SHARE = 0.5
"""Share of the training images that a pasting arm pastes into; the others are left as they are."""

RELIGHT_SHARE = 0.6
"""Share of the training images that are relit."""


@dataclass
class TrainingAugmentation:
    """What an arm does to a training sample: blends on the whole image, then classic on the patch.

    Attributes:
        pastes: one a source; which of them is used is drawn each time.
        healthy: likewise for what was painted without an object, pasted as often, by itself or beside objects.
        looks: one a source of looks; likewise.
        weather: synthetic weather, or None.
        classic: the classic pipeline, or None.
        share: share of the images that are pasted into.
        relit: share of the images that are relit.
    """

    pastes: Mapping[str, Paste] = field(default_factory=dict)
    healthy_pastes: Mapping[str, Paste] = field(default_factory=dict)
    relights: Mapping[str, Relight] = field(default_factory=dict)
    weather: Weather | None = None
    classic: Classic | None = None
    paste_share: float = PASTE_SHARE
    relight_share: float = RELIGHT_SHARE

    def blend(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The sample, pasted into and relit as often as the shares say; what was pasted is relit with its host."""
        if self.pastes and rng.random() < self.paste_share:
            sample = _choose_blender(self.pastes, rng)(sample, rng)
        if self.healthy_pastes and rng.random() < self.paste_share:
            sample = _choose_blender(self.healthy_pastes, rng)(sample, rng)
        if self.relights and rng.random() < self.relight_share:
            sample = _choose_blender(self.relights, rng)(sample, rng)
        return sample if self.weather is None else self.weather(sample, rng)

    def apply_classic(
        self, image: NDArray[np.float32], mask: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The scaled ``(C, *patch)`` image and its mask after the classic pipeline."""
        return (image, mask) if self.classic is None else self.classic(image, mask, rng)


def _choose_blender(blenders: Mapping[str, Blender], rng: np.random.Generator) -> Blender:
    names = sorted(blenders)
    return blenders[names[int(rng.integers(len(names)))]]
