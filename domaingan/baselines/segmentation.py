"""The segmentation baseline: a U-Net, trained on patches or whole frames, applied by sliding window."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.batches import CLIP_RANGE, OversampledConditions, Patches, list_class_values
from domaingan.baselines.segmenters import build_seeded_network, make_loss
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_loop import TrainingSettings, train_network
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.baselines.weights import load_model, load_weights, restore_schema, save_model
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.imaging.intensity import get_intensity_range, to_scaled
from domaingan.metrics.overlap import make_counter

MAX_PATCH_EDGES = {2: 256, 3: 64}
"""Longest edge of a patch, by dimensions."""

BATCH_SIZES = {2: 8, 3: 2}
"""Patches a step, by dimensions."""

MAX_GRADIENT_NORM = 12.0
"""Gradients are clipped to this norm."""


@dataclass(frozen=True)
class Segmenter:
    """A trained network with what is needed to apply it.

    Attributes:
        network: maps ``(B, C, *patch)`` scaled images to class logits.
        patch: spatial shape it was trained on.
        schema: names the classes of its output.
        compute: device and precision of its forward pass.
        width: channels of the first level of the network for scans.
        backbone: encoder of the network for frames.
        losses: mean training loss of each bin of steps, ``[(step, loss), …]``.
    """

    network: torch.nn.Module
    patch: tuple[int, ...]
    schema: Schema
    compute: ComputeSettings = ON_CPU
    width: int = 16
    backbone: Backbone | None = None
    losses: list[tuple[int, float]] = field(default_factory=list)

    def predict(self, sample: Sample, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Predict the mask of a sample.

        Args:
            sample: at the grid that the network was trained on.
            shape: spatial shape of the mask; probabilities are resampled to it. The sample's own by default.

        Returns:
            A mask of that shape, in mask values.
        """
        scaled = to_scaled(sample.image, get_intensity_range(sample, self.schema.domain))
        image = self.compute.move_tensor(torch.from_numpy(np.clip(scaled, *CLIP_RANGE))[None])
        with torch.inference_mode(), self.compute.autocast():
            logits = sliding_window_inference(image, self.patch, 4, self.network, overlap=0.25, mode="gaussian")
        logits = logits.float()
        if shape is not None and tuple(shape) != tuple(logits.shape[2:]):
            mode = "bilinear" if len(shape) == 2 else "trilinear"
            logits = functional.interpolate(logits.softmax(1), size=shape, mode=mode, align_corners=False)
        values = np.array(list_class_values(self.schema))
        values = values.astype(np.min_scalar_type(int(values.max())))
        predicted: NDArray[Any] = values[logits[0].argmax(0).cpu().numpy()]
        return predicted

    def get_metadata(self) -> dict[str, Any]:
        """Return what :meth:`Segmenter.load` needs beside the weights."""
        return {
            "patch": self.patch,
            "schema": self.schema.to_dict(),
            "width": self.width,
            "backbone": None if self.backbone is None else self.backbone.name,
        }

    def save(self, path: Path) -> None:
        """Write weights and metadata to one ``.safetensors`` file, atomically."""
        save_model(path, self.network.state_dict(), "segmentation", self.get_metadata())

    @classmethod
    def load(cls, path: Path, compute: ComputeSettings = ON_CPU) -> Segmenter:
        """Load what :meth:`save` wrote; runs no code from the file.

        Args:
            path: the file.
            compute: device and precision; the CPU and float32 by default.

        Raises:
            DataError: the file is missing or damaged, or holds another kind of model.
        """
        state, metadata = load_model(path, "segmentation")
        schema = restore_schema(metadata)
        backbone = None if metadata["backbone"] is None else Backbone(metadata["backbone"])
        width = metadata["width"]
        n_classes = len(list_class_values(schema))
        network = build_seeded_network(schema, n_classes, 0, width, backbone, is_pretrained=False)
        load_weights(network, state, path)
        compute.place_network(network.eval(), schema.spatial_dims)
        return cls(network, tuple(metadata["patch"]), schema, compute, width, backbone)


def choose_patch_shape(shapes: list[tuple[int, ...]], divisor: int) -> tuple[int, ...]:
    """Choose the shape of a patch: the median shape, rounded up to multiples of a divisor, up to a longest edge.

    Args:
        shapes: spatial shapes of the training samples.
        divisor: what the network needs each edge to be a multiple of.

    >>> choose_patch_shape([(100, 300), (101, 300)], 16)
    (112, 256)
    """
    patch = []
    for edge in np.median(np.array(shapes), axis=0):
        rounded_up = -(-edge // divisor) * divisor
        patch.append(int(min(rounded_up, MAX_PATCH_EDGES[len(shapes[0])])))
    return tuple(patch)


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
    compute: ComputeSettings = ON_CPU,
    has_average: bool = True,
    progress: ProgressCallback | None = None,
) -> Segmenter:
    """Train with Dice + cross-entropy, see :func:`domaingan.baselines.training_loop.train_network`.

    Args:
        samples: training samples, as :func:`domaingan.imaging.intensity.with_measurements` returns them.
        schema: names the classes.
        augment: what the arm does to a sample.
        steps: number of optimiser steps.
        seed: seeds weights and batches.
        width: channels of the first level of the network for scans; they double three times.
        backbone: encoder of the network for frames.
        oversampled: conditions of samples that are drawn more often than they occur, see :class:`Patches`.
        compute: device, precision and workers; the CPU and float32 by default.
        has_average: whether it predicts with the average of the weights of the last steps.
        progress: called with step, steps and the loss.

    Returns:
        The trained segmenter, in evaluation mode.

    Raises:
        DataError: there is nothing to train on, or the loss is no finite number.
    """
    if not samples:
        raise DataError("no labelled training samples", expected="at least one")
    patch = choose_patch_shape([sample.shape for sample in samples], schema.domain.patch_divisor)
    network = build_seeded_network(schema, len(list_class_values(schema)), seed, width, backbone)
    compute.place_network(network, schema.spatial_dims)
    batch_size = BATCH_SIZES[schema.spatial_dims]
    patches = Patches(samples, schema, augment, patch, steps * batch_size, seed, oversampled or {})
    criterion = make_loss(schema.domain)

    def compute_loss(network: nn.Module, batch: list[Tensor], step: int) -> Tensor:
        image, target = batch
        with compute.autocast():
            logits = network(image).float()
        return criterion(logits, target)

    settings = TrainingSettings(
        "segmenter", steps, batch_size, schema.domain.learning_rate, MAX_GRADIENT_NORM, has_average
    )
    trained = train_network(network, patches, compute_loss, settings, compute, progress=progress)
    return Segmenter(trained.network, patch, schema, compute, width, backbone, trained.losses)


def score_segmenter(model: Segmenter, test: Dataset, original_test: Dataset) -> dict[str, dict[str, float]]:
    """Score a segmenter on the data's own grid.

    Args:
        model: a trained segmenter.
        test: test samples at the grid it was trained on.
        original_test: the same samples at the data's own grid, whose masks are the truth.

    Returns:
        For each unit (a subject, or a block of time of a drive) its scores, see :mod:`domaingan.metrics.overlap`.
    """
    counter = make_counter(original_test.schema)
    for record, sample, original in zip(test.records, test, original_test, strict=True):
        if original.mask is not None:
            counter.add(record.statistical_unit, original.mask, model.predict(sample, original.shape))
    return counter.compute_scores()
