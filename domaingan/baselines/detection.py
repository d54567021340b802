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
from domaingan.baselines.batches import Wanted
from domaingan.baselines.detection_frames import (
    Frames,
    Item,
    at_size,
    boxes_of,
    collated,
    inside,
    network_values,
    object_classes,
)
from domaingan.baselines.detectors import Size, backbone_in, seeded_detector
from domaingan.baselines.training_augmentation import Augment
from domaingan.baselines.training_progress import Course, Told, warm_cosine
from domaingan.baselines.true_boxes import truth_of
from domaingan.baselines.weights import fill, load_model, save_model, schema_of
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.imaging.resample import resize
from domaingan.metrics.average_precision import Detections, jackknife

LONGEST = 640
"""Pixels of the longer edge of a frame that is trained on; larger ones are brought to it."""

RATE = 2e-3
"""Peak learning rate."""

CLIP = 10.0
"""Largest norm of a gradient."""


@dataclass(frozen=True)
class Detector:
    """A trained network with what is needed to apply it.

    Attributes:
        network: a torchvision detector.
        size: height and width that it works at.
        schema: names the classes that it finds.
        detector: its name, see :func:`domaingan.baselines.detectors.seeded_detector`.
        backbone: what it stands on.
        losses: mean training loss of each stretch of steps, ``[(step, loss), …]``.
    """

    network: nn.Module
    size: Size
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
        boxes = scaled(boxes, self.size, sample.shape)
        values = np.array(network_values(object_classes(self.schema)))
        known = labels > 0  # FCOS has a class for the background that nothing teaches it
        return Detections(boxes[known], scores[known].astype(np.float32), values[labels[known] - 1].astype(np.int64))

    def facts(self) -> dict[str, Any]:
        """What :meth:`Detector.load` needs beside the weights."""
        backbone = None if self.backbone is None else self.backbone.name
        name = self.detector.partition("=")[0]
        return {"size": self.size, "schema": self.schema.to_dict(), "detector": name, "backbone": backbone}

    def save(self, path: Path) -> None:
        """Write weights and facts to one ``.safetensors`` file, atomically."""
        save_model(path, self.network.state_dict(), "detection", self.facts())

    @classmethod
    def load(cls, path: Path) -> Detector:
        """Open what :meth:`save` wrote; runs no code from the file.

        Raises:
            DataError: the file is missing or damaged, or holds another kind of model.
        """
        state, facts = load_model(path, "detection")
        schema = schema_of(facts)
        backbone = None if facts["backbone"] is None else Backbone(facts["backbone"])
        size: Size = (int(facts["size"][0]), int(facts["size"][1]))
        classes = len(object_classes(schema)) + 1
        network = seeded_detector(facts["detector"], backbone, classes, size, 0, pretrained=False)
        fill(network, state, path)
        return cls(network.eval(), size, schema, facts["detector"], backbone)


def input_size(shapes: list[tuple[int, ...]]) -> Size:
    """The median shape, brought to :data:`LONGEST` pixels where it is larger.

    >>> input_size([(720, 960), (720, 960)])
    (480, 640)
    """
    height, width = np.median(np.array(shapes), axis=0)
    scale = min(1.0, LONGEST / max(height, width))
    return round(height * scale), round(width * scale)


def precision_for(precision: str) -> torch.dtype:
    """The dtype of the backbone's forward pass; ``auto`` is float32, whose backward pass on a CPU is twice as fast."""
    return torch.float32 if precision == "auto" else training_progress.precision_for(precision)


def train(
    samples: list[Sample],
    schema: Schema,
    augment: Augment,
    *,
    steps: int,
    seed: int,
    detector: str = "ssdlite",
    backbone: Backbone | None = None,
    size: Size | None = None,
    batch: int = 8,
    rate: float = RATE,
    wanted: Wanted | None = None,
    precision: torch.dtype = torch.float32,
    progress: Told | None = None,
) -> Detector:
    """Train with the detector's own losses, AdamW, a short warm-up and a cosine to zero.

    Args:
        samples: training samples with boxes.
        schema: names the classes; its objects are found.
        augment: what the arm does to them.
        steps: number of optimiser steps.
        seed: seeds weights and batches.
        detector: see :func:`domaingan.baselines.detectors.seeded_detector`.
        backbone: what the detector stands on.
        size: height and width trained at, that of the samples unless given (see :func:`input_size`).
        batch: frames a step.
        rate: peak learning rate.
        wanted: conditions of samples that are drawn more often than they occur, see :class:`Frames`.
        precision: dtype of the backbone's forward pass; the boxes are always worked out in float32.
        progress: called with step, steps and the loss.

    Raises:
        DataError: there is nothing to train on, or the loss is no longer a number.
    """
    classes = object_classes(schema)
    if not any(len(boxes_of(sample, classes)[0]) for sample in samples):
        raise DataError("no box to train on", expected=f"training samples with {', '.join(classes)}")
    size = size or input_size([sample.shape for sample in samples])
    network = seeded_detector(detector, backbone, len(classes) + 1, size, seed)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(warm_cosine, steps=steps))
    frames = Frames(at_size(samples, size), classes, augment, steps * batch, seed, wanted or {})
    course = Course("detector", steps, progress)
    with backbone_in(network.train(), precision):
        for step, items in enumerate(_batches(frames, batch, seed), start=1):
            loss = _loss(network, items, (seed, step))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(learned, CLIP)
            optimiser.step()
            schedule.step()
            course.add(step, loss)
    return Detector(network.eval(), size, schema, detector, backbone, course.losses)


def _batches(frames: Frames, batch: int, seed: int) -> DataLoader[Item]:
    # The loader draws a seed for its workers even where it has none: not from the global generator.
    return DataLoader(frames, batch, collate_fn=collated, generator=torch.Generator().manual_seed(seed))


def _loss(network: nn.Module, items: list[Item], seeds: tuple[int, int]) -> Tensor:
    """The sum of the detector's losses on a batch; what it draws at random is drawn by ``seeds``."""
    images = [torch.from_numpy(image) for image, _, _ in items]
    targets = [{"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels)} for _, boxes, labels in items]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.default_rng(seeds).integers(2**63)))
        parts: dict[str, Tensor] = network(images, targets)
    return torch.stack(list(parts.values())).sum()


def scaled(boxes: Any, shape: tuple[int, ...], other: tuple[int, ...]) -> Any:
    """``(N, 4)`` boxes of a ``(H, W)`` frame in the pixels of the same frame at another size."""
    factors = np.array([other[1] / shape[1], other[0] / shape[0]] * 2, dtype=np.float32)
    return inside((boxes * factors).astype(np.float32), other)


def score(model: Detector, test: Dataset, own_grid: Dataset) -> dict[str, dict[str, float]]:
    """Average precision on the data's own grid, over all test frames; of each unit what it contributes.

    Args:
        model: a trained detector.
        test: test samples at the grid it was trained on.
        own_grid: the same samples at the data's own grid, whose boxes are the truth.

    Raises:
        DataError: no test sample has boxes.
    """
    classes = object_classes(own_grid.schema)
    truth: list[Detections] = []
    found: list[Detections] = []
    units: list[str] = []
    for record, coarse, own in zip(test.records, test, own_grid, strict=True):
        if own.boxes is None:
            continue
        answer = model.predict(coarse)
        truth.append(truth_of(own, own_grid.schema, classes))
        found.append(Detections(scaled(answer.boxes, coarse.shape, own.shape), answer.scores, answer.labels))
        units.append(record.statistical_unit)
    if not truth:
        raise DataError("no test sample with boxes", path=own_grid.root)
    return jackknife(truth, found, classes, units)
