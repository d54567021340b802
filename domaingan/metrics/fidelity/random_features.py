"""Features without weights: random convolutions at several scales, whitened by textures drawn for the purpose."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

FILTER_SEED = 20_240
"""Of filters and textures: everybody's are the same."""

FILTER_COUNTS = (16, 32)
"""Filters of the first and of the second layer."""

N_SCALES = 3
"""Full size, half and a quarter."""

INPUT_EDGES = {2: 64, 3: 32}
"""Edge of the pictures and of the volumes that the network sees."""

TEXTURE_COUNTS = {2: 1024, 3: 256}
"""How many textures whiten the features of pictures and of volumes."""

RESPONSE_FLOOR = 0.01
"""Response under which a filter counts as silent: about that to noise of one grey level in 256."""

WHITENING_RIDGE = 3e-4
"""Variance, in logarithms of responses, of which whitening makes half as much as of larger ones."""

FEATURE_GAIN = 0.5
"""Standard deviation of a feature over textures: (x·y / F + 1)³ is to be near its linear part."""


class RandomFeatures:
    """Convolutions with random filters that are never trained.

    At each of :data:`N_SCALES` scales two layers of random filters without a mean (3 along each axis; ReLU and
    averaging over 2 between them) see the image. Of every filter the logarithm of the mean absolute response in each
    of the 2^d
    parts of the image is kept, and beside them the image itself at 4^d. On their own such numbers all say the same,
    how much contrast there is; so they are whitened: what varies little over textures drawn at random (smooth and
    rough, soft and sharp, faint and strong, noisy and clean) but differs between two sets of images counts most.

    That is enough to tell blurred, noisy, shuffled or repeated images from real ones, as random networks are known to
    be (Naeem et al. 2020, https://arxiv.org/abs/2002.09797); it does not see what an image shows.

    Args:
        spatial_dims: 2 or 3.
        device: where it computes.
        why: what is added to the name.
    """

    channels = None

    def __init__(self, spatial_dims: int, device: str = "cpu", why: str = "") -> None:
        self.name = f"random convolutions{why}"
        self.size = (INPUT_EDGES[spatial_dims],) * spatial_dims
        self.device = device
        self._cache: dict[int, tuple[list[Tensor], Tensor, Tensor]] = {}

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features ``(N, F)`` of pictures ``(N, C, *size)`` in [0, 1]."""
        layers, mean, whitening = self._get_layers(pictures.shape[1])
        return (compute_responses(pictures, layers) - mean) @ whitening

    def _get_layers(self, channels: int) -> tuple[list[Tensor], Tensor, Tensor]:
        """Filters, mean and whitening for images of so many channels; always drawn on the CPU, so always the same."""
        if channels not in self._cache:
            rng = torch.Generator().manual_seed(FILTER_SEED)
            layers = make_filters(channels, len(self.size), rng)
            batches = [make_textures(32, channels, self.size, rng) for _ in range(TEXTURE_COUNTS[len(self.size)] // 32)]
            seen = torch.cat([compute_responses(batch, layers) for batch in batches]).double()
            mean = seen.mean(0)
            _, spread, axes = torch.linalg.svd((seen - mean) / (len(seen) - 1) ** 0.5, full_matrices=False)
            whitening = axes.T * FEATURE_GAIN / (spread**2 + WHITENING_RIDGE).sqrt()
            layers = [layer.to(self.device) for layer in layers]
            self._cache[channels] = layers, mean.float().to(self.device), whitening.float().to(self.device)
        return self._cache[channels]


def make_filters(channels: int, dims: int, rng: torch.Generator) -> list[Tensor]:
    """Both layers' filters, each without a mean, scaled to keep variance (He et al. 2015)."""
    layers = []
    for inputs, outputs in zip((channels, FILTER_COUNTS[0]), FILTER_COUNTS, strict=True):
        weight = torch.randn((outputs, inputs, *(3,) * dims), generator=rng)
        weight -= weight.flatten(2).mean(2).reshape(outputs, inputs, *(1,) * dims)
        layers.append(weight * (2 / weight[0].numel()) ** 0.5)
    return layers


def compute_responses(pictures: Tensor, layers: list[Tensor]) -> Tensor:
    """Logarithms of responses, ``(N, F)``, to pictures ``(N, C, *size)`` in [0, 1]."""
    flat = pictures.ndim == 4
    convolve = functional.conv2d if flat else functional.conv3d
    halve = functional.avg_pool2d if flat else functional.avg_pool3d
    pooled = functional.adaptive_avg_pool2d if flat else functional.adaptive_avg_pool3d
    first, second = layers
    image = pictures * 2 - 1
    found = [pooled(image, 4).flatten(1)]
    for _ in range(N_SCALES):
        edges = convolve(image, first)
        patterns = convolve(halve(edges.relu(), 2), second)
        found += [torch.log(pooled(layer.abs(), 2).flatten(1) + RESPONSE_FLOOR) for layer in (edges, patterns)]
        image = halve(image, 2)
    return torch.cat(found, 1)


def make_textures(n: int, channels: int, size: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """``(n, channels, *size)`` in [0, 1]: noise with power spectra 1/f to 1/f⁶, half of it sharpened to edges."""
    axes = tuple(range(2, 2 + len(size)))
    places = torch.meshgrid(*(torch.fft.fftfreq(edge) for edge in size), indexing="ij")
    frequency = sum((place**2 for place in places), torch.zeros(size)).sqrt().clamp_min(1 / max(size))
    steep, sharp, bright, strong, noisy = torch.rand(5, n, *(1,) * (1 + len(size)), generator=rng)
    white = torch.randn(n, channels, *size, generator=rng)
    smooth = torch.fft.ifftn(torch.fft.fftn(white, dim=axes) * frequency ** -(0.5 + 2.5 * steep), dim=axes).real
    smooth = smooth / smooth.std(axes, keepdim=True)
    edged = torch.tanh(smooth * (20 * sharp - 9).clamp_min(1))
    image = 0.5 + 0.8 * (bright - 0.5) + 0.05 * 10**strong * edged
    return (image + 0.05 * noisy**2 * torch.randn(image.shape, generator=rng)).clamp(0, 1)
