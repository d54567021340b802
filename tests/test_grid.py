from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from domaingan.errors import DataError
from domaingan.grid import as_slices, at_shape, at_spacing, resize, resize_sample, slice_axis
from domaingan.sample import Dataset, Record, Sample, Schema

SCAN = Schema("nifti", "scan", 3, ("t1", "t2"), {"lesion": 1})
FRAME = Schema("masks", "frame", 2, ("r", "g", "b"), {"rider": 1})
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

sizes = st.lists(st.integers(1, 24), min_size=1, max_size=3)
factors = st.lists(st.sampled_from([1, 2, 3]), min_size=3, max_size=3)


class Volumes:
    """Volumes whose values say where they lie; counts how often one is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, record: Record) -> Sample:
        self.reads += 1
        grid = np.indices(record.shape)
        image = np.stack([grid[0] * 10_000 + grid[1] * 100 + grid[2], np.full(record.shape, 7)]).astype(np.float32)
        mask = np.zeros(record.shape, dtype=np.uint8)
        mask[2:4, 2:4, 1:3] = 1
        meta = record.facts() | {"affine": np.asarray(record.affine), "header": "of the volume"}
        return Sample(image, mask, meta=meta)


def volume(name: str = "a", shape: tuple[int, ...] = (8, 9, 10), **facts: object) -> Record:
    affine = tuple(map(tuple, LPS.tolist()))
    return replace(Record(name, shape=shape, spacing=(1.0, 1.0, 1.0), affine=affine), **facts)  # type: ignore[arg-type]


def volumes(*records: Record) -> Dataset:
    return Dataset(records or [volume()], Volumes(), SCAN)


# ---------------------------------------------------------------- resize


@given(sizes, st.integers(1, 3), st.data())
def test_resize_gives_the_shape_and_keeps_a_constant(shape: list[int], channels: int, data: st.DataObject) -> None:
    new = data.draw(st.lists(st.integers(1, 24), min_size=len(shape), max_size=len(shape)))
    resized = resize(np.full((channels, *shape), 3, dtype=np.float32), new)
    assert resized.shape == (channels, *new)
    np.testing.assert_allclose(resized, 3, rtol=1e-5)


@given(factors, st.booleans())
def test_pixel_centres_stay_in_place(factor: list[int], shrink: bool) -> None:
    coarse = [20, 18, 16]
    fine = [n * f for n, f in zip(coarse, factor, strict=True)]
    old, new = (fine, coarse) if shrink else (coarse, fine)
    for axis in range(3):
        step = old[axis] / new[axis]
        ramp = np.indices(old, dtype=np.float32)[axis]
        got = np.moveaxis(resize(ramp, new), axis, 0)
        expected = (np.arange(new[axis]) + 0.5) * step - 0.5
        inner = slice(5, -5) if shrink else slice(factor[axis], -factor[axis] or None)
        for position, value in list(zip(got, expected, strict=True))[inner]:
            np.testing.assert_allclose(position, value, atol=0.02)


def test_shrinking_smooths_what_the_new_grid_cannot_show() -> None:
    stripes = np.broadcast_to(np.arange(64) % 2, (64, 64)).astype(np.float32)
    assert np.abs(resize(stripes, (16, 16)) - 0.5).max() < 0.1
    assert resize(stripes, (128, 128)).std() > 0.25  # nothing is smoothed where the grid gets finer


@given(factors)
def test_labels_there_and_back_are_the_same(factor: list[int]) -> None:
    labels = np.random.default_rng(0).integers(0, 5, (6, 7, 8)).astype(np.uint8)
    fine = resize(labels, [n * f for n, f in zip(labels.shape, factor, strict=True)], label=True)
    assert (fine == np.kron(labels, np.ones(factor, dtype=np.uint8))).all()
    assert (resize(fine, labels.shape, label=True) == labels).all()
    assert fine.dtype == np.uint8


@given(st.lists(st.integers(1, 20), min_size=2, max_size=2))
def test_labels_are_never_mixed(shape: list[int]) -> None:
    labels = np.where(np.indices((12, 12)).sum(axis=0) % 2, 200, 3).astype(np.int32)
    assert set(np.unique(resize(labels, shape, label=True))) <= {3, 200}


def world(affine: NDArray[np.float64], voxel: NDArray[np.float64]) -> NDArray[np.float64]:
    return (affine @ np.append(voxel, 1))[:3]


def test_a_volumes_affine_keeps_its_outer_edges() -> None:
    affine = np.array([[0, 2.0, 0, 5], [-1.0, 0, 0, 7], [0, 0, 3.0, -4], [0, 0, 0, 1]])
    sample = Sample(np.zeros((1, 8, 6, 4), dtype=np.float32), meta={"affine": affine, "spacing": (1.0, 2.0, 3.0)})
    small = resize_sample(sample, (4, 3, 4))
    assert small.spacing == (2, 4, 3)
    for corner in (np.zeros(3), np.ones(3)):
        old = world(affine, corner * sample.shape - 0.5)
        np.testing.assert_allclose(world(small.meta["affine"], corner * small.shape - 0.5), old)
    assert sample.meta["affine"] is affine


def test_boxes_of_frames_are_xy_where_their_shape_is_hw() -> None:
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[8:16, 30:54] = 1
    boxes = np.array([[30, 8, 54, 16]], dtype=np.float32)
    small = resize_sample(Sample(np.zeros((3, 40, 60), dtype=np.float32), mask, boxes), (20, 10))
    assert small.boxes is not None
    assert small.mask is not None
    assert small.boxes.tolist() == [[5, 4, 9, 8]]
    assert np.argwhere(small.mask).min(axis=0).tolist() == [4, 5]
    assert np.argwhere(small.mask).max(axis=0).tolist() == [7, 8]


def test_boxes_of_volumes_are_in_the_order_of_axes() -> None:
    boxes = np.array([[2, 3, 4, 6, 6, 8]], dtype=np.float32)
    small = resize_sample(Sample(np.zeros((1, 8, 9, 10), dtype=np.float32), boxes=boxes), (4, 3, 10))
    assert small.boxes is not None
    assert small.boxes.tolist() == [[1, 1, 4, 3, 2, 8]]


# ---------------------------------------------------------------- datasets


def test_a_coarser_spacing_never_refines() -> None:
    data = volumes(volume(spacing=(0.5, 1.0, 4.0), affine=tuple(map(tuple, np.diag([0.5, 1, 4, 1]).tolist()))))
    coarse = at_spacing(data, 2.0)
    record, sample = coarse.records[0], coarse[0]
    assert record.shape == sample.shape == (2, 4, 10)
    assert record.spacing == sample.spacing == (2, 2.25, 4)
    np.testing.assert_allclose(record.affine, sample.meta["affine"])
    with pytest.raises(DataError, match="spacing of 0"):
        at_spacing(data, 0)


def test_frames_of_any_size_are_brought_to_one() -> None:
    def read(record: Record) -> Sample:
        return Sample(np.zeros((3, *(record.shape or (5, 5))), dtype=np.float32), meta=record.facts())

    data = at_shape(Dataset([Record("a", shape=(8, 12)), Record("unknown")], read, FRAME), (4, 6))
    assert [sample.shape for sample in data] == [(4, 6)] * 2
    assert data.records[0].shape == (4, 6)
    for wrong in ((4,), (0, 6), (4, 6, 8)):
        with pytest.raises(DataError, match="expected 2 positive numbers"):
            at_shape(data, wrong)


# ---------------------------------------------------------------- slices


@given(st.lists(st.floats(-1, 1), min_size=9, max_size=9))
def test_stacks_are_cut_along_their_stack_whatever_the_affine(numbers: list[float]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(numbers, (3, 3))
    record = volume(shape=(336, 384, 5), spacing=(0.6, 0.6, 5.0), affine=tuple(map(tuple, affine.tolist())))
    assert slice_axis(record) == 2
    assert slice_axis(replace(record, shape=(5, 336, 384))) == 0
    assert slice_axis(replace(record, affine=(), spacing=())) == 2
    assert slice_axis(replace(record, shape=(30, 40, 40), spacing=(1.0, 2.5, 1.0))) == 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_others_are_cut_from_feet_to_head(axis: int) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.roll(np.eye(3), axis - 2, axis=1) * 0.9
    affine[:3, :3] += 0.1  # a little oblique
    record = volume(shape=(20, 22, 24), affine=tuple(map(tuple, affine.tolist())))
    assert slice_axis(record) == axis
    # A coarser grid turns nothing, though it changes the spacing.
    assert slice_axis(at_spacing(volumes(record), 3.0).records[0]) == axis


def test_slices_follow_the_volume_and_keep_its_measures() -> None:
    data = volumes(volume("a_0", subject="p"), volume("a", shape=(8, 9, 12)))
    slices = as_slices(data)
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
        assert sample.meta["volume"] == "a_0"
        assert sample.meta["foreground"].shape == sample.shape
        assert (sample.meta["range"] == slices[0].meta["range"]).all()
        assert sample.spacing == (1, 1)
        assert "affine" not in sample.meta
        assert "header" not in sample.meta
    assert as_slices(slices) is slices


def test_reading_slices_in_order_reads_each_volume_once() -> None:
    data = volumes(volume("a"), volume("b"))
    slices = pickle.loads(pickle.dumps(as_slices(data)))
    assert sum(1 for _ in slices) == 20
    assert slices.read.read.reads == 2


def test_slices_of_one_sequence_stay_together(rng: np.random.Generator) -> None:
    data = volumes(*[volume(name, sequence=name[0]) for name in ("a1", "a2", "b1", "b2")])
    train, test = as_slices(data).holdout(0.5, rng)
    assert {r.sequence for r in train.records}.isdisjoint({r.sequence for r in test.records})
    assert as_slices(data).subjects == data.subjects


def test_labelled_slices_only() -> None:
    slices = as_slices(volumes(), labelled_only=True)
    assert [record.index for record in slices.records] == [1, 2]


def test_a_coarser_grid_of_slices() -> None:
    slices = at_spacing(as_slices(volumes()), 2.0)
    assert slices[3].shape == slices.records[3].shape == (4, 4)
    assert slices[3].meta["slice"] == 3
