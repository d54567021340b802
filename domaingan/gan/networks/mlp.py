"""``mlp``: the classic fully connected networks (Goodfellow et al. 2014; conditioned after Mirza and Osindero 2014)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from domaingan.core.errors import DataError
from domaingan.gan.conditions import Condition, count_one_hot_features, encode_one_hot
from domaingan.gan.config import GANConfig
from domaingan.gan.networks.parts import Discriminator, Generator, Pyramid, get_bound, squash_outputs

MAX_LAYER_WEIGHTS = 1 << 27
"""Most weights of one layer: with Adam's moments and the average, more would need over 2 GB."""

FIRST_WIDTH_FACTOR = 8
"""The smallest hidden layer has this many times the base width."""

DROPOUT_RATE = 0.3


class MLPLayer(nn.Module):
    """A linear layer and what follows it, with a shortcut around both if there is one.

    Args:
        linear: from ``(B, features)`` to ``(B, out)``.
        short: the shortcut, from ``(B, features)`` to ``(B, out)``, or None.
        *after: layers after the linear one.
    """

    def __init__(self, linear: nn.Module, short: nn.Module | None, *after: nn.Module) -> None:
        super().__init__()
        self.linear, self.short, self.after = linear, short, nn.Sequential(*after)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, features)`` to ``(B, out)``."""
        h: Tensor = self.after(self.linear(x))
        return h if self.short is None else h + self.short(x)


class MLPGenerator(Generator):
    """Maps latent and conditions to all pixels at once, by hidden layers of twice the width each.

    Args:
        config: the model's.
    """

    def __init__(self, config: GANConfig) -> None:
        super().__init__(config)
        self.shape = config.network.shape
        conditioning = _count_pixels(config, config.conditioning_channels)
        inputs = config.network.latent + count_one_hot_features(config) + conditioning
        sizes = [inputs, *_list_hidden_widths(config)]
        is_residual = config.network.skip == "residual"
        self.layers = nn.Sequential()
        for features, out in pairwise(sizes):
            linear = nn.Linear(features, out)
            short = nn.Linear(features, out, bias=False) if is_residual else None
            self.layers.append(MLPLayer(linear, short, nn.ReLU()))
        self.pixels = nn.Linear(sizes[-1], _count_pixels(config, sum(config.generated_channels)))

    def embed(self, condition: Condition) -> Tensor:
        """Encode the conditions as one-hot vectors and Fourier features."""
        return encode_one_hot(condition, self.config)

    def forward(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """Map latents ``(B, latent)`` and conditions to a pyramid of one stack of the generated channels."""
        x = torch.cat([z, embedded, image.flatten(1)], dim=1)
        pixels = self.pixels(self.layers(x)).unflatten(1, (-1, *self.shape))
        return [squash_outputs(pixels, self.config.generated_channels[0])]


class MLPDiscriminator(Discriminator):
    """Maps all pixels and the conditions to a score, by hidden layers of half the width each.

    Args:
        config: the model's.
        has_spectral_norm: whether the layers have spectral normalisation.
    """

    def __init__(self, config: GANConfig, has_spectral_norm: bool) -> None:
        super().__init__()
        self.config, bound = config, get_bound(has_spectral_norm)
        pixels = math.prod([len(config.is_conditioning), *config.network.shape])
        sizes = [pixels + count_one_hot_features(config), *reversed(_list_hidden_widths(config))]
        is_residual = config.network.skip == "residual"
        self.layers = nn.Sequential()
        for features, out in pairwise(sizes):
            linear = bound(nn.Linear(features, out))
            short = bound(nn.Linear(features, out, bias=False)) if is_residual else None
            self.layers.append(MLPLayer(linear, short, nn.LeakyReLU(0.2), nn.Dropout(DROPOUT_RATE)))
        self.score = bound(nn.Linear(sizes[-1], 1))

    def extract_features(self, stacks: Pyramid, condition: Condition) -> list[Tensor]:
        """Extract the features of the last hidden layer."""
        pixels = stacks[-1].flatten(1)
        conditions = encode_one_hot(condition, self.config).to(pixels.dtype)
        return [self.layers(torch.cat([pixels, conditions], dim=1))]

    def score_features(self, features: list[Tensor], condition: Condition) -> Tensor:
        """Map features to scores ``(B,)``; a positive one means real."""
        scores: Tensor = self.score(features[-1]).squeeze(1)
        return scores


def _list_hidden_widths(config: GANConfig) -> list[int]:
    """List the widths of the hidden layers: 256, 512, 1024, … at the default width of 32."""
    first = FIRST_WIDTH_FACTOR * config.network.width
    return [first * 2**level for level in range(config.network.depth)]


def _count_pixels(config: GANConfig, channels: int) -> int:
    """Count the pixels of so many channels.

    Raises:
        DataError: a layer from or to these pixels would have too many weights.
    """
    pixels, widest = channels * math.prod(config.network.shape), _list_hidden_widths(config)[-1]
    if pixels * widest > MAX_LAYER_WEIGHTS:
        size = "×".join(map(str, config.network.shape))
        weights = f"{pixels * widest / 1e6:,.0f} million weights in one layer"
        raise DataError(
            f"arch mlp at {size} with {channels} channels: {weights}",
            expected="a smaller size or width, or dcgan or resnet",
        )
    return pixels
