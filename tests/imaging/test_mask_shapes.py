"""New shapes: between two, or drawn by chance; as large as what they come from, in one piece, with its classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from domaingan.imaging.mask_shapes import draw_random_blob, interpolate_shapes


def nested(dims: int, radius: float, centre: float = 16.0) -> np.ndarray:
    away = np.sqrt(sum((axis - centre) ** 2 for axis in np.indices((32,) * dims)))
    return (np.uint8(1) * (away <= radius) + np.uint8(1) * (away <= radius / 2)).astype(np.uint8)


@pytest.mark.parametrize("dims", [2, 3])
def test_half_way_between_two_balls_lies_one_of_the_size_between(dims: int) -> None:
    made = interpolate_shapes(nested(dims, 4.0), nested(dims, 8.0, 14.0), 0.5)
    expected = nested(dims, 6.0)
    assert np.mean((made > 0) != (expected > 0)) < 0.02
    assert set(np.unique(made)) == {0, 1, 2} and made[(16,) * dims] == 2


@pytest.mark.parametrize("dims", [2, 3])
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), radius=st.floats(2.0, 9.0))
def test_a_blob_is_as_large_as_its_model_and_in_one_piece(dims: int, seed: int, radius: float) -> None:
    mask = nested(dims, radius)
    made = draw_random_blob(mask, np.random.default_rng(seed))
    assert ndimage.label(made > 0)[1] == 1
    assert 0.5 * (mask > 0).sum() <= (made > 0).sum() <= (mask > 0).sum()
    assert set(np.unique(made)) <= {0, 1, 2}
    assert (made == draw_random_blob(mask, np.random.default_rng(seed))).all()


def test_blobs_differ_from_balls_and_from_each_other() -> None:
    mask = nested(2, 8.0)
    one, two = (draw_random_blob(mask, np.random.default_rng(seed)) for seed in (0, 1))
    assert (one != two).any() and (one != mask).any()


def test_where_nothing_lies_between_two_shapes_the_first_stays() -> None:
    bar, other = np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)
    bar[4, 2:7] = other[2:7, 4] = 1
    bar[4, 4] = other[4, 4] = 0  # their common middle belongs to neither
    made = interpolate_shapes(bar, other, 0.5)
    np.testing.assert_array_equal(made, bar)
