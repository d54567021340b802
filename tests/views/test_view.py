from __future__ import annotations

import numpy as np
import pytest

from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset, Record, Sample, Schema
from domaingan.views.regrid import MAX_SPACING, resample_to_spacing, resize_sample, view


def read(record: Record) -> Sample:
    image = np.arange(np.prod(record.shape), dtype=np.float32).reshape(1, *record.shape)
    return Sample(image, (image[0] > 3).astype(np.uint8), source=record.source, geometry=record.geometry)


def data(*shape: int) -> Dataset:
    record = Record("a", shape=shape, spacing=(1.0,) * len(shape))
    return Dataset([record], read, Schema("nifti", SCAN, len(shape), ("t1",), {"lesion": 1}), "scans")


def test_nothing_asked_for_is_the_dataset_itself() -> None:
    flat, volumes = data(8, 6), data(8, 6, 4)
    assert view(flat) is flat and view(flat, dims=2) is flat and view(volumes, dims=3) is volumes
    assert view(volumes)[0].source.checksums is None


@pytest.mark.parametrize("change", [{"dims": 2}, {"spacing": 2.0}, {"resize": (4, 3, 2)}])
def test_checksums_of_what_was_read_are_kept_through_any_change(change: dict[str, object]) -> None:
    sample = view(data(8, 6, 4), **change)[0]  # type: ignore[arg-type]
    assert sample.source.checksums is not None and len(sample.source.checksums) == 1


def test_what_cannot_be_viewed_is_refused() -> None:
    with pytest.raises(DataError, match="3 dims; expected 2 or 2"):
        view(data(8, 6), dims=3)
    with pytest.raises(DataError, match="a spacing and a size; expected one of them"):
        view(data(8, 6), spacing=2.0, resize=(4, 3))
    for spacing in (0.0, -1.0, MAX_SPACING + 0.1):
        with pytest.raises(DataError, match="a spacing of"):
            resample_to_spacing(data(8, 6), spacing)
    assert resample_to_spacing(data(8, 6), MAX_SPACING).records[0].shape == (1, 1)
    for size in ((4,), (4, 0), (4, 2.5), (4, 3, 2)):
        with pytest.raises(DataError, match="size"):
            view(data(8, 6), resize=size)  # type: ignore[arg-type]


def test_spacing_boxes_and_foreground_follow_the_grid() -> None:
    sample = Sample(
        np.zeros((1, 8, 6), np.float32),
        boxes=np.array([[3, 4, 6, 8]], np.float32),
        labels=np.array([1]),
        meta={"spacing": (1.0, 2.0), "foreground": np.arange(48).reshape(8, 6) >= 24},
    )
    small = resize_sample(sample, (4, 2))
    assert small.spacing == (2.0, 6.0) and small.boxes is not None and small.boxes.tolist() == [[1, 2, 2, 4]]
    assert small.foreground is not None and small.foreground.tolist() == [[False] * 2] * 2 + [[True] * 2] * 2
    assert small.mask is None and small.instances is None and resize_sample(sample, (8, 6)) is sample


def test_a_slice_knows_its_volume() -> None:
    slices = view(data(20, 16, 4), dims=2)
    assert [record.name for record in slices.records] == ["a_0", "a_1", "a_2", "a_3"]
    assert {record.parent for record in slices.records} == {"a"} and len(slices.groups) == 1
    third = slices[2]
    assert (third.source.parent, third.source.index, third.group) == ("a", 2, "a")
    assert third.geometry.affine is None and third.geometry.axes == ((0, 1), (1, 1))
    assert np.array_equal(third.image, read(Record("a", shape=(20, 16, 4))).image[..., 2])


def test_a_record_without_a_spacing_has_pixels_of_one_millimetre() -> None:
    flat = data(8, 6)
    bare = Dataset([Record("a", shape=(8, 6))], flat.read, flat.schema)
    assert resample_to_spacing(bare, 2.0).records[0].shape == (4, 3)
    assert view(bare, resize=(1, 1)).records[0].spacing == (8.0, 6.0)
