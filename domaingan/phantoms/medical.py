"""``phantom:medical``: heads in two MR contrasts, with a common lesion and a rare one that few people have.

Every subject has its own anatomy (size, tilt, folding, ventricles), tissue contrasts, gain, coil sensitivity,
noise and lesions, so that a segmenter has to generalise from one to another. Bright vessels and choroid plexus
look like the rare lesion in one contrast, white-matter caps like the common one in the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset, Record, Sample, Schema
from domaingan.phantoms.fields import Field, VoxelGrid, sample_field
from domaingan.phantoms.head import sample_head
from domaingan.phantoms.phantom_lesions import paint_lesions

CLASSES = {"oedema": 1, "enhancing": 2}
"""The common class, and the rare one: a core inside an oedema."""

SUBJECTS_PER_RARE = 5
"""Exactly one of so many successive subjects has the rare class."""

FIELD_OF_VIEW_MM = 192.0
"""Edge of the image, in mm, along its longer in-plane axis; the slices are as thick as the pixels are wide."""

SCHEMA = Schema("nifti", SCAN, 3, ("flair", "t1c"), CLASSES)


def load_medical(subjects: int = 30, seed: int = 0, shape: Sequence[int] = (64, 64, 32)) -> Dataset:
    """Load the medical phantom: heads with one scan each, which are made when they are read (about 0.1 s).

    Args:
        subjects: number of subjects.
        seed: another seed gives other subjects. A subject depends on the seed and its own number alone.
        shape: voxels along left–right, back–front and foot–head.

    Returns:
        A dataset of scans with masks.

    Raises:
        DataError: there are no subjects, or the shape is not three numbers of at least 16.
    """
    if subjects < 1:
        raise DataError(f"{subjects} subjects", expected="at least 1")
    if len(shape) != 3 or min(shape) < 16:
        raise DataError(f"shape {tuple(shape)}", expected="three numbers of at least 16")
    size = tuple(int(n) for n in shape)
    grid = VoxelGrid(size, FIELD_OF_VIEW_MM / max(size[:2]))
    affine = tuple(tuple(row) for row in grid.affine.tolist())
    spacing = (grid.spacing,) * 3
    numbers = {f"phantom_{number:03d}": number for number in range(subjects)}
    records = []
    for name in numbers:
        records.append(Record(name, subject=name, shape=size, spacing=spacing, affine=affine))
    return Dataset(records, _MedicalReader(seed, grid, numbers), SCHEMA, "phantom:medical")


@dataclass(frozen=True)
class _MedicalReader:
    """Makes the scan of a subject from the seed and its number."""

    seed: int
    grid: VoxelGrid
    numbers: Mapping[str, int]

    def __call__(self, record: Record) -> Sample:
        number = self.numbers[record.name]
        rng = np.random.default_rng((self.seed, number))
        head = sample_head(rng, self.grid)
        mask = paint_lesions(rng, head, has_core=has_rare_lesion(self.seed, number))
        # The brain: real sets of heads come stripped, or with a mask of it, as here.
        return Sample(
            image=_simulate_scanner(rng, head.image, self.grid),
            mask=mask,
            source=record.source,
            geometry=record.geometry,
            foreground=head.depth > 0,
        )


def has_rare_lesion(seed: int, number: int) -> bool:
    """Tell whether a subject has the rare class.

    Args:
        seed: of the dataset.
        number: of the subject.
    """
    block, place = divmod(number, SUBJECTS_PER_RARE)
    return place == int(np.random.default_rng((seed, block, 1)).integers(SUBJECTS_PER_RARE))


def _simulate_scanner(rng: np.random.Generator, tissue: Field, grid: VoxelGrid) -> NDArray[np.float32]:
    """Simulate what a scanner stores: gain, coil sensitivity and Rician noise (Gudbjartsson & Patz 1995), rounded."""
    gain = 400 * np.exp(rng.normal(0, 0.35, (2, 1, 1, 1)))
    coarse = rng.uniform(0.05, 0.12) * sample_field(rng, grid, 90)
    sensitivity = np.exp(coarse + 0.03 * sample_field(rng, grid, 50))
    noise = rng.uniform(0.02, 0.045)
    real, imaginary = rng.normal(0, noise, (2, *tissue.shape))
    signal = np.hypot(tissue * sensitivity + real, imaginary)
    return np.rint(signal * gain).astype(np.float32)
