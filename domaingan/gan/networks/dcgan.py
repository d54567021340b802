"""``dcgan``: convolutions whose normalisation depends on the condition, against strided convolutions."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.networks.parts import (
    BATCH_NORMS,
    CONVOLUTIONS,
    EMBEDDING_LENGTH,
    LINEAR_MODES,
    PADDING_MODE,
    START_SIZE,
    ConvolutionalGenerator,
    ProjectionDiscriminator,
    Pyramid,
    build_pyramid,
    get_bound,
    halve_resolution,
    list_widths,
)

MIN_LAST_WIDTH = 8
"""Fewest channels of a generator's last features."""


class ModulatedNorm(nn.Module):
    """Batch normalisation whose gain and bias depend on the latent and the condition.

    Self-modulation, Chen et al. 2019 (https://arxiv.org/abs/1810.01365).

    Args:
        channels: of the features.
        style: length of the latent and the embedded condition together.
        dims: 2 or 3.
    """

    def __init__(self, channels: int, style: int, dims: int) -> None:
        super().__init__()
        self.norm = BATCH_NORMS[dims](channels, affine=False)
        self.modulation = nn.Linear(style, 2 * channels)
        nn.init.normal_(self.modulation.weight, std=0.02)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise ``(B, C, *spatial)`` with the gain and bias of the style ``(B, S)``."""
        shape = (len(x), -1, *[1] * (x.ndim - 2))
        gain, bias = self.modulation(style).chunk(2, dim=1)
        out: Tensor = self.norm(x) * (1 + gain.reshape(shape)) + bias.reshape(shape)
        return out


class UpBlock(nn.Module):
    """Doubles the resolution by a linear resize, followed by ``depth`` convolutions.

    A resize instead of a transposed convolution, whose uneven overlap becomes visible as a grid (Odena et al. 2016,
    https://distill.pub/2016/deconv-checkerboard).

    Args:
        channels: of the features.
        out: channels of the result.
        style: length of the latent and the embedded condition together.
        conditioning_channels: channels of the conditioning image that is put beside the features.
        config: the model's.
    """

    def __init__(self, channels: int, out: int, style: int, conditioning_channels: int, config: GANConfig) -> None:
        super().__init__()
        dims, depth = config.network.spatial_dims, config.network.depth
        conv = CONVOLUTIONS[dims]
        self.resize = nn.Upsample(scale_factor=2, mode=LINEAR_MODES[dims])
        self.convs = nn.ModuleList()
        for i in range(depth):
            inputs = channels + conditioning_channels if i == 0 else out
            self.convs.append(conv(inputs, out, 3, padding=1, padding_mode=PADDING_MODE, bias=False))
        self.norms = nn.ModuleList(ModulatedNorm(out, style, dims) for _ in range(depth))
        self.short = conv(channels, out, 1, bias=False) if config.network.skip == "residual" else None

    def forward(self, x: Tensor, style: Tensor, conditioning: Tensor | None) -> Tensor:
        """Map ``(B, channels, *spatial)`` to ``(B, out, *(2 * spatial))``.

        Args:
            x: features.
            style: ``(B, S)`` latent and embedded condition.
            conditioning: ``(B, conditioning_channels, *(2 * spatial))``, or None.
        """
        x = self.resize(x)
        h = x if conditioning is None else torch.cat([x, conditioning.to(x.dtype)], dim=1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            h = norm(conv(h), style).relu()
        return h if self.short is None else h + self.short(x)


class DCGANGenerator(ConvolutionalGenerator):
    """Maps latent and conditions to 4 pixels an edge, then doubles the resolution block by block.

    After Radford et al. 2016 (https://arxiv.org/abs/1511.06434).

    Args:
        config: the model's.
    """

    def __init__(self, config: GANConfig) -> None:
        super().__init__(config)
        self.dims, self.conditioning_channels = config.network.spatial_dims, config.conditioning_channels
        style = config.network.latent + EMBEDDING_LENGTH
        widths = [*reversed(list_widths(config)), max(MIN_LAST_WIDTH, config.network.width // 2)]
        self.start = nn.Linear(style, widths[0] * START_SIZE**self.dims)
        self.blocks = nn.ModuleList()
        for channels, out in pairwise(widths):
            self.blocks.append(UpBlock(channels, out, style, self.conditioning_channels, config))
        self.add_output_layers(widths[1:])

    def forward(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """Map latents ``(B, latent)`` and embedded conditions to a pyramid of the generated channels."""
        style = torch.cat([z, embedded], dim=1)
        x = self.start(style).unflatten(1, (-1, *[START_SIZE] * self.dims)).relu()
        levels: list[Tensor | None] = [None] * len(self.blocks)
        if self.conditioning_channels:
            levels = list(build_pyramid(image, len(self.blocks)))
        features = []
        for block, conditioning in zip(self.blocks, levels, strict=True):
            x = block(x, style, conditioning)
            features.append(x)
        return self.apply_output_layers(features)


class DownBlock(nn.Module):
    """Halves the resolution by a strided convolution, followed by ``depth - 1`` other convolutions.

    Args:
        channels: of the features.
        out: channels of the result.
        has_spectral_norm: whether the layers have spectral normalisation.
        config: the model's.
    """

    def __init__(self, channels: int, out: int, has_spectral_norm: bool, config: GANConfig) -> None:
        super().__init__()
        conv, bound = CONVOLUTIONS[config.network.spatial_dims], get_bound(has_spectral_norm)
        layers: list[nn.Module] = [bound(conv(channels, out, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        for _ in range(config.network.depth - 1):
            layers += [bound(conv(out, out, 3, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.short = None
        if config.network.skip == "residual":
            self.short = bound(conv(channels, out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, channels, *spatial)`` to ``(B, out, *(spatial / 2))``."""
        h: Tensor = self.layers(x)
        return h if self.short is None else h + self.short(halve_resolution(x))


class DCGANDiscriminator(ProjectionDiscriminator):
    """Strided convolutions with a projection of the conditions.

    With ``multiscale`` each resolution gets the generator's stack of that size beside the features (MSG-GAN, Karnewar
    and Wang 2020, https://arxiv.org/abs/1903.06048).

    Args:
        config: the model's.
        has_spectral_norm: whether the layers have spectral normalisation.
    """

    def __init__(self, config: GANConfig, has_spectral_norm: bool) -> None:
        super().__init__()
        stack, widths = len(config.is_conditioning), list_widths(config)
        self.multiscale = config.network.skip == "multiscale"
        beside = stack if self.multiscale else 0
        inputs = [stack, *(width + beside for width in widths[:-1])]
        self.blocks = nn.ModuleList()
        for channels, out in zip(inputs, widths, strict=True):
            self.blocks.append(DownBlock(channels, out, has_spectral_norm, config))
        self.add_score_layers(widths[-1], config, has_spectral_norm)

    def extract_features(self, stacks: Pyramid, condition: Condition) -> list[Tensor]:
        """Extract the features of every resolution, from fine to coarse."""
        features = [self.blocks[0](stacks[-1])]
        for level, block in enumerate(self.blocks[1:], start=2):
            x = features[-1]
            if self.multiscale:
                x = torch.cat([x, stacks[-level].to(x.dtype)], dim=1)
            features.append(block(x))
        return features
