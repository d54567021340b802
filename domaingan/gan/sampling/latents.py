"""Draw the latents of crops, each from a seed of its own."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor

from domaingan.core.errors import DataError
from domaingan.gan.config import GANConfig


def sample_latents(config: GANConfig, seeds: list[tuple[int, ...]], truncation: float | None = None) -> Tensor:
    """Draw latents from a normal distribution; each depends on its own seed alone.

    Args:
        config: gives the length of a latent.
        seeds: the seed of each latent.
        truncation: the largest distance of a number from 0, or None for no limit. A small one makes crops more typical
            and less varied (Brock et al. 2019, https://arxiv.org/abs/1809.11096, section 3.1).

    Returns:
        ``(len(seeds), latent)`` float32.

    Raises:
        DataError: the truncation is not above 0.
    """
    if truncation is not None and not truncation > 0:
        raise DataError(f"truncation {truncation}", expected="a number above 0; about 1 is usual")
    z = np.stack([np.random.default_rng(list(seed)).standard_normal(config.network.latent) for seed in seeds])
    if truncation is not None:  # the same quantiles, of the normal distribution between the limits
        low, high = ndtr(-truncation), ndtr(truncation)
        z = ndtri(low + ndtr(z) * (high - low))
    return torch.from_numpy(z.astype(np.float32))
