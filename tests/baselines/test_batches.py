"""Training patches: a function of seed and number alone, whichever worker makes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from domaingan import phantoms
from domaingan.augmentation import Classic
from domaingan.banks.crops import crops
from domaingan.baselines.batches import (
    Patches,
    TrainingSampler,
    build_class_table,
    check_class_values,
    has_conditions,
)
from domaingan.baselines.segmentation import choose_patch_shape
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import LossLog, compute_warmup_cosine
from domaingan.blend import Paste
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Sample, Schema
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


def blank_samples(n: int) -> list[Sample]:
    return [Sample(np.zeros((1, 4, 4), np.float32), np.zeros((4, 4), np.uint8)) for _ in range(n)]


def test_half_of_the_draws_are_from_labelled_samples() -> None:
    """One of ten samples is labelled: it is drawn in 1/2 + 1/2 · 1/10 of the cases."""
    rng = np.random.default_rng(0)
    sampler = TrainingSampler(blank_samples(10), [3])
    drawn = np.array([sampler.sample_position(rng) for _ in range(4000)])
    assert np.mean(drawn == 3) == pytest.approx(0.55, abs=0.03) and set(drawn) == set(range(10))


def test_a_quarter_of_the_draws_are_under_an_oversampled_condition() -> None:
    """One of ten samples is at dusk, none is labelled: it is drawn in 1/4 + 3/4 · 1/10 of the cases."""
    rng = np.random.default_rng(0)
    samples = blank_samples(10)
    samples[7].condition["lighting"] = "dusk"
    sampler = TrainingSampler(samples, [], {"lighting": ["dusk", "night"]})
    drawn = np.array([sampler.sample_position(rng) for _ in range(4000)])
    assert np.mean(drawn == 7) == pytest.approx(0.325, abs=0.03)
    assert not has_conditions(samples[7], {}) and not has_conditions(samples[7], {"lighting": ["day"]})
    assert not has_conditions(samples[7], {"lighting": ["dusk"], "weather": ["rain"]})


def test_a_patch_lies_around_a_labelled_pixel_between_its_first_and_third_quarter() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[50, 60] = 1
    sample = Sample(np.zeros((1, 100, 100), np.float32), mask)
    schema = Schema("nifti", SCAN, 2, ("a",), {"x": 1})
    patches = Patches([sample], schema, TrainingAugmentation(), (16, 32), 1, 0)
    rng = np.random.default_rng(0)
    offsets = np.array([[50, 60] - patches._sample_corner(sample, rng) for _ in range(400)])
    assert offsets.min(axis=0).tolist() == [4, 8] and offsets.max(axis=0).tolist() == [11, 23]


def test_a_patch_larger_than_the_sample_has_it_in_the_middle() -> None:
    schema = Schema("nifti", SCAN, 2, ("a",), {"x": 1})
    patches = Patches(blank_samples(1), schema, TrainingAugmentation(), (8, 2), 1, 0)
    corners = {tuple(patches._sample_corner(patches.samples[0], np.random.default_rng(i)).tolist()) for i in range(40)}
    assert corners == {(-2, 0), (-2, 1), (-2, 2)}


def test_class_values_that_cannot_be_trained_on_are_refused() -> None:
    many = {str(value): value for value in range(1, 256)}
    with pytest.raises(DataError, match="255 classes; expected fewer than 255"):
        check_class_values(Schema("nifti", SCAN, 2, ("a",), many))
    del many["255"]
    check_class_values(Schema("nifti", SCAN, 2, ("a",), many | {"large": 65_535}, ignore=(65_535,)))
    with pytest.raises(DataError, match=r"class value 65536 \(x\); expected values up to 65535"):
        check_class_values(Schema("nifti", SCAN, 2, ("a",), {"x": 65_536}))


# ---------------------------------------------------------------- what all baselines share in training


def test_the_learning_rate_warms_up_for_a_tenth_of_the_steps_and_falls_by_a_cosine() -> None:
    assert compute_warmup_cosine(0, 100) == pytest.approx(0.1, abs=1e-4)
    assert compute_warmup_cosine(9, 100) == pytest.approx(0.5 * (1 + np.cos(0.09 * np.pi)))
    assert compute_warmup_cosine(50, 100) == pytest.approx(0.5) and compute_warmup_cosine(100, 100) == 0
    assert compute_warmup_cosine(0, 5) == 1


def test_the_loss_log_keeps_the_mean_of_each_of_forty_bins() -> None:
    shown: list[float] = []
    log = LossLog("segmenter", 81, lambda step, steps, metrics: shown.append(metrics["loss"]))
    for step in range(1, 82):
        log.add(step, torch.tensor(float(step)))
    log.finish()
    assert log.losses[:2] == [(2, 1.5), (4, 3.5)] and log.losses[-1] == (81, 81.0) and len(log.losses) == 41
    assert shown[:4] == [1.0, 1.5, 1.5, 3.5]
    log.add(3, torch.tensor(float("inf")))
    with pytest.raises(DataError, match="the segmenter's loss is inf at step 3"):
        log.finish()


def test_the_shape_of_a_patch_is_the_median_rounded_up_to_the_divisor() -> None:
    assert choose_patch_shape([(33, 100), (33, 100), (90, 400)], 16) == (48, 112)
    assert choose_patch_shape([(300, 32)], 16) == (256, 32) and choose_patch_shape([(100, 64, 17)], 16) == (64, 64, 32)


# ---------------------------------------------------------------- rare classes


def label_samples(n_common: int) -> list[Sample]:
    """One sample of the rare class 2 with one pixel of it, the others of class 1 alone."""
    samples = blank_samples(n_common + 1)
    for sample in samples:
        assert sample.mask is not None
        sample.mask[:2] = 1
    assert samples[0].mask is not None
    samples[0].mask[3, 3] = 2
    return samples


def test_a_third_of_the_patches_lie_around_a_class_drawn_by_itself() -> None:
    """Half of the draws are from labelled samples, 2/3 of these draw one of two classes: 1/6 look at the rare one."""
    schema = Schema("nifti", SCAN, 2, ("a",), {"x": 1, "rare": 2})
    patches = Patches(label_samples(99), schema, TrainingAugmentation(), (4, 4), 1, 0)
    rng = np.random.default_rng(0)
    drawn = [patches.sampler.sample_position_and_class(rng) for _ in range(6000)]
    assert np.mean([value == 2 for _, value in drawn]) == pytest.approx(1 / 6, abs=0.015)
    assert {position for position, value in drawn if value == 2} == {0}


def test_the_patch_lies_around_the_class_that_was_drawn_unless_it_was_covered() -> None:
    schema = Schema("nifti", SCAN, 2, ("a",), {"x": 1, "rare": 2})
    mask = np.zeros((90, 90), np.uint8)
    mask[10:20, 10:20], mask[70, 80] = 1, 2
    sample = Sample(np.zeros((1, 90, 90), np.float32), mask)
    patches = Patches([sample], schema, TrainingAugmentation(), (16, 16), 1, 0)
    rng = np.random.default_rng(0)
    for value, low, high in ((2, (70 - 11, 80 - 11), (70 - 4, 80 - 4)), (7, (0, 0), (16, 16))):
        corners = np.array([patches._sample_corner(sample, rng, value) for _ in range(50)])
        assert (corners >= low).all()
        if value == 2:
            assert (corners <= high).all()


def test_ignored_values_are_no_class_to_look_at_and_one_class_needs_no_balance() -> None:
    schema = Schema("nifti", SCAN, 2, ("a",), {"x": 1, "void": 2}, ignore=(2,))
    samples = label_samples(3)
    patches = Patches(samples, schema, TrainingAugmentation(), (4, 4), 1, 0)
    assert list(patches.sampler.positions_by_class) == [1]
    without = TrainingSampler(samples, patches.sampler.labelled_positions)
    one, two = (np.random.default_rng(3) for _ in range(2))
    for _ in range(50):
        assert patches.sampler.sample_position(one) == without.sample_position(two)
