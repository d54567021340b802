"""``resnet``: residual blocks without any normalisation, after R3GAN (Huang et al. 2024, https://arxiv.org/abs/2501.05441).

Each block is 1×1 to twice the channels, 3×3 in groups, 1×1 back; the last convolution starts at zero (Fixup, Zhang et
al. 2019, https://arxiv.org/abs/1901.09321), so that every block starts as the identity.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.networks.parts import (
    CONV,
    EMBEDDING,
    LINEAR,
    START,
    Convolutional,
    Projecting,
    Pyramid,
    bounded,
    halved,
    pyramid,
    widths_of,
)

GROUP = 16
"""Channels in a group of the 3×3 convolutions."""


class ResidualBlock(nn.Module):
    """``x + f(x)`` at one resolution."""

    def __init__(self, channels: int, depths: int, spectral: bool, dims: int) -> None:
        super().__init__()
        conv, bound, inner = CONV[dims], bounded(spectral), 2 * channels
        groups = max(1, inner // GROUP)
        wide, mix, narrow = (
            conv(channels, inner, 1),
            conv(inner, inner, 3, padding=1, groups=groups, bias=False),
            conv(inner, channels, 1, bias=False),
        )
        for layer in (wide, mix):  # He's gain, and smaller the more blocks there are: three layers a block
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            with torch.no_grad():
                layer.weight.mul_(depths ** (-1 / 4))
        # Spectral normalisation divides by the norm, which must not be zero.
        nn.init.normal_(narrow.weight, std=1e-3) if spectral else nn.init.zeros_(narrow.weight)
        self.layers = nn.Sequential(bound(wide), nn.LeakyReLU(0.2), bound(mix), nn.LeakyReLU(0.2), bound(narrow))

    def forward(self, x: Tensor) -> Tensor:
        """From ``(B, C, *spatial)`` to the same shape."""
        out: Tensor = x + self.layers(x)
        return out


def _stage(channels: int, blocks: int, spectral: bool, config: GANConfig) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels, blocks, spectral, config.spatial_dims) for _ in range(config.depth)))


class ResNetGenerator(Convolutional):
    """Latent and conditions to 4 pixels an edge, then stages of residual blocks, each at twice the resolution."""

    def __init__(self, config: GANConfig, spectral: bool) -> None:
        super().__init__(config)
        dims, self.given = config.spatial_dims, config.seen
        self.dims, conv = dims, CONV[dims]
        widths = [*reversed(widths_of(config)), max(8, config.width // 2)]
        blocks = config.depth * len(widths)
        self.start = nn.Linear(config.latent + EMBEDDING, widths[0] * START**dims)
        self.first = _stage(widths[0], blocks, False, config)
        self.resize = nn.Upsample(scale_factor=2, mode=LINEAR[dims])
        self.narrow = nn.ModuleList(conv(a + self.given, b, 1, bias=False) for a, b in pairwise(widths))
        self.stages = nn.ModuleList(_stage(width, blocks, False, config) for width in widths[1:])
        self.add_painters(widths[1:])

    def forward(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """From latents ``(B, latent)`` and conditions to a pyramid of the channels painted."""
        x = self.start(torch.cat([z, embedded], dim=1))
        x = self.first(x.unflatten(1, (-1, *[START] * self.dims)))
        given = pyramid(image, len(self.stages)) if self.given else [None] * len(self.stages)
        features = []
        for narrow, stage, seen in zip(self.narrow, self.stages, given, strict=True):
            x = self.resize(x)
            x = stage(narrow(x if seen is None else torch.cat([x, seen.to(x.dtype)], dim=1)))
            features.append(x)
        return self.painted(features)


class ResNetDiscriminator(Projecting):
    """The generator's mirror image, with a projection of the conditions (Miyato and Koyama 2018)."""

    def __init__(self, config: GANConfig, spectral: bool) -> None:
        super().__init__()
        dims, bound, stack = config.spatial_dims, bounded(spectral), len(config.is_given)
        conv, widths = CONV[dims], [max(8, config.width // 2), *widths_of(config)]
        blocks = config.depth * len(widths)
        self.multiscale = config.skip == "multiscale"
        self.first = bound(conv(stack, widths[0], 3, padding=1))
        self.stages = nn.ModuleList(_stage(width, blocks, spectral, config) for width in widths[:-1])
        more = stack * self.multiscale
        self.widen = nn.ModuleList(
            bound(conv(a + (more if i else 0), b, 1, bias=False)) for i, (a, b) in enumerate(pairwise(widths))
        )
        self.last = _stage(widths[-1], blocks, spectral, config)
        self.add_score(widths[-1], config, spectral)

    def features(self, stacks: Pyramid, condition: Condition) -> list[Tensor]:
        """Of every resolution."""
        seen = [self.first(stacks[-1])]
        for level, (stage, widen) in enumerate(zip(self.stages, self.widen, strict=True), start=1):
            x = stage(seen[-1])
            if self.multiscale and level > 1:
                x = torch.cat([x, stacks[-level].to(x.dtype)], dim=1)
            seen.append(halved(widen(x)))
        return [*seen[:-1], self.last(seen[-1])]
