"""Constant frames: worked examples at the limits of each rule."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan.imaging.constant_frames import (
    _is_frame_in_frame,
    find_commonest_value,
    find_frames,
    has_body_shape,
)


def test_the_commonest_value_is_looked_for_channel_by_channel() -> None:
    assert find_commonest_value(np.array([[1, 1, 1, 2, 2], [5, 6, 6, 5, 5]])).tolist() == [1, 6]


@pytest.mark.parametrize(("width", "count"), [(4, 12), (3, 0)])
def test_a_frame_takes_a_fiftieth_of_the_border(width: int, count: int, rng: np.random.Generator) -> None:
    image = rng.uniform(1, 2, (1, 50, 50))
    image[0, :3, 20 : 20 + width] = 0  # of 196 pixels at the border
    assert find_frames(image).sum() == count


def test_what_is_saturated_is_no_frame(rng: np.random.Generator) -> None:
    image = rng.uniform(1, 2, (1, 30, 30))
    image[0, :4] = 2
    assert not find_frames(image).any()
    image[0, 20, 20] = 3
    assert find_frames(image).sum() == 4 * 30


def test_at_most_four_frames_are_found_in_one_another(rng: np.random.Generator) -> None:
    image = rng.uniform(100, 200, (1, 60, 60))
    for number in range(6):
        image[0, 3 * number : 60 - 3 * number, 3 * number : 60 - 3 * number] = number
    image[0, 18:-18, 18:-18] = rng.uniform(100, 200, (24, 24))
    found = find_frames(image)
    assert found[:12].all() and not found[12:-12, 12:-12].any()


def make_shape(count: int) -> NDArray[np.bool_]:
    """Make a shape that fills ``count`` pixels of a box of 10 by 10."""
    box = np.zeros((10, 10), dtype=bool)
    box[0] = box[:, 0] = True
    rest = np.flatnonzero(~box)
    box.flat[rest[: count - 19]] = True
    return np.pad(box, 5)


@pytest.mark.parametrize(("count", "expected"), [(65, True), (66, False)])
def test_a_body_fills_65_percent_of_its_box(count: int, expected: bool) -> None:
    assert has_body_shape(make_shape(count)) is expected


@pytest.mark.parametrize(("width", "expected"), [(9, True), (10, False)])
def test_a_body_touches_less_than_a_quarter_of_two_borders(width: int, expected: bool) -> None:
    shown = np.zeros((20, 20), dtype=bool)
    shown[0, :width] = True  # of the 40 pixels of two borders
    shown[:15, 3] = True
    assert has_body_shape(shown) is expected
    assert not has_body_shape(np.ones((4, 4), dtype=bool))


@pytest.mark.parametrize(
    ("hole", "rest", "expected"), [(0, 25, True), (0, 24, False), (100, 31, True), (100, 30, False)]
)
def test_a_frame_in_a_frame_leaves_a_share_of_what_the_first_left(hole: int, rest: int, expected: bool) -> None:
    shown = np.ones((20, 20), dtype=bool)
    shown[5:15, 5 : 5 + hole // 10] = False  # fills its box, or three quarters of it
    left = np.zeros(400, dtype=bool)
    left[:rest] = True
    inside = [np.array([3.0, 4.0])]
    assert _is_frame_in_frame(shown, left.reshape(20, 20), inside, np.array([3.0])) is expected


def test_a_frame_that_is_no_box_is_the_darkest_and_fills_70_percent() -> None:
    shown = np.ones((20, 20), dtype=bool)
    shown[5:15, 5:15] = False
    inside = [np.array([3.0, 4.0])]
    assert _is_frame_in_frame(shown, shown, inside, np.array([3.0]))
    assert not _is_frame_in_frame(shown, shown, inside, np.array([3.5]))
    shown[5:15, 5:17] = False
    assert not _is_frame_in_frame(shown, shown, inside, np.array([3.0]))
