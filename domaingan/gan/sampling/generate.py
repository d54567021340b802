"""Prepare a generator for sampling, and generate crops batch by batch."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from domaingan.core.devices import choose_device
from domaingan.core.errors import report_out_of_memory
from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops
from domaingan.gan.fabric import make_fabric
from domaingan.gan.networks import Generator, assemble_stacks
from domaingan.gan.seeds import make_rng

SAMPLING_BATCH = 32
"""Crops that are generated at a time. The number is fixed: other batches would be computed with other roundings."""

CALIBRATION_BATCHES = 8
"""Batches that the statistics of batch normalisation are measured on."""

MIN_CALIBRATION_CROPS, MAX_CALIBRATION_CROPS = 16, 64
"""Limits of the size of these batches."""


@torch.no_grad()
def recalibrate_batch_norm(generator: Generator, crops: TrainingCrops, batches: int = CALIBRATION_BATCHES) -> Generator:
    """Copy a generator and measure the statistics of its batch normalisation anew.

    The activations of the averaged generator differ from those of the trained one. So they are measured under
    conditions that are drawn as in training, as in BigGAN (Brock et al. 2019, https://arxiv.org/abs/1809.11096,
    "standing statistics").

    Args:
        generator: the averaged generator.
        crops: the crops of the training.
        batches: how many batches the statistics are measured on.

    Returns:
        The copy, in evaluation mode.
    """
    training = crops.config.training
    generator = copy.deepcopy(generator).train()
    norms = [module for module in generator.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
    size = min(MAX_CALIBRATION_CROPS, max(MIN_CALIBRATION_CROPS, training.batch))
    rng = make_rng(training.seed, 0, 5)
    for _ in range(batches if norms else 0):
        condition = crops.draw_batch(size, rng)[1]
        z = torch.randn(size, crops.config.network.latent, generator=rng).to(crops.device)
        generator.generate(z, condition)
    return generator.eval()


@torch.no_grad()
def generate(generator: Generator, config: GANConfig, z: Tensor, condition: Condition) -> Tensor:
    """Generate whole stacks.

    Args:
        generator: recalibrated.
        config: the model's.
        z: latents ``(n, latent)``.
        condition: the condition of each crop.

    Returns:
        ``(n, C + M, *size)`` in [-1, 1], on the CPU.
    """
    device = next(generator.parameters()).device
    pieces = []
    for start in range(0, len(z), SAMPLING_BATCH):
        rows = torch.arange(start, start + SAMPLING_BATCH).clamp(max=len(z) - 1)
        batch = condition.take(rows).to(device)
        generated = generator.generate(z[rows].to(device), batch)[-1:]
        stacks = assemble_stacks(generated, batch.image, config)[0]
        pieces.append(stacks.cpu()[: len(z) - start])
    return torch.cat(pieces)


@contextmanager
def use_device(generator: Generator, config: GANConfig, device: str) -> Iterator[None]:
    """Move a generator to a device for sampling, and back to the CPU afterwards.

    Args:
        generator: recalibrated.
        config: the model's.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        DataError: there is no such device, or its memory is too small.
    """
    chosen = choose_device(device)
    make_fabric(chosen, config.training.precision)  # refuses a device that is not there
    try:
        with report_out_of_memory("a model of smaller width or size, or device cpu"):
            generator.to(chosen).eval()
            yield
    finally:
        generator.cpu()
