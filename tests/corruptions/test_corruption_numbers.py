"""The published strength of every corruption: worked examples, and how much each changes a picture."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson

from domaingan.core.errors import DataError
from domaingan.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from domaingan.corruptions.noise import _build_alias_tables

GREY = np.full((3, 120, 160), 0.5, np.float32)

LEVELS = {
    "gaussian_noise": (0.08, 0.12, 0.18, 0.26, 0.38),
    "shot_noise": (60, 25, 12, 5, 3),
    "impulse_noise": (0.03, 0.06, 0.09, 0.17, 0.27),
    "defocus_blur": ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    "glass_blur": ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    "motion_blur": ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    "zoom_blur": ((1.11, 0.01), (1.15, 0.01), (1.2, 0.02), (1.24, 0.02), (1.3, 0.03)),
    "snow": (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    "frost": ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    "fog": ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)),
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "elastic_transform": (12.5, 16.25, 21.25, 25.0, 30.0),
    "pixelate": (0.6, 0.5, 0.4, 0.3, 0.25),
    "jpeg_compression": (25, 18, 15, 10, 7),
}
"""The parameters of ``make_imagenet_c.py`` (Hendrycks & Dietterich 2019); those of
elastic_transform are from ``imagecorruptions`` (Michaelis et al. 2019)."""


@pytest.mark.parametrize("name", sorted(LEVELS))
def test_the_parameters_are_the_published_ones(name: str) -> None:
    assert CORRUPTIONS[name].name == name
    assert CORRUPTIONS[name].levels == LEVELS[name]


def test_the_fifteen_published_corruptions_are_there() -> None:
    assert len(LEVELS) == 15 and set(LEVELS) <= set(CORRUPTIONS)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_impulse_noise_changes_its_share_of_values(severity: int) -> None:
    share = LEVELS["impulse_noise"][severity - 1]
    out = corrupt(GREY, "impulse_noise", severity, 3)
    assert (out != 0.5).mean() == pytest.approx(share, abs=0.008)
    assert (out == 1).sum() == pytest.approx((out == 0).sum(), rel=0.15)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_shot_noise_counts_photons(severity: int) -> None:
    photons = LEVELS["shot_noise"][severity - 1]
    out = corrupt(np.full_like(GREY, 51 / 255), "shot_noise", severity, 3)
    assert np.allclose(out * photons, np.rint(out * photons), atol=1e-4)
    assert out.mean() == pytest.approx(0.2, abs=0.01)
    assert out.var() == pytest.approx(0.2 / photons, rel=0.1)


def test_shot_noise_of_white_is_never_brighter_than_white() -> None:
    out = corrupt(np.ones_like(GREY), "shot_noise", 3, 0)
    assert out.max() == 1
    assert (out == 1).mean() == pytest.approx(0.538, abs=0.01)  # of Poisson(12), 12 or more
    assert (corrupt(np.zeros_like(GREY), "shot_noise", 3, 0) == 0).all()


@pytest.mark.parametrize("photons", [3, 60])
def test_alias_tables_hold_the_poisson_chances_of_256_levels_of_light(photons: int) -> None:
    thresholds, alias = (table.reshape(256, 64) for table in _build_alias_tables(photons))
    # Walker: a column is drawn from 64, and stays with its accepted share; otherwise its alias is taken.
    accepted = thresholds / 2**26
    chance = accepted / 64
    np.add.at(chance, (np.arange(256)[:, None], alias), (1 - accepted) / 64)
    expected = poisson.pmf(np.arange(64), photons * np.arange(256)[:, None] / 255)
    expected[:, photons] = 1 - expected[:, :photons].sum(axis=1)
    expected[:, photons + 1 :] = 0
    np.testing.assert_allclose(chance, expected, atol=1e-8)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_contrast_is_scaled_about_each_channels_mean(severity: int) -> None:
    image = np.zeros((3, 32, 32), np.float32)
    image[:, 16:] = np.array([0.2, 0.6, 1.0])[:, None, None]
    factor = LEVELS["contrast"][severity - 1]
    out = corrupt(image, "contrast", severity, 0)
    np.testing.assert_allclose(out[:, 0, 0], np.array([0.1, 0.3, 0.5]) * (1 - factor), atol=1e-6)
    np.testing.assert_allclose(out[:, 31, 0], np.array([0.1, 0.3, 0.5]) * (1 + factor), atol=1e-6)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_brightness_is_added_to_the_largest_channel(severity: int) -> None:
    image = np.tile(np.array([0.2, 0.4, 0.1], np.float32)[:, None, None], (1, 32, 32))
    value = min(0.4 + LEVELS["brightness"][severity - 1], 1)
    np.testing.assert_allclose(
        corrupt(image, "brightness", severity, 0)[:, 0, 0], np.array([0.5, 1, 0.25]) * value, atol=1e-6
    )


@pytest.mark.parametrize("severity", SEVERITIES)
def test_fog_keeps_the_brightest_and_adds_the_rest(severity: int) -> None:
    image = np.zeros((3, 64, 64), np.float32)
    image[:, :, :32] = 0.8
    thickness = LEVELS["fog"][severity - 1][0]
    out = corrupt(image, "fog", severity, 0)
    # The fractal lies from 0 to 1; picture and fog are divided by what they reach together.
    expected = 0.8 * 0.8 / (0.8 + thickness)
    assert out[:, :, :32].min() >= expected - 1e-6
    assert out.max() <= 0.8 + 1e-6
    assert (out[0] == out[2]).all()
    assert 0.2 * thickness < out[:, :, 32:].mean() * (0.8 + thickness) / 0.8 < 0.8 * thickness


@pytest.mark.parametrize("severity", SEVERITIES)
def test_frost_dims_the_picture_and_adds_ice(severity: int) -> None:
    kept, added = LEVELS["frost"][severity - 1]
    black = corrupt(np.zeros((3, 64, 80), np.float32), "frost", severity, 4)
    light = corrupt(np.full((3, 64, 80), 0.1, np.float32), "frost", severity, 4)
    assert 0 < black.max() <= added + 1e-6
    is_clear = light < 1
    np.testing.assert_allclose((light - black)[is_clear], 0.1 * kept, atol=1e-5)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_point_out_of_focus_has_the_published_radius(severity: int) -> None:
    radius = LEVELS["defocus_blur"][severity - 1][0]
    point = np.zeros((1, 61, 61), np.float32)
    point[0, 30, 30] = 1
    disk = corrupt(point, "defocus_blur", severity, 0)[0]
    y, x = np.nonzero(disk > disk.max() / 2)
    assert np.hypot(y - 30, x - 30).max() == pytest.approx(radius, abs=0.6)
    # A disk of integer points: for radius 3 there are 29 of them.
    points = sum(np.hypot(a, b) <= radius for a in range(-10, 11) for b in range(-10, 11))
    assert disk[30, 30] == pytest.approx(1 / points, rel=0.01)


@pytest.mark.parametrize(("severity", "radius", "sigma"), [(1, 10, 3), (2, 15, 5), (5, 20, 15)])
def test_motion_blur_is_half_a_gaussian_long(severity: int, radius: int, sigma: float) -> None:
    point = np.zeros((1, 101, 101), np.float32)
    point[0, 50, 50] = 1
    line = corrupt(point, "motion_blur", severity, 0)[0]
    gaussian = np.exp(-(np.arange(2 * radius + 1) ** 2) / (2 * sigma**2))
    weights = gaussian / gaussian.sum()
    assert line[50, 50] == pytest.approx(weights[0], abs=1e-4)
    assert np.sort(line[line > 0])[::-1][1] == pytest.approx(weights[1], abs=1e-4)
    assert (line > 0).sum() == (gaussian > 1e-4).sum()


@pytest.mark.parametrize("severity", SEVERITIES)
def test_zoom_blur_is_a_mean_over_all_magnifications(severity: int) -> None:
    largest, step = LEVELS["zoom_blur"][severity - 1]
    ramp = np.broadcast_to(np.linspace(-0.5, 0.5, 201, dtype=np.float32), (1, 101, 201)) + np.float32(0.5)
    out = corrupt(ramp, "zoom_blur", severity, 0)[0, 50]
    factors = [1.0, *np.arange(1, largest + step / 2, step)]
    slope = np.mean([1 / factor for factor in factors]) / 200
    assert (out[150] - out[50]) / 100 == pytest.approx(slope, rel=0.01)


def test_elastic_displacements_grow_with_the_strength() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 200, dtype=np.float32), (3, 200, 200)).copy()
    moved = [(corrupt(ramp, "elastic_transform", severity, 3) - ramp)[0, 20:-20, 20:-20] for severity in (1, 5)]
    assert moved[1].std() / moved[0].std() == pytest.approx(30 / 12.5, rel=0.02)
    # Uniform draws up to 1 pixel times the strength, smoothed by a Gaussian of 2 pixels: their spread falls by a factor
    # of 2 * sqrt(pi) * 2.
    assert moved[1].std() * 199 == pytest.approx(30 / np.sqrt(3) / (4 * np.sqrt(np.pi)), rel=0.1)


def make_picture() -> NDArray[np.float32]:
    """Sky and road with bars: edges and flats."""
    y, x = np.mgrid[:96, :128]
    grey = 0.75 - 0.45 * (y > 40) + 0.12 * ((x // 9) % 3 == 0) * (y < 70)
    return (grey * np.array([1.0, 0.93, 0.85])[:, None, None]).astype(np.float32)


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan])
def test_values_outside_0_to_1_are_refused(value: float) -> None:
    image = GREY.copy()
    image[0, 0, 0] = value
    with pytest.raises(DataError, match=r"expected an image in \[0, 1\]"):
        corrupt(image, "fog", 1, 0)
    image[0, 0, 0] = -0.0005  # rounding is no mistake
    assert corrupt(image, "fog", 1, 0).min() >= 0


def test_the_smallest_side_and_the_most_channels_are_accepted() -> None:
    smallest = np.full((4, 32, 32), 0.5, np.float32)
    assert corrupt(smallest, "brightness", 1, 0).shape == (4, 32, 32)
    for shape in [(4, 31, 32), (4, 32, 31), (5, 32, 32)]:
        with pytest.raises(DataError, match="1 to 4 channels, at least 32 pixels a side"):
            corrupt(np.full(shape, 0.5, np.float32), "brightness", 1, 0)
        with pytest.raises(DataError, match="1 to 4 channels, at least 32 pixels a side"):
            corrupt(np.full((*shape[1:], shape[0]), 99, np.uint8), "brightness", 1, 0)


@pytest.mark.parametrize(("excess", "is_accepted"), [(0.0009, True), (0.0011, False)])
def test_floats_may_leave_the_range_by_a_thousandth(excess: float, is_accepted: bool) -> None:
    for value in (-excess, 1 + excess):
        image = GREY[:, :32, :32].copy()
        image[0, 0, 0] = value
        if is_accepted:
            out = corrupt(image, "contrast", 1, 0)
            assert out.min() >= 0 and out.max() <= 1
        else:
            with pytest.raises(DataError):
                corrupt(image, "contrast", 1, 0)
