"""``resnet``: residual blocks without normalisation, after R3GAN (Huang et al. 2024, https://arxiv.org/abs/2501.05441).

Each block is a 1×1 convolution to twice the channels, a 3×3 one in groups, and a 1×1 one back. The last convolution
starts at zero (Fixup, Zhang et al. 2019, https://arxiv.org/abs/1901.09321), so that every block starts as the identity.
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

MIN_FINE_WIDTH = 8
"""Fewest channels at the full size."""


class ResidualBlock(nn.Module):
    """Computes ``x + f(x)`` at one resolution.

    Args:
        channels: of the features.
        blocks: number of blocks in the whole network.
        has_spectral_norm: whether the layers have spectral normalisation.
        dims: 2 or 3.
    """

    def __init__(self, channels: int, blocks: int, has_spectral_norm: bool, dims: int) -> None:
        super().__init__()
        conv, bound, inner = CONVOLUTIONS[dims], get_bound(has_spectral_norm), 2 * channels
        groups = max(1, inner // GROUP_CHANNELS)
        wide = conv(channels, inner, 1)
        mix = conv(inner, inner, 3, padding=1, groups=groups, bias=False)
        narrow = conv(inner, channels, 1, bias=False)
        for layer in (wide, mix):  # He's gain, smaller the more blocks there are: each has three layers
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            with torch.no_grad():
                layer.weight.mul_(blocks ** (-1 / 4))
        if has_spectral_norm:  # it divides by the norm, which must not be zero
            nn.init.normal_(narrow.weight, std=1e-3)
        else:
            nn.init.zeros_(narrow.weight)
        self.layers = nn.Sequential(bound(wide), nn.LeakyReLU(0.2), bound(mix), nn.LeakyReLU(0.2), bound(narrow))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, *spatial)`` to the same shape."""
        out: Tensor = x + self.layers(x)
        return out


def _make_stage(channels: int, blocks: int, has_spectral_norm: bool, config: GANConfig) -> nn.Sequential:
    """Make the ``depth`` blocks of one resolution."""
    stage = nn.Sequential()
    for _ in range(config.network.depth):
        stage.append(ResidualBlock(channels, blocks, has_spectral_norm, config.network.spatial_dims))
    return stage


class ResNetGenerator(ConvolutionalGenerator):
    """Maps latent and conditions to 4 pixels an edge, then to stages of residual blocks, each at twice the resolution.

    Args:
        config: the model's.
    """

    def __init__(self, config: GANConfig) -> None:
        super().__init__(config)
        network = config.network
        self.dims, self.conditioning_channels = network.spatial_dims, config.conditioning_channels
        conv = CONVOLUTIONS[self.dims]
        widths = [*reversed(list_widths(config)), max(MIN_FINE_WIDTH, network.width // 2)]
        blocks = network.depth * len(widths)
        self.start = nn.Linear(network.latent + EMBEDDING_LENGTH, widths[0] * START_SIZE**self.dims)
        self.first = _make_stage(widths[0], blocks, False, config)
        self.resize = nn.Upsample(scale_factor=2, mode=LINEAR_MODES[self.dims])
        self.narrow = nn.ModuleList()
        for channels, out in pairwise(widths):
            self.narrow.append(conv(channels + self.conditioning_channels, out, 1, bias=False))
        self.stages = nn.ModuleList(_make_stage(width, blocks, False, config) for width in widths[1:])
        self.add_output_layers(widths[1:])

    def forward(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """Map latents ``(B, latent)`` and embedded conditions to a pyramid of the generated channels."""
        x = self.start(torch.cat([z, embedded], dim=1))
        x = self.first(x.unflatten(1, (-1, *[START_SIZE] * self.dims)))
        levels: list[Tensor | None] = [None] * len(self.stages)
        if self.conditioning_channels:
            levels = list(build_pyramid(image, len(self.stages)))
        features = []
        for narrow, stage, conditioning in zip(self.narrow, self.stages, levels, strict=True):
            x = self.resize(x)
            if conditioning is not None:
                x = torch.cat([x, conditioning.to(x.dtype)], dim=1)
            x = stage(narrow(x))
            features.append(x)
        return self.apply_output_layers(features)


class ResNetDiscriminator(ProjectionDiscriminator):
    """The generator's mirror image, with a projection of the conditions.

    Args:
        config: the model's.
        has_spectral_norm: whether the layers have spectral normalisation.
    """

    def __init__(self, config: GANConfig, has_spectral_norm: bool) -> None:
        super().__init__()
        network, bound, stack = config.network, get_bound(has_spectral_norm), len(config.is_conditioning)
        conv = CONVOLUTIONS[network.spatial_dims]
        widths = [max(MIN_FINE_WIDTH, network.width // 2), *list_widths(config)]
        blocks = network.depth * len(widths)
        self.multiscale = network.skip == "multiscale"
        self.first = bound(conv(stack, widths[0], 3, padding=1))
        self.stages = nn.ModuleList(_make_stage(width, blocks, has_spectral_norm, config) for width in widths[:-1])
        self.widen = nn.ModuleList()
        for i, (channels, out) in enumerate(pairwise(widths)):
            beside = stack if self.multiscale and i > 0 else 0
            self.widen.append(bound(conv(channels + beside, out, 1, bias=False)))
        self.last = _make_stage(widths[-1], blocks, has_spectral_norm, config)
        self.add_score_layers(widths[-1], config, has_spectral_norm)

    def extract_features(self, stacks: Pyramid, condition: Condition) -> list[Tensor]:
        """Extract the features of every resolution, from fine to coarse."""
        features = [self.first(stacks[-1])]
        for level, (stage, widen) in enumerate(zip(self.stages, self.widen, strict=True), start=1):
            x = stage(features[-1])
            if self.multiscale and level > 1:
                x = torch.cat([x, stacks[-level].to(x.dtype)], dim=1)
            features.append(halve_resolution(widen(x)))
        return [*features[:-1], self.last(features[-1])]
