"""A generator made ready to draw, and drawing with it, batch by batch."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops
from domaingan.gan.networks import Generator, assemble
from domaingan.gan.seeds import make_rng

SAMPLING_BATCH = 32
"""Crops drawn at a time. Always so many: other batches would be computed with other roundings."""


@torch.no_grad()
def recalibrate_batch_norm(generator: Generator, crops: TrainingCrops, batches: int = 8) -> Generator:
    """A copy, ready to draw, whose batch normalisation has the statistics of its own weights.

    The averaged generator's activations are not those of the one that was trained: as in BigGAN (Brock et al.
    2019, https://arxiv.org/abs/1809.11096, "standing statistics") they are measured anew, under conditions drawn as
    in training.
    """
    config = crops.config
    generator = copy.deepcopy(generator).train()
    norms = [module for module in generator.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
    rng, size = make_rng(config.seed, 0, 5), min(64, max(16, config.batch))
    for _ in range(batches if norms else 0):
        condition = crops.draw_batch(size, rng)[1]
        z = torch.randn(size, config.latent, generator=rng).to(crops.device)
        generator.paint(z, condition)
    return generator.eval()


@torch.no_grad()
def generate(generator: Generator, config: GANConfig, z: Tensor, condition: Condition) -> Tensor:
    """Whole stacks ``(n, C + M, *size)``, on the CPU, for latents ``(n, latent)`` and what they are conditioned on."""
    device = next(generator.parameters()).device
    pieces = []
    for start in range(0, len(z), SAMPLING_BATCH):
        rows = torch.arange(start, start + SAMPLING_BATCH).clamp(max=len(z) - 1)
        on = condition.take(rows).to(device)
        painted = generator.paint(z[rows].to(device), on)[-1:]
        pieces.append(assemble(painted, on.image, config)[0].cpu()[: len(z) - start])
    return torch.cat(pieces)
