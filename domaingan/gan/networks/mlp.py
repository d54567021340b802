"""``mlp``: the classic fully connected pair (Goodfellow et al. 2014; conditioned after Mirza and Osindero 2014)."""

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
"""A layer of more weights than this is refused: with Adam's moments and the average it would take over 2 GB."""

DROPOUT_RATE = 0.3


def _list_hidden_widths(config: GANConfig) -> list[int]:
    """256, 512, 1024, … at the default width of 32."""
    return [8 * config.width * 2**level for level in range(config.depth)]


def _count_pixels(config: GANConfig, channels: int) -> int:
    n, widest = int(channels * config.size**config.spatial_dims), _list_hidden_widths(config)[-1]
    if n * widest > MAX_LAYER_WEIGHTS:
        size = "×".join([str(config.size)] * config.spatial_dims)
        raise DataError(
            f"arch mlp at {size} with {channels} channels: {n * widest / 1e6:,.0f} million weights in one layer",
            expected="a smaller size or width, or dcgan or resnet",
        )
    return n


class MLPLayer(nn.Module):
    """A linear layer and what follows it, with the input added where ``residual``."""

    def __init__(self, linear: nn.Module, short: nn.Module | None, *after: nn.Module) -> None:
        super().__init__()
        self.linear, self.short, self.after = linear, short, nn.Sequential(*after)

    def forward(self, x: Tensor) -> Tensor:
        """From ``(B, features)`` to ``(B, out)``."""
        h: Tensor = self.after(self.linear(x))
        return h if self.short is None else h + self.short(x)


class MLPGenerator(Generator):
    """z and the conditions, by hidden layers of twice the width each, to all pixels at once."""

    def __init__(self, config: GANConfig, spectral: bool) -> None:
        super().__init__(config)
        self.shape = (config.size,) * config.spatial_dims
        given = _count_pixels(config, config.conditioning_channels)
        sizes = [config.latent + count_one_hot_features(config) + given, *_list_hidden_widths(config)]
        residual = config.skip == "residual"
        self.layers = nn.Sequential(
            *(
                MLPLayer(nn.Linear(a, b), nn.Linear(a, b, bias=False) if residual else None, nn.ReLU())
                for a, b in pairwise(sizes)
            )
        )
        self.pixels = nn.Linear(sizes[-1], _count_pixels(config, sum(config.generated_channels)))

    def embed(self, condition: Condition) -> Tensor:
        """As one-hot vectors and Fourier features."""
        return encode_one_hot(condition, self.config)

    def forward(self, z: Tensor, embedded: Tensor, image: Tensor) -> Pyramid:
        """From latents ``(B, latent)`` and conditions to a pyramid of one stack of the channels painted."""
        seen = torch.cat([z, embedded, image.flatten(1)], dim=1)
        painted = self.pixels(self.layers(seen)).unflatten(1, (-1, *self.shape))
        return [squash_outputs(painted, self.config.generated_channels[0])]


class MLPDiscriminator(Discriminator):
    """All pixels and the conditions, by hidden layers of half the width each, to a score."""

    def __init__(self, config: GANConfig, spectral: bool) -> None:
        super().__init__()
        self.config, bound = config, get_bound(spectral)
        pixels = math.prod([len(config.is_conditioning), *[config.size] * config.spatial_dims])
        sizes = [pixels + count_one_hot_features(config), *reversed(_list_hidden_widths(config))]
        residual = config.skip == "residual"
        self.layers = nn.Sequential(
            *(
                MLPLayer(
                    bound(nn.Linear(a, b)),
                    bound(nn.Linear(a, b, bias=False)) if residual else None,
                    nn.LeakyReLU(0.2),
                    nn.Dropout(DROPOUT_RATE),
                )
                for a, b in pairwise(sizes)
            )
        )
        self.score = bound(nn.Linear(sizes[-1], 1))

    def extract_features(self, stacks: Pyramid, condition: Condition) -> list[Tensor]:
        """Of the last hidden layer."""
        seen = torch.cat([stacks[-1].flatten(1), encode_one_hot(condition, self.config).to(stacks[-1].dtype)], dim=1)
        return [self.layers(seen)]

    def score_features(self, seen: list[Tensor], condition: Condition) -> Tensor:
        """From features to scores ``(B,)``; positive means real."""
        scores: Tensor = self.score(seen[-1]).squeeze(1)
        return scores
