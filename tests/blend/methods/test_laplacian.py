"""Pyramids: whole again when put together, coarse structure mixed wide, fine structure narrow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.blend.methods.laplacian import Laplacian, expand_image, mix_octaves, reduce_image

SHAPES = st.lists(st.integers(4, 17), min_size=1, max_size=3)


@settings(max_examples=40)
@given(SHAPES, st.integers(1, 3), st.integers(0, 2**20))
def test_all_of_an_image_is_the_image_and_none_is_nothing(shape: list[int], levels: int, seed: int) -> None:
    image = np.random.default_rng(seed).normal(size=(2, *shape)).astype(np.float32)
    whole = np.ones((1, *shape), dtype=np.float32)
    np.testing.assert_allclose(mix_octaves(image, whole, levels), image, atol=1e-5)
    assert not mix_octaves(image, 0 * whole, levels).any()


@settings(max_examples=40)
@given(SHAPES, st.floats(-5, 5))
def test_flat_images_stay_flat(shape: list[int], value: float) -> None:
    flat = np.full((1, *shape), value, dtype=np.float32)
    small = reduce_image(flat)
    assert small.shape[1:] == tuple((n + 1) // 2 for n in shape)
    np.testing.assert_allclose(small, value, atol=1e-5)
    np.testing.assert_allclose(expand_image(small, tuple(shape)), value, atol=1e-5)


def test_coarse_structure_is_mixed_over_a_wider_border_than_fine() -> None:
    rows, columns = np.mgrid[:64, :64]
    body, free = columns < 32, np.ones((64, 64), dtype=bool)
    method, widths = Laplacian(reach=12), []
    for image in (np.ones((64, 64)), np.where((rows + columns) % 2, 1.0, -1.0)):  # flat, and a chessboard
        mix = method.mix(np.zeros((1, 64, 64)), image[None], method.compute_weight(body), free)
        share = np.abs(mix[0]).mean(axis=0)
        assert share[20] == pytest.approx(1, abs=0.02) and share[44:].max() == 0
        widths.append(int(((share > 0.03) & (share < 0.97)).sum()))
    assert widths[0] > 2 * widths[1]


def test_an_object_at_its_host_s_border_and_smaller_than_a_pyramid() -> None:
    host, crop = np.zeros((1, 5, 3)), np.ones((1, 5, 3))
    body = np.zeros((5, 3), dtype=bool)
    body[0, 0] = True
    method = Laplacian()
    result = method.mix(host, crop, method.compute_weight(body), np.ones_like(body))
    assert np.isfinite(result).all() and result[0, 0, 0] > 0.9
