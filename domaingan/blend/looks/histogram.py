"""Histograms: each channel's values become as often as in the scene."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domaingan.blend.looks.look_input import LOOK_EPSILON, Image, LookInput
from domaingan.blend.looks.reinhard import Reinhard, to_lab, to_rgb

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HistogramLook:
    """The quantiles of each channel become the scene's: histogram matching, by a curve through some of them.

    Gonzalez and Woods, "Digital Image Processing", section 3.3; of scans the body alone, as in Nyúl and Udupa 1999
    ("On standardizing the MR image intensity scale"). Few quantiles make a curve without steps, so that neither noise
    nor the banding of a small scene is carried over. What lies beyond the ends is moved as they are.

    Attributes:
        quantiles: how many are matched.
        gain: how steep the curve may be at most, lest what is almost flat, its noise too, is torn apart.
    """

    quantiles: int = 33
    max_gain: float = 3.0

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """The image with each channel through a curve of its own, not clipped."""
        levels = np.linspace(0, 1, self.quantiles)
        own, other = (np.quantile(_get_body_values(seen), levels, axis=1).T for seen in (small, scene))
        changed = [self._apply_curve(*each) for each in zip(host.image, own, other, strict=True)]
        return np.stack(changed)

    def _apply_curve(self, channel: Image, source_quantiles: Floats, target_quantiles: Floats) -> Image:
        """A channel through the curve that takes its own quantiles to the wanted ones."""
        knots, which = np.unique(np.round(source_quantiles / LOOK_EPSILON), return_inverse=True)
        knots, targets = (
            np.bincount(which, values) / np.bincount(which) for values in (source_quantiles, target_quantiles)
        )
        if len(knots) > 1:
            steps = np.minimum(np.diff(targets), self.max_gain * np.diff(knots))
            limited = np.concatenate([[0], np.cumsum(steps)])
            targets = limited + np.median(targets - limited)
        return (channel + np.interp(channel, knots, targets - knots)).astype(np.float32)


@dataclass(frozen=True)
class LightnessHistogram:
    """Histogram matching of a frame's lightness; its tints are moved and stretched as :class:`Reinhard` does.

    Matched one by one, red, green and blue part company where a sky is white: dusk turned every second one red.

    Attributes:
        curve: of L*.
        tints: of a* and b*.
    """

    curve: HistogramLook = field(default_factory=HistogramLook)
    tints: Reinhard = field(default_factory=Reinhard)

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """The frame with its lightness through a curve."""
        stretch, offset = self.tints.compute_change(small.image, scene.image)
        lab = to_lab(host.image)
        lightness = [
            LookInput((each[:1] / 100).astype(np.float32)) for each in (lab, to_lab(small.image), to_lab(scene.image))
        ]
        moved = lab * stretch[:, None, None] + offset[:, None, None]
        moved[0] = 100 * self.curve(*lightness)[0]
        return to_rgb(moved)


def _get_body_values(seen: LookInput) -> Image:
    """``(C, N)``: the values of the body, or of everything."""
    if seen.body is None or not seen.body.any():
        return seen.image.reshape(len(seen.image), -1)
    return seen.image[:, seen.body]
