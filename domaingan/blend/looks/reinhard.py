"""Colour statistics: mean and spread of each channel become the scene's, everywhere alike or class by class."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import lab2rgb, rgb2lab

from domaingan.banks.scenes import UNLABELLED_VALUE
from domaingan.blend.looks.look_input import LOOK_EPSILON, Image, LookInput, compute_moments, soften_range
from domaingan.imaging.resample import resize

ColourChange = tuple[NDArray[np.float32], NDArray[np.float32]]
"""By what L*, a* and b* are multiplied, and what is added then, ``(3,)`` each."""

OUTLIER_SHARE = 0.002
"""Share of the pixels that may become black, or white: a wire that counts as sky is far from all other sky."""


@dataclass(frozen=True)
class Reinhard:
    """Mean and standard deviation of each channel in a colour space of opponents become the scene's.

    Reinhard et al. 2001, "Color transfer between images", equations 10 and 11; in CIE L*a*b* instead of their lαβ,
    whose logarithm tears dark pixels apart.

    Means and deviations are those of both pictures shrunk to a few pixels. What is finer is texture, and in generated
    scenes coloured fringes: at 32 and 64 pixels theirs deviate by half more in a* than the real ones they were learned
    from, at 16 by a fifth, at 8 by less than a tenth (CamVid at dusk).

    Attributes:
        coarse: edge of what is measured, in pixels.
        gain: by how much a channel may be stretched at most, lest faint tints of a grey frame glow.
    """

    coarse_size: int = 8
    max_gain: float = 2.0

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """The frame with its colours moved and stretched."""
        stretch, offset = self.compute_change(small.image, scene.image)
        moved = to_lab(host.image) * stretch[:, None, None] + offset[:, None, None]
        black, white = (float(end * stretch[0] + offset[0]) for end in (0, 100))
        return to_rgb(moved, (black, white))

    def compute_change(self, small: Image, scene: Image) -> ColourChange:
        """What brings the colours of one ``(3, h, w)`` frame to those of another."""
        coarse = tuple(min(n, self.coarse_size) for n in scene.shape[1:])
        own, other = (to_lab(resize(rgb, coarse)).reshape(3, -1) for rgb in (small, scene))
        return _match_moments(own, other, self.max_gain)


@dataclass(frozen=True)
class ReinhardPerClass:
    """The same for each class by itself: sky becomes as the scene's sky, road as its road.

    A class of which either picture shows few pixels is partly, and one that either lacks wholly, changed as Reinhard
    changes the whole frame; so is a host without classes. What is done changes gradually across the border between
    two classes, as labels are not exact to the pixel.

    Attributes:
        whole: what is done where nothing is known of a class.
        few: share of a picture's pixels that counts as much as what the whole frame says.
        blur: standard deviation, in shares of the frame's height, of how gradually it changes.
    """

    whole_frame: Reinhard = field(default_factory=Reinhard)
    half_trusted_share: float = 2e-3
    blur: float = 5e-3

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """The frame with the colours of each class moved and stretched."""
        if host.classes is None or small.classes is None or scene.classes is None:
            return self.whole_frame(host, small, scene)
        table = self._build_table(small, scene)
        maps = np.moveaxis(table[host.classes], -1, 0)
        sigma = self.blur * host.image.shape[1]
        stretch, offset = np.split(ndimage.gaussian_filter(maps, (0, sigma, sigma), mode="nearest"), 2)
        moved = to_lab(host.image) * stretch + offset
        return to_rgb(moved)

    def _build_table(self, small: LookInput, scene: LookInput) -> NDArray[np.float32]:
        """For each class value the stretch and the offset of the three channels, ``(256, 6)``."""
        assert small.classes is not None and scene.classes is not None
        whole = np.concatenate(self.whole_frame.compute_change(small.image, scene.image))
        table = np.tile(whole, (256, 1))
        own, other = to_lab(small.image), to_lab(scene.image)
        for value in np.setdiff1d(np.intersect1d(small.classes, scene.classes), [UNLABELLED_VALUE]):
            here, there = small.classes == value, scene.classes == value
            fewest = min(here.mean(), there.mean())
            change = np.concatenate(_match_moments(own[:, here], other[:, there], self.whole_frame.max_gain))
            table[value] += fewest / (fewest + self.half_trusted_share) * (change - whole)
        return table


def _match_moments(source: NDArray[Any], target: NDArray[Any], max_gain: float) -> ColourChange:
    (mean, std), (wanted, spread) = compute_moments(source), compute_moments(target)
    stretch = np.minimum((spread + LOOK_EPSILON) / (std + LOOK_EPSILON), max_gain)
    return stretch, wanted - mean * stretch


def to_lab(rgb: Image) -> Image:
    """A frame ``(3, H, W)`` in CIE L*a*b*."""
    lab: Image = rgb2lab(rgb, channel_axis=0)
    return lab


def to_rgb(lab: Image, ends: tuple[float, float] | None = None) -> Image:
    """Back to RGB, lightness pressed together (see :func:`softened`) where it leaves its range.

    Args:
        lab: ``(3, H, W)``; its lightness is changed in place.
        ends: what lightness reaches from and to; unless given all but the darkest and the brightest few in a thousand.
    """
    black, white = ends or np.quantile(lab[0], (OUTLIER_SHARE, 1 - OUTLIER_SHARE)).tolist()
    lab[0] = soften_range(lab[0], black, white, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # colours beyond what RGB can show, which become its nearest
        rgb: Image = lab2rgb(lab, channel_axis=0)
    return rgb
