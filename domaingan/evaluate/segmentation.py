"""The segmentation baseline: a small MONAI U-Net, trained on patches, applied by sliding window, scored by Dice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from monai.losses.dice import DiceCELoss
from monai.networks.nets.basic_unet import BasicUNet
from numpy.typing import NDArray
from torch.nn import functional
from torch.utils.data import DataLoader

from domaingan.errors import DataError
from domaingan.evaluate.arms import Augment
from domaingan.evaluate.batches import CLIP, Patches, network_values
from domaingan.evaluate.scores import DiceCounter
from domaingan.gan.fit import choose_precision
from domaingan.sample import Dataset, Sample, Schema
from domaingan.tissue import intensity_range, to_scaled

LARGEST_PATCH = {2: 256, 3: 64}
DIVISOR = 16
"""A BasicUNet halves its input four times."""

BATCH = {2: 8, 3: 2}


@dataclass(frozen=True)
class Segmenter:
    """A trained network with what is needed to apply it.

    Attributes:
        network: maps ``(B, C, *patch)`` scaled images to class logits.
        patch: spatial shape it was trained on.
        schema: names the classes of its output.
        precision: dtype of its forward pass.
        losses: mean training loss of each stretch of steps, ``[(step, loss), …]``.
    """

    network: torch.nn.Module
    patch: tuple[int, ...]
    schema: Schema
    precision: torch.dtype
    losses: list[tuple[int, float]]

    def predict(self, sample: Sample, shape: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
        """The predicted mask of a sample, in mask values, resampled to ``shape`` where given (from probabilities)."""
        scaled = np.clip(to_scaled(sample.image, intensity_range(sample, self.schema.domain)), *CLIP)
        image = torch.from_numpy(scaled)[None]
        with torch.inference_mode(), _autocast(self.precision):
            logits = sliding_window_inference(image, self.patch, 4, self.network, overlap=0.25, mode="gaussian")
        logits = logits.float()
        if shape is not None and tuple(shape) != tuple(logits.shape[2:]):
            mode = "bilinear" if len(shape) == 2 else "trilinear"
            logits = functional.interpolate(logits.softmax(1), size=shape, mode=mode, align_corners=False)
        values = np.array(network_values(self.schema), dtype=np.uint8)
        predicted: NDArray[np.uint8] = values[logits[0].argmax(0).numpy()]
        return predicted


def patch_shape(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The median shape, rounded up to what the network can halve, at most :data:`LARGEST_PATCH`."""
    median = np.median(np.array(shapes), axis=0)
    return tuple(int(min(-(-m // DIVISOR) * DIVISOR, LARGEST_PATCH[len(median)])) for m in median)


def train(
    samples: list[Sample],
    schema: Schema,
    augment: Augment,
    *,
    steps: int,
    seed: int,
    width: int = 16,
    rate: float = 2e-3,
    precision: torch.dtype = torch.float32,
    progress: Callable[[int, int, dict[str, float]], None] | None = None,
) -> Segmenter:
    """Train a BasicUNet with Dice + cross-entropy, AdamW, a short warm-up and a cosine to zero.

    Args:
        samples: training samples, :func:`domaingan.evaluate.batches.prepared`.
        schema: names the classes.
        augment: what the arm does to them.
        steps: number of optimiser steps.
        seed: seeds weights and batches.
        width: channels of the first level; they double three times.
        rate: peak learning rate.
        precision: dtype of the forward pass.
        progress: called with step, steps and the loss.

    Raises:
        DataError: there is nothing to train on, or the loss is no longer a number.
    """
    if not samples:
        raise DataError("no labelled training samples", expected="at least one")
    patch = patch_shape([sample.shape for sample in samples])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(schema, width)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(_warm_cosine, steps=steps))
    criterion = DiceCELoss(include_background=False, softmax=True, to_onehot_y=True, batch=True)
    batch = BATCH[schema.spatial_dims]
    patches = Patches(samples, schema, augment, patch, steps * batch, seed)
    losses: list[tuple[int, float]] = []
    recent: list[float] = []
    for step, (image, target) in enumerate(_batches(patches, batch), start=1):
        with _autocast(precision):
            logits = network(image).float()
        loss = criterion(_without_ignored(logits, target), torch.where(target == 255, 0, target)[:, None])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12.0)
        optimiser.step()
        schedule.step()
        recent.append(float(loss.detach()))
        if not np.isfinite(recent[-1]):
            raise DataError(f"the segmenter's loss is {recent[-1]} at step {step}", expected="a finite loss")
        if step % max(1, steps // 40) == 0 or step == steps:
            losses.append((step, round(float(np.mean(recent)), 5)))
            recent.clear()
        if progress is not None:
            progress(step, steps, {"loss": losses[-1][1] if losses else recent[-1]})
    return Segmenter(network.eval(), patch, schema, precision, losses)


def score(model: Segmenter, test: Dataset, own_grid: Dataset) -> dict[str, dict[str, float]]:
    """Scores of every test subject, on the data's own grid.

    Args:
        model: a trained segmenter.
        test: test samples at the grid it was trained on.
        own_grid: the same samples at the data's own grid, whose masks are the truth.
    """
    counter = DiceCounter(own_grid.schema)
    for record, coarse, own in zip(test.records, test, own_grid, strict=True):
        if own.mask is not None:
            counter.add(record.group, own.mask, model.predict(coarse, own.shape))
    return counter.scores()


def _network(schema: Schema, width: int) -> torch.nn.Module:
    features = (width, width, 2 * width, 4 * width, 8 * width, width)
    classes = len(network_values(schema))
    network: torch.nn.Module = BasicUNet(schema.spatial_dims, len(schema.channels), classes, features)
    if schema.spatial_dims == 2:
        network = network.to(memory_format=torch.channels_last)
    return network


def _warm_cosine(step: int, steps: int) -> float:
    warm = min(1.0, (step + 1) / max(1, steps // 10))
    return warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def _batches(patches: Patches, batch: int) -> Iterator[list[Any]]:
    yield from DataLoader(patches, batch_size=batch, shuffle=False)


def _without_ignored(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Logits that are certain of background where the target is ignored, so that nothing is learned there."""
    ignored = (target == 255)[:, None]
    if not bool(ignored.any()):
        return logits
    certain = torch.full_like(logits, -20.0)
    certain[:, 0] = 20.0
    return torch.where(ignored, certain, logits)


def precision_for(precision: str) -> torch.dtype:
    """The dtype of the forward pass on this CPU; ``auto`` is bf16 where it is fast."""
    return torch.bfloat16 if choose_precision(precision, "cpu") == "bf16-mixed" else torch.float32


def _autocast(precision: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16)
