"""Each corruption does what its name says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.corruptions import CORRUPTIONS, corrupt
from domaingan.corruptions.blur import _sample_source_pixels, blur_along_line
from domaingan.corruptions.frost import make_pane
from domaingan.corruptions.weather import _magnify, sample_plasma

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
    disk = CORRUPTIONS["defocus_blur"](point, 4, rng)[..., 0]
    y, x = np.nonzero(disk > disk.max() / 2)
    assert np.hypot(y - 30, x - 30).max() == pytest.approx(8, abs=1) and disk.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("angle", [0, 30, -45, -90, -135])
def test_a_trail_follows_its_angle_and_keeps_light(angle: float) -> None:
    point = np.zeros((81, 81, 1), np.float32)
    point[40, 40] = 1
    line = blur_along_line(point, 10, 5, angle)[..., 0]
    y, x = np.nonzero(line > 0.01)
    way = np.degrees(np.arctan2((40 - y).mean(), (40 - x).mean()))
    assert (way - angle + 180) % 360 - 180 == pytest.approx(0, abs=6)
    assert line.sum() == pytest.approx(1, abs=1e-3) and line[40, 40] > 0.5 * line.max()


def test_glass_roughens_edges_and_leaves_flats(rng: np.random.Generator) -> None:
    edge = np.zeros((60, 80, 3), np.float32)
    edge[:, 40:] = 1
    out = CORRUPTIONS["glass_blur"](edge, 3, rng)[..., 0]
    assert (out[:, :20] == 0).all() and (out[:, 60:] > 0.999).all()
    assert out[6:-6, 38:42].std(axis=0).max() > 0.05  # rough along the edge, as no plain blur is


class Drawn:
    """A generator whose next draw is known."""

    def __init__(self, draw: NDArray[np.int8]) -> None:
        self.draw = draw

    def integers(self, *_: object, **__: object) -> NDArray[np.int8]:
        return self.draw


@given(st.integers(32, 40), st.integers(32, 40), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=15)
def test_glass_is_what_visiting_pixel_by_pixel_gives(height: int, width: int, reach: int, seed: int) -> None:
    steps = np.random.default_rng(seed).integers(-reach, reach, (2, height, width), dtype=np.int8)
    visited = np.arange(height * width).reshape(height, width)
    for row in range(height - reach, reach, -1):
        for column in range(width - reach, reach, -1):
            visited[row, column] = visited[row + steps[0, row, column], column + steps[1, row, column]]
    assert np.array_equal(_sample_source_pixels((height, width), reach, Drawn(steps)), visited.ravel())


def test_zoom_blur_keeps_the_middle_sharper_than_the_rim(rng: np.random.Generator) -> None:
    noise = rng.random((121, 121, 3), dtype=np.float32)
    out = CORRUPTIONS["zoom_blur"](noise.copy(), 5, rng)
    assert out[55:66, 55:66].std() > 1.3 * out[:11, :11].std()


def test_plasma_is_smooth_and_fills_its_range(rng: np.random.Generator) -> None:
    mist = sample_plasma(200, 2.0, rng)
    assert mist.shape == (256, 256) and mist.min() == 0 and mist.max() == 1
    assert np.abs(np.diff(mist, axis=0)).max() < 0.15
    rough = sample_plasma(200, 1.4, rng)
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


@pytest.mark.parametrize("shape", [(120, 160), (361, 250)])
def test_warps_move_by_few_pixels_so_that_boxes_still_fit(shape: tuple[int, int]) -> None:
    height, width = shape
    ramp = np.broadcast_to(np.linspace(0, 1, width, dtype=np.float32), (3, height, width)).copy()
    moved = (corrupt(ramp, "elastic_transform", 5, 3) - ramp) * (width - 1)
    assert 0.2 < moved.std() < 0.02 * max(shape) and abs(moved.mean()) < 0.3


def test_pixelate_leaves_few_pixels() -> None:
    image = np.random.default_rng(0).random((3, 64, 48), dtype=np.float32)
    assert len(np.unique(corrupt(image, "pixelate", 5, 0)[0])) <= 16 * 12


@pytest.mark.parametrize("as_bytes", [False, True])
def test_pixelate_shares_no_pixel_out(as_bytes: bool) -> None:
    # By 0.4 a large pixel is the mean of three whole ones, then of two, and so on; it is shown over two, then three.
    row = np.arange(40) ** 2 / 2000
    large = [part.mean() for part in np.split(row, np.sort([*range(3, 40, 5), *range(5, 40, 5)]))]
    expected = np.repeat(large, [2, 3] * 8)
    clear = np.arange(40) % 5 != 2  # whose middle is no border of large pixels
    if as_bytes:
        picture = np.rint(row * 255).astype(np.uint8)[None, :, None].repeat(40, axis=0).repeat(3, axis=2)
        assert np.abs(corrupt(picture, "pixelate", 3, 0)[7, :, 1] / 255 - expected)[clear].max() < 0.006
    else:
        image = np.broadcast_to(row.astype(np.float32), (3, 40, 40)).copy()
        assert corrupt(image, "pixelate", 3, 0)[1, 7][clear] == pytest.approx(expected[clear], abs=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["pixelate", "jpeg_compression"])
def test_pictures_of_bytes_and_of_floats_come_out_alike(name: str, channels: int) -> None:
    picture = np.random.default_rng(channels).integers(0, 256, (48, 64, channels), dtype=np.uint8)
    before = picture.copy()
    image = np.ascontiguousarray(np.moveaxis(picture.astype(np.float32) / 255, -1, 0))
    out = corrupt(picture, name, 3, 0)
    assert out.shape == picture.shape and out.dtype == np.uint8 and (picture == before).all()
    difference = np.moveaxis(corrupt(image, name, 3, 0), 0, -1) * 255 - out
    assert np.abs(difference).max() < 1.01


@pytest.mark.parametrize("factor", [2.0, 2.5, 3.0])
def test_snow_is_magnified_corner_on_corner(factor: float) -> None:
    noise = np.random.default_rng(0).normal(0, 1, (80, 60)).astype(np.float32)
    layer = _magnify(noise, factor)
    exact = ndimage.zoom(noise, factor, order=1)
    assert layer.shape == exact.shape and np.abs(layer - exact).mean() < 0.012  # OpenCV knows 32 places between pixels
    assert layer.var() == pytest.approx(4 / 9, rel=0.05)  # weights t and 1 - t along both axes: each 2/3 on average


def test_panes_are_icy_in_parts_and_differ() -> None:
    panes = [make_pane(number, 0).astype(np.float32) / 255 for number in range(5)]
    for ice in panes:
        assert ice.max() > 0.95 and ice.std() > 0.08
        assert ice[..., 2].mean() > ice[..., 0].mean()  # ice is bluish
    # The photographs of the published program: thick ice on two of them, thin on three.
    assert [ice.mean() for ice in panes] == pytest.approx([0.51, 0.81, 0.8, 0.6, 0.48], abs=0.02)
    assert panes[0].min() < 0.2 and panes[1].min() > 0.4
    assert np.abs(panes[0] - panes[1]).mean() > 0.05
    assert min(make_pane(0, 1500).shape[:2]) >= 1500
