"""Colour statistics: mean and spread of each channel become the scene's, for the whole frame or class by class."""

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
"""Factors of L*, a* and b*, and what is added afterwards, ``(3,)`` each."""

OUTLIER_SHARE = 0.002
"""Share of the pixels that may become black, or white. A wire that counts as sky is far from all other sky."""

MAX_LIGHTNESS = 100
"""L* of white."""


@dataclass(frozen=True)
class Reinhard:
    """Makes mean and standard deviation of each channel the scene's, in a colour space of opponents.

    Reinhard et al. 2001, "Color transfer between images", equations 10 and 11; in CIE L*a*b* instead of their lαβ,
    whose logarithm tears dark pixels apart.

    Means and deviations are those of both images shrunk to a few pixels. What is finer is texture, and in generated
    scenes coloured fringes. At 32 and 64 pixels the a* of generated scenes deviates by half more than that of the real
    scenes they were learned from, at 16 by a fifth, at 8 by less than a tenth (CamVid at dusk).

    Attributes:
        coarse_size: edge in pixels of the images that are measured.
        max_gain: largest factor of a channel, so that faint tints of a grey frame do not glow.
    """

    coarse_size: int = 8
    max_gain: float = 2.0

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """Return the frame with its colours moved and stretched.

        See :class:`~domaingan.blend.looks.look_input.Look`.
        """
        stretch, offset = self.compute_change(small.image, scene.image)
        moved = to_lab(host.image) * stretch[:, None, None] + offset[:, None, None]
        black = float(0 * stretch[0] + offset[0])
        white = float(MAX_LIGHTNESS * stretch[0] + offset[0])
        return to_rgb(moved, (black, white))

    def compute_change(self, small: Image, scene: Image) -> ColourChange:
        """Compute what brings the colours of one ``(3, h, w)`` frame to those of another.

        Args:
            small: the frame.
            scene: the frame whose colours are wanted.

        Returns:
            Factors and offsets of L*, a* and b*.
        """
        coarse = tuple(min(size, self.coarse_size) for size in scene.shape[1:])
        source = to_lab(resize(small, coarse)).reshape(3, -1)
        target = to_lab(resize(scene, coarse)).reshape(3, -1)
        return _match_moments(source, target, self.max_gain)


@dataclass(frozen=True)
class ReinhardPerClass:
    """Does the same for each class by itself: sky becomes as the scene's sky, road as its road.

    Where either image shows few pixels of a class, the class is changed partly as the whole frame is. Where either
    shows none, it is changed wholly so, and so is a host without classes. The change is smooth across the border
    between two classes, as labels are not exact to the pixel.

    Attributes:
        whole_frame: what is done where nothing is known of a class.
        half_trusted_share: share of an image's pixels at which a class counts as much as the whole frame.
        blur: standard deviation of the smooth transition, as a share of the frame's height.
    """

    whole_frame: Reinhard = field(default_factory=Reinhard)
    half_trusted_share: float = 2e-3
    blur: float = 5e-3

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """Return the frame with the colours of each class moved and stretched.

        See :class:`~domaingan.blend.looks.look_input.Look`.
        """
        if host.classes is None or small.classes is None or scene.classes is None:
            return self.whole_frame(host, small, scene)
        table = self._build_table(small, scene)
        change_maps = np.moveaxis(table[host.classes], -1, 0)
        sigma = self.blur * host.image.shape[1]
        smooth_maps = ndimage.gaussian_filter(change_maps, (0, sigma, sigma), mode="nearest")
        stretch, offset = np.split(smooth_maps, 2)
        return to_rgb(to_lab(host.image) * stretch + offset)

    def _build_table(self, small: LookInput, scene: LookInput) -> NDArray[np.float32]:
        """Build for each class value the factors and the offsets of the three channels, ``(256, 6)``."""
        assert small.classes is not None and scene.classes is not None
        whole = np.concatenate(self.whole_frame.compute_change(small.image, scene.image))
        table = np.tile(whole, (256, 1))
        source = to_lab(small.image)
        target = to_lab(scene.image)
        common = np.intersect1d(small.classes, scene.classes)
        for value in np.setdiff1d(common, [UNLABELLED_VALUE]):
            in_source = small.classes == value
            in_target = scene.classes == value
            min_share = min(in_source.mean(), in_target.mean())
            trust = min_share / (min_share + self.half_trusted_share)
            change = _match_moments(source[:, in_source], target[:, in_target], self.whole_frame.max_gain)
            table[value] += trust * (np.concatenate(change) - whole)
        return table


def _match_moments(source: NDArray[Any], target: NDArray[Any], max_gain: float) -> ColourChange:
    """Compute what gives ``(3, N)`` values the means and deviations of others."""
    source_mean, source_std = compute_moments(source)
    target_mean, target_std = compute_moments(target)
    stretch = np.minimum((target_std + LOOK_EPSILON) / (source_std + LOOK_EPSILON), max_gain)
    return stretch, target_mean - source_mean * stretch


def to_lab(rgb: Image) -> Image:
    """Convert a frame ``(3, H, W)`` in [0, 1] to CIE L*a*b*."""
    lab: Image = rgb2lab(rgb, channel_axis=0)
    return lab


def to_rgb(lab: Image, ends: tuple[float, float] | None = None) -> Image:
    """Convert a frame in CIE L*a*b* to RGB; lightness outside its range is compressed, see :func:`soften_range`.

    Args:
        lab: ``(3, H, W)``; its lightness is changed in place.
        ends: what lightness reaches from and to. Unless given it is measured, without the darkest and the brightest
            :data:`OUTLIER_SHARE` of the pixels.

    Returns:
        ``(3, H, W)`` in [0, 1].
    """
    if ends is None:
        ends = tuple(np.quantile(lab[0], (OUTLIER_SHARE, 1 - OUTLIER_SHARE)).tolist())
    black, white = ends
    lab[0] = soften_range(lab[0], black, white, MAX_LIGHTNESS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # RGB cannot show all colours. The others become the nearest it can.
        rgb: Image = lab2rgb(lab, channel_axis=0)
    return rgb
