"""The small network of the seam test: pasted or real?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from domaingan.metrics.fidelity.two_sample_classifier import flip_randomly, make_classifier_input, train_classifier

WINDOW_EDGE = 12
"""Edge of a window, in pixels."""

EPOCHS, BATCH = 20, 64

Array = NDArray[Any]
Pair = tuple[Sequence[Array], Sequence[Array]]


def make_network(channels: int) -> nn.Module:
    """Three convolutions over the window and its fine structure, averaged."""
    widths = [2 * channels, 16, 24, 32]
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        layers += [nn.AvgPool2d(2)] if b < widths[-1] else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * (WINDOW_EDGE // 4) ** 2, 1))


def classify_windows(train: Pair, test: Pair, free: bool, seed: int) -> tuple[int, int]:
    """How many of the test windows are told right, and how many there are.

    Args:
        train, test: windows ``(C, EDGE, EDGE)`` of pasted and of real objects.
        free: whether windows may be turned as well as mirrored left and right.
        seed: of weights, order and mirroring.
    """
    n, m = (min(map(len, pair)) for pair in (train, test))
    inputs = torch.cat([make_classifier_input(np.stack(side[:n])) for side in train])
    answers = torch.cat([torch.ones(n), torch.zeros(n)])

    def iterate_batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        rng = torch.Generator().manual_seed(seed)
        for _ in range(EPOCHS):
            for rows in torch.randperm(2 * n, generator=rng).split(BATCH):
                yield flip_randomly(inputs[rows], free, rng), answers[rows]

    model = train_classifier(
        lambda: make_network(inputs.shape[1] // 2), iterate_batches(), EPOCHS * -(-2 * n // BATCH), seed
    )
    with torch.no_grad():
        right = [
            (model(make_classifier_input(np.stack(side[:m])))[:, 0] > 0) == bool(1 - i) for i, side in enumerate(test)
        ]
    return int(sum(int(side.sum()) for side in right)), 2 * m
