"""Each corruption does what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.corrupt import corrupt
from domaingan.corrupt.blur import defocus_blur, enlarged, glass_blur, streak
from domaingan.corrupt.frost import PANES, crop_of_pane, grown
from domaingan.corrupt.weather import plasma

GREY = np.full((3, 120, 160), 0.5, np.float32)


@pytest.mark.parametrize(("severity", "sigma"), [(1, 0.08), (2, 0.12)])
def test_gaussian_noise_has_its_deviation(severity: int, sigma: float) -> None:
    noise = corrupt(GREY, "gaussian_noise", severity, 0) - GREY
    assert noise.std() == pytest.approx(sigma, rel=0.03) and abs(noise.mean()) < 0.002


def test_shot_noise_is_poisson() -> None:
    level = np.full_like(GREY, 51 / 255)
    counts = corrupt(level, "shot_noise", 1, 0) * 60
    assert np.allclose(counts, np.rint(counts), atol=1e-4)
    assert counts.mean() == pytest.approx(12, rel=0.02) and counts.var() == pytest.approx(12, rel=0.05)


def test_impulse_noise_is_salt_and_pepper_in_equal_parts() -> None:
    out = corrupt(GREY, "impulse_noise", 5, 0)
    assert (out == 0).mean() == pytest.approx(0.135, abs=0.01) and (out == 1).mean() == pytest.approx(0.135, abs=0.01)


def test_a_point_out_of_focus_is_a_disk(rng: np.random.Generator) -> None:
    point = np.zeros((61, 61, 3), np.float32)
    point[30, 30] = 1
    disk = defocus_blur(point, (8, 0.5), rng)[..., 0]
    y, x = np.nonzero(disk > disk.max() / 2)
    assert np.hypot(y - 30, x - 30).max() == pytest.approx(8, abs=1) and disk.sum() == pytest.approx(1, abs=1e-4)


def test_a_streak_follows_its_angle_and_fades() -> None:
    point = np.zeros((81, 81), np.float32)
    point[40, 40] = 1
    for degrees in (0, 30, -45, -90, -135):
        line = streak(point, 10, 5, degrees)
        y, x = np.nonzero(line > 0.01)
        way = np.degrees(np.arctan2((40 - y).mean(), (40 - x).mean()))
        assert (way - degrees + 180) % 360 - 180 == pytest.approx(0, abs=6)
        assert line.sum() == pytest.approx(1, abs=1e-4)


def test_glass_keeps_the_mean_and_spreads(rng: np.random.Generator) -> None:
    edge = np.zeros((60, 80, 3), np.float32)
    edge[:, 40:] = 1
    out = glass_blur(edge, (0.7, 1, 2), rng)[..., 0]
    assert (out[:, :30] == 0).all() and (out[:, 50:] > 0.999).all()
    assert out[:, 38:42].std(axis=0).min() > 0.02  # rough along the edge, as no plain blur is


def test_enlarging_keeps_the_middle() -> None:
    ramp = np.broadcast_to(np.arange(100, dtype=np.float32), (60, 100)).copy()
    assert enlarged(ramp, 2.0).mean() == pytest.approx(ramp.mean(), abs=0.6)
    assert np.array_equal(enlarged(ramp, 1.0), ramp)


def test_plasma_is_smooth_and_fills_its_range(rng: np.random.Generator) -> None:
    mist = plasma(200, 2.0, rng)
    assert mist.shape == (256, 256) and mist.min() == 0 and mist.max() == 1
    assert np.abs(np.diff(mist, axis=0)).max() < 0.15
    rough = plasma(200, 1.4, rng)
    assert np.abs(np.diff(rough, axis=0)).mean() > np.abs(np.diff(mist, axis=0)).mean()


def test_brightness_keeps_hue_and_makes_black_grey() -> None:
    image = np.zeros((3, 32, 32), np.float32)
    image[0, :16], image[1, :16] = 0.4, 0.2
    out = corrupt(image, "brightness", 1, 0)
    assert np.allclose(out[:, 0, 0], [0.5, 0.25, 0.0]) and np.allclose(out[:, 31, 31], 0.1)


def test_contrast_keeps_the_mean() -> None:
    image = np.random.default_rng(0).random((3, 50, 40), dtype=np.float32)
    out = corrupt(image, "contrast", 5, 0)
    assert np.allclose(out.mean(axis=(1, 2)), image.mean(axis=(1, 2)), atol=1e-4)
    assert out.std() / image.std() == pytest.approx(0.05, abs=0.01)


def test_warps_look_alike_at_any_size() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 320, dtype=np.float32), (3, 240, 320)).copy()
    large = np.broadcast_to(np.linspace(0, 1, 640, dtype=np.float32), (3, 480, 640)).copy()
    for severity in (1, 2, 5):
        small, big = corrupt(ramp, "elastic_transform", severity, 3), corrupt(large, "elastic_transform", severity, 3)
        assert np.abs(big[:, ::2, ::2] - small).mean() < 0.01


def test_pixelate_leaves_few_pixels() -> None:
    image = np.random.default_rng(0).random((3, 64, 48), dtype=np.float32)
    assert len(np.unique(corrupt(image, "pixelate", 5, 0)[0])) <= 16 * 12


def test_panes_are_icy_in_parts_and_differ() -> None:
    panes = [grown(number) for number in range(PANES)]
    for pane in panes:
        assert pane.min() < 0.15 and pane.max() == 1 and 0.3 < pane.mean() < 0.7
        assert pane[..., 2].mean() > pane[..., 0].mean()  # ice is bluish
    assert np.abs(panes[0] - panes[1]).mean() > 0.1
    for shape in ((32, 32), (33, 200), (900, 1600)):
        piece = crop_of_pane(shape, np.random.default_rng(1))
        assert piece.shape == (*shape, 3)
