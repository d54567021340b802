"""The detection baseline: a torchvision detector, trained on whole frames, scored by COCO's average precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.batches import OversampledConditions
from domaingan.baselines.box_fusion import fuse_detections
from domaingan.baselines.detection_frames import (
    DetectionFrames,
    FrameBatch,
    collate_frames,
    list_label_values,
    resize_samples,
    select_boxes,
    select_object_classes,
)
from domaingan.baselines.detectors import FrameSize, build_detector, use_backbone_precision
from domaingan.baselines.scored_samples import batch_by_shape, iterate_scored_samples
from domaingan.baselines.step_generator import fork_step_generator
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_loop import ComputeLoss, TrainingSettings, train_network
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.baselines.true_boxes import collect_truth
from domaingan.baselines.weights import load_model, load_weights, restore_schema, save_model
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.imaging.resample import resize
from domaingan.metrics.average_precision import jackknife_average_precision
from domaingan.metrics.detections import Detections, rescale_boxes

MAX_FRAME_EDGE = 640
"""Pixels of the longer edge of a frame that is trained on; larger frames are resized to it."""

PEAK_LEARNING_RATE = 2e-3

MAX_SCORED_PIXELS = 8 * 480 * 640
"""Test frames of one shape are predicted together up to this many pixels."""

MAX_GRADIENT_NORM = 10.0
"""Gradients are clipped to this norm."""


class BoxPredictor(Protocol):
    """What detects objects in samples."""

    def predict_batch(self, samples: Sequence[Sample]) -> list[Detections]:
        """Return the detections in each sample, in its own pixels, best first."""


@dataclass(frozen=True)
class Detector:
    """A trained network with what is needed to apply it.

    Attributes:
        network: a torchvision detector.
        size: height and width that it works at.
        schema: names the classes that it finds.
        detector: its name, see :func:`domaingan.baselines.detectors.build_detector`.
        compute: device and precision of its forward pass.
        backbone: the backbone it is built on.
        losses: mean training loss of each bin of steps, ``[(step, loss), …]``.
    """

    network: nn.Module
    size: FrameSize
    schema: Schema
    detector: str
    compute: ComputeSettings = ON_CPU
    backbone: Backbone | None = None
    losses: list[tuple[int, float]] = field(default_factory=list)

    def predict(self, sample: Sample) -> Detections:
        """Detect the objects of a sample.

        Args:
            sample: a frame of any size.

        Returns:
            The detections, best first, with boxes in the sample's own pixels and its class values as labels.
        """
        return self.predict_batch([sample])[0]

    def predict_batch(self, samples: Sequence[Sample]) -> list[Detections]:
        """Detect the objects of several samples at once, see :meth:`predict`."""
        images = []
        for sample in samples:
            image = np.ascontiguousarray(resize(sample.image, self.size).clip(0, 1), dtype=np.float32)
            images.append(self.compute.move_tensor(torch.from_numpy(image)))
        with torch.inference_mode(), use_backbone_precision(self.network, self.compute):
            found = self.network(images)
        detections = []
        for sample, answer in zip(samples, found, strict=True):
            detections.append(self._read_answer(answer, sample.shape))
        return detections

    def _read_answer(self, found: dict[str, Tensor], shape: tuple[int, ...]) -> Detections:
        """Read what the network found in a frame of a shape."""
        boxes = rescale_boxes(found["boxes"].cpu().numpy(), self.size, shape)
        scores = found["scores"].cpu().numpy().astype(np.float32)
        labels = found["labels"].cpu().numpy()
        values = np.array(list_label_values(select_object_classes(self.schema)))
        is_object = labels > 0  # FCOS has a class for the background that is never trained
        class_values = values[labels[is_object] - 1].astype(np.int64)
        return Detections(boxes[is_object], scores[is_object], class_values)

    def get_metadata(self) -> dict[str, Any]:
        """Return what :meth:`Detector.load` needs beside the weights."""
        return {
            "size": self.size,
            "schema": self.schema.to_dict(),
            "detector": self.detector.partition("=")[0],
            "backbone": None if self.backbone is None else self.backbone.name,
        }

    def save(self, path: Path) -> None:
        """Write weights and metadata to one ``.safetensors`` file, atomically."""
        save_model(path, self.network.state_dict(), "detection", self.get_metadata())

    @classmethod
    def load(cls, path: Path, compute: ComputeSettings = ON_CPU) -> Detector:
        """Load what :meth:`save` wrote; runs no code from the file.

        Args:
            path: the file.
            compute: device and precision; the CPU and float32 by default.

        Raises:
            DataError: the file is missing or damaged, or holds another kind of model.
        """
        state, metadata = load_model(path, "detection")
        schema = restore_schema(metadata)
        backbone = None if metadata["backbone"] is None else Backbone(metadata["backbone"])
        height, width = metadata["size"]
        size: FrameSize = (int(height), int(width))
        n_classes = len(select_object_classes(schema)) + 1
        network = build_detector(metadata["detector"], backbone, n_classes, size, 0, is_pretrained=False)
        load_weights(network, state, path)
        compute.place_network(network.eval(), 2)
        return cls(network, size, schema, metadata["detector"], compute, backbone)


@dataclass(frozen=True)
class DetectorEnsemble:
    """Several detectors of one training set, whose boxes are fused.

    Attributes:
        members: detectors trained with other seeds.
    """

    members: list[Detector]

    def predict_batch(self, samples: Sequence[Sample]) -> list[Detections]:
        """Detect the objects of several samples, see :func:`domaingan.baselines.box_fusion.fuse_detections`."""
        answers = [member.predict_batch(samples) for member in self.members]
        return [fuse_detections(found) for found in zip(*answers, strict=True)]


def choose_input_size(shapes: list[tuple[int, ...]]) -> FrameSize:
    """Choose the median height and width, scaled down to :data:`MAX_FRAME_EDGE` pixels where it is larger.

    >>> choose_input_size([(720, 960), (720, 960)])
    (480, 640)
    """
    height, width = np.median(np.array(shapes), axis=0)
    scale = min(1.0, MAX_FRAME_EDGE / max(height, width))
    return round(height * scale), round(width * scale)


def train_detector(
    samples: list[Sample],
    schema: Schema,
    augment: TrainingAugmentation,
    *,
    steps: int,
    seed: int,
    detector: str = "ssdlite",
    backbone: Backbone | None = None,
    size: FrameSize | None = None,
    batch_size: int = 8,
    learning_rate: float = PEAK_LEARNING_RATE,
    oversampled: OversampledConditions | None = None,
    compute: ComputeSettings = ON_CPU,
    has_average: bool = True,
    progress: ProgressCallback | None = None,
) -> Detector:
    """Train with the detector's own losses, see :func:`domaingan.baselines.training_loop.train_network`.

    Args:
        samples: training samples with boxes.
        schema: names the classes; its objects are found.
        augment: what the arm does to a sample.
        steps: number of optimiser steps.
        seed: seeds weights and batches.
        detector: see :func:`domaingan.baselines.detectors.build_detector`.
        backbone: the backbone that the detector is built on.
        size: height and width to train at; that of the samples by default (:func:`choose_input_size`).
        batch_size: frames a step.
        learning_rate: peak learning rate.
        oversampled: conditions of samples that are drawn more often than they occur, see :class:`DetectionFrames`.
        compute: device, workers, and precision of the backbone's forward pass; boxes are always computed in float32.
            The CPU and float32 by default.
        has_average: whether it predicts with the average of the weights of the last steps.
        progress: called with step, steps and the loss.

    Returns:
        The trained detector, in evaluation mode.

    Raises:
        DataError: there is nothing to train on, or the loss is no finite number.
    """
    training = prepare_detector_training(
        samples,
        schema,
        augment,
        steps=steps,
        seed=seed,
        detector=detector,
        backbone=backbone,
        size=size,
        batch_size=batch_size,
        learning_rate=learning_rate,
        oversampled=oversampled,
        compute=compute,
        has_average=has_average,
    )
    trained = train_network(
        training.network,
        training.frames,
        training.compute_loss,
        training.settings,
        compute,
        collate=collate_frames,
        progress=progress,
    )
    return Detector(trained.network, training.size, schema, detector, compute, backbone, trained.losses)


@dataclass(frozen=True)
class DetectorTraining:
    """What the training of a detector consists of, see :func:`domaingan.baselines.training_loop.train_network`.

    Attributes:
        size: height and width of the frames.
        network: with its first weights, on its device.
        frames: the frames of all steps.
        compute_loss: runs the network on a batch that :func:`collate_frames` made.
        settings: how it is optimised.
    """

    size: FrameSize
    network: nn.Module
    frames: DetectionFrames
    compute_loss: ComputeLoss
    settings: TrainingSettings


def prepare_detector_training(
    samples: list[Sample],
    schema: Schema,
    augment: TrainingAugmentation,
    *,
    steps: int,
    seed: int,
    detector: str = "ssdlite",
    backbone: Backbone | None = None,
    size: FrameSize | None = None,
    batch_size: int = 8,
    learning_rate: float = PEAK_LEARNING_RATE,
    oversampled: OversampledConditions | None = None,
    compute: ComputeSettings = ON_CPU,
    has_average: bool = True,
) -> DetectorTraining:
    """Prepare the training of a detector; the arguments are those of :func:`train_detector`.

    Raises:
        DataError: there is nothing to train on.
    """
    classes = select_object_classes(schema)
    if not any(len(select_boxes(sample, classes)[0]) for sample in samples):
        raise DataError("no box to train on", expected=f"training samples with {', '.join(classes)}")
    size = size or choose_input_size([sample.shape for sample in samples])
    network = build_detector(detector, backbone, len(classes) + 1, size, seed)
    compute.place_network(network, 2)
    resized = resize_samples(samples, size)
    frames = DetectionFrames(resized, classes, augment, steps * batch_size, seed, oversampled or {})

    def compute_loss(network: nn.Module, batch: FrameBatch, step: int) -> Tensor:
        return _compute_loss(network, batch, seed, step, compute)

    settings = TrainingSettings("detector", steps, batch_size, learning_rate, MAX_GRADIENT_NORM, has_average)
    return DetectorTraining(size, network, frames, compute_loss, settings)


def _compute_loss(network: nn.Module, batch: FrameBatch, seed: int, step: int, compute: ComputeSettings) -> Tensor:
    """Compute the sum of the detector's losses on a batch; its random proposals are drawn by seed and step."""
    images, targets = batch
    with fork_step_generator(seed, step, compute), use_backbone_precision(network, compute):
        losses: dict[str, Tensor] = network(list(images.unbind()), targets)
    return torch.stack(list(losses.values())).sum()


def score_detector(model: BoxPredictor, test: Dataset, original_test: Dataset) -> dict[str, dict[str, float]]:
    """Score a detector by its average precision over all test frames, on the data's own grid.

    Args:
        model: a trained detector, or anything else that detects.
        test: test samples at the grid it was trained on.
        original_test: the same samples at the data's own grid, whose boxes are the truth.

    Returns:
        For each unit of the frames (a block of time) what it contributes, see
        :func:`domaingan.metrics.average_precision.jackknife_average_precision`.

    Raises:
        DataError: no test sample has boxes.
    """
    classes = select_object_classes(original_test.schema)
    truth: list[Detections] = []
    found: list[Detections] = []
    units: list[str] = []
    tested = iterate_scored_samples(test, original_test, lambda sample: sample.boxes is not None)
    for batch in batch_by_shape(tested, MAX_SCORED_PIXELS):
        for item, detected in zip(batch, model.predict_batch([item.sample for item in batch]), strict=True):
            boxes = rescale_boxes(detected.boxes, item.sample.shape, item.original.shape)
            truth.append(collect_truth(item.original, original_test.schema, classes))
            found.append(Detections(boxes, detected.scores, detected.labels))
            units.append(item.unit)
    if not truth:
        raise DataError("no test sample with boxes", path=original_test.root)
    return jackknife_average_precision(truth, found, classes, units)
