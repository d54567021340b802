"""Features without trained weights: random convolutions at several scales, whitened on random textures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

FILTER_SEED = 20_240
"""Seed of filters and textures, which are the same for everybody."""

FILTER_COUNTS = (16, 32)
"""Filters of the first and of the second layer."""

N_SCALES = 3
"""Scales at which the image is seen: full size, half and a quarter."""

INPUT_EDGES = {2: 64, 3: 32}
"""Edge of the pictures and of the volumes that the network sees."""

TEXTURE_COUNTS = {2: 1024, 3: 256}
"""How many textures whiten the features of pictures and of volumes."""

TEXTURE_BATCH_SIZE = 32

RESPONSE_FLOOR = 0.01
"""Response under which a filter counts as silent: about its response to noise of one grey level in 256."""

WHITENING_RIDGE = 3e-4
"""Variance, of logarithms of responses, that whitening amplifies half as much as larger ones."""

FEATURE_GAIN = 0.5
"""Standard deviation of a feature over textures. It keeps the kernel (x·y / F + 1)³ near its linear part."""


class RandomFeatures:
    """Convolutions with random filters that are never trained.

    At each of :data:`N_SCALES` scales two layers of random filters without a mean (3 along each axis; ReLU and
    averaging over 2 between them) see the image. Of every filter the logarithm of the mean absolute response in each
    of the 2^d
    parts of the image is kept, and beside them the image itself at 4^d. On their own such numbers all say the same,
    how much contrast there is; so they are whitened: what varies little over textures drawn at random (smooth and
    rough, soft and sharp, faint and strong, noisy and clean) but differs between two sets of images counts most.

    That is enough to tell blurred, noisy, shuffled or repeated images from real ones, as random networks are known to
    be (Naeem et al. 2020, https://arxiv.org/abs/2002.09797). They do not see what an image shows.

    Args:
        spatial_dims: 2 or 3.
        device: where it computes.
        note: what is added to the name.
    """

    channels = None

    def __init__(self, spatial_dims: int, device: str = "cpu", note: str = "") -> None:
        self.name = f"random convolutions{note}"
        self.size = (INPUT_EDGES[spatial_dims],) * spatial_dims
        self.device = device
        self._cache: dict[int, tuple[list[Tensor], Tensor, Tensor]] = {}

    def __call__(self, pictures: Tensor) -> Tensor:
        """Compute features ``(N, F)`` of pictures ``(N, C, *size)`` in [0, 1]."""
        layers, mean, whitening = self._get_layers(pictures.shape[1])
        return (compute_responses(pictures, layers) - mean) @ whitening

    def _get_layers(self, channels: int) -> tuple[list[Tensor], Tensor, Tensor]:
        """Return filters, mean and whitening for a number of channels; made on the CPU, so always the same."""
        if channels not in self._cache:
            rng = torch.Generator().manual_seed(FILTER_SEED)
            layers = make_filters(channels, len(self.size), rng)
            batches = []
            for _ in range(TEXTURE_COUNTS[len(self.size)] // TEXTURE_BATCH_SIZE):
                batches.append(make_textures(TEXTURE_BATCH_SIZE, channels, self.size, rng))
            responses = torch.cat([compute_responses(batch, layers) for batch in batches]).double()
            mean = responses.mean(0)
            standardised = (responses - mean) / (len(responses) - 1) ** 0.5
            _, spread, axes = torch.linalg.svd(standardised, full_matrices=False)
            whitening = axes.T * FEATURE_GAIN / (spread**2 + WHITENING_RIDGE).sqrt()
            layers = [layer.to(self.device) for layer in layers]
            self._cache[channels] = layers, mean.float().to(self.device), whitening.float().to(self.device)
        return self._cache[channels]


def make_filters(channels: int, dims: int, rng: torch.Generator) -> list[Tensor]:
    """Make the filters of both layers, each without a mean and scaled to keep the variance (He et al. 2015).

    Args:
        channels: of the images.
        dims: 2 or 3.
        rng: samples the filters.
    """
    layers = []
    for inputs, outputs in zip((channels, FILTER_COUNTS[0]), FILTER_COUNTS, strict=True):
        weight = torch.randn((outputs, inputs, *(3,) * dims), generator=rng)
        weight -= weight.flatten(2).mean(2).reshape(outputs, inputs, *(1,) * dims)
        layers.append(weight * (2 / weight[0].numel()) ** 0.5)
    return layers


def compute_responses(pictures: Tensor, layers: list[Tensor]) -> Tensor:
    """Compute the logarithms of responses, ``(N, F)``, to pictures ``(N, C, *size)`` in [0, 1]."""
    is_2d = pictures.ndim == 4
    convolve = functional.conv2d if is_2d else functional.conv3d
    halve = functional.avg_pool2d if is_2d else functional.avg_pool3d
    pool = functional.adaptive_avg_pool2d if is_2d else functional.adaptive_avg_pool3d
    first, second = layers
    image = pictures * 2 - 1
    found = [pool(image, 4).flatten(1)]
    for _ in range(N_SCALES):
        edges = convolve(image, first)
        patterns = convolve(halve(edges.relu(), 2), second)
        for layer in (edges, patterns):
            strength = pool(layer.abs(), 2).flatten(1)
            found.append(torch.log(strength + RESPONSE_FLOOR))
        image = halve(image, 2)
    return torch.cat(found, 1)


def make_textures(n: int, channels: int, size: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Make random textures: noise with power spectra from 1/f to 1/f⁶, half of it sharpened to edges.

    Args:
        n: how many.
        channels: of each.
        size: spatial shape.
        rng: samples them.

    Returns:
        ``(n, channels, *size)`` in [0, 1].
    """
    axes = tuple(range(2, 2 + len(size)))
    frequencies = torch.meshgrid(*(torch.fft.fftfreq(edge) for edge in size), indexing="ij")
    squares = sum((frequency**2 for frequency in frequencies), torch.zeros(size))
    frequency = squares.sqrt().clamp_min(1 / max(size))
    steep, sharp, bright, strong, noisy = torch.rand(5, n, *(1,) * (1 + len(size)), generator=rng)
    white = torch.randn(n, channels, *size, generator=rng)
    spectrum = torch.fft.fftn(white, dim=axes) * frequency ** -(0.5 + 2.5 * steep)
    smooth = torch.fft.ifftn(spectrum, dim=axes).real
    smooth = smooth / smooth.std(axes, keepdim=True)
    edged = torch.tanh(smooth * (20 * sharp - 9).clamp_min(1))
    image = 0.5 + 0.8 * (bright - 0.5) + 0.05 * 10**strong * edged
    return (image + 0.05 * noisy**2 * torch.randn(image.shape, generator=rng)).clamp(0, 1)
