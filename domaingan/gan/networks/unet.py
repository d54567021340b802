"""``unet``: the generator that paints into a host: what it is shown, down to 4 pixels an edge, and up again."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from domaingan.gan.config import GANConfig
from domaingan.gan.networks.dcgan import UpBlock
from domaingan.gan.networks.parts import (
    CONVOLUTIONS,
    EMBEDDING_LENGTH,
    PADDING_MODE,
    START_SIZE,
    ConvolutionalGenerator,
    Pyramid,
    list_widths,
)

NOISE_MAPS = 16
"""So many numbers of the latent also mix maps of white noise: grain must come from somewhere."""


class UNetGenerator(ConvolutionalGenerator):
    """Strided convolutions of what is given, then blocks that double it, each seeing its counterpart on the way down.

    After Ronneberger et al. 2015 (https://arxiv.org/abs/1505.04597); latent and condition come in at the coarsest
    features and modulate every normalisation on the way up, as in ``dcgan``. Beside what is given the first layer sees
    a map of white noise that follows from the latent.
    """

    noise: Tensor

    def __init__(self, config: GANConfig, spectral: bool) -> None:
        super().__init__(config)
        dims, style = config.spatial_dims, config.latent + EMBEDDING_LENGTH
        conv = CONVOLUTIONS[dims]
        widths = [max(8, config.width // 2), *list_widths(config)]
        shape = (min(NOISE_MAPS, config.latent), config.size**dims)
        self.register_buffer("noise", torch.randn(shape, generator=torch.Generator().manual_seed(0)))
        self.first = conv(config.conditioning_channels + 1, widths[0], 3, padding=1, padding_mode=PADDING_MODE)
        self.down = nn.ModuleList(
            conv(a, b, 4, stride=2, padding=1, padding_mode=PADDING_MODE) for a, b in pairwise(widths)
        )
        self.start = nn.Linear(style, widths[-1] * START_SIZE**dims)
        self.up = nn.ModuleList(UpBlock(a, b, style, b, config) for a, b in pairwise(reversed(widths)))
        self.add_output_layers(widths[-2::-1])

    def forward(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """From latents ``(B, latent)``, conditions and what is given to a pyramid of the channels painted."""
        style = torch.cat([z, embedded], dim=1)
        mixed = z[:, : len(self.noise)] @ self.noise / math.sqrt(len(self.noise))
        image = torch.cat([image, mixed.reshape(len(z), 1, *image.shape[2:]).to(image.dtype)], dim=1)
        seen = [nn.functional.leaky_relu(self.first(image), 0.2)]
        for conv in self.down:
            seen.append(nn.functional.leaky_relu(conv(seen[-1]), 0.2))
        x = seen.pop()
        x = x + self.start(style).reshape(x.shape).to(x.dtype)
        features = []
        for block in self.up:
            x = block(x, style, seen.pop())
            features.append(x)
        return self.apply_output_layers(features)
