"""Painted or real? A small network is asked, which never sees the pictures that it is tested on.

It looks at small pictures, all of one size: at their levels, at their fine structure, and at what they are said to show
(masks). Volumes are looked at in slices.
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
"""How long the network is fitted, and pairs in a step."""

LAYER_CHANNELS = (12, 16, 24)
"""Channels of its layers."""

LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-2
"""AdamW's (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101), under one cycle of the rate."""

Array = NDArray[Any]


def make_classifier_input(pictures: Array) -> Tensor:
    """Pictures ``(N, C, h, w)`` in scaled units and what a blur takes from them, strengthened: ``(N, 2 C, h, w)``."""
    fine = pictures - ndimage.gaussian_filter(pictures, (0, 0, 1, 1))
    centred = pictures - pictures.mean(axis=(2, 3), keepdims=True)
    return torch.from_numpy(np.concatenate([4 * centred, 20 * fine], axis=1).astype(np.float32))


def flip_randomly(batch: Tensor, can_rotate: bool, rng: torch.Generator) -> Tensor:
    """Mirrored left and right, and where there is no up and down (``free``) turned as well; a batch all alike."""
    draw = torch.rand(3, generator=rng) < 0.5
    batch = batch.flip(3) if draw[0] else batch
    batch = batch.flip(2) if can_rotate and draw[1] else batch
    return batch.transpose(2, 3) if can_rotate and draw[2] else batch


def train_classifier(
    network: Callable[[], nn.Module], batches: Iterable[tuple[Tensor, Tensor]], steps: int, seed: int
) -> nn.Module:
    """A network that was taught to give positive scores where the answer is 1; the global generators stay untouched.

    Args:
        network: builds it; its scores are ``(B, 1)``.
        batches: inputs and answers ``(B,)``, ``steps`` of them.
        steps: how many.
        seed: of weights and dropout.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = network()
        optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
        for inputs, answers in batches:
            loss = nn.functional.binary_cross_entropy_with_logits(model(inputs)[:, 0], answers)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


class PairClassifier(nn.Module):
    """Three convolutions, then mean and maximum of their features over what is to be judged.

    Args:
        channels: of what it sees; one more comes last, which is above 0 where it is to judge.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise((channels, *LAYER_CHANNELS))
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * LAYER_CHANNELS[-1], 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores ``(B, 1)`` of ``(B, channels + 1, h, w)``, whose edges are multiples of 4."""
        x, near = x[:, :-1], x[:, -1:]
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number + 1 < len(self.layers):
                x, near = nn.functional.avg_pool2d(x, 2), nn.functional.avg_pool2d(near, 2)
        mean = (x * near).sum((2, 3)) / near.sum((2, 3)).clamp(min=1e-6)
        return self.head(torch.cat([mean, (x * (near > 0)).amax((2, 3))], dim=1))


def classify_pairs(
    real: Array,
    generated: Array,
    masks: Array,
    regions: Array,
    is_first_half: NDArray[np.bool_],
    *,
    can_rotate: bool,
    seed: int = 0,
) -> NDArray[np.float64]:
    """For each pair of pictures the share that is told right: of its two pictures, each shown by itself.

    A network is fitted to the pairs of either part and asked about those of the other. Of identical pairs each gives
    0.5.

    Args:
        real: ``(n, V, C, h, w)`` in scaled units, ``V`` views of each of ``n`` things; edges are multiples of 4.
        painted: the same places, painted.
        marks: ``(n, V, K, h, w)`` what both are said to show.
        near: ``(n, V, 1, h, w)`` where a difference may be.
        part: ``(n,)`` which part a pair belongs to; both have some.
        free: whether pictures may be turned as well as mirrored left and right.
        seed: of weights, order and turning.

    Returns:
        ``(n,)``, each 0, 0.5 or 1.
    """
    sides = [_make_inputs(side, masks, regions) for side in (real, generated)]
    right = np.zeros(len(is_first_half))
    for tested in (False, True):
        rows = [torch.from_numpy(np.flatnonzero(is_first_half == which)) for which in (not tested, tested)]
        batches = _iterate_batches([side[rows[0]].flatten(0, 1) for side in sides], can_rotate, seed)
        model = train_classifier(lambda: PairClassifier(sides[0].shape[2] - 1), batches, TRAINING_STEPS, seed)
        with torch.no_grad():
            scores = torch.stack(
                [model(side[rows[1]].flatten(0, 1)).reshape(len(rows[1]), -1).mean(1) for side in sides]
            )
        right[rows[1].numpy()] = ((scores > 0) == torch.tensor([[False], [True]])).double().mean(0).numpy()
    return right


def _make_inputs(pictures: Array, marks: Array, near: Array) -> Tensor:
    n, views = pictures.shape[:2]
    flat = make_classifier_input(pictures.reshape(n * views, *pictures.shape[2:]).astype(np.float32))
    rest = np.concatenate([marks, near], axis=2).astype(np.float32)
    return torch.cat([flat.unflatten(0, (n, views)), torch.from_numpy(rest)], dim=2)


def _iterate_batches(sides: list[Tensor], can_rotate: bool, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Both pictures of some pairs, turned alike: all that they differ by is what was painted."""
    rng = torch.Generator().manual_seed(seed)
    n = len(sides[0])
    for _ in range(TRAINING_STEPS):
        rows = torch.randperm(n, generator=rng)[:PAIRS_PER_BATCH]
        batch = torch.cat([side[rows] for side in sides])
        yield flip_randomly(batch, can_rotate, rng), torch.arange(2).repeat_interleave(len(rows)).float()
