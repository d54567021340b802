"""The training loop of PyTorch's DCGAN example, and its networks, written from their description.

After Radford et al. 2016 (https://arxiv.org/abs/1511.06434): the discriminator on real images and backwards, on
generated ones and backwards, a step of Adam; then the generator through the discriminator, backwards, a step. Float32,
contiguous tensors, binary cross-entropy of a sigmoid, batches from a DataLoader with two workers, losses read out at
every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

Batch = list[Tensor]
"""Images first; what follows is handed to the networks."""

UP: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
DOWN: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def make_example_generator(latent: int, widths: list[int], channels: int, dims: int) -> nn.Sequential:
    """From ``(B, latent, 1, …)`` to 4 pixels an edge, then twice that for each later width and for ``channels``."""
    layers: list[nn.Module] = [UP[dims](latent, widths[0], 4, 1, 0, bias=False)]
    for a, b in pairwise([*widths, channels]):
        layers += [NORM[dims](a), nn.ReLU(True), UP[dims](a, b, 4, 2, 1, bias=False)]
    return nn.Sequential(*layers, nn.Tanh()).apply(_initialise)


def make_example_discriminator(channels: int, widths: list[int], dims: int) -> nn.Sequential:
    """From images to logits; half the edge for each of ``widths``, then 4 pixels to 1."""
    layers: list[nn.Module] = [DOWN[dims](channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for a, b in pairwise(widths):
        layers += [DOWN[dims](a, b, 4, 2, 1, bias=False), NORM[dims](b), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, DOWN[dims](widths[-1], 1, 4, 1, 0, bias=False), nn.Flatten(0)).apply(_initialise)


@torch.no_grad()
def _initialise(module: nn.Module) -> None:
    name = type(module).__name__
    if name.startswith("Conv"):
        module.weight.normal_(0.0, 0.02)  # type: ignore[operator]
    elif name.startswith("BatchNorm"):
        module.weight.normal_(1.0, 0.02)  # type: ignore[operator]


class ExampleLoop:
    """The loop, a step at a time.

    Args:
        generator: weights to train.
        discriminator: its opponent's.
        paint: from a batch to images.
        score: from images and the batch they stand for to logits ``(B,)``.
        crops: what is trained on.
        batch: images a step.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        paint: Callable[[Batch], Tensor],
        score: Callable[[Tensor, Batch], Tensor],
        crops: Dataset[Any],
        batch: int,
    ) -> None:
        self.generator = generator.to(memory_format=torch.contiguous_format)
        self.discriminator = discriminator.to(memory_format=torch.contiguous_format)
        self.paint, self.score, self.criterion = paint, score, nn.BCELoss()
        self.opt_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.opt_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.batches = _iterate_forever(
            DataLoader(crops, batch, shuffle=True, drop_last=True, num_workers=2, persistent_workers=True)
        )

    def step(self) -> tuple[float, float]:
        """One step of each; returns their losses."""
        batch = next(self.batches)
        real, label = batch[0], torch.ones(len(batch[0]))
        self.discriminator.zero_grad()
        on_real = self._compute_loss(real, batch, label)
        on_real.backward()
        fake = self.paint(batch)
        on_fake = self._compute_loss(fake.detach(), batch, label - 1)
        on_fake.backward()
        self.opt_d.step()
        self.generator.zero_grad()
        fooled = self._compute_loss(fake, batch, label)
        fooled.backward()
        self.opt_g.step()
        return (on_real + on_fake).item(), fooled.item()

    def _compute_loss(self, images: Tensor, batch: Batch, label: Tensor) -> Tensor:
        loss: Tensor = self.criterion(self.score(images, batch).sigmoid(), label)
        return loss


def _iterate_forever(loader: DataLoader[Any]) -> Iterator[Batch]:
    while True:
        yield from loader
