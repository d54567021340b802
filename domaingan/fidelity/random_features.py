"""Features without weights: fixed random convolutions at several scales, for pictures and volumes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SEED = 20_240
"""Of the filters: everybody's are the same."""

WIDTHS = (32, 64)
"""Filters of the first and of the second layer."""

SCALES = 3
"""Full size, half and a quarter."""

EDGES = {2: 64, 3: 32}
"""Edge of the pictures and of the volumes that the network sees."""


class RandomFeatures:
    """Convolutions with random filters that are never trained.

    At each of :data:`SCALES` scales two layers of filters (3 along each axis; ReLU and averaging over 2 between them)
    see the image, and of every filter the mean and the standard deviation over the image are kept: 576 features.
    Random filters respond to edges and textures of their size, and the second layer to how these are arranged: enough
    to tell sets of images apart (Naeem et al. 2020, https://arxiv.org/abs/2002.09797), though not by what they show.

    Args:
        spatial_dims: 2 or 3.
        device: where it computes.
        why: what is added to the name.
    """

    channels = None

    def __init__(self, spatial_dims: int, device: str = "cpu", why: str = "") -> None:
        self.name = f"random convolutions{why}"
        self.size = (EDGES[spatial_dims],) * spatial_dims
        self.device = device
        self._filters: dict[int, list[Tensor]] = {}

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features ``(N, F)`` of pictures ``(N, C, *size)`` in [0, 1]."""
        flat = len(self.size) == 2
        convolve = functional.conv2d if flat else functional.conv3d
        halve = functional.avg_pool2d if flat else functional.avg_pool3d
        first, second = self._filters_for(pictures.shape[1])
        found, image = [], pictures * 2 - 1
        for _ in range(SCALES):
            edges = convolve(image, first)
            found += [edges, convolve(halve(edges.relu(), 2), second)]
            image = halve(image, 2)
        parts = [layer.flatten(2) for layer in found]
        return torch.cat([part.mean(2) for part in parts] + [part.std(2) for part in parts], 1)

    def _filters_for(self, channels: int) -> list[Tensor]:
        """Both layers' filters for images of so many channels, scaled to keep variance (He et al. 2015)."""
        if channels not in self._filters:
            rng = torch.Generator().manual_seed(SEED)
            kernel = (3,) * len(self.size)
            layers = []
            for inputs, outputs in zip((channels, WIDTHS[0]), WIDTHS, strict=True):
                weight = torch.randn((outputs, inputs, *kernel), generator=rng)
                layers.append((weight * (2 / weight[0].numel()) ** 0.5).to(self.device))
            self._filters[channels] = layers
        return self._filters[channels]
