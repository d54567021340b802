"""What is drawn at random inside a training step: dropout, sampled proposals; a function of seed and step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from domaingan.core.devices import ComputeSettings


@contextmanager
def fork_step_generator(seed: int, step: int, compute: ComputeSettings) -> Iterator[None]:
    """Seed PyTorch's global generators inside a block, and give them back their state after it.

    Args:
        seed: of the training.
        step: its step, counted from 1.
        compute: names the device whose generator is seeded besides that of the CPU.
    """
    devices = [compute.device] if compute.is_cuda else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(np.random.default_rng((seed, step)).integers(2**63)))
        yield
