"""Training frames for a detector, with their boxes: which frame, augmented by the arm; a function of the seed alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from domaingan.baselines.batches import OversampledConditions, TrainingSampler
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.data import Sample, Schema
from domaingan.metrics.detections import clip_boxes
from domaingan.views.regrid import resize_sample

MIN_BOX_EDGE = 2.0
"""Pixels that a box needs along both edges to be trained on."""

DetectionItem = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]
"""Image, boxes and labels."""

FrameBatch = tuple[Tensor, list[dict[str, Tensor]]]
"""Images ``(B, 3, H, W)``, and ``boxes`` and ``labels`` of each."""


@dataclass
class DetectionFrames(TorchDataset[DetectionItem]):
    """Training frames of a run by number: item ``i`` is the same whichever worker makes it.

    Attributes:
        samples: training samples in memory, with boxes, all of the size trained at.
        classes: the values of the classes to be found, by name.
        augment: what the arm does to a sample.
        length: number of items.
        seed: seeds every item, together with its number.
        oversampled: see :class:`domaingan.baselines.batches.TrainingSampler`.
    """

    samples: list[Sample]
    classes: Mapping[str, int]
    augment: TrainingAugmentation
    length: int
    seed: int
    oversampled: OversampledConditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        positions_with_boxes = []
        for position, sample in enumerate(self.samples):
            boxes, _ = select_boxes(sample, self.classes)
            if len(boxes):
                positions_with_boxes.append(position)
        self._sampler = TrainingSampler(self.samples, positions_with_boxes, self.oversampled)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: int) -> DetectionItem:
        """Make a training frame.

        Args:
            item: its number.

        Returns:
            The image ``(3, H, W)`` in [0, 1], its boxes ``(N, 4)`` and their labels ``(N,)``: 1, 2, … for the classes
            by value.
        """
        rng = np.random.default_rng((self.seed, item))
        host = self.samples[self._sampler.sample_position(rng)]
        sample = self.augment.blend(host, rng)
        boxes, values = select_boxes(sample, self.classes)
        image = sample.image.clip(0, 1)
        if self.augment.classic is not None:
            image, boxes, values = self.augment.classic.augment_boxes(image, boxes, values, rng)
        boxes = clip_boxes(boxes, image.shape[1:])
        is_large = ((boxes[:, 2:] - boxes[:, :2]) >= MIN_BOX_EDGE).all(axis=1)
        class_values = np.array(list_label_values(self.classes))
        labels = np.searchsorted(class_values, values[is_large]).astype(np.int64) + 1
        return image, boxes[is_large], labels


def select_object_classes(schema: Schema) -> dict[str, int]:
    """Select the classes that a detector finds: the schema's objects, or all classes where it names none.

    Returns:
        Values by name, in the order of the values. Ignored classes are left out.
    """
    names = set(schema.objects or schema.classes)
    selected = {}
    for name, value in sorted(schema.classes.items(), key=lambda pair: pair[1]):
        if name in names and value not in schema.ignore:
            selected[name] = value
    return selected


def list_label_values(classes: Mapping[str, int]) -> list[int]:
    """List the class value of the network's labels 1, 2, …; its label 0 is the background."""
    return sorted(classes.values())


def select_boxes(sample: Sample, classes: Mapping[str, int]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Select a sample's boxes ``(N, 4)`` and class values ``(N,)`` of these classes."""
    if sample.boxes is None or sample.labels is None:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    is_selected = np.isin(sample.labels, list(classes.values()))
    return sample.boxes[is_selected].astype(np.float32), sample.labels[is_selected].astype(np.int64)


def resize_samples(samples: list[Sample], size: tuple[int, int]) -> list[Sample]:
    """Resize samples to ``(H, W)``; those of that size already stay as they are."""
    return [resize_sample(sample, size) for sample in samples]


def collate_frames(items: list[DetectionItem]) -> FrameBatch:
    """Make a batch of frames, which differ in their number of boxes."""
    images = []
    targets = []
    for image, boxes, labels in items:
        images.append(torch.from_numpy(image))
        targets.append({"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels)})
    return torch.stack(images), targets
