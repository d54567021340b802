"""The plain DCGAN, written from its descriptions: what our networks and our training are compared with.

Radford et al. 2016 (https://arxiv.org/abs/1511.06434) with the usual choices: transposed convolutions and batch
normalisation, weights drawn with a standard deviation of 0.02, binary cross-entropy, Adam with 2e-4 and β₁ = 0.5; no
conditions, no augmentation, no average of the weights, float32.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

LATENT = 100


def _initialise(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    return network


def make_generator(size: int, channels: int, width: int = 64) -> nn.Module:
    """From ``(B, 100, 1, 1)`` to ``(B, channels, size, size)`` in [-1, 1]."""
    doublings = int(math.log2(size)) - 2
    widths = [width * 2**level for level in reversed(range(doublings))]
    layers: list[nn.Module] = [nn.ConvTranspose2d(LATENT, widths[0], 4, 1, 0, bias=False)]
    for a, b in pairwise(widths):
        layers += [nn.BatchNorm2d(a), nn.ReLU(True), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)]
    last = nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1, bias=False)
    return _initialise(nn.Sequential(*layers, nn.BatchNorm2d(widths[-1]), nn.ReLU(True), last, nn.Tanh()))


def make_discriminator(size: int, channels: int, width: int = 64) -> nn.Module:
    """From ``(B, channels, size, size)`` to logits ``(B, 1, 1, 1)``."""
    halvings = int(math.log2(size)) - 2
    widths = [width * 2**level for level in range(halvings)]
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for a, b in pairwise(widths):
        layers += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2, True)]
    return _initialise(nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False)))


class PlainTraining:
    """One pair of networks and the loop of the textbook: real, fake, step; generator, step.

    Args:
        networks: generator and discriminator.
        lr: Adam's learning rate.
    """

    def __init__(self, networks: tuple[nn.Module, nn.Module], lr: float = 2e-4) -> None:
        self.generator, self.discriminator = networks
        self.opt_g = torch.optim.Adam(self.generator.parameters(), lr=lr, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(self.discriminator.parameters(), lr=lr, betas=(0.5, 0.999))

    def step(self, real: Tensor, z: Tensor) -> tuple[float, float]:
        """One step of each on ``real`` ``(B, C, H, W)`` and latents ``(B, 100)``; returns both losses."""
        self.discriminator.zero_grad()
        on_real = self.discriminator(real).flatten()
        loss_real = binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))
        loss_real.backward()
        fake = self.generator(z[..., None, None])
        on_fake = self.discriminator(fake.detach()).flatten()
        loss_fake = binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))
        loss_fake.backward()
        self.opt_d.step()
        self.generator.zero_grad()
        on_fake = self.discriminator(fake).flatten()
        loss_g = binary_cross_entropy_with_logits(on_fake, torch.ones_like(on_fake))
        loss_g.backward()
        self.opt_g.step()
        return float((loss_real + loss_fake).detach()), float(loss_g.detach())
