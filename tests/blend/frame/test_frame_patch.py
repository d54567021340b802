"""A crop as it appears in its host: its size, its outline, its exposure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.banks import Crop
from domaingan.blend.frame.frame_patch import EXPOSURE_GAIN, SURROUNDINGS_WIDTH, compute_exposure, resample_crop


def a_crop(mask: np.ndarray, image: np.ndarray | None = None) -> Crop:
    if image is None:
        image = np.broadcast_to(mask > 0, (3, *mask.shape)).astype(np.float32)
    return Crop(image, mask.astype(np.uint8), np.void(0), 0, {})


def a_disc(size: int = 32, radius: float = 10) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    return (np.hypot(rows, columns) <= radius).astype(np.uint8)


@settings(max_examples=40)
@given(st.floats(0.3, 3), st.booleans(), st.floats(-0.06, 0.06))
def test_it_is_as_large_as_it_should_be(zoom: float, flip: bool, angle: float) -> None:
    made = resample_crop(a_crop(a_disc()), (zoom, zoom), flip, angle)
    assert made is not None
    image, body = made
    assert image.shape == (3, *body.shape) and image.dtype == np.float32
    area = a_disc().sum() * zoom**2
    edge_pixels = 2 * np.sqrt(np.pi * area)  # each of which may fall on either side
    assert abs(body.sum() - area) < 0.05 * area + 0.35 * edge_pixels
    rows, columns = (np.flatnonzero(body.any(axis=axis)) for axis in (1, 0))
    for spots, edge in ((rows, body.shape[0]), (columns, body.shape[1])):
        assert spots[0] >= SURROUNDINGS_WIDTH - 2 and spots[-1] < edge - SURROUNDINGS_WIDTH + 2


def test_as_it_is_it_stays_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((32, 32))
    mask[8:21, 10:19] = rng.random((13, 9)) > 0.2
    mask[8, 10] = mask[20, 18] = 1
    made = resample_crop(a_crop(mask, rng.random((3, 32, 32), dtype=np.float32)), (1, 1), False, 0)
    assert made is not None
    rows, columns = (np.flatnonzero(made[1].any(axis=axis)) for axis in (1, 0))
    assert np.array_equal(made[1][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], mask[8:21, 10:19] > 0)


def test_a_mirrored_crop_is_mirrored() -> None:
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[8:24, 8:24] = np.tri(16)
    plain, mirrored = (resample_crop(a_crop(mask), (1.0, 1.0), flip, 0.0) for flip in (False, True))
    assert plain is not None and mirrored is not None
    assert np.array_equal(plain[1], mirrored[1][:, ::-1]) and np.array_equal(plain[0], mirrored[0][..., ::-1])


def test_an_enlarged_outline_has_no_steps() -> None:
    made = resample_crop(a_crop(a_disc(32, 8)), (6.0, 6.0), False, 0.0)
    assert made is not None
    rows, columns = np.nonzero(made[1])
    radius = np.hypot(rows - rows.mean(), columns - columns.mean()).max()
    assert made[1].sum() == pytest.approx(np.pi * radius**2, rel=0.08)  # with steps the corners reach further


def test_nothing_is_left_of_a_speck() -> None:
    speck = np.zeros((32, 32), dtype=np.uint8)
    assert resample_crop(a_crop(speck), (1.0, 1.0), False, 0.0) is None
    speck[16, 16] = 1
    assert resample_crop(a_crop(speck), (0.05, 0.05), False, 0.0) is None


@settings(max_examples=20)
@given(st.floats(0.3, 1.5))
def test_what_it_stands_on_is_the_light_meter(gain: float) -> None:
    crop = np.full((3, 60, 60), 0.2, dtype=np.float32)
    host = crop * np.float32(gain)
    crop[:, :25], host[:, :25] = 0.9, 0.5  # a sky behind it says nothing
    body = np.zeros((60, 60), dtype=bool)
    body[15:50, 25:35] = True
    assert compute_exposure(host, crop, body) == pytest.approx(gain, rel=1e-3)


def test_an_exposure_has_limits() -> None:
    body = np.zeros((60, 60), dtype=bool)
    body[15:50, 25:35] = True
    dark, light = np.zeros((3, 60, 60), np.float32), np.ones((3, 60, 60), np.float32)
    assert compute_exposure(light, dark, body) == np.float32(EXPOSURE_GAIN[1]) and compute_exposure(
        dark, light, body
    ) == np.float32(EXPOSURE_GAIN[0])
    assert compute_exposure(dark, light, np.ones((60, 60), dtype=bool)) == 1
