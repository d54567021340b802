"""``unet``: the default generator for inpaint and refine, from the conditioning image to 4 pixels an edge and back."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

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
"""Number of maps of white noise that the latent mixes: the grain of an image needs a source."""

MIN_FINE_WIDTH = 8
"""Fewest channels at the full size."""


class UNetGenerator(ConvolutionalGenerator):
    """Strided convolutions of the conditioning image, then blocks that double the resolution, with skip connections.

    After Ronneberger et al. 2015 (https://arxiv.org/abs/1505.04597). Latent and condition are added to the coarsest
    features and modulate every normalisation on the way up, as in ``dcgan``. Beside the conditioning image the first
    layer gets a map of white noise that depends on the latent.

    Args:
        config: the model's.
    """

    noise: Tensor

    def __init__(self, config: GANConfig) -> None:
        super().__init__(config)
        network = config.network
        dims, style = network.spatial_dims, network.latent + EMBEDDING_LENGTH
        conv = CONVOLUTIONS[dims]
        widths = [max(MIN_FINE_WIDTH, network.width // 2), *list_widths(config)]
        noise_shape = (min(NOISE_MAPS, network.latent), network.size**dims)
        self.register_buffer("noise", torch.randn(noise_shape, generator=torch.Generator().manual_seed(0)))
        self.first = conv(config.conditioning_channels + 1, widths[0], 3, padding=1, padding_mode=PADDING_MODE)
        self.down = nn.ModuleList()
        for channels, out in pairwise(widths):
            self.down.append(conv(channels, out, 4, stride=2, padding=1, padding_mode=PADDING_MODE))
        self.start = nn.Linear(style, widths[-1] * START_SIZE**dims)
        self.up = nn.ModuleList()
        for channels, out in pairwise(reversed(widths)):
            self.up.append(UpBlock(channels, out, style, out, config))
        self.add_output_layers(widths[-2::-1])

    def forward(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """Map latents, embedded conditions and a conditioning image to a pyramid of the generated channels.

        Args:
            z: ``(B, latent)``.
            embedded: ``(B, E)``.
            image: ``(B, G, *size)`` in [-1, 1].
        """
        style = torch.cat([z, embedded], dim=1)
        mixed = z[:, : len(self.noise)] @ self.noise / math.sqrt(len(self.noise))
        noise_map = mixed.reshape(len(z), 1, *image.shape[2:]).to(image.dtype)
        image = torch.cat([image, noise_map], dim=1)
        skipped = [leaky_relu(self.first(image), 0.2)]
        for conv in self.down:
            skipped.append(leaky_relu(conv(skipped[-1]), 0.2))
        x = skipped.pop()
        x = x + self.start(style).reshape(x.shape).to(x.dtype)
        features = []
        for block in self.up:
            x = block(x, style, skipped.pop())
            features.append(x)
        return self.apply_output_layers(features)
