"""Training patches for a segmenter: which sample, which patch, augmented by the arm; a function of the seed alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.unlabelled_hosts import find_unlabelled
from domaingan.core.errors import DataError
from domaingan.data import Sample, Schema
from domaingan.imaging.intensity import get_intensity_range, to_scaled
from domaingan.imaging.padded_crops import crop_padded

LABELLED_SHARE = 0.5
"""Share of the draws that are from samples in which something is labelled."""

CLASS_BALANCED_SHARE = 2 / 3
"""Share of the draws from labelled samples for which first a class is drawn, each with the same chance, then a sample
that has it. With half of the draws from labelled samples, a third of all patches lie around a class that was drawn so,
however rare it is, as in nnU-Net (Isensee et al. 2021)."""

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
    """Samples which training sample comes next, and which of its classes is looked at. It is the same for every arm.

    Samples under an oversampled condition are drawn a quarter of the time, however few there are, because the test is
    about them. Of the other draws half are from labelled samples. Of these, :data:`CLASS_BALANCED_SHARE` first draw a
    class. With a single class this changes nothing.

    Attributes:
        samples: all training samples.
        labelled_positions: positions of those that hold what is to be learned.
        oversampled: the oversampled conditions.
        positions_by_class: for each class value to be learned the positions of the samples that hold it.
    """

    samples: list[Sample]
    labelled_positions: list[int]
    oversampled: OversampledConditions = field(default_factory=dict)
    positions_by_class: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._oversampled_positions = []
        for position, sample in enumerate(self.samples):
            if has_conditions(sample, self.oversampled):
                self._oversampled_positions.append(position)
        self._class_values = sorted(self.positions_by_class)

    def sample_position(self, rng: np.random.Generator) -> int:
        """Sample the position of the next training sample."""
        return self.sample_position_and_class(rng)[0]

    def sample_position_and_class(self, rng: np.random.Generator) -> tuple[int, int | None]:
        """Sample the position of the next training sample, and the class value to look at; None for any class."""
        if self._oversampled_positions and rng.random() < OVERSAMPLED_SHARE:
            return int(rng.choice(self._oversampled_positions)), None
        if not self.labelled_positions or rng.random() >= LABELLED_SHARE:
            return int(rng.integers(len(self.samples))), None
        if len(self._class_values) > 1 and rng.random() < CLASS_BALANCED_SHARE:
            value = self._class_values[int(rng.integers(len(self._class_values)))]
            return int(rng.choice(np.asarray(self.positions_by_class[value]))), value
        return int(rng.choice(self.labelled_positions)), None


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
        self._class_table = build_class_table(self.schema)
        labelled_positions = []
        positions_by_class: dict[int, list[int]] = {}
        for position, sample in enumerate(self.samples):
            values = self._list_focus_values(sample)
            if values:
                labelled_positions.append(position)
            for value in values:
                positions_by_class.setdefault(value, []).append(position)
        self.sampler = TrainingSampler(self.samples, labelled_positions, self.oversampled, positions_by_class)

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
        sample, class_value = self._draw_sample(rng)
        assert sample.mask is not None
        corner = self._sample_corner(sample, rng, class_value)
        mask = crop_padded(sample.mask, corner, self.patch)
        stored = crop_padded(sample.image, corner, self.patch)
        image = to_scaled(stored, get_intensity_range(sample, self.schema.domain))
        indices = self._class_table[mask]
        if sample.unlabelled is not None:
            indices[crop_padded(sample.unlabelled, corner, self.patch)] = IGNORED_INDEX
        image, indices = self.augment.apply_classic(image, indices, rng)
        return np.clip(image, *CLIP_RANGE), indices.astype(np.int64)

    def _draw_sample(self, rng: np.random.Generator) -> tuple[Sample, int | None]:
        """Draw an augmented sample, and the class value to look at; None for any class.

        What nobody labelled has the value 0 in its mask. A host in which nothing is labelled, even after a paste,
        teaches nothing: another sample is drawn.
        """
        while True:
            position, class_value = self.sampler.sample_position_and_class(rng)
            host = self.samples[position]
            sample = self.augment.blend(host, rng)
            unlabelled = find_unlabelled(host, sample)
            if unlabelled is None:
                return sample, class_value
            if not unlabelled.all():
                labels = np.where(unlabelled, 0, np.asarray(sample.mask))
                return replace(sample, mask=labels, unlabelled=unlabelled), class_value

    def _find_focus(self, sample: Sample) -> NDArray[np.bool_]:
        """Find the pixels of what is to be learned: anything labelled in scans, the objects in frames."""
        if sample.mask is None:
            return np.zeros(sample.shape, dtype=bool)
        if not self.schema.objects:
            is_labelled: NDArray[np.bool_] = np.greater(sample.mask, 0)
            return is_labelled
        values = [self.schema.classes[name] for name in self.schema.objects]
        return np.isin(sample.mask, values)

    def _list_focus_values(self, sample: Sample) -> list[int]:
        """List the class values of what is to be learned that a sample holds; ignored values are not among them.

        Unlabelled hosts hold none.
        """
        if sample.mask is None or sample.unlabelled is not None:
            return []
        values: list[int] = np.unique(sample.mask[self._find_focus(sample)]).tolist()
        return [value for value in values if self._class_table[value] != IGNORED_INDEX]

    def _sample_corner(self, sample: Sample, rng: np.random.Generator, class_value: int | None = None) -> NDArray[Any]:
        """Sample the first corner of a patch: around a labelled pixel where there is one, else anywhere.

        That pixel is of ``class_value`` where the sample still holds it: a paste may have covered it. Where the patch
        is larger than the sample, the sample lies in its middle.
        """
        size, shape = np.array(self.patch), np.array(sample.shape)
        labelled: NDArray[Any] = np.zeros(0, np.int64)
        if class_value is not None:
            labelled = np.flatnonzero(np.asarray(sample.mask) == class_value)
        if not len(labelled):
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
