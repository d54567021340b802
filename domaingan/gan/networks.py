"""The generator and the discriminator, in 2D and 3D from one description.

A generator maps a latent vector and condition codes to image and mask channels together, ``(B, C + M, *size)``
in [-1, 1]: the image by tanh, the mask (background and classes) by softmax, brought to the same range. A
discriminator maps such a stack and the codes to one score an item.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from domaingan.gan.config import GANConfig

EMBEDDING = 64
"""Length of the sum of condition embeddings that the generator sees."""

CONV: dict[int, type[nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, type[nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class Conditions(nn.Module):
    """The sum of one learned vector for each condition's value; every condition has one for *unknown* too.

    Args:
        sizes: number of values of each condition.
        features: length of the vectors.
        spectral: bound the embeddings' spectral norm, as in a projection discriminator.
    """

    def __init__(self, sizes: list[int], features: int, *, spectral: bool = False) -> None:
        super().__init__()
        self.sizes, self.features = sizes, features
        tables = [nn.Embedding(size + 1, features) for size in sizes]
        self.tables = nn.ModuleList(spectral_norm(table) if spectral else table for table in tables)

    def forward(self, codes: Tensor) -> Tensor:
        """From codes ``(B, K)``, -1 for unknown, to ``(B, features)``."""
        total = torch.zeros(len(codes), self.features, device=codes.device)
        for column, size, table in zip(codes.unbind(1), self.sizes, self.tables, strict=True):
            total = total + table(column % (size + 1))  # -1 becomes the last row
        return total


class ModulatedNorm(nn.Module):
    """Batch normalisation whose gain and bias follow from the latent and the condition.

    Self-modulation, Chen et al. 2019 (https://arxiv.org/abs/1810.01365).
    """

    def __init__(self, channels: int, style: int, dims: int) -> None:
        super().__init__()
        self.norm = NORM[dims](channels, affine=False)
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
    """Twice the resolution: a linear resize and a convolution.

    A resize instead of a transposed convolution, whose uneven overlap shows as a grid (Odena et al. 2016,
    https://distill.pub/2016/deconv-checkerboard).
    """

    def __init__(self, channels: int, out: int, style: int, dims: int) -> None:
        super().__init__()
        self.resize = nn.Upsample(scale_factor=2, mode="bilinear" if dims == 2 else "trilinear")
        self.conv = CONV[dims](channels, out, 3, padding=1, bias=False)
        self.norm = ModulatedNorm(out, style, dims)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """From ``(B, channels, *spatial)`` and the style ``(B, S)`` to ``(B, out, *(2 * spatial))``."""
        out: Tensor = self.norm(self.conv(self.resize(x)), style)
        return out.relu()


class DCGANGenerator(nn.Module):
    """Latent and conditions to 4 pixels an edge, then blocks that double it (after Radford et al. 2016)."""

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        self.images, self.dims, self.latent = len(config.channels), config.spatial_dims, config.latent
        style = config.latent + EMBEDDING
        widths = [*reversed(_widths(config)), max(8, config.width // 2)]
        self.conditions = Conditions([len(v) for v in config.conditions.values()], EMBEDDING)
        self.start = nn.Linear(style, widths[0] * 4**self.dims)
        self.blocks = nn.ModuleList(UpBlock(a, b, style, self.dims) for a, b in pairwise(widths))
        self.paint = CONV[self.dims](widths[-1], config.painted, 3, padding=1)

    def forward(self, z: Tensor, codes: Tensor) -> Tensor:
        """From latents ``(B, latent)`` and codes ``(B, K)`` to ``(B, C + M, *size)`` in [-1, 1]."""
        style = torch.cat([z, self.conditions(codes)], dim=1)
        x = self.start(style).unflatten(1, (-1, *[4] * self.dims)).relu()
        for block in self.blocks:
            x = block(x, style)
        x = self.paint(x).float()
        return torch.cat([x[:, : self.images].tanh(), x[:, self.images :].softmax(dim=1) * 2 - 1], dim=1)


class DCGANDiscriminator(nn.Module):
    """Strided convolutions under spectral normalisation, with a projection of the conditions.

    Spectral normalisation: Miyato et al. 2018 (https://arxiv.org/abs/1802.05957); projection: Miyato and
    Koyama 2018 (https://arxiv.org/abs/1802.05637), summed over the conditions; the spread of the batch as one
    more channel: Karras et al. 2018 (https://arxiv.org/abs/1710.10196). A batch is all real or all fake.
    """

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        dims, widths = config.spatial_dims, [config.painted, *_widths(config)]
        self.body = nn.Sequential(
            *(
                nn.Sequential(
                    spectral_norm(CONV[dims](a, b, 4, stride=2, padding=1)),
                    nn.LeakyReLU(0.2),
                )
                for a, b in pairwise(widths)
            )
        )
        self.score = spectral_norm(nn.Linear((widths[-1] + 1) * 4**dims, 1))
        self.conditions = Conditions([len(v) for v in config.conditions.values()], widths[-1], spectral=True)

    def forward(self, x: Tensor, codes: Tensor) -> Tensor:
        """From ``(B, C + M, *size)`` and codes ``(B, K)`` to scores ``(B,)``; positive means real."""
        features = self.body(x).flatten(2)
        # Without it a generator that draws one and the same crop for a condition goes unnoticed.
        spread = (features.float().var(dim=0, unbiased=False) + 1e-8).sqrt().mean().to(features.dtype)
        seen = torch.cat([features, spread.expand(len(x), 1, features.shape[2])], dim=1)
        score: Tensor = self.score(seen.flatten(1)).squeeze(1)
        projection: Tensor = (features.mean(dim=2) * self.conditions(codes)).sum(dim=1)
        return score + projection


def _widths(config: GANConfig) -> list[int]:
    """Channels at half the size, a quarter, … down to 4 pixels."""
    return [min(config.width * 2**level, 8 * config.width) for level in range(int(math.log2(config.size)) - 2)]


@dataclass(frozen=True)
class Architecture:
    """A generator and the discriminator that goes with it, each built from a config."""

    generator: type[nn.Module]
    discriminator: type[nn.Module]


ARCHITECTURES: dict[str, Architecture] = {"dcgan": Architecture(DCGANGenerator, DCGANDiscriminator)}
"""The pairs of networks by name."""


def build(config: GANConfig) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator with weights drawn by the config's seed; the global generator stays untouched."""
    architecture = ARCHITECTURES[config.arch]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        pair = architecture.generator(config), architecture.discriminator(config)
    # One memory format everywhere: another one is computed with other roundings.
    memory = channels_last(config.spatial_dims)
    return pair[0].to(memory_format=memory), pair[1].to(memory_format=memory)


def channels_last(dims: int) -> torch.memory_format:
    """The memory format that convolutions of so many dimensions are fastest in."""
    return torch.channels_last if dims == 2 else torch.channels_last_3d
