"""The segmentation baseline: a U-Net, trained on patches or whole frames, applied by sliding window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch.nn import functional
from torch.utils.data import DataLoader

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.batches import CLIP_RANGE, OversampledConditions, Patches, list_class_values
from domaingan.baselines.segmenters import build_seeded_network, make_loss
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import LossLog, ProgressCallback, compute_warmup_cosine
from domaingan.baselines.weights import load_model, load_weights, restore_schema, save_model
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.imaging.intensity import get_intensity_range, to_scaled
from domaingan.metrics.overlap import make_counter

MAX_PATCH_EDGES = {2: 256, 3: 64}
BATCH_SIZES = {2: 8, 3: 2}


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

    def predict(self, sample: Sample, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """The predicted mask of a sample, in mask values, resampled to ``shape`` where given (from probabilities)."""
        scaled = np.clip(to_scaled(sample.image, get_intensity_range(sample, self.schema.domain)), *CLIP_RANGE)
        image = torch.from_numpy(scaled)[None]
        with torch.inference_mode(), _make_autocast(self.precision):
            logits = sliding_window_inference(image, self.patch, 4, self.network, overlap=0.25, mode="gaussian")
        logits = logits.float()
        if shape is not None and tuple(shape) != tuple(logits.shape[2:]):
            mode = "bilinear" if len(shape) == 2 else "trilinear"
            logits = functional.interpolate(logits.softmax(1), size=shape, mode=mode, align_corners=False)
        values = np.array(list_class_values(self.schema))
        values = values.astype(np.min_scalar_type(int(values.max())))
        predicted: NDArray[Any] = values[logits[0].argmax(0).numpy()]
        return predicted

    def get_metadata(self) -> dict[str, Any]:
        """What :meth:`Segmenter.load` needs beside the weights."""
        backbone = None if self.backbone is None else self.backbone.name
        return {"patch": self.patch, "schema": self.schema.to_dict(), "width": self.width, "backbone": backbone}

    def save(self, path: Path) -> None:
        """Write weights and facts to one ``.safetensors`` file, atomically."""
        save_model(path, self.network.state_dict(), "segmentation", self.get_metadata())

    @classmethod
    def load(cls, path: Path) -> Segmenter:
        """Open what :meth:`save` wrote; runs no code from the file.

        Raises:
            DataError: the file is missing or damaged, or holds another kind of model.
        """
        state, facts = load_model(path, "segmentation")
        schema = restore_schema(facts)
        backbone = None if facts["backbone"] is None else Backbone(facts["backbone"])
        classes = len(list_class_values(schema))
        network = build_seeded_network(schema, classes, 0, facts["width"], backbone, is_pretrained=False)
        load_weights(network, state, path)
        return cls(network.eval(), tuple(facts["patch"]), schema, torch.float32, facts["width"], backbone)


def choose_patch_shape(shapes: list[tuple[int, ...]], divisor: int) -> tuple[int, ...]:
    """The median shape, rounded up to what the network can halve, at most :data:`MAX_PATCH_EDGES`."""
    median = np.median(np.array(shapes), axis=0)
    return tuple(int(min(-(-m // divisor) * divisor, MAX_PATCH_EDGES[len(median)])) for m in median)


def train_segmenter(
    samples: list[Sample],
    schema: Schema,
    augment: TrainingAugmentation,
    *,
    steps: int,
    seed: int,
    width: int = 16,
    backbone: Backbone | None = None,
    oversampled: OversampledConditions | None = None,
    precision: torch.dtype = torch.float32,
    progress: ProgressCallback | None = None,
) -> Segmenter:
    """Train with Dice + cross-entropy, AdamW, a short warm-up and a cosine to zero.

    Args:
        samples: training samples, as :func:`domaingan.imaging.intensity.measured` gives them.
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
    patch = choose_patch_shape([sample.shape for sample in samples], schema.domain.patch_divisor)
    network = build_seeded_network(schema, len(list_class_values(schema)), seed, width, backbone)
    optimiser = torch.optim.AdamW(network.parameters(), lr=schema.domain.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(compute_warmup_cosine, steps=steps))
    criterion = make_loss(schema.domain)
    batch = BATCH_SIZES[schema.spatial_dims]
    patches = Patches(samples, schema, augment, patch, steps * batch, seed, oversampled or {})
    course = LossLog("segmenter", steps, progress)
    for step, (image, target) in enumerate(_iterate_batches(patches, batch), start=1):
        with _make_autocast(precision):
            logits = network(image).float()
        loss = criterion(logits, target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12.0)
        optimiser.step()
        schedule.step()
        course.add(step, loss)
    return Segmenter(network.eval(), patch, schema, precision, width, backbone, course.losses)


def score_segmenter(model: Segmenter, test: Dataset, original_test: Dataset) -> dict[str, dict[str, float]]:
    """Scores of every test subject (of drives, block of time), on the data's own grid.

    Args:
        model: a trained segmenter.
        test: test samples at the grid it was trained on.
        own_grid: the same samples at the data's own grid, whose masks are the truth.
    """
    counter = make_counter(original_test.schema)
    for record, coarse, own in zip(test.records, test, original_test, strict=True):
        if own.mask is not None:
            counter.add(record.statistical_unit, own.mask, model.predict(coarse, own.shape))
    return counter.compute_scores()


def _iterate_batches(patches: Patches, batch_size: int) -> Iterator[list[Any]]:
    # Nothing is shuffled, but a loader draws a seed for its workers; not from the global generator.
    yield from DataLoader(patches, batch_size=batch_size, shuffle=False, generator=torch.Generator())


def _make_autocast(precision: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16)
