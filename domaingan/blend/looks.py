"""The look of a scene given to a frame: colour statistics (Reinhard) or low frequencies (FDA).

A look is a small class. It is shown the frame at the scene's own resolution beside the scene, and changes the whole
frame by what differs between those two: so small scenes and large frames meet on equal terms, and a frame that has
the scene's look already stays what it is.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from skimage.color import lab2rgb, rgb2lab

from domaingan.grid import resize

Image = NDArray[np.float32]
"""``(3, H, W)`` RGB in [0, 1]."""


EPSILON = 1e-3
"""Too small to be seen, in L*a*b* as in RGB: keeps the ratio of two flat channels 1, and ends that fit as they are."""

KNEE = 1.5
"""Where values that must come back into the range begin to be pressed together: so many times the excess inside it."""


class Look(Protocol):
    """What every way of relighting offers."""

    def __call__(self, image: Image, small: Image, scene: Image) -> Image:
        """The frame under the scene's look, not clipped.

        Args:
            image: the frame.
            small: the same at the scene's resolution.
            scene: what to look like, ``(3, h, w)``.
        """


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

    coarse: int = 8
    gain: float = 2.0

    def __call__(self, image: Image, small: Image, scene: Image) -> Image:
        """The frame with its colours moved and stretched."""
        coarse = tuple(min(n, self.coarse) for n in scene.shape[1:])
        lab, own, other = (
            rgb2lab(rgb, channel_axis=0) for rgb in (image, resize(small, coarse), resize(scene, coarse))
        )
        means, stds = (
            [np.asarray(f(x, axis=(1, 2), keepdims=True), np.float32) for x in (own, other)] for f in (np.mean, np.std)
        )
        stretch = np.minimum((stds[1] + EPSILON) / (stds[0] + EPSILON), self.gain)
        moved = (lab - means[0]) * stretch + means[1]
        black, white = (float(end) for end in (np.array([0, 100]) - means[0][0, 0]) * stretch[0, 0] + means[1][0, 0])
        moved[0] = softened(moved[0], black, white, 100)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # colours beyond what RGB can show, which become its nearest
            rgb: Image = lab2rgb(moved, channel_axis=0)
        return rgb


@dataclass(frozen=True)
class FDA:
    """The amplitudes of the lowest frequencies become the scene's, the phases stay: Fourier domain adaptation.

    Yang and Soatto 2020 (https://arxiv.org/abs/2004.05498), equation 3. Their band is a share β of the spectrum, here
    it is in periods a frame, so that it means the same at any resolution: theirs of β = 0.01 are 5 at 512 × 1024.
    Only the band's own coefficients are computed: two small matrix products instead of a transform of the frame.

    Attributes:
        band: highest frequency along each axis, in periods a frame.
    """

    band: int = 3

    def __call__(self, image: Image, small: Image, scene: Image) -> Image:
        """The frame and the waves that it lacks of the scene's."""
        band = min(self.band, (min(scene.shape[1:]) - 1) // 2)
        rows, columns = (_waves(n, band) for n in scene.shape[1:])
        half = (np.einsum("chw,wk->chk", x, columns.conj()) for x in (small, scene))
        own, other = (np.einsum("hj,chk->cjk", rows.conj(), x) / scene[0].size for x in half)
        # The phase of what is almost zero is noise, but then so small a wave may have any.
        lacking = (np.abs(other) - np.abs(own)) * np.exp(1j * np.angle(own))
        rows, columns = (_waves(n, band) for n in image.shape[1:])
        lit = image + _real_product(np.einsum("hj,cjk->chk", rows, lacking), columns)
        return np.stack([softened(channel, float(channel.min()), float(channel.max()), 1) for channel in lit])


def softened(values: Image, low: float, high: float, top: float) -> Image:
    """Values from ``low`` to ``high`` brought into 0 to ``top`` by a parabola at either end: nothing becomes black.

    What lies inside, away from the ends, stays; all of it does where the range holds ``low`` and ``high``.
    """
    if low < -EPSILON:
        values = _toe(values, -low)
    return top - _toe(top - values, high - top) if high > top + EPSILON else values


def _toe(values: Image, excess: float) -> Image:
    """-excess becomes 0; from ``KNEE * excess`` on values stay; in between they rise, smoothly and all the way."""
    below = np.maximum(KNEE * excess - values, 0)
    return values + (below / ((KNEE + 1) * excess)) ** 2 * excess


def _real_product(left: NDArray[np.complex64], right: NDArray[np.complex64]) -> Image:
    """The real part of ``left @ right.T``; by einsum, as threads of BLAS get into one another's way in workers."""
    parts = (np.concatenate(pair, axis=-1) for pair in ((left.real, -left.imag), (right.real, right.imag)))
    product: Image = np.einsum("chk,wk->chw", *parts)
    return product


def _waves(n: int, band: int) -> NDArray[np.complex64]:
    """``(n, 2 * band + 1)``: the waves of -band to band periods, at the centres of n pixels."""
    centres = (np.arange(n) + 0.5) / n
    return np.exp(2j * np.pi * np.outer(centres, np.arange(-band, band + 1))).astype(np.complex64)


RELIGHTS: dict[str, type[Reinhard] | type[FDA]] = {"reinhard": Reinhard, "fda": FDA}
"""The looks by name."""
