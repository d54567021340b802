"""What a generator that paints into a host is asked for besides fooling the discriminator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, avg_pool3d

from domaingan.gan.config import GANConfig

ENOUGH_DIFFERENCE = 0.05
"""Insides of two latents that differ by so much on average (-1 being black and 1 white) are different enough."""

POOLED_PIXELS = 4
"""Pixels of an edge over which differences are averaged before: else a generator differs by drawing hatchings."""

DIVERSITY_EVERY = 4
"""Steps between two looks at what other latents give, which costs a second painting: the wish weighs as much more."""


def diversity_and_residual_loss(
    config: GANConfig, generated: Tensor, image: Tensor, regenerate: Callable[[], Tensor] | None
) -> Tensor:
    """What is added to the generator's loss, a scalar.

    *Diversity*: noise must change the result. The mean difference of two paintings of the same hosts, up to a bound
    (Yang et al. 2019, https://arxiv.org/abs/1901.09024, equation 4; Mao et al. 2019, https://arxiv.org/abs/1903.05628),
    here of what is seen at a quarter of the resolution.
    *Residual*: the mean of what is added to what was pasted, so that real texture is kept where it fits.

    Args:
        config: says how much of each is wished for.
        painted: ``(B, C, *size)`` in [-1, 1].
        image: ``(B, G, *size)`` what was given, the weight last.
        again: paints the same hosts from other latents; None at steps that do not look at it.
    """
    share = image[:, -1:]
    area = share.flatten(1).sum(1).clamp(min=1) * generated.shape[1]
    total = torch.zeros((), device=generated.device)
    if config.diversity and regenerate is not None:
        pool = avg_pool2d if config.spatial_dims == 2 else avg_pool3d
        apart = (
            pool((generated - regenerate()) * share, POOLED_PIXELS).abs().flatten(1).sum(1)
            * POOLED_PIXELS**config.spatial_dims
            / area
        )
        total = total + DIVERSITY_EVERY * config.diversity * (1 - apart / ENOUGH_DIFFERENCE).clamp(min=0).mean()
    if config.residual:
        total = total + config.residual * ((generated.abs() * share).flatten(1).sum(1) / area).mean()
    return total


def feature_matching_loss(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """How far the discriminator's features of generated crops are from those of the real ones they share hosts with.

    The mean absolute difference at each resolution, each as a share of the features' own size (Wang et al. 2018,
    https://arxiv.org/abs/1711.11585, equation 4). Nothing is said pixel by pixel, as L1 would, which smooths.
    """
    apart = [
        (a.detach().float() - b.float()).abs().mean() / a.detach().float().abs().mean()
        for a, b in zip(real, fake, strict=True)
    ]
    return torch.stack(apart).mean()
