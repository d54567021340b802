"""The segmentation baseline: a U-Net, trained on patches or whole frames, applied by sliding window."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch.nn import functional
from torch.utils.data import DataLoader

from domaingan.errors import DataError
from domaingan.evaluate.arms import Augment
from domaingan.evaluate.backbones import Backbone
from domaingan.evaluate.batches import CLIP, Patches, Wanted, network_values
from domaingan.evaluate.networks import DIVISOR, loss_for, seeded_network
from domaingan.evaluate.scores import counter_for
from domaingan.evaluate.weights import fill, load_model, save_model
from domaingan.gan.fit import choose_precision
from domaingan.sample import Dataset, Sample, Schema
from domaingan.tissue import intensity_range, to_scaled

LARGEST_PATCH = {2: 256, 3: 64}
RATE = {"scan": 2e-3, "frame": 1e-3}
"""Peak learning rates; the frames' encoder is trained already."""

BATCH = {2: 8, 3: 2}


@dataclass(frozen=True)
class Segmenter:
    """A trained network with what is needed to apply it.

    Attributes:
        network: maps ``(B, C, *patch)`` scaled images to class logits.
        patch: spatial shape it was trained on.
        schema: names the classes of its output.
        precision: dtype of its forward pass.
        width: channels of the first level of the network for scans.
        backbone: encoder of the network for frames.
        losses: mean training loss of each stretch of steps, ``[(step, loss), …]``.
    """

    network: torch.nn.Module
    patch: tuple[int, ...]
    schema: Schema
    precision: torch.dtype
    width: int = 16
    backbone: Backbone | None = None
    losses: list[tuple[int, float]] = field(default_factory=list)

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

    def facts(self) -> dict[str, Any]:
        """What :meth:`Segmenter.load` needs beside the weights."""
        backbone = None if self.backbone is None else self.backbone.name
        return {"patch": self.patch, "schema": asdict(self.schema), "width": self.width, "backbone": backbone}

    def save(self, path: Path) -> None:
        """Write weights and facts to one ``.safetensors`` file, atomically."""
        save_model(path, self.network.state_dict(), "segmentation", self.facts())

    @classmethod
    def load(cls, path: Path) -> Segmenter:
        """Open what :meth:`save` wrote; runs no code from the file.

        Raises:
            DataError: the file is missing or damaged, or holds another kind of model.
        """
        state, facts = load_model(path, "segmentation")
        stored: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts["schema"].items()}
        schema = Schema(**stored)
        backbone = None if facts["backbone"] is None else Backbone(facts["backbone"])
        classes = len(network_values(schema))
        network = seeded_network(schema, classes, 0, facts["width"], backbone, pretrained=False)
        fill(network, state, path)
        return cls(network.eval(), tuple(facts["patch"]), schema, torch.float32, facts["width"], backbone)


def patch_shape(shapes: list[tuple[int, ...]], divisor: int) -> tuple[int, ...]:
    """The median shape, rounded up to what the network can halve, at most :data:`LARGEST_PATCH`."""
    median = np.median(np.array(shapes), axis=0)
    return tuple(int(min(-(-m // divisor) * divisor, LARGEST_PATCH[len(median)])) for m in median)


def train(
    samples: list[Sample],
    schema: Schema,
    augment: Augment,
    *,
    steps: int,
    seed: int,
    width: int = 16,
    backbone: Backbone | None = None,
    wanted: Wanted | None = None,
    precision: torch.dtype = torch.float32,
    progress: Callable[[int, int, dict[str, float]], None] | None = None,
) -> Segmenter:
    """Train with Dice + cross-entropy, AdamW, a short warm-up and a cosine to zero.

    Args:
        samples: training samples, :func:`domaingan.evaluate.batches.prepared`.
        schema: names the classes.
        augment: what the arm does to them.
        steps: number of optimiser steps.
        seed: seeds weights and batches.
        width: channels of the first level of the network for scans; they double three times.
        backbone: encoder of the network for frames.
        wanted: conditions of samples that are drawn more often than they occur, see :class:`Patches`.
        precision: dtype of the forward pass.
        progress: called with step, steps and the loss.

    Raises:
        DataError: there is nothing to train on, or the loss is no longer a number.
    """
    if not samples:
        raise DataError("no labelled training samples", expected="at least one")
    patch = patch_shape([sample.shape for sample in samples], DIVISOR[schema.domain])
    network = seeded_network(schema, len(network_values(schema)), seed, width, backbone)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE[schema.domain], weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(warm_cosine, steps=steps))
    criterion = loss_for(schema.domain)
    batch = BATCH[schema.spatial_dims]
    patches = Patches(samples, schema, augment, patch, steps * batch, seed, wanted or {})
    losses: list[tuple[int, float]] = []
    recent: list[float] = []
    for step, (image, target) in enumerate(_batches(patches, batch), start=1):
        with _autocast(precision):
            logits = network(image).float()
        loss = criterion(logits, target)
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
    return Segmenter(network.eval(), patch, schema, precision, width, backbone, losses)


def score(model: Segmenter, test: Dataset, own_grid: Dataset) -> dict[str, dict[str, float]]:
    """Scores of every test subject (of drives, block of time), on the data's own grid.

    Args:
        model: a trained segmenter.
        test: test samples at the grid it was trained on.
        own_grid: the same samples at the data's own grid, whose masks are the truth.
    """
    counter = counter_for(own_grid.schema)
    for record, coarse, own in zip(test.records, test, own_grid, strict=True):
        if own.mask is not None:
            counter.add(record.unit, own.mask, model.predict(coarse, own.shape))
    return counter.scores()


def warm_cosine(step: int, steps: int) -> float:
    """The share of the peak learning rate at a step: up for a tenth of the way, then down to 0 by a cosine."""
    warm = min(1.0, (step + 1) / max(1, steps // 10))
    return warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def _batches(patches: Patches, batch: int) -> Iterator[list[Any]]:
    # Nothing is shuffled, but a loader draws a seed for its workers; not from the global generator.
    yield from DataLoader(patches, batch_size=batch, shuffle=False, generator=torch.Generator())


def precision_for(precision: str) -> torch.dtype:
    """The dtype of the forward pass on this CPU; ``auto`` is bf16 where it is fast."""
    return torch.bfloat16 if choose_precision(precision, "cpu") == "bf16-mixed" else torch.float32


def _autocast(precision: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16)
