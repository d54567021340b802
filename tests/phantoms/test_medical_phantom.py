"""The medical phantom: deterministic, varied, as its schema says, and found by the package's own measures."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan import phantoms
from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.imaging.intensity import get_foreground
from domaingan.phantoms.medical import has_rare_lesion
from domaingan.views.slices import slice_volumes


@pytest.fixture(scope="module")
def heads() -> Dataset:
    return phantoms.load_phantom("medical", subjects=10, seed=3).load_into_memory()


def test_schema_records_and_samples_agree(heads: Dataset) -> None:
    assert heads.schema.channels == ("flair", "t1c") and heads.schema.classes == {"oedema": 1, "enhancing": 2}
    assert [record.name for record in heads.records[:2]] == ["phantom_000", "phantom_001"]
    assert len(heads.subjects) == 10
    for record, sample in zip(heads.records, heads, strict=True):
        assert sample.mask is not None
        assert sample.image.shape == (2, 64, 64, 32) and sample.image.dtype == np.float32
        assert sample.mask.shape == record.shape == sample.shape and sample.mask.dtype == np.uint8
        assert sample.spacing == record.spacing == (3.0, 3.0, 3.0)
        np.testing.assert_array_equal(sample.geometry.affine, record.affine)
        assert sample.image.min() >= 0 and np.isfinite(sample.image).all()


def test_everyone_has_the_common_class_and_one_in_five_the_rare(heads: Dataset) -> None:
    has = [(bool((s.mask == 1).any()), bool((s.mask == 2).any())) for s in heads]
    assert all(common for common, _ in has)
    assert [sum(rare for _, rare in has[i : i + 5]) for i in (0, 5)] == [1, 1]
    assert [rare for _, rare in has] == [has_rare_lesion(3, n) for n in range(10)]
    assert all((s.mask == 2).sum() >= 12 for s in heads if (s.mask == 2).any())


def test_the_brain_is_found_and_holds_the_lesions(heads: Dataset) -> None:
    for sample in heads:
        inside = get_foreground(sample)
        assert 0.2 < inside.mean() < 0.42  # the brain alone: with skull and scalp it would be half the image
        assert inside[sample.mask > 0].mean() > 0.93


def test_lesions_stand_out_in_their_contrast(heads: Dataset) -> None:
    for sample in heads:
        inside = get_foreground(sample)
        healthy = [np.median(channel[inside & (sample.mask == 0)]) for channel in sample.image]
        assert np.median(sample.image[0][sample.mask == 1]) > 1.1 * healthy[0]
        if (sample.mask == 2).any():
            bright = np.percentile(sample.image[1][sample.mask == 2], 75)
            assert bright > 1.1 * np.median(sample.image[1][sample.mask == 1])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31), number=st.integers(0, 40), more=st.integers(1, 30))
def test_a_subject_depends_on_seed_and_number_alone(seed: int, number: int, more: int) -> None:
    few = phantoms.load_phantom("medical", subjects=number + 1, seed=seed, shape=(24, 24, 16))
    many = phantoms.load_phantom("phantom:medical", subjects=number + more, seed=seed, shape=(24, 24, 16))
    many = pickle.loads(pickle.dumps(many))
    first, second = few[number], many[number]
    assert first.image.tobytes() == second.image.tobytes() and first.mask.tobytes() == second.mask.tobytes()


def test_subjects_and_seeds_differ(heads: Dataset) -> None:
    assert not np.array_equal(heads[0].mask, heads[1].mask)
    other = phantoms.load_phantom("medical", subjects=1, seed=4)[0]
    assert not np.array_equal(heads[0].image, other.image)
    means = [s.image[0][get_foreground(s)].mean() for s in heads]
    assert max(means) > 1.3 * min(means)  # everyone has a gain of their own


def test_the_shape_changes_the_grid_not_the_field_of_view() -> None:
    fine = phantoms.load_phantom("medical", subjects=1, shape=(96, 96, 48))
    assert fine.records[0].spacing == (2.0, 2.0, 2.0) and fine[0].shape == (96, 96, 48)


def test_slices_work(heads: Dataset) -> None:
    slices = slice_volumes(heads[:2], labelled_only=True)
    assert slices[0].shape == (64, 64)


def test_making_one_is_quick() -> None:
    data = phantoms.load_phantom("medical", subjects=4)
    seconds = []
    for index in range(4):
        start = time.process_time()
        data[index]
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.3


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("driving?", {}, "no phantom 'driving\\?'; expected one of medical"),
        ("medical", {"subjects": 0}, "0 subjects"),
        ("medical", {"shape": (64, 64)}, "three numbers"),
        ("medical", {"shape": (64, 64, 8)}, "at least 16"),
    ],
)
def test_mistakes_are_named(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        phantoms.load_phantom(name, **options)
