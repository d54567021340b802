"""Losses of a generator that changes hosts, besides the adversarial one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, avg_pool3d

from domaingan.gan.config import GANConfig

ENOUGH_DIFFERENCE = 0.05
"""Insides from two latents need not differ by more than this on average (-1 is black, 1 is white)."""

POOLED_PIXELS = 4
"""Edge over which differences are averaged first: otherwise a generator learns to hatch its crops differently."""

DIVERSITY_EVERY = 4
"""Steps between two evaluations of the diversity-sensitive loss, which costs a second pass of the generator.

The loss is multiplied by this number."""


def diversity_and_residual_loss(
    config: GANConfig, generated: Tensor, image: Tensor, regenerate: Callable[[], Tensor] | None
) -> Tensor:
    """Compute the diversity-sensitive loss and the residual loss, weighted by the config.

    *Diversity*: the latent must change the result. The loss shrinks with the mean difference between the results of two
    latents for the same hosts, up to a bound (Yang et al. 2019, https://arxiv.org/abs/1901.09024, equation 4; Mao et
    al. 2019, https://arxiv.org/abs/1903.05628). Here differences count that are visible at a quarter of the resolution.
    *Residual*: the mean absolute value of what refine adds to a paste, so that real texture is kept where it fits.

    Args:
        config: has the weights of both.
        generated: ``(B, C, *size)`` in [-1, 1].
        image: conditioning image ``(B, G, *size)``, the blend weight last.
        regenerate: generates for the same hosts from other latents; None at steps without the diversity loss.

    Returns:
        A scalar.
    """
    weight = image[:, -1:]
    area = weight.flatten(1).sum(1).clamp(min=1) * generated.shape[1]
    total = torch.zeros((), device=generated.device)
    if config.training.diversity and regenerate is not None:
        dims = config.network.spatial_dims
        pool = avg_pool2d if dims == 2 else avg_pool3d
        pooled = pool((generated - regenerate()) * weight, POOLED_PIXELS)
        difference = pooled.abs().flatten(1).sum(1) * POOLED_PIXELS**dims / area
        shortfall = (1 - difference / ENOUGH_DIFFERENCE).clamp(min=0).mean()
        total = total + DIVERSITY_EVERY * config.training.diversity * shortfall
    if config.training.residual:
        added = (generated.abs() * weight).flatten(1).sum(1) / area
        total = total + config.training.residual * added.mean()
    return total


def feature_matching_loss(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Compute how far the discriminator's features of generated crops are from those of real crops in the same hosts.

    It is the mean absolute difference at each resolution, relative to the size of the real features (Wang et al. 2018,
    https://arxiv.org/abs/1711.11585, equation 4). Unlike an L1 loss of the pixels it does not blur.

    Args:
        real: features of the real crops, one tensor for each resolution. No gradient flows to them.
        fake: features of the generated crops.

    Returns:
        A scalar.
    """
    differences = []
    for real_features, fake_features in zip(real, fake, strict=True):
        reference = real_features.detach().float()
        difference = (reference - fake_features.float()).abs().mean()
        differences.append(difference / reference.abs().mean())
    return torch.stack(differences).mean()
