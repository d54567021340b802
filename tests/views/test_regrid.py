from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from volumes import volume, volumes

from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample, Schema
from domaingan.imaging.resample import resize
from domaingan.views.regrid import resample_to_spacing, resize_sample, resize_to_shape

FRAME = Schema("masks", "frame", 2, ("r", "g", "b"), {"rider": 1})

sizes = st.lists(st.integers(1, 24), min_size=1, max_size=3)
factors = st.lists(st.sampled_from([1, 2, 3]), min_size=3, max_size=3)


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
    fine = resize(labels, [n * f for n, f in zip(labels.shape, factor, strict=True)], is_mask=True)
    assert (fine == np.kron(labels, np.ones(factor, dtype=np.uint8))).all()
    assert (resize(fine, labels.shape, is_mask=True) == labels).all()
    assert fine.dtype == np.uint8


@given(st.lists(st.integers(1, 20), min_size=2, max_size=2))
def test_labels_are_never_mixed(shape: list[int]) -> None:
    labels = np.where(np.indices((12, 12)).sum(axis=0) % 2, 200, 3).astype(np.int32)
    assert set(np.unique(resize(labels, shape, is_mask=True))) <= {3, 200}


def world(affine: NDArray[np.float64], voxel: NDArray[np.float64]) -> NDArray[np.float64]:
    return (affine @ np.append(voxel, 1))[:3]


def test_a_volumes_affine_keeps_its_outer_edges() -> None:
    affine = np.array([[0, 2.0, 0, 5], [-1.0, 0, 0, 7], [0, 0, 3.0, -4], [0, 0, 0, 1]])
    sample = Sample(np.zeros((1, 8, 6, 4), dtype=np.float32), meta={"affine": affine, "spacing": (1.0, 2.0, 3.0)})
    small = resize_sample(sample, (4, 3, 4))
    assert small.spacing == (2, 4, 3)
    for corner in (np.zeros(3), np.ones(3)):
        old = world(affine, corner * sample.shape - 0.5)
        np.testing.assert_allclose(world(small.geometry.affine, corner * small.shape - 0.5), old)
    assert sample.geometry.affine is affine


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
    coarse = resample_to_spacing(data, 2.0)
    record, sample = coarse.records[0], coarse[0]
    assert record.shape == sample.shape == (2, 4, 10)
    assert record.spacing == sample.spacing == (2, 2.25, 4)
    np.testing.assert_allclose(record.affine, sample.geometry.affine)
    with pytest.raises(DataError, match="spacing of 0"):
        resample_to_spacing(data, 0)


def test_frames_of_any_size_are_brought_to_one() -> None:
    def read(record: Record) -> Sample:
        return Sample(
            np.zeros((3, *(record.shape or (5, 5))), dtype=np.float32), source=record.source, geometry=record.geometry
        )

    data = resize_to_shape(Dataset([Record("a", shape=(8, 12)), Record("unknown")], read, FRAME), (4, 6))
    assert [sample.shape for sample in data] == [(4, 6)] * 2
    assert data.records[0].shape == (4, 6)
    for wrong in ((4,), (0, 6), (4, 6, 8)):
        with pytest.raises(DataError, match="expected 2 positive numbers"):
            resize_to_shape(data, wrong)
