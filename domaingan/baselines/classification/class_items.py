"""Training images for a classifier by number: a function of the seed alone, augmented by the arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from torch.utils.data import Dataset as TorchDataset

from domaingan.banks import Bank
from domaingan.baselines.batches import OversampledConditions, TrainingSampler
from domaingan.baselines.classification.class_images import (
    ClassObject,
    Image,
    clip_image,
    crop_object_image,
    find_class_objects,
    pad_sample_image,
)
from domaingan.baselines.classification.label_rule import LabelRule
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.blend import Paste
from domaingan.data import Sample, Schema
from domaingan.imaging.intensity import find_extent

PASTE_TRIES = 4
"""Hosts that are tried for an object that is to be pasted: in some there is no place, or no place of that class."""

ClassItem = tuple[Image, int]
"""The image ``(C, *shape)`` in scaled units, and the position of its label."""


@dataclass
class SampleImages(TorchDataset[ClassItem]):
    """Whole samples with their labels: item ``i`` is the same whichever worker makes it.

    A label that follows the mask is read after everything was pasted: a sample without a lesion becomes positive where
    one is pasted into it.

    Attributes:
        samples: training samples, fitted to the shape.
        schema: names the classes.
        augment: what the arm does to a sample.
        rule: what the labels are.
        labels: the labels in the order of the network's outputs.
        shape: spatial shape of an image.
        length: number of items.
        seed: seeds every item, together with its number.
        oversampled: see :class:`domaingan.baselines.batches.TrainingSampler`.
    """

    samples: list[Sample]
    schema: Schema
    augment: TrainingAugmentation
    rule: LabelRule
    labels: Sequence[str]
    shape: tuple[int, ...]
    length: int
    seed: int
    oversampled: OversampledConditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        positions_by_label: dict[int, list[int]] = {}
        for position, sample in enumerate(self.samples):
            positions_by_label.setdefault(self.labels.index(self.rule.read(sample)), []).append(position)
        everything = list(range(len(self.samples)))
        self._sampler = TrainingSampler(self.samples, everything, self.oversampled, positions_by_label)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: int) -> ClassItem:
        """Make an image.

        Args:
            item: its number.
        """
        rng = np.random.default_rng((self.seed, item))
        sample = self.augment.blend(self.samples[self._sampler.sample_position(rng)], rng)
        image = pad_sample_image(sample, self.shape, self.schema)
        image, _ = self.augment.apply_classic(image, np.zeros(self.shape, np.uint8), rng)
        return clip_image(image), self.labels.index(self.rule.read(sample))


@dataclass
class ObjectImages(TorchDataset[ClassItem]):
    """Crops around objects with their classes: item ``i`` is the same whichever worker makes it.

    An arm that pastes replaces a share of the real objects (``TrainingAugmentation.paste_share``) by objects of the
    same class from its banks, real or generated, each cut out of the training image that it was pasted into. So the
    shares of the classes stay as they are. Where no host has a place for one, the real object is used.

    Attributes:
        samples: training samples.
        schema: names the classes.
        augment: what the arm does to a sample.
        values: class values of objects, the rarest first.
        label_values: the class value of each of the network's outputs.
        size: edge of a crop.
        length: number of items.
        seed: seeds every item, together with its number.
        oversampled: see :class:`domaingan.baselines.batches.TrainingSampler`.
    """

    samples: list[Sample]
    schema: Schema
    augment: TrainingAugmentation
    values: Sequence[int]
    label_values: Sequence[int]
    size: int
    length: int
    seed: int
    oversampled: OversampledConditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._objects: list[tuple[Sample, ClassObject]] = []
        for sample in self.samples:
            for found in find_class_objects(sample, self.schema, self.values):
                self._objects.append((sample, found))
        positions_by_label: dict[int, list[int]] = {}
        for position, (_, found) in enumerate(self._objects):
            positions_by_label.setdefault(self.label_values.index(found.value), []).append(position)
        owners = [sample for sample, _ in self._objects]
        self._sampler = TrainingSampler(owners, list(range(len(owners))), self.oversampled, positions_by_label)
        self._background = replace(self.augment, pastes={}, healthy_pastes={})
        self._pastes = self._restrict_pastes()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: int) -> ClassItem:
        """Make an image.

        Args:
            item: its number.
        """
        rng = np.random.default_rng((self.seed, item))
        sample, found = self._objects[self._sampler.sample_position(rng)]
        is_pasted = bool(self._pastes) and rng.random() < self.augment.paste_share
        pasted = self._paste_object(found.value, rng) if is_pasted else None
        if pasted is not None:
            sample, found = pasted
        image = crop_object_image(self._background.blend(sample, rng), found, self.size, self.schema)
        mask = np.zeros(image.shape[1:], np.uint8)
        image, _ = self.augment.apply_classic(image, mask, rng)
        return clip_image(image), self.label_values.index(found.value)

    def _restrict_pastes(self) -> dict[int, list[Paste]]:
        """Restrict each paste to the entries of one class, for each class of the objects."""
        restricted: dict[int, list[Paste]] = {}
        names = {value: name for name, value in self.schema.classes.items()}
        for value in self.label_values:
            for _, paste in sorted(self.augment.pastes.items()):
                allowed = _find_entries(paste.bank, self.schema, names[value])
                if allowed.any():
                    restricted.setdefault(value, []).append(paste.restrict_to(allowed))
        return restricted

    def _paste_object(self, value: int, rng: np.random.Generator) -> tuple[Sample, ClassObject] | None:
        """Paste an object of a class into a random training sample; None where there is no place for one."""
        pastes = self._pastes.get(value)
        if not pastes:
            return None
        for _ in range(PASTE_TRIES):
            host = self.samples[int(rng.integers(len(self.samples)))]
            after = pastes[int(rng.integers(len(pastes)))](host, rng)
            found = _find_pasted_object(host, after, value)
            if found is not None:
                return after, found
        return None


def _find_entries(bank: Bank, schema: Schema, class_name: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Find the entries of a bank whose class has a name."""
    condition = schema.domain.class_condition
    is_of_class = np.zeros(len(bank), dtype=bool)
    if class_name in bank.info.conditions.get(condition, []):
        is_of_class[bank.find_matching(**{condition: class_name})] = True
    return is_of_class


def _find_pasted_object(host: Sample, after: Sample, value: int) -> ClassObject | None:
    """Find the first object that was pasted: where the mask changed, within what the paste touched."""
    if after.paste_result is None or after.mask is None or host.mask is None:
        return None
    is_changed = np.asarray(after.mask) != np.asarray(host.mask)
    for region in after.paste_result.touched:
        extent = find_extent(is_changed[region])
        if extent is None:
            continue
        start = np.array([side.start or 0 for side in region])
        low = start + [side.start for side in extent]
        high = start + [side.stop for side in extent]
        return ClassObject(low, high, value)
    return None
