"""What the architectures share: convolutions by dimension, the sizes of the layers, pyramids, and painting.

A *stack* is image and mask channels together, ``(B, C + M, *size)`` in [-1, 1]. A *pyramid* is a list of stacks, each
twice as large as the one before; the last one has the full size. It holds that one alone unless ``skip`` is
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
"""Length of the sum of condition embeddings that a generator sees."""

Pyramid = list[Tensor]

CONVOLUTIONS: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
BATCH_NORMS: dict[int, type[nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
AVERAGE_POOLS: dict[int, Callable[..., Tensor]] = {2: avg_pool2d, 3: avg_pool3d}

PADDING_MODE: Literal["replicate"] = "replicate"
"""What a generator's convolutions see beyond the border: with zeros there, they paint a frame around each crop."""

LINEAR_MODES = {2: "bilinear", 3: "trilinear"}


def list_widths(config: GANConfig) -> list[int]:
    """Channels at half the size, a quarter, … down to 4 pixels."""
    return [min(config.width * 2**level, 8 * config.width) for level in range(int(math.log2(config.size)) - 2)]


def get_bound(has_spectral_norm: bool) -> Callable[[nn.Module], nn.Module]:
    """Spectral normalisation (Miyato et al. 2018, https://arxiv.org/abs/1802.05957), or nothing."""
    return spectral_norm if has_spectral_norm else lambda module: module


def halve_resolution(x: Tensor) -> Tensor:
    """Half the resolution, by means over 2 pixels an axis."""
    return AVERAGE_POOLS[x.ndim - 2](x, 2)


def build_pyramid(stack: Tensor, levels: int) -> Pyramid:
    """A stack and its halves, the smallest first."""
    result = [stack]
    for _ in range(levels - 1):
        result.insert(0, halve_resolution(result[0]))
    return result


def count_levels(config: GANConfig) -> int:
    """How many stacks a pyramid of this config holds."""
    return len(list_widths(config)) if config.skip == "multiscale" else 1


def assemble(painted: Pyramid, image: Tensor, config: GANConfig) -> Pyramid:
    """What was painted and what was given as whole stacks, their channels in the config's order."""
    if config.is_inpainting:
        return [
            composite(a.float(), b, config) for a, b in zip(painted, build_pyramid(image, len(painted)), strict=True)
        ]
    if not any(config.is_conditioning):
        return painted
    given = build_pyramid(image, len(painted))
    order = sorted(range(len(config.is_conditioning)), key=lambda i: config.is_conditioning[i])
    back = torch.tensor(sorted(range(len(order)), key=lambda i: order[i]), device=image.device)
    return [torch.cat([a, b.to(a.dtype)], dim=1)[:, back] for a, b in zip(painted, given, strict=True)]


def squash_outputs(x: Tensor, images: int) -> Tensor:
    """A generator's last features as a stack: the image by tanh, the mask by softmax, brought to the same range."""
    x = x.float()
    return torch.cat([x[:, :images].tanh(), x[:, images:].softmax(dim=1) * 2 - 1], dim=1)


class Generator(nn.Module):
    """What every generator offers: called with latents, embedded conditions and given channels, it paints a pyramid."""

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        self.config = config

    def embed(self, condition: Condition) -> Tensor:
        """Classes and numbers as vectors ``(B, E)``: what lies between two of them can be drawn too."""
        raise NotImplementedError

    def paint(self, z: Tensor, condition: Condition) -> Pyramid:
        """From latents ``(B, latent)`` and their conditions to a pyramid of the channels painted."""
        return self.paint_embedded(z, self.embed(condition), condition.image)

    def paint_embedded(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """The same from conditions that are embedded, and what is given ``(B, G, *size)``."""
        painted: Pyramid = self(z, embedded, mask_out_inside(image, self.config))
        return painted


class ConvolutionalGenerator(Generator):
    """What the generators of convolutions share: embedded conditions, and painters of one resolution or of all."""

    def __init__(self, config: GANConfig) -> None:
        super().__init__(config)
        self.embedding = ConditionEmbedding(config, EMBEDDING_LENGTH)

    def add_output_layers(self, widths: Sequence[int]) -> None:
        """Painters of features with these channels, from coarse to fine: of the last, or with ``multiscale`` of all."""
        painted = widths if self.config.skip == "multiscale" else widths[-1:]
        self.painters = nn.ModuleList(OutputLayer(width, self.config) for width in painted)

    def embed(self, condition: Condition) -> Tensor:
        """``(B, 64)``."""
        embedded: Tensor = self.embedding(condition)
        return embedded

    def apply_output_layers(self, features: list[Tensor]) -> Pyramid:
        """From features of every resolution, coarse to fine, to a pyramid of the channels painted."""
        shown = features[-len(self.painters) :]
        return [paint(x) for paint, x in zip(self.painters, shown, strict=True)]


class Discriminator(nn.Module):
    """What every discriminator offers: from a pyramid of whole stacks to features, and from these to scores."""

    def extract_features(self, stacks: Pyramid, condition: Condition) -> list[Tensor]:
        """What it sees in ``B`` items, from fine to coarse; the last is what is scored."""
        raise NotImplementedError

    def score_features(self, seen: list[Tensor], condition: Condition) -> Tensor:
        """From features to scores ``(B,)``; positive means real."""
        raise NotImplementedError

    def forward(self, stacks: Pyramid, condition: Condition) -> Tensor:
        """From a pyramid of whole stacks to scores ``(B,)``; positive means real."""
        return self.score_features(self.extract_features(stacks, condition), condition)


class ProjectionDiscriminator(Discriminator):
    """What the discriminators of convolutions share: a score, and a projection of the conditions on the features.

    Miyato and Koyama 2018 (https://arxiv.org/abs/1802.05637), summed over the conditions.
    """

    def add_score_layers(self, channels: int, config: GANConfig, spectral: bool) -> None:
        """The last layers, for features with so many channels at 4 pixels an edge."""
        self.spread = MinibatchStdDev()
        self.score = get_bound(spectral)(nn.Linear((channels + 1) * START_SIZE**config.spatial_dims, 1))
        self.embedding = ConditionEmbedding(config, channels, has_spectral_norm=spectral)

    def score_features(self, seen: list[Tensor], condition: Condition) -> Tensor:
        """From features to scores ``(B,)``; positive means real."""
        x = seen[-1]
        score: Tensor = self.score(self.spread(x, condition.compare_classes()).flatten(1)).squeeze(1)
        projection: Tensor = (x.flatten(2).mean(dim=2) * self.embedding(condition)).sum(dim=1)
        return score + projection


class OutputLayer(nn.Module):
    """A convolution from features to the channels that are painted."""

    def __init__(self, channels: int, config: GANConfig) -> None:
        super().__init__()
        self.images = config.generated_channels[0]
        self.conv = CONVOLUTIONS[config.spatial_dims](
            channels, sum(config.generated_channels), 3, padding=1, padding_mode=PADDING_MODE
        )

    def forward(self, x: Tensor) -> Tensor:
        """From ``(B, channels, *size)`` to a stack ``(B, painted, *size)`` in [-1, 1]."""
        return squash_outputs(self.conv(x), self.images)


class MinibatchStdDev(nn.Module):
    """One more channel: how much the features of the batch differ among items of the same class.

    After Karras et al. 2018 (https://arxiv.org/abs/1710.10196), with the spread taken within each class: a generator
    that draws one and the same crop for a class would else go unnoticed behind the differences between classes.
    A batch is all real or all fake, with the same classes.
    """

    def forward(self, x: Tensor, same: Tensor) -> Tensor:
        """From ``(B, C, *spatial)`` and ``(B, B)`` of :meth:`Condition.same` to ``(B, C + 1, *spatial)``."""
        with torch.autocast(x.device.type, enabled=False):  # in bf16 the difference of squares would be noise
            flat, share = x.flatten(1).float(), same / same.sum(dim=1, keepdim=True)
            variance = (share @ flat.square() - (share @ flat).square()).clamp(min=0)
            spread = (variance + 1e-4).sqrt().mean(dim=1).to(x.dtype)
        return torch.cat([x, spread.reshape(-1, 1, *[1] * (x.ndim - 2)).expand(-1, 1, *x.shape[2:])], dim=1)
