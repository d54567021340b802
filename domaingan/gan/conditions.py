"""What a batch is conditioned on, and the vectors that networks make of it.

A class is an embedding; a number in a range is Fourier features (Tancik et al. 2020,
https://arxiv.org/abs/2006.10739); an image is handed on as it is. Every one of them may be unknown.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from domaingan.gan.config import GANConfig

FOURIER_OCTAVES = 4
"""A number's Fourier features: sine and cosine of so many frequencies, each twice the one before."""

NUMBER_FEATURES = 2 * FOURIER_OCTAVES + 2
"""Features of a number: whether it is known, itself, and its Fourier features."""


class Condition(NamedTuple):
    """What each item of a batch is conditioned on.

    Attributes:
        codes: ``(B, K)`` position of the value of each class condition, -1 where it is not known.
        numbers: ``(B, L)`` each number condition, 0 and 1 being the ends of its range, NaN where it is not known.
        image: ``(B, G, *size)`` the given channels in [-1, 1]; with no channels where none are given.
    """

    codes: Tensor
    numbers: Tensor
    image: Tensor

    def to(self, device: torch.device) -> Condition:
        """The same on another device."""
        return Condition(*(part.to(device, non_blocking=True) for part in self))

    def take(self, rows: slice | Tensor) -> Condition:
        """Some of the items."""
        return Condition(*(part[rows] for part in self))

    def compare_classes(self) -> Tensor:
        """``(B, B)``: 1 where two items have the same class conditions, 0 elsewhere."""
        return (self.codes[:, None] == self.codes[None]).all(dim=2).float()


def scale_numbers(values: Tensor, config: GANConfig) -> Tensor:
    """Numbers ``(B, L)`` in their own units, brought to [0, 1] over the config's ranges."""
    low, high = _number_ranges(config)
    return (values - low) / (high - low)


def _number_ranges(config: GANConfig) -> tuple[Tensor, Tensor]:
    ends = torch.tensor(list(config.numbers.values()), dtype=torch.float32).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def encode_numbers(numbers: Tensor) -> Tensor:
    """From numbers ``(B, L)`` in [0, 1] to features ``(B, L, NUMBER)``, all 0 where a number is not known."""
    known = ~numbers.isnan()
    x = numbers.nan_to_num()[..., None]
    angles = x * math.pi * 2.0 ** torch.arange(FOURIER_OCTAVES, device=x.device)
    return torch.cat([torch.ones_like(x), x, angles.sin(), angles.cos()], dim=2) * known[..., None]


def encode_one_hot(condition: Condition, config: GANConfig) -> Tensor:
    """Class conditions as one-hot vectors and numbers as Fourier features, ``(B, one_hot_length(config))``."""
    parts = [
        (column[:, None] == torch.arange(len(values), device=column.device)).float()
        for column, values in zip(condition.codes.unbind(1), config.conditions.values(), strict=True)
    ]
    return torch.cat([*parts, encode_numbers(condition.numbers).flatten(1)], dim=1)


def count_one_hot_features(config: GANConfig) -> int:
    """Length of the vectors of :func:`one_hot`."""
    return sum(map(len, config.conditions.values())) + NUMBER_FEATURES * len(config.numbers)


class ConditionEmbedding(nn.Module):
    """The sum of a learned vector for each condition.

    A class has a vector for each value and one for *unknown*; a number is a linear map of its Fourier features.

    Args:
        config: names the conditions.
        features: length of the vectors.
        spectral: bound the maps' spectral norm, as in a projection discriminator.
    """

    def __init__(self, config: GANConfig, features: int, *, has_spectral_norm: bool = False) -> None:
        super().__init__()
        self.sizes = [len(values) for values in config.conditions.values()]
        self.features = features
        bound = spectral_norm if has_spectral_norm else _identity
        self.tables = nn.ModuleList(bound(nn.Embedding(size + 1, features)) for size in self.sizes)
        self.maps = nn.ModuleList(bound(nn.Linear(NUMBER_FEATURES, features, bias=False)) for _ in config.numbers)

    def forward(self, condition: Condition) -> Tensor:
        """``(B, features)``."""
        codes, numbers = condition.codes, encode_numbers(condition.numbers)
        total = torch.zeros(len(codes), self.features, device=codes.device)
        for column, size, table in zip(codes.unbind(1), self.sizes, self.tables, strict=True):
            total = total + table(column % (size + 1))  # -1 becomes the last row
        for number, mapped in zip(numbers.unbind(1), self.maps, strict=True):
            total = total + mapped(number)
        return total


def _identity(module: nn.Module) -> nn.Module:
    return module
