"""Images and masks on another grid: worked examples of `resize`."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.imaging.resample import resize


def test_an_array_of_the_requested_shape_is_returned_as_it_is() -> None:
    image = np.ones((2, 4, 5), dtype=np.float64)
    assert resize(image, (4, 5)) is image
    assert resize(image[0], (4, 5), is_mask=True).dtype == np.float64


def test_enlarging_is_linear_between_pixel_centres() -> None:
    # The four new centres lie at -0.25, 0.25, 0.75 and 1.25 old pixels; what lies outside takes the border's value.
    enlarged = resize(np.array([[0.0, 1.0]]), (1, 4))
    assert enlarged.dtype == np.float32
    np.testing.assert_allclose(enlarged, [[0, 0.25, 0.75, 1]], atol=1e-6)


def test_a_pattern_finer_than_the_new_grid_does_not_alias() -> None:
    stripes = np.tile(np.array([0.0, 1.0], dtype=np.float32), (8, 24))
    thirds = resize(stripes, (8, 16))
    # Every third pixel alone would give 0, 1, 0, 1, …
    assert np.abs(thirds - 0.5).max() < 0.1


def test_shrinking_smooths_with_half_of_what_the_factor_exceeds_one() -> None:
    impulse = np.zeros((1, 15), dtype=np.float32)
    impulse[0, 7] = 1
    # A third of the width: new centres lie on the old pixels 1, 4, 7, 10, 13, after a Gaussian of sigma 1.
    weights = np.exp(-(np.arange(-4, 5) ** 2) / 2.0)
    weights /= weights.sum()
    np.testing.assert_allclose(resize(impulse, (1, 5)), [[0, weights[1], weights[4], weights[7], 0]], atol=1e-6)


def test_an_axis_that_keeps_its_length_is_not_smoothed() -> None:
    rows = np.tile(np.array([[0.0], [1.0]], dtype=np.float32), (4, 9))
    np.testing.assert_allclose(resize(rows, (8, 3)), rows[:, :3], atol=1e-6)


def test_leading_axes_are_not_mixed() -> None:
    image = np.stack([np.zeros((6, 6)), np.ones((6, 6))]).astype(np.float32)
    shrunk = resize(image, (3, 3))
    assert shrunk.shape == (2, 3, 3)
    assert (shrunk[0] == 0).all()
    np.testing.assert_allclose(shrunk[1], 1, atol=1e-6)


@pytest.mark.parametrize(("size", "expected"), [(3, [1, 2, 3]), (2, [1, 3]), (12, [1] * 4 + [2] * 4 + [3] * 4)])
def test_a_mask_takes_the_nearest_value_and_keeps_its_type(size: int, expected: list[int]) -> None:
    mask = np.array([[1, 1, 2, 2, 3, 3]], dtype=np.uint8)
    found = resize(mask, (1, size), is_mask=True)
    assert found.dtype == np.uint8
    assert found[0].tolist() == expected


def test_a_mask_with_channels_keeps_them() -> None:
    masks = np.arange(2 * 4, dtype=np.int32).reshape(2, 1, 4)
    assert resize(masks, (1, 8), is_mask=True)[1, 0].tolist() == [4, 4, 5, 5, 6, 6, 7, 7]
