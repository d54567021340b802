"""A crop takes over its host's spread of intensities and its grain, and keeps its object."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from domaingan.blend.methods.matching import HistogramMatch, NoiseMatch, measure_grain
from domaingan.imaging.intensity import find_ring

dimensions = st.sampled_from([(48, 48), (20, 20, 20)])
seeds = st.integers(0, 2**20)


def an_object(shape: tuple[int, ...], radius: float = 6) -> np.ndarray:
    middle = np.array(shape).reshape(-1, *[1] * len(shape)) / 2
    return np.linalg.norm(np.indices(shape) - middle, axis=0) <= radius


@settings(max_examples=30)
@given(dimensions, seeds, st.floats(0.01, 50), st.floats(-3, 3))
def test_grain_is_measured_as_that_of_white_noise_whatever_lies_below(
    shape: tuple[int, ...], seed: int, level: float, slope: float
) -> None:
    noise = level * np.random.default_rng(seed).normal(size=shape)
    image = noise + level * (slope * np.indices(shape)[0] + 20 * an_object(shape, 2))
    found = measure_grain(image, np.ones(shape, dtype=bool))
    assert found == pytest.approx(level, rel=0.25)  # six standard errors of so few pixels


def test_grain_of_too_little_is_not_known() -> None:
    image, where = np.zeros((9, 9)), np.zeros((9, 9), dtype=bool)
    assert measure_grain(image, where) is None
    where[2:6, 2:6] = True
    assert measure_grain(image, where) is None


@settings(max_examples=30)
@given(dimensions, seeds, st.floats(0.02, 0.1), st.floats(0.02, 0.1))
def test_a_crop_comes_out_with_the_hosts_grain(shape: tuple[int, ...], seed: int, own: float, expected: float) -> None:
    rng = np.random.default_rng(seed)
    body, everything = an_object(shape), np.ones(shape, dtype=bool)
    host = expected * rng.normal(size=(1, *shape))
    crop = own * rng.normal(size=(1, *shape)) + 2 * body
    matched = NoiseMatch()(host, crop, body, everything, everything, rng)
    assert measure_grain(matched[0], ~body) == pytest.approx(measure_grain(host[0], ~body), rel=0.15)
    # The object stays: its level, and the step at its edge.
    inner = ndimage.binary_erosion(body, iterations=2)
    assert matched[0, inner].mean() == pytest.approx(2, abs=0.1)
    outside = ndimage.binary_dilation(body) & ~body
    assert matched[0, body].mean() - matched[0, outside].mean() > 1.8


def test_five_times_as_much_grain_is_taken_away_in_several_passes() -> None:
    shape, rng = (20, 20, 20), np.random.default_rng(0)
    body, everything = an_object(shape), np.ones(shape, dtype=bool)
    host, crop = 0.02 * rng.normal(size=(1, *shape)), 0.1 * rng.normal(size=(1, *shape)) + 2 * body
    matched = NoiseMatch()(host, crop, body, everything, everything, rng)
    assert measure_grain(matched[0], ~body) == pytest.approx(0.02, rel=0.1)
    assert matched[0, ndimage.binary_erosion(body, iterations=2)].mean() == pytest.approx(2, abs=0.05)


def test_as_much_grain_is_left_as_it_is(rng: np.random.Generator) -> None:
    body, everything = an_object((40, 40)), np.ones((40, 40), dtype=bool)
    image = rng.random((2, 40, 40))
    assert np.array_equal(NoiseMatch()(image, image, body, everything, everything, rng), image)


@settings(max_examples=30)
@given(dimensions, seeds, st.floats(0.6, 1.8), st.floats(-2, 2))
def test_the_ring_gets_the_hosts_distribution(shape: tuple[int, ...], seed: int, gain: float, level: float) -> None:
    rng = np.random.default_rng(seed)
    body, everything = an_object(shape), np.ones(shape, dtype=bool)
    crop = rng.gamma(2, size=(2, *shape))
    matched = HistogramMatch()(gain * crop + level, crop, body, everything, everything, rng)
    around = find_ring(body)
    within = np.quantile(crop[0, around], (0.3, 0.7))
    usual = around & (crop[0] > within[0]) & (crop[0] < within[1])
    np.testing.assert_allclose(matched[0, usual], gain * crop[0, usual] + level, atol=1e-6)


@settings(max_examples=30)
@given(dimensions, seeds)
def test_brighter_stays_brighter(shape: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    body, everything = an_object(shape), np.ones(shape, dtype=bool)
    host, crop = rng.normal(size=(2, 1, *shape)) * rng.uniform(0.01, 10, (2, 1, *[1] * len(shape)))
    matched = HistogramMatch()(host, crop, body, everything, everything, rng)
    order = np.argsort(crop, axis=None)
    steps = np.diff(matched.ravel()[order]), np.diff(crop.ravel()[order])
    assert (steps[0] >= 0.5 * steps[1] - 1e-9).all() and (steps[0] <= 2 * steps[1] + 1e-9).all()


def test_a_ring_of_few_pixels_says_nothing(rng: np.random.Generator) -> None:
    body, everything = an_object((30, 30)), np.ones((30, 30), dtype=bool)
    host, crop = rng.random((2, 1, 30, 30))
    nothing = np.zeros_like(body)
    for match in (HistogramMatch(), NoiseMatch()):
        assert np.array_equal(match(host, crop, body, nothing, everything, rng), crop)
        assert np.array_equal(match(host, crop, body, everything, nothing, rng), crop)
