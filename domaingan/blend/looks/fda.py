"""Low frequencies: the amplitudes of the slowest waves become the scene's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.blend.looks.look_input import Image, LookInput

REFERENCE_SIZE = 512
"""Pixels along an axis of the frames that β refers to, whatever the frame's own resolution."""

Coefficients = NDArray[np.complex64]


@dataclass(frozen=True)
class FDA:
    """The amplitudes of the lowest frequencies become the scene's, the phases stay: Fourier domain adaptation.

    Yang and Soatto 2020 (https://arxiv.org/abs/2004.05498), equation 3. Their band is a share β of the spectrum, here
    of that of a frame of 512 pixels, the height of theirs, so that it means the same at any resolution: β = 0.01 are
    5 periods a frame. Only the band's own coefficients are computed: small matrix products instead of a transform.

    More than one period makes clouds where neither picture has any: day frames relit from dusk ones came nearer to
    other dusk frames by β = 0.002, and further away by 0.006 and more (KID, benchmarks/quality/relight_looks.py).

    Of a scan it is the body alone that is looked at, within its box, surrounded by its own mean: the amplitudes of a
    head in air are those of its outline.

    Attributes:
        beta: highest frequency along each axis, as a share of the spectrum.
    """

    beta: float = 0.002

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """The image and the waves that it lacks of the scene's."""
        shape = scene.image.shape[1:]
        band = min(round(self.beta * REFERENCE_SIZE), (min(shape) - 1) // 2)
        own, other = (_analyse_band(_fill_background(seen), band) for seen in (small, scene))
        # The phase of what is almost zero is noise, but then so small a wave may have any.
        lacking = (np.abs(other) - np.abs(own)) * np.exp(1j * np.angle(own))
        return host.image + _synthesise_band(lacking.astype(np.complex64), host.image.shape[1:], band)


def _fill_background(seen: LookInput) -> Image:
    """The image with everything beside the body at the body's mean."""
    if seen.body is None or not seen.body.any():
        return seen.image
    means = seen.image[:, seen.body].mean(axis=1)
    return np.where(seen.body, seen.image, means.reshape(-1, *[1] * seen.body.ndim)).astype(np.float32)


def _analyse_band(image: Image, band: int) -> Coefficients:
    """``(C, 2 * band + 1, …)``: amplitudes and phases of the waves of an image ``(C, *spatial)``.

    By einsum, here and below, as threads of BLAS get into one another's way in workers.
    """
    found: NDArray[np.complex64] = image.astype(np.complex64)
    for n in reversed(image.shape[1:]):  # the last axis is worked on and becomes the first, so that all have their turn
        found = np.moveaxis(np.einsum("...n,nk->...k", found, _build_waves(n, band).conj()), -1, 1)
    return found / np.prod(image.shape[1:])


def _synthesise_band(waves: Coefficients, shape: tuple[int, ...], band: int) -> Image:
    """``(C, *shape)``: the sum of waves, of which only the real part is computed in the end."""
    for n in reversed(shape[1:]):
        waves = np.moveaxis(np.einsum("...k,nk->...n", waves, _build_waves(n, band)), -1, 1)
    first = _build_waves(shape[0], band)
    real, imaginary = np.ascontiguousarray(waves.real), np.ascontiguousarray(waves.imag)
    total = np.einsum("...k,nk->...n", real, first.real) - np.einsum("...k,nk->...n", imaginary, first.imag)
    return np.ascontiguousarray(np.moveaxis(total, -1, 1))


def _build_waves(n: int, band: int) -> Coefficients:
    """``(n, 2 * band + 1)``: the waves of -band to band periods, at the centres of n pixels."""
    centres = (np.arange(n) + 0.5) / n
    return np.exp(2j * np.pi * np.outer(centres, np.arange(-band, band + 1))).astype(np.complex64)
