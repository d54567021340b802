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
    CONVOLUTIONS,
    EMBEDDING_LENGTH,
    LINEAR_MODES,
    START_SIZE,
    ConvolutionalGenerator,
    ProjectionDiscriminator,
    Pyramid,
    build_pyramid,
    get_bound,
    halve_resolution,
    list_widths,
)

GROUP_CHANNELS = 16
"""Channels in a group of the 3×3 convolutions."""


class ResidualBlock(nn.Module):
    """``x + f(x)`` at one resolution."""

    def __init__(self, channels: int, depths: int, spectral: bool, dims: int) -> None:
        super().__init__()
        conv, bound, inner = CONVOLUTIONS[dims], get_bound(spectral), 2 * channels
        groups = max(1, inner // GROUP_CHANNELS)
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


def _make_stage(channels: int, blocks: int, spectral: bool, config: GANConfig) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels, blocks, spectral, config.spatial_dims) for _ in range(config.depth)))


class ResNetGenerator(ConvolutionalGenerator):
    """Latent and conditions to 4 pixels an edge, then stages of residual blocks, each at twice the resolution."""

    def __init__(self, config: GANConfig, spectral: bool) -> None:
        super().__init__(config)
        dims, self.given = config.spatial_dims, config.conditioning_channels
        self.dims, conv = dims, CONVOLUTIONS[dims]
        widths = [*reversed(list_widths(config)), max(8, config.width // 2)]
        blocks = config.depth * len(widths)
        self.start = nn.Linear(config.latent + EMBEDDING_LENGTH, widths[0] * START_SIZE**dims)
        self.first = _make_stage(widths[0], blocks, False, config)
        self.resize = nn.Upsample(scale_factor=2, mode=LINEAR_MODES[dims])
        self.narrow = nn.ModuleList(conv(a + self.given, b, 1, bias=False) for a, b in pairwise(widths))
        self.stages = nn.ModuleList(_make_stage(width, blocks, False, config) for width in widths[1:])
        self.add_output_layers(widths[1:])

    def forward(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """From latents ``(B, latent)`` and conditions to a pyramid of the channels painted."""
        x = self.start(torch.cat([z, embedded], dim=1))
        x = self.first(x.unflatten(1, (-1, *[START_SIZE] * self.dims)))
        conditioning_channels = build_pyramid(image, len(self.stages)) if self.given else [None] * len(self.stages)
        features = []
        for narrow, stage, seen in zip(self.narrow, self.stages, conditioning_channels, strict=True):
            x = self.resize(x)
            x = stage(narrow(x if seen is None else torch.cat([x, seen.to(x.dtype)], dim=1)))
            features.append(x)
        return self.apply_output_layers(features)


class ResNetDiscriminator(ProjectionDiscriminator):
    """The generator's mirror image, with a projection of the conditions (Miyato and Koyama 2018)."""

    def __init__(self, config: GANConfig, spectral: bool) -> None:
        super().__init__()
        dims, bound, stack = config.spatial_dims, get_bound(spectral), len(config.is_conditioning)
        conv, widths = CONVOLUTIONS[dims], [max(8, config.width // 2), *list_widths(config)]
        blocks = config.depth * len(widths)
        self.multiscale = config.skip == "multiscale"
        self.first = bound(conv(stack, widths[0], 3, padding=1))
        self.stages = nn.ModuleList(_make_stage(width, blocks, spectral, config) for width in widths[:-1])
        more = stack * self.multiscale
        self.widen = nn.ModuleList(
            bound(conv(a + (more if i else 0), b, 1, bias=False)) for i, (a, b) in enumerate(pairwise(widths))
        )
        self.last = _make_stage(widths[-1], blocks, spectral, config)
        self.add_score_layers(widths[-1], config, spectral)

    def extract_features(self, stacks: Pyramid, condition: Condition) -> list[Tensor]:
        """Of every resolution."""
        seen = [self.first(stacks[-1])]
        for level, (stage, widen) in enumerate(zip(self.stages, self.widen, strict=True), start=1):
            x = stage(seen[-1])
            if self.multiscale and level > 1:
                x = torch.cat([x, stacks[-level].to(x.dtype)], dim=1)
            seen.append(halve_resolution(widen(x)))
        return [*seen[:-1], self.last(seen[-1])]
