"""Real or fake? A small network is trained to tell pairs of pictures apart, and tested on pairs it never saw.

It sees small pictures, all of one size: their intensities, their fine structure, and the masks of their labels. Volumes
are shown to it as slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

TRAINING_STEPS, PAIRS_PER_BATCH = 240, 16
"""How long the network is trained, and how many pairs are in a step."""

LAYER_CHANNELS = (12, 16, 24)
"""Channels of its convolutions."""

LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-2
"""AdamW's (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101), under one cycle of the rate."""

Array = NDArray[Any]


def make_classifier_input(pictures: Array) -> Tensor:
    """Make what the network sees of pictures: their intensities less the mean, and what a blur removes, amplified.

    Args:
        pictures: ``(N, C, h, w)`` in scaled units.

    Returns:
        ``(N, 2 C, h, w)`` float32.
    """
    fine = pictures - ndimage.gaussian_filter(pictures, (0, 0, 1, 1))
    centred = pictures - pictures.mean(axis=(2, 3), keepdims=True)
    return torch.from_numpy(np.concatenate([4 * centred, 20 * fine], axis=1).astype(np.float32))


def flip_randomly(batch: Tensor, can_rotate: bool, rng: torch.Generator) -> Tensor:
    """Flip a batch at random, all pictures alike.

    Args:
        batch: ``(B, C, h, w)``.
        can_rotate: whether pictures have no up and down, so that they may be flipped upside down and transposed too;
            else they are flipped left and right alone.
        rng: samples the flips.
    """
    is_flipped = torch.rand(3, generator=rng) < 0.5
    if is_flipped[0]:
        batch = batch.flip(3)
    if can_rotate and is_flipped[1]:
        batch = batch.flip(2)
    if can_rotate and is_flipped[2]:
        batch = batch.transpose(2, 3)
    return batch


def train_classifier(
    network: Callable[[], nn.Module],
    batches: Iterable[tuple[Tensor, Tensor]],
    steps: int,
    seed: int,
    device: str = "cpu",
) -> nn.Module:
    """Train a network to give positive scores where the answer is 1. The global generators stay untouched.

    Args:
        network: builds it; its scores are ``(B, 1)``.
        batches: inputs and answers ``(B,)``, each 0 or 1; there are ``steps`` of them.
        steps: number of steps.
        seed: seeds weights and dropout.
        device: where it is trained; the batches are moved there.

    Returns:
        The trained network, on that device and in evaluation mode.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = network().to(device)
        optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
        for inputs, answers in batches:
            scores = model(inputs.to(device))[:, 0]
            loss = nn.functional.binary_cross_entropy_with_logits(scores, answers.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


class PairClassifier(nn.Module):
    """Three convolutions, then the mean and the maximum of their features over the region that counts.

    Args:
        channels: of the input, without its last channel, which is above 0 in the region that counts.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers = []
        for inputs, outputs in pairwise((channels, *LAYER_CHANNELS)):
            convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            layers.append(nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU()))
        self.layers = nn.ModuleList(layers)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * LAYER_CHANNELS[-1], 1))

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores ``(B, 1)`` of ``(B, channels + 1, h, w)``, whose edges are multiples of 4."""
        x, region = x[:, :-1], x[:, -1:]
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number + 1 < len(self.layers):
                x = nn.functional.avg_pool2d(x, 2)
                region = nn.functional.avg_pool2d(region, 2)
        mean = (x * region).sum((2, 3)) / region.sum((2, 3)).clamp(min=1e-6)
        maximum = (x * (region > 0)).amax((2, 3))
        return self.head(torch.cat([mean, maximum], dim=1))


def classify_pairs(
    real: Array,
    generated: Array,
    masks: Array,
    regions: Array,
    is_first_half: NDArray[np.bool_],
    *,
    can_rotate: bool,
    seed: int = 0,
    device: str = "cpu",
) -> NDArray[np.float64]:
    """Compute for each pair of pictures which share of the two is classified right, each seen by itself.

    A network is trained on the pairs of either half and tested on those of the other. Identical pairs give 0.5.

    Args:
        real: ``(n, V, C, h, w)`` in scaled units, ``V`` views of each of ``n`` objects; edges are multiples of 4.
        generated: the same places with a generated object.
        masks: ``(n, V, K, h, w)`` what both are labelled as.
        regions: ``(n, V, 1, h, w)`` where a difference may be.
        is_first_half: ``(n,)`` to which half a pair belongs; neither is empty.
        can_rotate: see :func:`flip_randomly`.
        seed: seeds weights, order and flips.
        device: where the network is trained.

    Returns:
        ``(n,)``, each 0, 0.5 or 1.
    """
    sides = [_make_inputs(side, masks, regions) for side in (real, generated)]
    channels = sides[0].shape[2] - 1
    accuracy = np.zeros(len(is_first_half))
    for tested in (False, True):
        train_rows = torch.from_numpy(np.flatnonzero(is_first_half != tested))
        test_rows = torch.from_numpy(np.flatnonzero(is_first_half == tested))
        train_sides = [side[train_rows].flatten(0, 1) for side in sides]
        batches = _iterate_batches(train_sides, can_rotate, seed)
        model = train_classifier(lambda: PairClassifier(channels), batches, TRAINING_STEPS, seed, device)
        with torch.no_grad():
            scores = torch.stack([_score_objects(model, side[test_rows].to(device)).cpu() for side in sides])
        is_right = (scores > 0) == torch.tensor([[False], [True]])
        accuracy[test_rows.numpy()] = is_right.double().mean(0).numpy()
    return accuracy


def _score_objects(model: nn.Module, views: Tensor) -> Tensor:
    """Score ``(n, V, …)`` views of objects: ``(n,)``, the mean over the views of each."""
    scores: Tensor = model(views.flatten(0, 1))
    return scores.reshape(len(views), -1).mean(1)


def _make_inputs(pictures: Array, masks: Array, regions: Array) -> Tensor:
    n, views = pictures.shape[:2]
    flat = pictures.reshape(n * views, *pictures.shape[2:]).astype(np.float32)
    seen = make_classifier_input(flat).unflatten(0, (n, views))
    rest = np.concatenate([masks, regions], axis=2).astype(np.float32)
    return torch.cat([seen, torch.from_numpy(rest)], dim=2)


def _iterate_batches(sides: list[Tensor], can_rotate: bool, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield both pictures of some pairs, flipped alike, so that they differ by what was generated alone."""
    rng = torch.Generator().manual_seed(seed)
    n = len(sides[0])
    for _ in range(TRAINING_STEPS):
        rows = torch.randperm(n, generator=rng)[:PAIRS_PER_BATCH]
        batch = torch.cat([side[rows] for side in sides])
        answers = torch.arange(2).repeat_interleave(len(rows)).float()
        yield flip_randomly(batch, can_rotate, rng), answers
