from __future__ import annotations

import numpy as np
import pytest

from domaingan.core.errors import DataError
from domaingan.data import Record, parse_region
from domaingan.data.slice_axes import count_thin_slices, find_fullest_slice, find_slice_axis, make_slice_name


def volume(*shape: int, spacing: tuple[float, ...] = ()) -> Record:
    return Record("a", shape=shape, spacing=spacing)


@pytest.mark.parametrize(
    ("shapes", "count"),
    [
        ([(5, 60, 60)], 5),
        ([(7, 28, 60)], 7),
        ([(7, 27, 60)], None),
        ([(8, 60, 60)], None),
        ([(60, 60, 5), (60, 60, 60), (60, 60, 60)], None),
        ([(60, 60, 5), (60, 6, 60), (60, 60, 60)], 6),
        ([(4, 60)], None),
        ([], None),
    ],
)
def test_slices_of_most_volumes_are_counted(shapes: list[tuple[int, ...]], count: int | None) -> None:
    assert count_thin_slices(volume(*shape) for shape in shapes) == count


@pytest.mark.parametrize(
    ("record", "axis"),
    [
        (volume(5, 60, 60), 0),
        (volume(60, 15, 60), 1),
        (volume(60, 16, 60), 2),
        (volume(60, 60, 60, spacing=(1.0, 2.0, 1.0)), 1),
        (volume(60, 60, 60, spacing=(1.9, 1.0, 1.0)), 2),
    ],
)
def test_the_axis_across_few_or_wide_slices(record: Record, axis: int) -> None:
    assert find_slice_axis(record) == axis


def test_the_axis_that_runs_from_foot_to_head() -> None:
    for axis in range(3):
        affine = np.zeros((4, 4))
        affine[2, axis], affine[0, (axis + 1) % 3], affine[1, (axis + 2) % 3], affine[3, 3] = -2, 3, 3, 1
        rows = tuple(tuple(row) for row in affine.tolist())
        assert find_slice_axis(Record("a", shape=(60, 60, 60), affine=rows)) == axis


def test_numbers_of_slices_have_the_digits_of_the_last() -> None:
    assert make_slice_name("a_1", 3, 10) == "a_1_3" and make_slice_name("a", 3, 11) == "a_03"
    mask = np.zeros((4, 3, 2), np.uint8)
    mask[2, 1] = mask[2, 0, 0] = mask[1, 0] = 1
    assert [find_fullest_slice(mask, axis) for axis in range(3)] == [2, 0, 0]
    assert find_fullest_slice(np.zeros((4, 3), np.uint8), 0) == 0


@pytest.mark.parametrize("box", [[0.5, 0, 0.5, 1], [0.6, 0, 0.5, 1], [0, 0.7, 1, 0.7], [0, 0.8, 1, 0.7]])
def test_an_empty_box_is_no_region(box: list[float]) -> None:
    with pytest.raises(DataError, match="region"):
        parse_region(box)


@pytest.mark.parametrize(
    "stored", [[-0.1, 0, 1, 1], [0, 0, 1, 1.1], [0, 0, True, 1], [0, 0, "1", 1], [[0, 0], [1, 0], [1]]]
)
def test_a_region_lies_within_the_frame(stored: list[object]) -> None:
    with pytest.raises(DataError, match="shares of width and height"):
        parse_region(stored)
    assert parse_region([[0, 0], [1, 0], [0.5, 1]]) == ((0, 0), (1, 0), (0.5, 1))
