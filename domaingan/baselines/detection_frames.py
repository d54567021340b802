"""Training frames for a detector, with their boxes: which frame, augmented by the arm; a function of the seed alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from domaingan.baselines.batches import OversampledConditions, TrainingSampler
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.data import Sample, Schema
from domaingan.views.regrid import resize_sample

MIN_BOX_EDGE = 2.0
"""Pixels a box must have along both edges, or nobody could find it."""

DetectionItem = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]


@dataclass
class DetectionFrames(TorchDataset[DetectionItem]):
    """Item ``i`` is the ``i``-th training frame of a run; the same whichever worker makes it.

    Attributes:
        samples: training samples in memory, with boxes, all of the size trained at.
        classes: the values of the classes to be found, by name.
        augment: what the arm does.
        length: number of items.
        seed: seeds every item, together with its number.
        wanted: see :class:`domaingan.baselines.batches.TrainingSampler`.
    """

    samples: list[Sample]
    classes: Mapping[str, int]
    augment: TrainingAugmentation
    length: int
    seed: int
    oversampled: OversampledConditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        boxed = [i for i, sample in enumerate(self.samples) if len(select_boxes(sample, self.classes)[1])]
        self._drawer = TrainingSampler(self.samples, boxed, self.oversampled)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: int) -> DetectionItem:
        """``(3, H, W)`` image in [0, 1], ``(N, 4)`` boxes, ``(N,)`` labels of the network: 1, 2, …."""
        rng = np.random.default_rng((self.seed, item))
        sample = self.augment.blend(self.samples[self._drawer(rng)], rng)
        boxes, labels = select_boxes(sample, self.classes)
        image = sample.image.clip(0, 1)
        if self.augment.classic is not None:
            image, boxes, labels = self.augment.classic.augment_boxes(image, boxes, labels, rng)
        boxes = clip_boxes(boxes, image.shape[1:])
        large = ((boxes[:, 2:] - boxes[:, :2]) >= MIN_BOX_EDGE).all(axis=1)
        values = np.array(list_label_values(self.classes))
        return image, boxes[large], np.searchsorted(values, labels[large]).astype(np.int64) + 1


def select_object_classes(schema: Schema) -> dict[str, int]:
    """The classes that a detector finds, by value: the schema's objects; all of its classes where it names none."""
    names = set(schema.objects or schema.classes)
    named = {name: value for name, value in schema.classes.items() if name in names and value not in schema.ignore}
    return dict(sorted(named.items(), key=lambda pair: pair[1]))


def list_label_values(classes: Mapping[str, int]) -> list[int]:
    """The class value of the network's labels 1, 2, …; 0 is its background."""
    return sorted(classes.values())


def select_boxes(sample: Sample, classes: Mapping[str, int]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The sample's boxes and labels of these classes."""
    if sample.boxes is None or sample.labels is None:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    kept = np.isin(sample.labels, list(classes.values()))
    return sample.boxes[kept].astype(np.float32), sample.labels[kept].astype(np.int64)


def clip_boxes(boxes: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Boxes cut to a ``(H, W)`` frame."""
    edge = np.array([shape[1], shape[0]] * 2, np.float32)
    return np.clip(boxes, 0, edge)


def resize_samples(samples: list[Sample], size: tuple[int, int]) -> list[Sample]:
    """The samples at this size; those that have it already as they are."""
    return [resize_sample(sample, size) for sample in samples]


def collate_as_list(items: list[DetectionItem]) -> list[Any]:
    """A batch stays a list: frames differ in how many boxes they have."""
    return items
