"""The generators and discriminators, each in 2D and 3D from one description.

A generator embeds a :class:`~domaingan.gan.conditions.Condition` and paints some channels of a pyramid of stacks; a
discriminator maps a pyramid of whole stacks and the condition to one score an item (see
:mod:`domaingan.gan.networks.parts`). Both are built from a config, so that a model folder says all there is to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from domaingan.core.errors import DataError
from domaingan.gan.config import GANConfig
from domaingan.gan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from domaingan.gan.networks.mlp import MLPDiscriminator, MLPGenerator
from domaingan.gan.networks.parts import Discriminator, Generator, assemble, build_pyramid, count_levels
from domaingan.gan.networks.resnet import ResNetDiscriminator, ResNetGenerator
from domaingan.gan.networks.unet import UNetGenerator
from domaingan.gan.training.losses import LOSSES

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Discriminator",
    "Generator",
    "assemble",
    "build_networks",
    "build_pyramid",
    "choose_memory_format",
    "count_levels",
]


@dataclass(frozen=True)
class Architecture:
    """A generator and the discriminator that goes with it; both are called with a config and whether to bound the norm.

    Attributes:
        generator: see :mod:`domaingan.gan.networks`.
        discriminator: see there.
        skips: the ``skip`` that it can have, its default first.
        depth: the depth it has unless another one is asked for.
        hosted: whether it needs to be shown something.
    """

    generator: Callable[[GANConfig, bool], Generator]
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
"""The pairs of networks by name."""


def build_networks(config: GANConfig) -> tuple[Generator, Discriminator]:
    """Generator and discriminator with weights drawn by the config's seed; the global generator stays untouched.

    Raises:
        DataError: the architecture cannot have this size.
    """
    architecture = ARCHITECTURES[config.arch]
    if architecture.is_image_conditional and not config.given:
        raise DataError(f"arch {config.arch} with nothing given", expected="given mask,ring or paste,mask, or dcgan")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        spectral = LOSSES[config.loss].has_spectral_norm
        pair = architecture.generator(config, spectral), architecture.discriminator(config, spectral)
    # One memory format everywhere: another one is computed with other roundings.
    memory = choose_memory_format(config.spatial_dims)
    return pair[0].to(memory_format=memory), pair[1].to(memory_format=memory)


def choose_memory_format(dims: int) -> torch.memory_format:
    """The memory format that convolutions of so many dimensions are fastest in."""
    return torch.channels_last if dims == 2 else torch.channels_last_3d
