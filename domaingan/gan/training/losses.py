"""What generator and discriminator minimise, as functions of the discriminator's scores (positive means real)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

Stacks = list[Tensor]
ScoreFunction = Callable[[Stacks], Tensor]

MIN_SQUARED_NORM = 1e-12
"""Added to a squared norm before its root is taken, whose gradient at 0 is infinite."""


@dataclass(frozen=True)
class GANLoss:
    """The losses of both networks, and what their training needs.

    Attributes:
        discriminator: from the ``(B,)`` scores of real and of generated crops to a scalar.
        generator: the same for the generator.
        penalty: of the discriminator's gradient, or None. It maps the scoring function, real and generated stacks,
            their scores and a ``(B,)`` uniform random number for each to a scalar, which is weighted by ``gamma``.
        has_spectral_norm: whether spectral normalisation bounds the discriminator; otherwise a penalty does.
        is_relativistic: whether only differences between the scores of real and generated crops have a meaning.
        is_paired: whether the generator's loss compares with the scores of real crops.
        settings: the defaults of other fields of a :class:`~domaingan.gan.config.TrainingConfig`.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    penalty: Callable[[ScoreFunction, Stacks, Stacks, Tensor, Tensor, Tensor], Tensor] | None = None
    has_spectral_norm: bool = True
    is_relativistic: bool = False
    is_paired: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


def _bce_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real).mean() + softplus(fake).mean()


def _minimax_generator(real: Tensor, fake: Tensor) -> Tensor:
    return -softplus(fake).mean()


def _nonsaturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-fake).mean()


def _least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * ((real - 1).square().mean() + (fake + 1).square().mean())


def _least_squares_generator(real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * fake.square().mean()


def _hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return relu(1 - real).mean() + relu(1 + fake).mean()


def _wgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


def _wgan_generator(real: Tensor, fake: Tensor) -> Tensor:
    return -fake.mean()


def _relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(fake - real).mean()


def _relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(real - fake).mean()


def sum_squared_gradients(scores: Tensor, stacks: Stacks) -> Tensor:
    """Compute ``‖∇D(x)‖²`` of each item over all pixels of all stacks, with a graph to train through.

    Args:
        scores: ``(B,)`` of the stacks.
        stacks: a pyramid ``(B, C + M, *size)`` that requires gradients.

    Returns:
        ``(B,)``.
    """
    gradients = torch.autograd.grad(scores.sum(), stacks, create_graph=True)
    return torch.stack([gradient.square().flatten(1).sum(dim=1) for gradient in gradients]).sum(dim=0)


def r1_r2_penalty(
    score: ScoreFunction, real: Stacks, fake: Stacks, real_scores: Tensor, fake_scores: Tensor, mix: Tensor
) -> Tensor:
    """Compute ``½ (‖∇D(x)‖² + ‖∇D(x̃)‖²)`` for real ``x`` and generated ``x̃``.

    Mescheder et al. 2018 (https://arxiv.org/abs/1801.04406); both terms as in R3GAN. Arguments as of
    :attr:`GANLoss.penalty`.
    """
    return 0.5 * (sum_squared_gradients(real_scores, real) + sum_squared_gradients(fake_scores, fake)).mean()


def unit_gradient_penalty(
    score: ScoreFunction, real: Stacks, fake: Stacks, real_scores: Tensor, fake_scores: Tensor, mix: Tensor
) -> Tensor:
    """Compute ``(‖∇D(x̂)‖ - 1)²`` at random points ``x̂`` between real and generated crops.

    Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028. Arguments as of :attr:`GANLoss.penalty`.
    """
    between = []
    for a, b in zip(real, fake, strict=True):
        share = mix.reshape(-1, *[1] * (a.ndim - 1))
        between.append((a.detach() * share + b.detach() * (1 - share)).requires_grad_())
    norm = (sum_squared_gradients(score(between), between) + MIN_SQUARED_NORM).sqrt()
    return (norm - 1).square().mean()


# Two time scales (Heusel et al. 2017, https://arxiv.org/abs/1706.08500) for discriminators that are bounded.
_BOUNDED_SETTINGS: dict[str, Any] = {
    "lr": (2e-4, 2e-4),
    "lr_d": (8e-4, 8e-4),
    "beta2": (0.9, 0.9),
    "gamma": (0.0, 0.0),
}

LOSSES: dict[str, GANLoss] = {
    # Goodfellow et al. 2014 (https://arxiv.org/abs/1406.2661), equation 1 …
    "minimax": GANLoss(_bce_discriminator, _minimax_generator, settings=_BOUNDED_SETTINGS),
    # … and section 3: the generator maximises log D instead of minimising log (1 - D).
    "nonsaturating": GANLoss(_bce_discriminator, _nonsaturating_generator, settings=_BOUNDED_SETTINGS),
    # Mao et al. 2017 (https://arxiv.org/abs/1611.04076), equation 9 without its constant: a = -1, b = 1, c = 0.
    "least-squares": GANLoss(_least_squares_discriminator, _least_squares_generator, settings=_BOUNDED_SETTINGS),
    # Lim and Ye 2017 (https://arxiv.org/abs/1705.02894); Miyato et al. 2018, equations 16 and 17.
    "hinge": GANLoss(_hinge_discriminator, _wgan_generator, settings=_BOUNDED_SETTINGS),
    # Arjovsky et al. 2017 (https://arxiv.org/abs/1701.07875) with the penalty of Gulrajani et al.: λ = 10.
    "wgan-gp": GANLoss(
        _wgan_discriminator,
        _wgan_generator,
        unit_gradient_penalty,
        has_spectral_norm=False,
        is_relativistic=True,
        settings={"lr": (1e-4, 1e-4), "lr_d": (4e-4, 4e-4), "beta2": (0.9, 0.9), "gamma": (10.0, 10.0)},
    ),
    # R3GAN, Huang et al. 2024 (https://arxiv.org/abs/2501.05441), equation 1 and section 3.1, with its schedules. The
    # learning rates are five times theirs: trainings here have thousands of steps, not a million.
    "relativistic": GANLoss(
        _relativistic_discriminator,
        _relativistic_generator,
        r1_r2_penalty,
        has_spectral_norm=False,
        is_relativistic=True,
        is_paired=True,
        settings={"lr": (1e-3, 2e-4), "lr_d": (1e-3, 2e-4), "beta2": (0.9, 0.99), "gamma": (2.0, 0.2)},
    ),
}
"""The losses by name."""
