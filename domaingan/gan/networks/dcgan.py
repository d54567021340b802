"""``dcgan``: convolutions with normalisation that follows the condition, against strided convolutions."""

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


class ModulatedNorm(nn.Module):
    """Batch normalisation whose gain and bias follow from the latent and the condition.

    Self-modulation, Chen et al. 2019 (https://arxiv.org/abs/1810.01365).
    """

    def __init__(self, channels: int, style: int, dims: int) -> None:
        super().__init__()
        self.norm = BATCH_NORMS[dims](channels, affine=False)
        self.modulation = nn.Linear(style, 2 * channels)
        nn.init.normal_(self.modulation.weight, std=0.02)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """From ``(B, C, *spatial)`` and the style ``(B, S)`` to the same shape as the former."""
        shape = (len(x), -1, *[1] * (x.ndim - 2))
        gain, bias = (part.reshape(shape) for part in self.modulation(style).chunk(2, dim=1))
        out: Tensor = self.norm(x) * (1 + gain) + bias
        return out


class UpBlock(nn.Module):
    """Twice the resolution: a linear resize and ``depth`` convolutions; what is given is seen beside the features.

    A resize instead of a transposed convolution, whose uneven overlap shows as a grid (Odena et al. 2016,
    https://distill.pub/2016/deconv-checkerboard).
    """

    def __init__(self, channels: int, out: int, style: int, conditioning_channels: int, config: GANConfig) -> None:
        super().__init__()
        conv, dims = CONVOLUTIONS[config.spatial_dims], config.spatial_dims
        self.resize = nn.Upsample(scale_factor=2, mode=LINEAR_MODES[dims])
        self.convs = nn.ModuleList(
            conv(
                channels + conditioning_channels if i == 0 else out,
                out,
                3,
                padding=1,
                padding_mode=PADDING_MODE,
                bias=False,
            )
            for i in range(config.depth)
        )
        self.norms = nn.ModuleList(ModulatedNorm(out, style, dims) for _ in range(config.depth))
        self.short = conv(channels, out, 1, bias=False) if config.skip == "residual" else None

    def forward(self, x: Tensor, style: Tensor, conditioning: Tensor | None) -> Tensor:
        """From ``(B, channels, *spatial)`` and the style ``(B, S)`` to ``(B, out, *(2 * spatial))``."""
        x = self.resize(x)
        h = x if conditioning is None else torch.cat([x, conditioning.to(x.dtype)], dim=1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            h = norm(conv(h), style).relu()
        return h if self.short is None else h + self.short(x)


class DCGANGenerator(ConvolutionalGenerator):
    """Latent and conditions to 4 pixels an edge, then blocks that double it (after Radford et al. 2016)."""

    def __init__(self, config: GANConfig, spectral: bool) -> None:
        super().__init__(config)
        self.dims, self.given = config.spatial_dims, config.conditioning_channels
        style = config.latent + EMBEDDING_LENGTH
        widths = [*reversed(list_widths(config)), max(8, config.width // 2)]
        self.start = nn.Linear(style, widths[0] * START_SIZE**self.dims)
        self.blocks = nn.ModuleList(UpBlock(a, b, style, self.given, config) for a, b in pairwise(widths))
        self.add_output_layers(widths[1:])

    def forward(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """From latents ``(B, latent)`` and conditions to a pyramid of the channels painted."""
        style = torch.cat([z, embedded], dim=1)
        x = self.start(style).unflatten(1, (-1, *[START_SIZE] * self.dims)).relu()
        conditioning_channels = build_pyramid(image, len(self.blocks)) if self.given else [None] * len(self.blocks)
        features = []
        for block, seen in zip(self.blocks, conditioning_channels, strict=True):
            x = block(x, style, seen)
            features.append(x)
        return self.apply_output_layers(features)


class DownBlock(nn.Module):
    """Half the resolution: a strided convolution, and ``depth - 1`` more."""

    def __init__(self, channels: int, out: int, spectral: bool, config: GANConfig) -> None:
        super().__init__()
        conv, bound = CONVOLUTIONS[config.spatial_dims], get_bound(spectral)
        layers: list[nn.Module] = [bound(conv(channels, out, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        for _ in range(config.depth - 1):
            layers += [bound(conv(out, out, 3, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.short = bound(conv(channels, out, 1, bias=False)) if config.skip == "residual" else None

    def forward(self, x: Tensor) -> Tensor:
        """From ``(B, channels, *spatial)`` to ``(B, out, *(spatial / 2))``."""
        h: Tensor = self.layers(x)
        return h if self.short is None else h + self.short(halve_resolution(x))


class DCGANDiscriminator(ProjectionDiscriminator):
    """Strided convolutions, with a projection of the conditions (Miyato and Koyama 2018, summed over the conditions).

    Projection: https://arxiv.org/abs/1802.05637. With ``multiscale`` each resolution sees the generator's stack of it
    beside the features (MSG-GAN, Karnewar and Wang 2020, https://arxiv.org/abs/1903.06048).
    """

    def __init__(self, config: GANConfig, spectral: bool) -> None:
        super().__init__()
        stack, widths = len(config.is_conditioning), list_widths(config)
        self.multiscale = config.skip == "multiscale"
        seen = [stack, *(width + stack * self.multiscale for width in widths[:-1])]
        self.blocks = nn.ModuleList(DownBlock(a, b, spectral, config) for a, b in zip(seen, widths, strict=True))
        self.add_score_layers(widths[-1], config, spectral)

    def extract_features(self, stacks: Pyramid, condition: Condition) -> list[Tensor]:
        """Of every resolution."""
        seen = [self.blocks[0](stacks[-1])]
        for level, block in enumerate(self.blocks[1:], start=2):
            x = seen[-1]
            seen.append(block(torch.cat([x, stacks[-level].to(x.dtype)], dim=1) if self.multiscale else x))
        return seen
