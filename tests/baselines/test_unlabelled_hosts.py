"""Unlabelled hosts: what is pasted into them is learned, what nobody labelled is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from domaingan import phantoms
from domaingan.banks.crops import crops
from domaingan.baselines.batches import IGNORED_INDEX, Patches
from domaingan.baselines.segmentation import plan_network
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.unlabelled_hosts import find_unlabelled, list_labelled
from domaingan.blend import Paste
from domaingan.data import Sample, Schema
from domaingan.imaging.intensity import with_measurements
from domaingan.views.regrid import resize_sample
from domaingan.views.slices import slice_volumes

SCHEMA = Schema("nifti", "scan", 2, ("t1",), {"lesion": 1})


def make_sample(size: int = 16, value: int = 0) -> Sample:
    mask = np.zeros((size, size), np.uint8)
    mask[4:8, 4:8] = value
    sample = Sample(np.random.default_rng(0).random((1, size, size), dtype=np.float32), mask)
    return replace(sample, foreground=np.ones((size, size), bool))


def make_host(size: int = 16) -> Sample:
    unlabelled = np.zeros((size, size), bool)
    unlabelled[:, : size // 2] = True
    return replace(make_sample(size), unlabelled=unlabelled)


def make_patches(samples: list[Sample], n: int = 20) -> Patches:
    return Patches(samples, SCHEMA, TrainingAugmentation(), (16, 16), n, seed=0)


def test_no_loss_is_computed_where_nobody_labelled() -> None:
    masks = [mask for _, mask in map(make_patches([make_host()]).__getitem__, range(3))]
    for mask in masks:
        assert (mask[:, :8] == IGNORED_INDEX).all() and (mask[:, 8:] == 0).all()


def test_a_guessed_object_is_neither_learned_nor_looked_for() -> None:
    host = replace(make_sample(value=1), unlabelled=make_sample(value=1).mask == 1)
    patches = make_patches([make_sample(), host])
    assert patches.sampler.labelled_positions == []
    assert {1} & {int(value) for i in range(20) for value in np.unique(patches[i][1])} == set()


def test_a_host_in_which_nothing_is_labelled_teaches_nothing_and_is_drawn_no_more() -> None:
    blind = replace(make_sample(), unlabelled=np.ones((16, 16), bool))
    patches = make_patches([make_sample(value=1), blind, blind, blind])
    assert all(IGNORED_INDEX not in patches[i][1] for i in range(20))


def test_what_is_pasted_counts_and_the_rest_stays_ignored() -> None:
    data = slice_volumes(phantoms.load_phantom("medical", subjects=2, shape=(48, 48, 16)))
    paste = Paste(crops(data, size=16))
    empty = next(one for one in data if one.mask is not None and not one.mask.any() and one.foreground.mean() > 0.3)  # type: ignore[union-attr]
    host = replace(
        with_measurements(empty, data.schema.domain), unlabelled=np.ones(empty.shape, bool), instances=None, boxes=None
    )
    after = next(
        made for made in (paste(host, seed) for seed in range(20)) if any(c.is_placed for c in made.pasted_crops)
    )
    unlabelled = find_unlabelled(host, after)
    assert unlabelled is not None and after.mask is not None
    np.testing.assert_array_equal(unlabelled, after.mask == 0)


def test_a_crop_over_an_object_of_its_own_class_counts() -> None:
    host = replace(make_sample(value=1), unlabelled=np.ones((16, 16), bool))
    instances = np.zeros((16, 16), np.int32)
    instances[5:7, 5:7] = 2  # the second object came in front
    after = replace(host, instances=instances, origins=np.array([0, -1]))
    unlabelled = find_unlabelled(host, after)
    assert unlabelled is not None
    np.testing.assert_array_equal(unlabelled, instances != 2)


def test_labelled_samples_are_unlabelled_nowhere() -> None:
    assert find_unlabelled(make_sample(), make_sample(value=1)) is None
    samples = [make_sample(), make_host()]
    assert list_labelled(samples) == samples[:1]


def test_networks_have_the_shape_of_labelled_samples() -> None:
    plan = plan_network([make_sample(32), make_host(96), make_host(96)], SCHEMA, None, 4, None)
    assert plan.patch == (32, 32)


def test_what_is_unlabelled_follows_another_grid() -> None:
    resized = resize_sample(make_host(16), (32, 32)).unlabelled
    assert resized is not None and resized[:, :16].all() and not resized[:, 16:].any()
