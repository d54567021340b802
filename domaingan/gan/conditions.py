"""What a batch is conditioned on, and the vectors that networks make of it.

A class becomes an embedding; a number becomes Fourier features (Tancik et al. 2020, https://arxiv.org/abs/2006.10739);
an image is passed on unchanged. Each of them may be unknown.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from domaingan.gan.config import GANConfig

FOURIER_OCTAVES = 4
"""Number of frequencies in a number's Fourier features; each is twice the one before."""

NUMBER_FEATURES = 2 * FOURIER_OCTAVES + 2
"""Length of a number's features: whether it is known, the number itself, and its Fourier features."""


class Condition(NamedTuple):
    """What each item of a batch is conditioned on.

    Attributes:
        codes: ``(B, K)`` position of the value of each class condition, -1 where it is unknown.
        numbers: ``(B, L)`` each number condition, scaled so that its range is [0, 1]; NaN where it is unknown.
        image: ``(B, G, *size)`` the conditioning channels in [-1, 1]. ``G`` may be 0.
    """

    codes: Tensor
    numbers: Tensor
    image: Tensor

    def to(self, device: torch.device) -> Condition:
        """Move all tensors to a device."""
        return Condition(*(part.to(device, non_blocking=True) for part in self))

    def take(self, rows: slice | Tensor) -> Condition:
        """Return the conditions of some items."""
        return Condition(*(part[rows] for part in self))

    def compare_classes(self) -> Tensor:
        """Return ``(B, B)``: 1 where two items have the same class conditions, 0 elsewhere."""
        return (self.codes[:, None] == self.codes[None]).all(dim=2).float()


def scale_numbers(values: Tensor, config: GANConfig) -> Tensor:
    """Scale numbers ``(B, L)`` from their own units so that the config's ranges become [0, 1]."""
    ends = torch.tensor(list(config.data.numbers.values()), dtype=torch.float32).reshape(-1, 2)
    low, high = ends[:, 0], ends[:, 1]
    return (values - low) / (high - low)


def encode_numbers(numbers: Tensor) -> Tensor:
    """Compute the features ``(B, L, NUMBER_FEATURES)`` of numbers ``(B, L)`` in [0, 1]; 0 where one is unknown."""
    is_known = ~numbers.isnan()
    x = numbers.nan_to_num()[..., None]
    angles = x * math.pi * 2.0 ** torch.arange(FOURIER_OCTAVES, device=x.device)
    return torch.cat([torch.ones_like(x), x, angles.sin(), angles.cos()], dim=2) * is_known[..., None]


def encode_one_hot(condition: Condition, config: GANConfig) -> Tensor:
    """Encode classes as one-hot vectors and numbers as Fourier features.

    Returns:
        ``(B, count_one_hot_features(config))``. An unknown value is 0 everywhere.
    """
    parts = []
    for column, values in zip(condition.codes.unbind(1), config.data.conditions.values(), strict=True):
        positions = torch.arange(len(values), device=column.device)
        parts.append((column[:, None] == positions).float())
    parts.append(encode_numbers(condition.numbers).flatten(1))
    return torch.cat(parts, dim=1)


def count_one_hot_features(config: GANConfig) -> int:
    """Return the length of the vectors of :func:`encode_one_hot`."""
    return sum(map(len, config.data.conditions.values())) + NUMBER_FEATURES * len(config.data.numbers)


class ConditionEmbedding(nn.Module):
    """Embeds all conditions as the sum of one learned vector for each.

    A class has a vector for each value and one for *unknown*. A number has a linear map of its Fourier features.

    Args:
        config: names the conditions.
        features: length of the vectors.
        has_spectral_norm: whether the spectral norm of the maps is bounded, as in a projection discriminator.
    """

    def __init__(self, config: GANConfig, features: int, *, has_spectral_norm: bool = False) -> None:
        super().__init__()
        self.sizes = [len(values) for values in config.data.conditions.values()]
        self.features = features
        bound = spectral_norm if has_spectral_norm else _return_unchanged
        self.tables = nn.ModuleList(bound(nn.Embedding(size + 1, features)) for size in self.sizes)
        self.maps = nn.ModuleList(bound(nn.Linear(NUMBER_FEATURES, features, bias=False)) for _ in config.data.numbers)

    def forward(self, condition: Condition) -> Tensor:
        """Return vectors ``(B, features)``."""
        codes, numbers = condition.codes, encode_numbers(condition.numbers)
        total = torch.zeros(len(codes), self.features, device=codes.device)
        for column, size, table in zip(codes.unbind(1), self.sizes, self.tables, strict=True):
            total = total + table(column % (size + 1))  # -1 becomes the last row
        for number, linear_map in zip(numbers.unbind(1), self.maps, strict=True):
            total = total + linear_map(number)
        return total


def _return_unchanged(module: nn.Module) -> nn.Module:
    return module
