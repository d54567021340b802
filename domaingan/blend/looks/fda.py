"""Low frequencies: the amplitudes of the slowest waves become the scene's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.blend.looks.look_input import Image, LookInput

REFERENCE_SIZE = 512
"""Edge in pixels of the frames that β refers to, whatever the frame's own resolution."""

Coefficients = NDArray[np.complex64]


@dataclass(frozen=True)
class FDA:
    """Replaces the amplitudes of the lowest frequencies by the scene's and keeps the phases: Fourier domain adaptation.

    Yang and Soatto 2020 (https://arxiv.org/abs/2004.05498), equation 3. Their band is a share β of the spectrum. Here
    it is a share of the spectrum of a frame of 512 pixels, the height of theirs, so that β means the same at any
    resolution: β = 0.01 is 5 periods a frame. Only the band's own coefficients are computed: small matrix products
    instead of a transform.

    More than one period makes clouds where neither image has any. Day frames relit from dusk scenes came nearer to
    other dusk frames with β = 0.002, and moved away from them with 0.006 and more (KID, benchmarks/relight.py).

    Of a scan only the body counts, in its box and surrounded by its own mean. The amplitudes of a head in air are those
    of its outline.

    Attributes:
        beta: highest frequency along each axis, as a share of the spectrum.
    """

    beta: float = 0.002

    def __call__(self, host: LookInput, small: LookInput, scene: LookInput) -> Image:
        """Return the image with the amplitudes of the scene's low frequencies.

        See :class:`~domaingan.blend.looks.look_input.Look`.
        """
        shape = scene.image.shape[1:]
        band = min(round(self.beta * REFERENCE_SIZE), (min(shape) - 1) // 2)
        own_waves = _analyse_band(_fill_background(small), band)
        scene_waves = _analyse_band(_fill_background(scene), band)
        # The phase of what is almost zero is noise. But so small a wave may have any phase.
        phases = np.exp(1j * np.angle(own_waves))
        missing_waves = (np.abs(scene_waves) - np.abs(own_waves)) * phases
        return host.image + _synthesise_band(missing_waves.astype(np.complex64), host.image.shape[1:], band)


def _fill_background(source: LookInput) -> Image:
    """Return the image with everything beside the body at the body's mean."""
    if source.body is None or not source.body.any():
        return source.image
    means = source.image[:, source.body].mean(axis=1)
    per_channel = means.reshape(-1, *[1] * source.body.ndim)
    return np.where(source.body, source.image, per_channel).astype(np.float32)


def _analyse_band(image: Image, band: int) -> Coefficients:
    """Compute amplitudes and phases of the waves of an image ``(C, *spatial)``: ``(C, 2 * band + 1, …)``.

    By einsum, here and below, as BLAS uses threads, which disturb one another in workers.
    """
    waves: NDArray[np.complex64] = image.astype(np.complex64)
    # Each step works on the last axis and moves it to the front. So every axis has its turn.
    for size in reversed(image.shape[1:]):
        waves = np.einsum("...n,nk->...k", waves, _build_waves(size, band).conj())
        waves = np.moveaxis(waves, -1, 1)
    return waves / np.prod(image.shape[1:])


def _synthesise_band(waves: Coefficients, shape: tuple[int, ...], band: int) -> Image:
    """Compute the sum of waves, ``(C, *shape)``. The last step computes the real part alone."""
    for size in reversed(shape[1:]):
        waves = np.einsum("...k,nk->...n", waves, _build_waves(size, band))
        waves = np.moveaxis(waves, -1, 1)
    basis = _build_waves(shape[0], band)
    real = np.ascontiguousarray(waves.real)
    imaginary = np.ascontiguousarray(waves.imag)
    total = np.einsum("...k,nk->...n", real, basis.real) - np.einsum("...k,nk->...n", imaginary, basis.imag)
    return np.ascontiguousarray(np.moveaxis(total, -1, 1))


def _build_waves(size: int, band: int) -> Coefficients:
    """Build the waves of -band to band periods at the centres of ``size`` pixels: ``(size, 2 * band + 1)``."""
    centres = (np.arange(size) + 0.5) / size
    periods = np.arange(-band, band + 1)
    return np.exp(2j * np.pi * np.outer(centres, periods)).astype(np.complex64)
