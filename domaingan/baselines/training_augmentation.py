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
"""Share of the training images that a pasting arm pastes into; the others stay as they are."""

RELIGHT_SHARE = 0.6
"""Share of the training images that a relighting arm relights."""


@dataclass
class TrainingAugmentation:
    """What an arm does to a training sample: it blends on the whole image, then runs classic on the patch.

    Attributes:
        pastes: one for each source of objects; which of them is used is drawn for each image.
        healthy_pastes: the same for generated patches without an object. They are pasted as often as objects, by
            themselves or beside objects.
        relights: one for each source of styles; which of them is used is drawn for each image.
        weather: synthetic weather, or None.
        classic: the classic pipeline, or None.
        paste_share: share of the images that are pasted into, in [0, 1].
        relight_share: share of the images that are relit, in [0, 1].
        paste_hosts: names of the samples that are pasted into; None for all of them.
    """

    pastes: Mapping[str, Paste] = field(default_factory=dict)
    healthy_pastes: Mapping[str, Paste] = field(default_factory=dict)
    relights: Mapping[str, Relight] = field(default_factory=dict)
    weather: Weather | None = None
    classic: Classic | None = None
    paste_share: float = PASTE_SHARE
    relight_share: float = RELIGHT_SHARE
    paste_hosts: frozenset[str] | None = None

    def blend(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Paste into a sample and relight it, as often as the shares say, then add weather.

        What was pasted is relit together with its host.

        Args:
            sample: a training sample; it stays as it is.
            rng: draws whether, what and where.

        Returns:
            The blended sample, or the same one where nothing was done to it.
        """
        is_host = self.paste_hosts is None or sample.name in self.paste_hosts
        if self.pastes and rng.random() < self.paste_share and is_host:
            sample = _choose_blender(self.pastes, rng)(sample, rng)
        if self.healthy_pastes and rng.random() < self.paste_share and is_host:
            sample = _choose_blender(self.healthy_pastes, rng)(sample, rng)
        if self.relights and rng.random() < self.relight_share:
            sample = _choose_blender(self.relights, rng)(sample, rng)
        return sample if self.weather is None else self.weather(sample, rng)

    def apply_classic(
        self, image: NDArray[np.float32], mask: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Apply the classic pipeline, if there is one, to a patch.

        Args:
            image: ``(C, *patch)`` in scaled units.
            mask: ``(*patch)`` class indices.
            rng: draws the parameters.
        """
        if self.classic is None:
            return image, mask
        return self.classic(image, mask, rng)


def _choose_blender(blenders: Mapping[str, Blender], rng: np.random.Generator) -> Blender:
    names = sorted(blenders)
    return blenders[names[int(rng.integers(len(names)))]]
