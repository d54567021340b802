"""Histograms: each channel's values become as frequent as in the scene."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domaingan.blend.looks.look_input import LOOK_EPSILON, Image, LookInput
from domaingan.blend.looks.reinhard import Reinhard, to_lab, to_rgb

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HistogramLook:
    """Makes the quantiles of each channel the scene's, by a curve through some of them: histogram matching.

    Gonzalez and Woods, "Digital Image Processing", section 3.3; of scans the body alone, as in Nyúl and Udupa 1999
    ("On standardizing the MR image intensity scale"). Few quantiles make a curve without steps, so that neither noise
    nor the banding of a small scene is carried over. Values beyond the ends are moved as the ends are.

    Attributes:
        quantiles: how many are matched.
        max_gain: largest slope of the curve, so that what is almost flat is not torn apart with its noise.
    """

    quantiles: int = 33
    max_gain: float = 3.0

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """Return the image with each channel through a curve of its own, not clipped.

        See :class:`~domaingan.blend.looks.look_input.Look`.
        """
        levels = np.linspace(0, 1, self.quantiles)
        source = np.quantile(_get_body_values(small), levels, axis=1).T
        target = np.quantile(_get_body_values(scene), levels, axis=1).T
        channels = zip(host.image, source, target, strict=True)
        return np.stack([self._apply_curve(*channel) for channel in channels])

    def _apply_curve(self, channel: Image, source_quantiles: Floats, target_quantiles: Floats) -> Image:
        """Send a channel through the curve from its own quantiles to the wanted ones."""
        rounded = np.round(source_quantiles / LOOK_EPSILON)
        unique, knot_of_quantile = np.unique(rounded, return_inverse=True)
        counts = np.bincount(knot_of_quantile)
        knots = np.bincount(knot_of_quantile, source_quantiles) / counts
        targets = np.bincount(knot_of_quantile, target_quantiles) / counts
        if len(unique) > 1:
            steps = np.minimum(np.diff(targets), self.max_gain * np.diff(knots))
            limited = np.concatenate([[0], np.cumsum(steps)])
            targets = limited + np.median(targets - limited)
        return (channel + np.interp(channel, knots, targets - knots)).astype(np.float32)


@dataclass(frozen=True)
class LightnessHistogram:
    """Matches the histogram of a frame's lightness; its colours are moved and stretched as by :class:`Reinhard`.

    Matched one by one, red, green and blue part where a sky is white: dusk turned every second sky red.

    Attributes:
        curve: of L*.
        tints: of a* and b*.
    """

    curve: HistogramLook = field(default_factory=HistogramLook)
    tints: Reinhard = field(default_factory=Reinhard)

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """Return the frame with the scene's histogram of lightness, and its tints shifted towards the scene's.

        See :class:`~domaingan.blend.looks.look_input.Look`.
        """
        stretch, offset = self.tints.compute_change(small.image, scene.image)
        lab = to_lab(host.image)
        moved = lab * stretch[:, None, None] + offset[:, None, None]
        host_lightness = _get_lightness(lab)
        small_lightness = _get_lightness(to_lab(small.image))
        scene_lightness = _get_lightness(to_lab(scene.image))
        moved[0] = 100 * self.curve(host_lightness, small_lightness, scene_lightness)[0]
        return to_rgb(moved)


def _get_lightness(lab: Image) -> LookInput:
    """Return the lightness of an L*a*b* image, in [0, 1], as an image of one channel."""
    return LookInput((lab[:1] / 100).astype(np.float32))


def _get_body_values(source: LookInput) -> Image:
    """Return the values of the body, or of everything: ``(C, N)``."""
    if source.body is None or not source.body.any():
        return source.image.reshape(len(source.image), -1)
    return source.image[:, source.body]
