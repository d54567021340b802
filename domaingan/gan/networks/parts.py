"""What the architectures share: layers by dimension, widths, pyramids, and the base classes of the networks.

A *stack* is image and mask channels together, ``(B, C + M, *size)`` in [-1, 1]. A *pyramid* is a list of stacks, each
twice as large as the one before; the last one has the full size. It has only that one unless ``skip`` is
``multiscale``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, avg_pool3d
from torch.nn.utils.parametrizations import spectral_norm

from domaingan.gan.conditions import Condition, ConditionEmbedding
from domaingan.gan.config import GANConfig
from domaingan.gan.inpainting import composite, mask_out_inside

START_SIZE = 4
"""Edge of the coarsest features."""

EMBEDDING_LENGTH = 64
"""Length of the embedded conditions in a generator."""

MAX_WIDTH_FACTOR = 8
"""The coarsest layers have at most this many times the base width."""

Pyramid = list[Tensor]

CONVOLUTIONS: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
BATCH_NORMS: dict[int, type[nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
AVERAGE_POOLS: dict[int, Callable[..., Tensor]] = {2: avg_pool2d, 3: avg_pool3d}
LINEAR_MODES = {2: "bilinear", 3: "trilinear"}

PADDING_MODE: Literal["replicate"] = "replicate"
"""Padding of a generator's convolutions. With zeros, they would generate a frame around each crop."""


def list_widths(config: GANConfig) -> list[int]:
    """List the channels at half the size, at a quarter, … down to 4 pixels."""
    width, levels = config.network.width, int(math.log2(config.network.size)) - 2
    return [min(width * 2**level, MAX_WIDTH_FACTOR * width) for level in range(levels)]


def get_bound(has_spectral_norm: bool) -> Callable[[nn.Module], nn.Module]:
    """Return a function that adds spectral normalisation to a layer, or one that changes nothing.

    Spectral normalisation: Miyato et al. 2018, https://arxiv.org/abs/1802.05957.
    """
    return spectral_norm if has_spectral_norm else lambda module: module


def halve_resolution(x: Tensor) -> Tensor:
    """Halve the resolution by means over 2 pixels along each axis."""
    return AVERAGE_POOLS[x.ndim - 2](x, 2)


def build_pyramid(stack: Tensor, levels: int) -> Pyramid:
    """Build a pyramid of ``levels`` stacks from the largest one."""
    result = [stack]
    for _ in range(levels - 1):
        result.insert(0, halve_resolution(result[0]))
    return result


def count_levels(config: GANConfig) -> int:
    """Return how many stacks a pyramid of this config has."""
    return len(list_widths(config)) if config.network.skip == "multiscale" else 1


def assemble_stacks(generated: Pyramid, image: Tensor, config: GANConfig) -> Pyramid:
    """Join what was generated and the conditioning image to whole stacks, their channels in the config's order.

    Args:
        generated: a generator's output, coarse to fine.
        image: conditioning image ``(B, G, *size)``.
        config: the model's.
    """
    if config.is_inpainting:
        levels = zip(generated, build_pyramid(image, len(generated)), strict=True)
        return [composite(level.float(), conditioning, config) for level, conditioning in levels]
    is_conditioning = config.is_conditioning
    if not any(is_conditioning):
        return generated
    # In the joined stack the generated channels come first: `order` lists which channel each one is.
    order = sorted(range(len(is_conditioning)), key=lambda channel: is_conditioning[channel])
    position_of = torch.tensor([order.index(channel) for channel in range(len(order))], device=image.device)
    stacks = []
    for level, conditioning in zip(generated, build_pyramid(image, len(generated)), strict=True):
        joined = torch.cat([level, conditioning.to(level.dtype)], dim=1)
        stacks.append(joined[:, position_of])
    return stacks


def squash_outputs(x: Tensor, images: int) -> Tensor:
    """Bring a generator's last features to [-1, 1]: the image channels by tanh, the mask channels by softmax.

    Args:
        x: ``(B, C + M, *size)``.
        images: number of image channels ``C``.
    """
    x = x.float()
    return torch.cat([x[:, :images].tanh(), x[:, images:].softmax(dim=1) * 2 - 1], dim=1)


class Generator(nn.Module):
    """Base class of the generators, which map latents, embedded conditions and a conditioning image to a pyramid.

    Args:
        config: the model's.
    """

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        self.config = config

    def embed(self, condition: Condition) -> Tensor:
        """Embed classes and numbers as vectors ``(B, E)``, which can be interpolated."""
        raise NotImplementedError

    def generate(self, z: Tensor, condition: Condition) -> Pyramid:
        """Generate a pyramid from latents ``(B, latent)`` and their conditions."""
        return self.generate_embedded(z, self.embed(condition), condition.image)

    def generate_embedded(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """Generate a pyramid from latents, conditions that are embedded, and a conditioning image ``(B, G, *size)``."""
        generated: Pyramid = self(z, embedded, mask_out_inside(image, self.config))
        return generated


class ConvolutionalGenerator(Generator):
    """Base class of the convolutional generators: embedded conditions, and output layers of one resolution or of all.

    Args:
        config: the model's.
    """

    def __init__(self, config: GANConfig) -> None:
        super().__init__(config)
        self.embedding = ConditionEmbedding(config, EMBEDDING_LENGTH)

    def add_output_layers(self, widths: Sequence[int]) -> None:
        """Add output layers for features with these channels, coarse to fine.

        There is one for the last features, or with ``multiscale`` one for each.
        """
        output_widths = widths if self.config.network.skip == "multiscale" else widths[-1:]
        self.painters = nn.ModuleList(OutputLayer(width, self.config) for width in output_widths)

    def embed(self, condition: Condition) -> Tensor:
        """Embed the conditions as ``(B, 64)``."""
        embedded: Tensor = self.embedding(condition)
        return embedded

    def apply_output_layers(self, features: list[Tensor]) -> Pyramid:
        """Map features of every resolution, coarse to fine, to a pyramid of the generated channels."""
        used = features[-len(self.painters) :]
        return [layer(x) for layer, x in zip(self.painters, used, strict=True)]


class Discriminator(nn.Module):
    """Base class of the discriminators, which map a pyramid of whole stacks to features, and these to scores."""

    def extract_features(self, stacks: Pyramid, condition: Condition) -> list[Tensor]:
        """Extract features of ``B`` items, from fine to coarse; the last ones are scored."""
        raise NotImplementedError

    def score_features(self, features: list[Tensor], condition: Condition) -> Tensor:
        """Map features to scores ``(B,)``; a positive one means real."""
        raise NotImplementedError

    def forward(self, stacks: Pyramid, condition: Condition) -> Tensor:
        """Map a pyramid of whole stacks to scores ``(B,)``; a positive one means real."""
        return self.score_features(self.extract_features(stacks, condition), condition)


class ProjectionDiscriminator(Discriminator):
    """Base class of the convolutional discriminators: a score, and a projection of the conditions on the features.

    Miyato and Koyama 2018 (https://arxiv.org/abs/1802.05637), summed over the conditions.
    """

    def add_score_layers(self, channels: int, config: GANConfig, has_spectral_norm: bool) -> None:
        """Add the last layers, for features with so many channels at 4 pixels an edge."""
        self.spread = MinibatchStdDev()
        pixels = START_SIZE**config.network.spatial_dims
        self.score = get_bound(has_spectral_norm)(nn.Linear((channels + 1) * pixels, 1))
        self.embedding = ConditionEmbedding(config, channels, has_spectral_norm=has_spectral_norm)

    def score_features(self, features: list[Tensor], condition: Condition) -> Tensor:
        """Map features to scores ``(B,)``; a positive one means real."""
        x = features[-1]
        with_spread = self.spread(x, condition.compare_classes())
        score: Tensor = self.score(with_spread.flatten(1)).squeeze(1)
        projection: Tensor = (x.flatten(2).mean(dim=2) * self.embedding(condition)).sum(dim=1)
        return score + projection


class OutputLayer(nn.Module):
    """A convolution from features to the generated channels.

    Args:
        channels: of the features.
        config: the model's.
    """

    def __init__(self, channels: int, config: GANConfig) -> None:
        super().__init__()
        self.images = config.generated_channels[0]
        convolution = CONVOLUTIONS[config.network.spatial_dims]
        self.conv = convolution(channels, sum(config.generated_channels), 3, padding=1, padding_mode=PADDING_MODE)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, channels, *size)`` to a stack ``(B, generated channels, *size)`` in [-1, 1]."""
        return squash_outputs(self.conv(x), self.images)


class MinibatchStdDev(nn.Module):
    """Adds a channel with the standard deviation of the features among the items of the same class in a batch.

    After Karras et al. 2018 (https://arxiv.org/abs/1710.10196), here within each class: otherwise the differences
    between classes would hide that a generator makes only one crop of a class. A batch is all real or all generated.
    """

    def forward(self, x: Tensor, same: Tensor) -> Tensor:
        """Map ``(B, C, *spatial)`` to ``(B, C + 1, *spatial)``.

        Args:
            x: features.
            same: ``(B, B)`` of :meth:`Condition.compare_classes`.
        """
        with torch.autocast(x.device.type, enabled=False):  # in bf16 the difference of squares would be noise
            flat, share = x.flatten(1).float(), same / same.sum(dim=1, keepdim=True)
            variance = (share @ flat.square() - (share @ flat).square()).clamp(min=0)
            spread = (variance + 1e-4).sqrt().mean(dim=1).to(x.dtype)
        channel = spread.reshape(-1, 1, *[1] * (x.ndim - 2)).expand(-1, 1, *x.shape[2:])
        return torch.cat([x, channel], dim=1)
