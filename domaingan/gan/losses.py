"""What the two players minimise, as functions of the discriminator's scores (positive: takes it for real)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Loss:
    """A pair of losses.

    Attributes:
        discriminator: from the ``(B,)`` scores of real and of fake crops to a scalar.
        generator: from the ``(B,)`` scores of fake crops to a scalar.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def _bce(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real).mean() + softplus(fake).mean()


def _nonsaturating(fake: Tensor) -> Tensor:
    return softplus(-fake).mean()


LOSSES: dict[str, Loss] = {
    # Goodfellow et al. 2014, section 3: the generator maximises log D instead of minimising log (1 - D).
    "nonsaturating": Loss(_bce, _nonsaturating),
}
"""The losses by name."""
