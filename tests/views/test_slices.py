from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from volumes import volume, volumes

from domaingan.data.slice_axes import find_slice_axis
from domaingan.views.regrid import resample_to_spacing
from domaingan.views.slices import slice_volumes


@given(st.lists(st.floats(-1, 1), min_size=9, max_size=9))
def test_stacks_are_cut_along_their_stack_whatever_the_affine(numbers: list[float]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(numbers, (3, 3))
    record = volume(shape=(336, 384, 5), spacing=(0.6, 0.6, 5.0), affine=tuple(map(tuple, affine.tolist())))
    assert find_slice_axis(record) == 2
    assert find_slice_axis(replace(record, shape=(5, 336, 384))) == 0
    assert find_slice_axis(replace(record, affine=(), spacing=())) == 2
    assert find_slice_axis(replace(record, shape=(30, 40, 40), spacing=(1.0, 2.5, 1.0))) == 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_others_are_cut_from_feet_to_head(axis: int) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.roll(np.eye(3), axis - 2, axis=1) * 0.9
    affine[:3, :3] += 0.1  # a little oblique
    record = volume(shape=(20, 22, 24), affine=tuple(map(tuple, affine.tolist())))
    assert find_slice_axis(record) == axis
    # A coarser grid turns nothing, though it changes the spacing.
    assert find_slice_axis(resample_to_spacing(volumes(record), 3.0).records[0]) == axis


def test_slices_follow_the_volume_and_keep_its_measures() -> None:
    data = volumes(volume("a_0", subject="p"), volume("a", shape=(8, 9, 12)))
    slices = slice_volumes(data)
    assert len(slices) == 10 + 12
    assert len({record.name for record in slices.records}) == 22
    assert slices.schema.spatial_dims == 2
    assert slices.groups == ("p", "a")
    whole = data[0]
    assert whole.mask is not None
    for index, sample in enumerate(slices[:10]):
        assert (sample.image == whole.image[..., index]).all()
        assert sample.mask is not None
        assert (sample.mask == whole.mask[..., index]).all()
        assert sample.source.parent == "a_0"
        assert sample.foreground.shape == sample.shape
        assert (sample.intensity_range.ends == slices[0].intensity_range.ends).all()
        assert sample.spacing == (1, 1)
        assert sample.geometry.affine is None
        assert sample.geometry.slice_spacing == 1
        assert sample.header is None
    assert slice_volumes(slices) is slices


def test_a_slice_knows_its_distance_to_the_next_where_the_volume_does() -> None:
    known, unknown = volume("a", spacing=(0.5, 0.6, 4.0)), volume("b", spacing=())
    slices = slice_volumes(volumes(known, unknown))
    first, last = slices[0], slices[len(slices) - 1]
    assert first.geometry.spacing == slices.records[0].spacing == (0.5, 0.6)
    assert first.geometry.slice_spacing == 4.0
    assert last.geometry.spacing == slices.records[-1].spacing == ()
    assert last.geometry.slice_spacing is None and last.spacing == (1, 1)


def test_reading_slices_in_order_reads_each_volume_once() -> None:
    data = volumes(volume("a"), volume("b"))
    slices = pickle.loads(pickle.dumps(slice_volumes(data)))
    assert sum(1 for _ in slices) == 20
    assert slices.read.read.reads == 2


def test_slices_of_one_sequence_stay_together(rng: np.random.Generator) -> None:
    data = volumes(*[volume(name, sequence=name[0]) for name in ("a1", "a2", "b1", "b2")])
    train, test = slice_volumes(data).holdout(0.5, rng)
    assert {r.sequence for r in train.records}.isdisjoint({r.sequence for r in test.records})
    assert slice_volumes(data).subjects == data.subjects


def test_labelled_slices_only() -> None:
    slices = slice_volumes(volumes(), labelled_only=True)
    assert [record.index for record in slices.records] == [1, 2]


def test_a_coarser_grid_of_slices() -> None:
    slices = resample_to_spacing(slice_volumes(volumes()), 2.0)
    assert slices[3].shape == slices.records[3].shape == (4, 4)
    assert slices[3].source.index == 3
