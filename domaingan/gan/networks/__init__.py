"""The generators and discriminators, each in 2D and 3D from one description.

A generator embeds a :class:`~domaingan.gan.conditions.Condition` and generates some channels of a pyramid of stacks. A
discriminator maps a pyramid of whole stacks and the condition to one score for each item (see
:mod:`domaingan.gan.networks.parts`). Both are built from a config alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from domaingan.core.errors import DataError
from domaingan.gan.config import GANConfig
from domaingan.gan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from domaingan.gan.networks.mlp import MLPDiscriminator, MLPGenerator
from domaingan.gan.networks.parts import Discriminator, Generator, assemble_stacks, build_pyramid, count_levels
from domaingan.gan.networks.resnet import ResNetDiscriminator, ResNetGenerator
from domaingan.gan.networks.unet import UNetGenerator
from domaingan.gan.training.losses import LOSSES

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Discriminator",
    "Generator",
    "assemble_stacks",
    "build_networks",
    "build_pyramid",
    "choose_memory_format",
    "count_levels",
]


@dataclass(frozen=True)
class Architecture:
    """A generator and the discriminator that it is trained with.

    Attributes:
        generator: builds the generator from a config.
        discriminator: builds the discriminator from a config, with or without spectral normalisation.
        skips: the values of ``skip`` that it supports, the default first.
        depth: the default depth.
        is_image_conditional: whether the generator needs a conditioning image.
    """

    generator: Callable[[GANConfig], Generator]
    discriminator: Callable[[GANConfig, bool], Discriminator]
    skips: tuple[str, ...]
    depth: int = 1
    is_image_conditional: bool = False


ARCHITECTURES: dict[str, Architecture] = {
    "dcgan": Architecture(DCGANGenerator, DCGANDiscriminator, ("none", "residual", "multiscale")),
    "resnet": Architecture(ResNetGenerator, ResNetDiscriminator, ("residual", "multiscale")),
    "unet": Architecture(
        UNetGenerator, DCGANDiscriminator, ("none", "residual", "multiscale"), is_image_conditional=True
    ),
    "mlp": Architecture(MLPGenerator, MLPDiscriminator, ("none", "residual"), depth=3),
}
"""The architectures by name."""


def build_networks(config: GANConfig) -> tuple[Generator, Discriminator]:
    """Build generator and discriminator with weights drawn by the config's seed.

    The global random generator stays as it was.

    Raises:
        DataError: the architecture cannot have this size, or needs a conditioning image.
    """
    architecture = ARCHITECTURES[config.network.arch]
    if architecture.is_image_conditional and not config.network.conditioning:
        found = f"arch {config.network.arch} with nothing given"
        raise DataError(found, expected="given mask,ring or paste,mask, or dcgan")
    has_spectral_norm = LOSSES[config.training.loss].has_spectral_norm
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        generator = architecture.generator(config)
        discriminator = architecture.discriminator(config, has_spectral_norm)
    # One memory format everywhere: another one is computed with other roundings.
    memory = choose_memory_format(config.network.spatial_dims)
    return generator.to(memory_format=memory), discriminator.to(memory_format=memory)


def choose_memory_format(dims: int) -> torch.memory_format:
    """Return the memory format in which convolutions of so many dimensions are fastest."""
    return torch.channels_last if dims == 2 else torch.channels_last_3d
