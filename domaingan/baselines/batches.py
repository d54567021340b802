"""Training batches for a segmenter: which sample, which patch, augmented by the arm; a function of the seed alone."""

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
"""Share of the patches drawn from samples in which something is labelled, around one of its pixels."""

OVERSAMPLED_SHARE = 0.25
"""Share of the patches drawn from samples under a wanted condition, where there are any."""

OversampledConditions = Mapping[str, Sequence[str]]
"""Conditions and their values, such as ``{"lighting": ["dusk"]}``."""

MAX_MASK_VALUE = 65_535
"""Masks may hold values up to here."""

IGNORED_INDEX = 255
"""What stands for an ignored value among a network's classes; there may be as many classes less one."""

CLIP_RANGE = (-1.0, 3.0)
"""Scaled units that reach the network."""


@dataclass
class TrainingSampler:
    """Draws which sample comes next.

    Attributes:
        samples: all of them.
        labelled: positions of those that hold what is to be learned; half of the draws are from them.
        wanted: samples under these conditions are drawn a quarter of the time, however few there are: what is tested on
            is what training is for, with every arm alike.
    """

    samples: list[Sample]
    labelled_positions: list[int]
    oversampled: OversampledConditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wanted = [i for i, sample in enumerate(self.samples) if has_conditions(sample, self.oversampled)]

    def __call__(self, rng: np.random.Generator) -> int:
        """The position of the next sample."""
        if self._wanted and rng.random() < OVERSAMPLED_SHARE:
            return int(rng.choice(self._wanted))
        labelled = bool(self.labelled_positions) and rng.random() < LABELLED_SHARE
        return int(rng.choice(self.labelled_positions) if labelled else rng.integers(len(self.samples)))


@dataclass
class Patches(TorchDataset[tuple[NDArray[np.float32], NDArray[np.int64]]]):
    """Item ``i`` is the ``i``-th training patch of a run; the same whichever worker makes it.

    Attributes:
        samples: training samples in memory, with ``meta["range"]`` and ``meta["foreground"]`` set.
        schema: names the classes.
        augment: what the arm does.
        patch: spatial shape of a patch.
        length: number of items.
        seed: seeds every item, together with its number.
        wanted: see :class:`TrainingSampler`.
    """

    samples: list[Sample]
    schema: Schema
    augment: TrainingAugmentation
    patch: tuple[int, ...]
    length: int
    seed: int
    oversampled: OversampledConditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        labelled = [i for i, s in enumerate(self.samples) if self._find_focus(s).any()]
        self._drawer = TrainingSampler(self.samples, labelled, self.oversampled)
        self._index = build_class_table(self.schema)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rng = np.random.default_rng((self.seed, item))
        sample = self.augment.blend(self.samples[self._drawer(rng)], rng)
        assert sample.mask is not None
        corner = self._sample_corner(sample, rng)
        mask = crop_padded(sample.mask, corner, self.patch)
        image = to_scaled(
            crop_padded(sample.image, corner, self.patch), get_intensity_range(sample, self.schema.domain)
        )
        image, mask = self.augment.apply_classic(image, self._index[mask], rng)
        return np.clip(image, *CLIP_RANGE), mask.astype(np.int64)

    def _find_focus(self, sample: Sample) -> NDArray[np.bool_]:
        """Where something is labelled that matters: anything in scans, the objects in frames."""
        if sample.mask is None:
            return np.zeros(sample.shape, dtype=bool)
        if not self.schema.objects:
            labelled: NDArray[np.bool_] = np.greater(sample.mask, 0)
            return labelled
        return np.isin(sample.mask, [self.schema.classes[name] for name in self.schema.objects])

    def _sample_corner(self, sample: Sample, rng: np.random.Generator) -> NDArray[Any]:
        """Around a labelled pixel of a labelled sample, else anywhere; a patch as large as the sample covers it."""
        size, shape = np.array(self.patch), np.array(sample.shape)
        labelled = np.flatnonzero(self._find_focus(sample))
        if len(labelled):
            centre = np.array(np.unravel_index(int(rng.choice(labelled)), sample.shape))
            corner = centre - rng.integers(size // 4, np.maximum(3 * size // 4, size // 4 + 1))
        else:
            corner = rng.integers(np.minimum(0, shape - size), np.maximum(0, shape - size) + 1)
        fits = size >= shape
        clipped = np.clip(corner, 0, np.maximum(shape - size, 0))
        return np.where(fits, (shape - size) // 2, clipped)


def has_conditions(sample: Sample, conditions: OversampledConditions) -> bool:
    """Whether the sample has one of the values of every wanted condition; no condition, no sample."""
    return bool(conditions) and all(
        str(sample.condition.get(name, "")) in values for name, values in conditions.items()
    )


def build_class_table(schema: Schema) -> NDArray[np.uint8]:
    """A table from mask values to network classes 0, 1, …; :data:`IGNORED_INDEX` where a value is ignored."""
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
    values = {**schema.classes, **{f"ignored {value}": value for value in schema.ignore}}
    large = {name: value for name, value in values.items() if value > MAX_MASK_VALUE}
    if large:
        name = next(iter(large))
        raise DataError(f"class value {large[name]} ({name})", path=path, expected=f"values up to {MAX_MASK_VALUE}")
    if len(list_class_values(schema)) > IGNORED_INDEX:
        raise DataError(f"{len(schema.classes)} classes", path=path, expected=f"fewer than {IGNORED_INDEX}")


def list_class_values(schema: Schema) -> list[int]:
    """The mask value of each network class: 0 for background, then the classes by value."""
    return sorted({0, *schema.classes.values()} - set(schema.ignore))
