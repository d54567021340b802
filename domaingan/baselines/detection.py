"""The detection baseline: a torchvision detector, trained on whole frames, scored by COCO's average precision."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from domaingan.baselines import training_progress
from domaingan.baselines.backbones import Backbone
from domaingan.baselines.batches import OversampledConditions
from domaingan.baselines.detection_frames import (
    DetectionFrames,
    DetectionItem,
    clip_boxes,
    collate_as_list,
    list_label_values,
    resize_samples,
    select_boxes,
    select_object_classes,
)
from domaingan.baselines.detectors import FrameSize, build_detector, use_backbone_precision
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import LossLog, ProgressCallback, compute_warmup_cosine
from domaingan.baselines.true_boxes import collect_truth
from domaingan.baselines.weights import load_model, load_weights, restore_schema, save_model
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.imaging.resample import resize
from domaingan.metrics.average_precision import jackknife_average_precision
from domaingan.metrics.detections import Detections

MAX_FRAME_EDGE = 640
"""Pixels of the longer edge of a frame that is trained on; larger ones are brought to it."""

PEAK_LEARNING_RATE = 2e-3
"""Peak learning rate."""

MAX_GRADIENT_NORM = 10.0
"""Largest norm of a gradient."""


@dataclass(frozen=True)
class Detector:
    """A trained network with what is needed to apply it.

    Attributes:
        network: a torchvision detector.
        size: height and width that it works at.
        schema: names the classes that it finds.
        detector: its name, see :func:`domaingan.baselines.detectors.build_detector`.
        backbone: what it stands on.
        losses: mean training loss of each stretch of steps, ``[(step, loss), …]``.
    """

    network: nn.Module
    size: FrameSize
    schema: Schema
    detector: str
    backbone: Backbone | None = None
    losses: list[tuple[int, float]] = field(default_factory=list)

    def predict(self, sample: Sample) -> Detections:
        """What it finds, best first, in the sample's own pixels and class values."""
        image = np.ascontiguousarray(resize(sample.image, self.size).clip(0, 1), dtype=np.float32)
        with torch.inference_mode():
            found = self.network([torch.from_numpy(image)])[0]
        boxes, scores, labels = (found[name].numpy() for name in ("boxes", "scores", "labels"))
        boxes = rescale_boxes(boxes, self.size, sample.shape)
        values = np.array(list_label_values(select_object_classes(self.schema)))
        known = labels > 0  # FCOS has a class for the background that nothing teaches it
        return Detections(boxes[known], scores[known].astype(np.float32), values[labels[known] - 1].astype(np.int64))

    def get_metadata(self) -> dict[str, Any]:
        """What :meth:`Detector.load` needs beside the weights."""
        backbone = None if self.backbone is None else self.backbone.name
        name = self.detector.partition("=")[0]
        return {"size": self.size, "schema": self.schema.to_dict(), "detector": name, "backbone": backbone}

    def save(self, path: Path) -> None:
        """Write weights and facts to one ``.safetensors`` file, atomically."""
        save_model(path, self.network.state_dict(), "detection", self.get_metadata())

    @classmethod
    def load(cls, path: Path) -> Detector:
        """Open what :meth:`save` wrote; runs no code from the file.

        Raises:
            DataError: the file is missing or damaged, or holds another kind of model.
        """
        state, facts = load_model(path, "detection")
        schema = restore_schema(facts)
        backbone = None if facts["backbone"] is None else Backbone(facts["backbone"])
        size: FrameSize = (int(facts["size"][0]), int(facts["size"][1]))
        classes = len(select_object_classes(schema)) + 1
        network = build_detector(facts["detector"], backbone, classes, size, 0, is_pretrained=False)
        load_weights(network, state, path)
        return cls(network.eval(), size, schema, facts["detector"], backbone)


def choose_input_size(shapes: list[tuple[int, ...]]) -> FrameSize:
    """The median shape, brought to :data:`MAX_FRAME_EDGE` pixels where it is larger.

    >>> choose_input_size([(720, 960), (720, 960)])
    (480, 640)
    """
    height, width = np.median(np.array(shapes), axis=0)
    scale = min(1.0, MAX_FRAME_EDGE / max(height, width))
    return round(height * scale), round(width * scale)


def choose_backbone_dtype(precision: str) -> torch.dtype:
    """The dtype of the backbone's forward pass; ``auto`` is float32, whose backward pass on a CPU is twice as fast."""
    return torch.float32 if precision == "auto" else training_progress.choose_forward_dtype(precision)


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
    precision: torch.dtype = torch.float32,
    progress: ProgressCallback | None = None,
) -> Detector:
    """Train with the detector's own losses, AdamW, a short warm-up and a cosine to zero.

    Args:
        samples: training samples with boxes.
        schema: names the classes; its objects are found.
        augment: what the arm does to them.
        steps: number of optimiser steps.
        seed: seeds weights and batches.
        detector: see :func:`domaingan.baselines.detectors.build_detector`.
        backbone: what the detector stands on.
        size: height and width trained at, that of the samples unless given (see :func:`choose_input_size`).
        batch: frames a step.
        rate: peak learning rate.
        wanted: conditions of samples that are drawn more often than they occur, see :class:`Frames`.
        precision: dtype of the backbone's forward pass; the boxes are always worked out in float32.
        progress: called with step, steps and the loss.

    Raises:
        DataError: there is nothing to train on, or the loss is no longer a number.
    """
    classes = select_object_classes(schema)
    if not any(len(select_boxes(sample, classes)[0]) for sample in samples):
        raise DataError("no box to train on", expected=f"training samples with {', '.join(classes)}")
    size = size or choose_input_size([sample.shape for sample in samples])
    network = build_detector(detector, backbone, len(classes) + 1, size, seed)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(compute_warmup_cosine, steps=steps))
    frames = DetectionFrames(
        resize_samples(samples, size), classes, augment, steps * batch_size, seed, oversampled or {}
    )
    course = LossLog("detector", steps, progress)
    with use_backbone_precision(network.train(), precision):
        for step, items in enumerate(_load_batches(frames, batch_size, seed), start=1):
            loss = _compute_loss(network, items, (seed, step))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(learned, MAX_GRADIENT_NORM)
            optimiser.step()
            schedule.step()
            course.add(step, loss)
    return Detector(network.eval(), size, schema, detector, backbone, course.losses)


def _load_batches(frames: DetectionFrames, batch_size: int, seed: int) -> DataLoader[DetectionItem]:
    # The loader draws a seed for its workers even where it has none: not from the global generator.
    return DataLoader(frames, batch_size, collate_fn=collate_as_list, generator=torch.Generator().manual_seed(seed))


def _compute_loss(network: nn.Module, items: list[DetectionItem], seeds: tuple[int, int]) -> Tensor:
    """The sum of the detector's losses on a batch; what it draws at random is drawn by ``seeds``."""
    images = [torch.from_numpy(image) for image, _, _ in items]
    targets = [{"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels)} for _, boxes, labels in items]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.default_rng(seeds).integers(2**63)))
        parts: dict[str, Tensor] = network(images, targets)
    return torch.stack(list(parts.values())).sum()


def rescale_boxes(boxes: Any, shape: tuple[int, ...], target_shape: tuple[int, ...]) -> Any:
    """``(N, 4)`` boxes of a ``(H, W)`` frame in the pixels of the same frame at another size."""
    factors = np.array([target_shape[1] / shape[1], target_shape[0] / shape[0]] * 2, dtype=np.float32)
    return clip_boxes((boxes * factors).astype(np.float32), target_shape)


def score_detector(model: Detector, test: Dataset, original_test: Dataset) -> dict[str, dict[str, float]]:
    """Average precision on the data's own grid, over all test frames; of each unit what it contributes.

    Args:
        model: a trained detector.
        test: test samples at the grid it was trained on.
        own_grid: the same samples at the data's own grid, whose boxes are the truth.

    Raises:
        DataError: no test sample has boxes.
    """
    classes = select_object_classes(original_test.schema)
    truth: list[Detections] = []
    found: list[Detections] = []
    units: list[str] = []
    for record, coarse, own in zip(test.records, test, original_test, strict=True):
        if own.boxes is None:
            continue
        answer = model.predict(coarse)
        truth.append(collect_truth(own, original_test.schema, classes))
        found.append(Detections(rescale_boxes(answer.boxes, coarse.shape, own.shape), answer.scores, answer.labels))
        units.append(record.statistical_unit)
    if not truth:
        raise DataError("no test sample with boxes", path=original_test.root)
    return jackknife_average_precision(truth, found, classes, units)
