"""Training patches for a segmenter: which sample, which patch, augmented by the arm; a function of the seed alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.core.errors import DataError
from domaingan.data import Sample, Schema
from domaingan.imaging.intensity import get_intensity_range, to_scaled
from domaingan.imaging.padded_crops import crop_padded

LABELLED_SHARE = 0.5
"""Share of the draws that are from samples in which something is labelled."""

OVERSAMPLED_SHARE = 0.25
"""Share of the draws that are from samples under an oversampled condition, where there are any."""

OversampledConditions = Mapping[str, Sequence[str]]
"""Conditions and their values, such as ``{"lighting": ["dusk"]}``."""

MAX_MASK_VALUE = 65_535
"""Masks may hold values up to here."""

IGNORED_INDEX = 255
"""The class index of pixels that are ignored. There may be at most as many classes."""

CLIP_RANGE = (-1.0, 3.0)
"""Scaled units that reach the network; what lies outside is clipped."""


@dataclass
class TrainingSampler:
    """Samples which training sample comes next.

    Samples under an oversampled condition are drawn a quarter of the time, however few there are, because the test is
    about them. It is the same for every arm. Of the other draws half are from labelled samples.

    Attributes:
        samples: all training samples.
        labelled_positions: positions of those that hold what is to be learned.
        oversampled: the oversampled conditions.
    """

    samples: list[Sample]
    labelled_positions: list[int]
    oversampled: OversampledConditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._oversampled_positions = []
        for position, sample in enumerate(self.samples):
            if has_conditions(sample, self.oversampled):
                self._oversampled_positions.append(position)

    def sample_position(self, rng: np.random.Generator) -> int:
        """Sample the position of the next training sample."""
        if self._oversampled_positions and rng.random() < OVERSAMPLED_SHARE:
            return int(rng.choice(self._oversampled_positions))
        if self.labelled_positions and rng.random() < LABELLED_SHARE:
            return int(rng.choice(self.labelled_positions))
        return int(rng.integers(len(self.samples)))


@dataclass
class Patches(TorchDataset[tuple[NDArray[np.float32], NDArray[np.int64]]]):
    """Training patches of a run by number: item ``i`` is the same whichever worker makes it.

    Attributes:
        samples: training samples in memory, with measured ranges and foregrounds.
        schema: names the classes.
        augment: what the arm does to a sample.
        patch: spatial shape of a patch.
        length: number of items.
        seed: seeds every item, together with its number.
        oversampled: see :class:`TrainingSampler`.
    """

    samples: list[Sample]
    schema: Schema
    augment: TrainingAugmentation
    patch: tuple[int, ...]
    length: int
    seed: int
    oversampled: OversampledConditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        labelled_positions = []
        for position, sample in enumerate(self.samples):
            if self._find_focus(sample).any():
                labelled_positions.append(position)
        self.sampler = TrainingSampler(self.samples, labelled_positions, self.oversampled)
        self._class_table = build_class_table(self.schema)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Make a patch.

        Args:
            item: its number.

        Returns:
            The scaled image ``(C, *patch)``, clipped to :data:`CLIP_RANGE`, and its class indices ``(*patch)``.
        """
        rng = np.random.default_rng((self.seed, item))
        host = self.samples[self.sampler.sample_position(rng)]
        sample = self.augment.blend(host, rng)
        assert sample.mask is not None
        corner = self._sample_corner(sample, rng)
        mask = crop_padded(sample.mask, corner, self.patch)
        stored = crop_padded(sample.image, corner, self.patch)
        image = to_scaled(stored, get_intensity_range(sample, self.schema.domain))
        image, indices = self.augment.apply_classic(image, self._class_table[mask], rng)
        return np.clip(image, *CLIP_RANGE), indices.astype(np.int64)

    def _find_focus(self, sample: Sample) -> NDArray[np.bool_]:
        """Find the pixels of what is to be learned: anything labelled in scans, the objects in frames."""
        if sample.mask is None:
            return np.zeros(sample.shape, dtype=bool)
        if not self.schema.objects:
            is_labelled: NDArray[np.bool_] = np.greater(sample.mask, 0)
            return is_labelled
        values = [self.schema.classes[name] for name in self.schema.objects]
        return np.isin(sample.mask, values)

    def _sample_corner(self, sample: Sample, rng: np.random.Generator) -> NDArray[Any]:
        """Sample the first corner of a patch: around a labelled pixel where there is one, else anywhere.

        Where the patch is larger than the sample, the sample lies in its middle.
        """
        size, shape = np.array(self.patch), np.array(sample.shape)
        labelled = np.flatnonzero(self._find_focus(sample))
        if len(labelled):
            centre = np.array(np.unravel_index(int(rng.choice(labelled)), sample.shape))
            corner = centre - rng.integers(size // 4, np.maximum(3 * size // 4, size // 4 + 1))
        else:
            corner = rng.integers(np.minimum(0, shape - size), np.maximum(0, shape - size) + 1)
        is_covered = size >= shape
        clipped = np.clip(corner, 0, np.maximum(shape - size, 0))
        return np.where(is_covered, (shape - size) // 2, clipped)


def has_conditions(sample: Sample, conditions: OversampledConditions) -> bool:
    """Return whether a sample has one of the values of every condition; False where there are no conditions."""
    for name, values in conditions.items():
        if str(sample.condition.get(name, "")) not in values:
            return False
    return bool(conditions)


def build_class_table(schema: Schema) -> NDArray[np.uint8]:
    """Build a table from mask values to class indices 0, 1, …; ignored values become :data:`IGNORED_INDEX`."""
    table = np.zeros(MAX_MASK_VALUE + 1, dtype=np.uint8)
    for index, value in enumerate(list_class_values(schema)):
        table[value] = index
    table[list(schema.ignore)] = IGNORED_INDEX
    return table


def check_class_values(schema: Schema, path: str | Path | None = None) -> None:
    """Refuse class values that a segmenter cannot be trained on.

    Args:
        schema: names the classes.
        path: where the data lies, for the message.

    Raises:
        DataError: a value above :data:`MAX_MASK_VALUE`, or too many classes.
    """
    values = dict(schema.classes)
    for value in schema.ignore:
        values[f"ignored {value}"] = value
    for name, value in values.items():
        if value > MAX_MASK_VALUE:
            raise DataError(f"class value {value} ({name})", path=path, expected=f"values up to {MAX_MASK_VALUE}")
    if len(list_class_values(schema)) > IGNORED_INDEX:
        raise DataError(f"{len(schema.classes)} classes", path=path, expected=f"fewer than {IGNORED_INDEX}")


def list_class_values(schema: Schema) -> list[int]:
    """List the mask value of each class index: 0 for the background, then the classes by value."""
    return sorted({0, *schema.classes.values()} - set(schema.ignore))
