"""The small network of the seam test: pasted or real?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import nn

EDGE = 12
"""Edge of a window, in pixels."""

EPOCHS, BATCH = 20, 64

Array = NDArray[Any]
Pair = tuple[Sequence[Array], Sequence[Array]]


def network(channels: int) -> nn.Module:
    """Three convolutions over the window and its fine structure, averaged."""
    widths = [2 * channels, 16, 24, 32]
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        layers += [nn.AvgPool2d(2)] if b < widths[-1] else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * (EDGE // 4) ** 2, 1))


def seen(windows: Sequence[Array]) -> torch.Tensor:
    """Windows and what a blur takes from them, ten times stronger: ``(N, 2 C, EDGE, EDGE)``."""
    stack = np.stack(windows)
    fine = stack - ndimage.gaussian_filter(stack, (0, 0, 1, 1))
    centred = stack - stack.mean(axis=(2, 3), keepdims=True)
    return torch.from_numpy(np.concatenate([4 * centred, 20 * fine], axis=1).astype(np.float32))


def turned(batch: torch.Tensor, free: bool, generator: torch.Generator) -> torch.Tensor:
    """Mirrored, and where there is no up and down turned as well."""
    draw = torch.rand(3, generator=generator) < 0.5
    batch = batch.flip(3) if draw[0] else batch
    batch = batch.flip(2) if free and draw[1] else batch
    return batch.transpose(2, 3) if free and draw[2] else batch


def told(train: Pair, test: Pair, free: bool, seed: int) -> tuple[int, int]:
    """How many of the test windows are told right, and how many there are.

    Args:
        train, test: windows ``(C, EDGE, EDGE)`` of pasted and of real objects.
        free: whether windows may be turned as well as mirrored left and right.
        seed: of weights, order and mirroring.
    """
    n, m = (min(map(len, pair)) for pair in (train, test))
    inputs = torch.cat([seen(side[:n]) for side in train])
    answers = torch.cat([torch.ones(n), torch.zeros(n)])
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = network(inputs.shape[1] // 2)
        steps = EPOCHS * -(-2 * n // BATCH)
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
        for _ in range(EPOCHS):
            for rows in torch.randperm(2 * n, generator=generator).split(BATCH):
                logits = model(turned(inputs[rows], free, generator))[:, 0]
                loss = nn.functional.binary_cross_entropy_with_logits(logits, answers[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
    with torch.no_grad():
        model.eval()
        right = [(model(seen(side[:m]))[:, 0] > 0) == bool(1 - i) for i, side in enumerate(test)]
    return int(sum(int(side.sum()) for side in right)), 2 * m
