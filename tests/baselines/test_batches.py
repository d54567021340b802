"""Training patches: a function of seed and number alone, whichever worker makes them."""

from __future__ import annotations

import numpy as np
import pytest
from torch.utils.data import DataLoader

from domaingan import phantoms
from domaingan.augmentation import Classic
from domaingan.banks.crops import crops
from domaingan.baselines.batches import Patches, build_class_table
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.blend import Paste
from domaingan.data import Schema
from domaingan.imaging.intensity import with_measurements
from domaingan.views.slices import slice_volumes


@pytest.fixture(scope="module")
def patches() -> Patches:
    data = slice_volumes(phantoms.load_phantom("medical", subjects=2, shape=(32, 32, 16)))
    samples = [with_measurements(sample, data.schema.domain) for sample in data]
    augment = TrainingAugmentation({"copy-paste": Paste(crops(data, size=16))}, classic=Classic(2, "scan"))
    return Patches(samples, data.schema, augment, (32, 48), 12, seed=3)


def test_same_batches_with_any_number_of_workers(patches: Patches) -> None:
    runs = [list(DataLoader(patches, batch_size=4, num_workers=n)) for n in (0, 2)]
    for one, two in zip(*runs, strict=True):
        assert all((a == b).all() for a, b in zip(one, two, strict=True))


def test_patches_have_the_shape_asked_for_whatever_the_sample(patches: Patches) -> None:
    image, mask = patches[0]
    assert image.shape == (2, 32, 48) and mask.shape == (32, 48) and image.dtype == np.float32


def test_another_seed_other_patches(patches: Patches) -> None:
    other = Patches(patches.samples, patches.schema, patches.augment, patches.patch, 12, seed=4)
    assert any((patches[i][0] != other[i][0]).any() for i in range(12))


def test_values_become_consecutive_classes_and_ignored_ones_255() -> None:
    table = build_class_table(Schema("nifti", "scan", 2, ("a",), {"x": 7, "y": 300, "void": 9}, ignore=(9,)))
    assert table[[0, 7, 300, 9]].tolist() == [0, 1, 2, 255]
