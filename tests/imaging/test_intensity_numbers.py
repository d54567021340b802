"""Intensity ranges, rings and depths: worked examples with numbers."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.data import FRAME, SCAN, Sample
from domaingan.imaging.distances import measure_surface_depth
from domaingan.imaging.intensity import (
    compute_equivalent_radius,
    expand_extent,
    find_body_extent,
    find_extent,
    find_nonzero,
    find_ring,
    from_scaled,
    get_intensity_range,
    get_scaling,
    label_components,
    measure_body_percentiles,
    measure_contrast,
    measure_percentiles,
    to_dtype,
    to_scaled,
    with_measurements,
)


def test_the_range_is_from_the_half_percentile_to_the_one_below_the_top() -> None:
    values = np.stack([np.arange(1001), 2.0 * np.arange(1001)])
    assert measure_percentiles(values).tolist() == [[5, 995], [10, 1990]]


def test_a_channel_of_one_value_gets_a_width_of_one() -> None:
    assert measure_percentiles(np.full((1, 50), 7.0)).tolist() == [[7, 8]]
    assert measure_percentiles(np.full((1, 50), -1000.0)).tolist() == [[-1000, -999]]
    assert measure_percentiles(np.zeros((2, 0))).tolist() == [[0, 1], [0, 1]]


def test_a_narrow_channel_that_is_not_flat_keeps_its_width() -> None:
    ends = measure_percentiles(np.tile([0.0, 1e-4], 50)[None])
    assert ends[0, 1] - ends[0, 0] == pytest.approx(1e-4)


def test_percentiles_are_those_of_the_body_or_of_everything_where_there_is_none() -> None:
    image = np.array([[[0, 100], [200, 300]]], dtype=np.float32)
    body = np.array([[False, True], [True, False]])
    inside = Sample(image, meta={"foreground": body})
    assert measure_body_percentiles(inside)[0].tolist() == pytest.approx([100.5, 199.5])
    nothing = Sample(image, meta={"foreground": np.zeros((2, 2), dtype=bool)})
    assert measure_body_percentiles(nothing)[0].tolist() == pytest.approx([1.5, 298.5])


def test_only_the_channels_that_are_selected_are_measured() -> None:
    image = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    sample = Sample(image, meta={"foreground": np.ones((2, 2), dtype=bool)})
    assert measure_body_percentiles(sample, np.array([False, True])).shape == (1, 2)
    assert measure_body_percentiles(sample, np.array([False, True]))[0, 0] == pytest.approx(4.015)


def test_scaled_units_are_0_and_1_at_the_ends_of_the_range() -> None:
    image = np.array([[[-160.0, 40.0, 240.0]]], dtype=np.float32)
    ends = np.array([[-160, 240]], dtype=np.float32)
    assert to_scaled(image, ends).tolist() == [[[0, 0.5, 1]]]
    assert from_scaled(to_scaled(image, ends), ends).tolist() == image.tolist()


def test_a_range_with_a_missing_row_is_measured_there_alone() -> None:
    image = np.stack([np.arange(4.0), 10 * np.arange(4.0)]).reshape(2, 2, 2).astype(np.float32)
    known = [[-5, 5], [np.nan, np.nan]]
    sample = Sample(image, meta={"foreground": np.ones((2, 2), dtype=bool), "range": known})
    ends = get_intensity_range(sample, SCAN)
    assert ends[0].tolist() == [-5, 5]
    assert ends[1].tolist() == pytest.approx([0.15, 29.85])


def test_the_percentiles_of_an_absolute_channel_are_those_of_the_body(rng: np.random.Generator) -> None:
    body = np.zeros((32, 32), dtype=bool)
    body[8:24, 8:24] = True
    image = np.where(body, np.rint(rng.uniform(0, 200, body.shape)), -1000)[None].astype(np.float32)
    sample = Sample(image, meta={"foreground": body})
    scaling = get_scaling(sample, SCAN)
    assert scaling.absolute.tolist() == [True]
    assert scaling.ends.tolist() == [[-1000, 1000]]
    assert 0 <= scaling.percentiles[0, 0] < 20 and 180 < scaling.percentiles[0, 1] <= 200
    assert get_scaling(sample, FRAME).absolute.tolist() == [False]


def test_what_was_measured_once_is_kept_with_the_sample(rng: np.random.Generator) -> None:
    body = np.zeros((32, 32), dtype=bool)
    body[8:24, 8:24] = True
    image = np.where(body, rng.uniform(100, 200, body.shape), 0)[None].astype(np.float32)
    known = with_measurements(Sample(image), SCAN)
    assert (get_foreground_of(known) == body).all()
    assert get_intensity_range(known, SCAN).tolist() == get_intensity_range(Sample(image), SCAN).tolist()
    frame = with_measurements(Sample(np.zeros((3, 4, 4), dtype=np.float32)), FRAME)
    assert get_foreground_of(frame).all()


def get_foreground_of(sample: Sample) -> np.ndarray:
    from domaingan.imaging.intensity import get_foreground

    return get_foreground(sample)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([-0.6, 1.5, 2.4, 300.0], np.uint8, [0, 2, 2, 255]),
        ([-40000.0, 0.4], np.int16, [-32768, 0]),
        ([0.25, 1e6], np.float64, [0.25, 1e6]),
    ],
)
def test_values_are_rounded_and_clipped_to_an_integer_type(values: list, dtype: type, expected: list) -> None:
    stored = to_dtype(np.array(values, dtype=np.float32), np.dtype(dtype))
    assert stored.dtype == dtype
    assert stored.tolist() == expected


def test_a_ring_is_three_pixels_wide_by_default() -> None:
    mask = np.zeros((9, 9), dtype=np.uint8)
    mask[4, 4] = 2
    ring = find_ring(mask)
    # 29 pixels lie at most 3 away from the middle one, and the middle is not in the ring.
    assert ring.sum() == 28
    assert ring[4, 1] and ring[6, 6] and not ring[4, 0] and not ring[4, 4]


def test_a_scaled_image_shows_something_above_0_in_any_channel() -> None:
    scaled = np.array([[[0.0, -0.5, 0.1]], [[0.0, 0.2, -1.0]]], dtype=np.float32)
    assert find_nonzero(scaled).tolist() == [[False, True, True]]


def test_contrast_is_a_difference_of_means_and_0_without_a_ring() -> None:
    image = np.array([[[1.0, 2.0, 6.0, 8.0]]], dtype=np.float32)
    mask = np.array([[0, 0, 3, 1]])
    assert measure_contrast(image, mask, mask == 0).tolist() == [5.5]
    assert measure_contrast(image, mask, np.zeros((1, 4), dtype=bool)).tolist() == [0]
    assert measure_contrast(image, 0 * mask, mask == 0).tolist() == [0]


def test_depth_grows_from_the_surface_by_the_spacing() -> None:
    inside = np.zeros((9, 7), dtype=bool)
    inside[1:8, 1:6] = True
    depth = measure_surface_depth(inside, (1.0, 10.0))
    # Along the first axis a pixel is 1 mm, so its nearest surface always lies that way.
    assert depth[:, 3].tolist() == [0, 0, 1, 2, 3, 2, 1, 0, 0]
    assert (measure_surface_depth(np.zeros((3, 3), dtype=bool), (1.0, 1.0)) == 0).all()


def test_the_extent_is_the_smallest_box() -> None:
    volume = np.zeros((5, 6, 7), dtype=bool)
    volume[1, 2, 3] = volume[3, 4, 5] = True
    assert find_extent(volume) == (slice(1, 4), slice(2, 5), slice(3, 6))
    assert find_extent(np.zeros((5, 6, 7), dtype=bool)) is None
    assert find_extent(np.zeros((5, 6), dtype=bool)) is None
    assert find_body_extent(np.zeros((5, 6, 7), dtype=bool)) == (slice(0, 5), slice(0, 6), slice(0, 7))
    assert expand_extent((slice(1, 4), slice(5, 6)), 2) == (slice(0, 6), slice(3, 8))


def test_the_radius_is_that_of_a_disc_or_a_ball() -> None:
    assert compute_equivalent_radius(np.pi * 9, 2) == pytest.approx(3)
    assert compute_equivalent_radius(4 / 3 * np.pi * 8, 3) == pytest.approx(2)


@pytest.mark.parametrize("dims", [2, 3])
def test_components_are_numbered_in_scanning_order(dims: int) -> None:
    mask = np.zeros((4, 6, 5)[:dims], dtype=np.uint8)
    mask[0, 4], mask[2, 0], mask[3, 1] = 1, 2, 2
    labels, n = label_components(mask)
    assert n == 2 and labels.dtype == np.int32
    assert labels[0, 4].max() == 1 and labels[2, 0].max() == labels[3, 1].max() == 2
