"""What tells air from a body: worked examples at the limits of each rule."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan.imaging.body import (
    _choose_min_body_share,
    _compute_brightness,
    _find_air_at_border,
    _find_hounsfield_air,
    _find_thresholds,
    _is_thick_all_around,
    _is_without_signal,
    _lies_above,
    _measure_frame_brightness,
    find_body,
    is_hounsfield,
)


def make_values(low: float, middle: float, high: float) -> NDArray[np.float32]:
    """Make 1000 values whose percentiles 0.5, 50 and 99.5 are these."""
    return np.array([low] * 10 + [middle] * 980 + [high] * 10, dtype=np.float32)


@pytest.mark.parametrize(
    ("low", "middle", "high", "expected"),
    [
        (-1100, 0, 3100, True),
        (-1101, 0, 1000, False),
        (-600, 0, 3101, False),
        (-900, -850, -199, True),
        (-900, -850, -200, False),
        (-31, -20, 0, True),
        (-30, -20, 0, False),
        (-21, 0, 200, True),
        (-20, 0, 200, False),
        (-15, 0, 250, False),
        (-21, 0, 419, True),  # twenty times less than the highest, and no more
        (-21, 0, 420, False),
        (-600, 400, 1000, True),
        (-600, 401, 1000, False),
        (-500.5, 0, 200, True),
        (-499.5, 0, 200, False),  # without air only whole numbers are Hounsfield units
        (-499, 0, 200, True),
    ],
)
def test_percentiles_tell_hounsfield_units(low: float, middle: float, high: float, expected: bool) -> None:
    assert is_hounsfield(make_values(low, middle, high)) is expected


@pytest.mark.parametrize(("middle", "expected"), [(40.5, True), (400, True), (401, False)])
def test_beside_padding_of_air_tissue_alone_is_hounsfield(middle: float, expected: bool) -> None:
    values = make_values(0, middle, 500)
    assert is_hounsfield(values, has_air=True) is expected
    assert not is_hounsfield(values)


def test_air_is_what_is_below_tissue_and_as_dark_as_air_by_its_median() -> None:
    channel = np.zeros((40, 40), dtype=np.float32)
    channel[:10] = -1000
    channel[10:13] = -501
    channel[13:16] = -499
    channel[30:, :18] = -935  # lung
    channel[30:, 22:] = -945
    air = _find_hounsfield_air(channel, np.ones(channel.shape, dtype=bool))
    assert air is not None
    expected = np.zeros(channel.shape, dtype=bool)
    expected[:13] = True
    expected[30:, 22:] = True
    np.testing.assert_array_equal(air, expected)
    assert _find_hounsfield_air(np.zeros((9, 9), np.float32), np.ones((9, 9), dtype=bool)) is None


@pytest.mark.parametrize(("air", "expected"), [(35, True), (36, False)])
def test_air_has_at_most_35_percent_of_the_signal(air: float, expected: bool) -> None:
    assert _is_without_signal(np.full(50, air, np.float32), np.full(50, 100, np.float32)) is expected
    assert not _is_without_signal(np.zeros(0, np.float32), np.full(50, 100, np.float32))
    assert not _is_without_signal(np.full(50, air, np.float32), np.zeros(0, np.float32))


@pytest.mark.parametrize(("lowest", "expected"), [(-6, True), (-5, False)])
def test_where_values_are_negative_0_is_not_without_signal(lowest: float, expected: bool) -> None:
    dark = np.array([lowest] * 20 + [50] * 480, dtype=np.float32)
    assert _is_without_signal(dark, np.full(500, 100, np.float32)) is expected


@pytest.mark.parametrize(("level", "expected"), [(0.06, True), (0.045, False)])
def test_what_is_5_percent_above_its_frame_is_no_air(level: float, expected: bool) -> None:
    assert _lies_above(np.full(100, level, np.float32), 0.0) is expected


@pytest.mark.parametrize(("ground", "expected"), [(0.115, True), (0.125, False)])
def test_noise_that_goes_down_to_the_frame_is_air(ground: float, expected: bool) -> None:
    # Its fifth percentile is 0.18, and three standard deviations are 0.06.
    assert _lies_above(np.tile(np.array([0.18, 0.22], np.float32), 50), ground) is expected


@pytest.mark.parametrize(("noise", "count"), [(0.024, 1), (0.0265, 0)])
def test_air_lies_four_of_its_deviations_below_the_rest(noise: float, count: int) -> None:
    # The difference of the means is 0.1; the noise alone has no gap of 0.06.
    mean = np.array([0.1 - noise, 0.1 + noise] * 100 + [0.2] * 200, dtype=np.float32)
    assert len(_find_thresholds(mean)) == count


@pytest.mark.parametrize(("gap", "count"), [(0.062, 1), (0.058, 0)])
def test_air_lies_6_percent_of_the_range_below_the_rest(gap: float, count: int) -> None:
    assert len(_find_thresholds(np.array([0.1, 0.1 + gap] * 50, dtype=np.float32))) == count


def test_the_threshold_among_what_is_dark_comes_first() -> None:
    first, second = _find_thresholds(np.array([0.0] * 100 + [0.25] * 100 + [1.0] * 200, dtype=np.float32))
    assert 0 <= first < 0.25 <= second < 1
    assert _find_thresholds(np.full(9, 0.4, np.float32)) == []
    assert _find_thresholds(np.zeros(1, np.float32)) == []


def test_a_body_may_be_small_where_no_value_is_negative() -> None:
    assert _choose_min_body_share(np.array([[0.0, 3.0]])) == 0.005
    assert _choose_min_body_share(np.array([[-1.0, 3.0]])) == 0.08


def test_brightness_is_the_mean_of_the_channels_that_vary() -> None:
    values = np.array([[50, 200, -5], [7, 8, 9], [10, 10, 20]], dtype=np.float32)
    ends = np.array([[0, 10, 0], [100, 10, 40]], dtype=np.float32)
    assert _compute_brightness(values, ends).tolist() == pytest.approx([0.375, 0.625, 0.25])
    assert _compute_brightness(values[1:2], ends[:, 1:2]).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("frame", "low", "expected"),
    [(-20, 0, -0.2), (-29, 0, -0.29), (-31, 0, None), (5, 0, None), (0, 0, 0.0), (0, 50, -0.5)],
)
def test_the_brightness_of_a_frame(frame: float, low: float, expected: float | None) -> None:
    image = np.array([[frame, frame, frame, 120, 130, 140]], dtype=np.float32)
    beside = np.array([True, True, True, False, False, False])
    ends = np.array([[low], [low + 100]], dtype=np.float32)
    found = _measure_frame_brightness(image, beside, ends)
    assert found == (None if expected is None else pytest.approx(expected))
    assert _measure_frame_brightness(image, ~beside & beside, ends) is None


@pytest.mark.parametrize(("columns", "expected"), [(13, False), (14, True)])
def test_what_is_dark_surrounds_from_60_percent_of_the_border(columns: int, expected: bool) -> None:
    low = np.zeros((20, 20), dtype=bool)
    low[:, :columns] = True  # of 76 pixels at the border 44 or 46
    assert _is_thick_all_around(low, np.ones(low.shape, dtype=bool)) is expected


@pytest.mark.parametrize(("lines", "expected"), [(9, True), (10, False)])
def test_what_is_dark_is_thin_from_40_percent_of_it_in_lines(lines: int, expected: bool) -> None:
    low = np.ones((40, 40), dtype=bool)
    low[3:-3, 3:-3] = False  # a ring of 444 pixels
    low[4:36, 4 : 4 + 2 * lines : 2] = True
    assert _is_thick_all_around(low, np.ones(low.shape, dtype=bool)) is expected


@pytest.mark.parametrize(("width", "is_air"), [(20, True), (19, False)])
def test_air_takes_a_twentieth_of_the_border(width: int, is_air: bool) -> None:
    low = np.zeros((100, 100), dtype=bool)
    low[:5, 40 : 40 + width] = True  # of 396 pixels at the border
    low[50:60, 50:60] = True
    air = _find_air_at_border(low, np.ones(low.shape, dtype=bool))
    assert (air is not None) is is_air
    assert air is None or (air.sum() == 5 * width and air[:5, 40 : 40 + width].all())


def test_pieces_of_air_take_a_hundredth_of_the_border() -> None:
    low = np.zeros((100, 100), dtype=bool)
    low[:5, 40:70] = True
    low[-5:, 10:14] = True
    low[-5:, 20:23] = True
    air = _find_air_at_border(low, np.ones(low.shape, dtype=bool))
    assert air is not None
    assert air[-5:, 10:14].all()
    assert not air[-5:, 20:23].any()


def test_a_body_of_one_voxel_in_a_frame_is_found() -> None:
    image = np.zeros((1, 12, 12), dtype=np.float32)
    image[0, 6, 6] = 1
    assert find_body(image).sum() == 1
