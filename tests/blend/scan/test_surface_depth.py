"""Depths that are asked for place by place, against depths that are all measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from domaingan.blend.placement import find_place
from domaingan.blend.scan.prior import UniformPlacement
from domaingan.blend.scan.surface_depth import BLOCK_SIZES, BodySurface
from domaingan.imaging.distances import measure_surface_depth
from domaingan.imaging.intensity import find_extent


@st.composite
def bodies(draw: st.DrawFn) -> tuple[np.ndarray, tuple[float, ...]]:
    """A blob of any shape that may reach the border, and a spacing."""
    dims = draw(st.sampled_from([2, 3]))
    shape = draw(st.tuples(*[st.integers(9, 60 if dims == 2 else 30)] * dims))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    smooth = ndimage.gaussian_filter(rng.random(shape), draw(st.sampled_from([2.0, 5.0])))
    spacing = draw(st.tuples(*[st.sampled_from([0.7, 1.0, 2.5])] * dims))
    return smooth > np.quantile(smooth, draw(st.sampled_from([0.1, 0.5]))), spacing


@settings(max_examples=40)
@given(bodies(), st.floats(0, 12), st.sampled_from(BLOCK_SIZES))
def test_coarse_blocks_leave_nothing_out(
    case: tuple[np.ndarray, tuple[float, ...]], depth_mm: float, block: int
) -> None:
    inside, spacing = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("domaingan.blend.scan.surface_depth.MAX_EXACT_PIXELS", 0)
        found = BodySurface(inside, spacing).find_deep(depth_mm, block)
    depth = measure_surface_depth(inside, spacing)
    assert not ((depth > 0) & (depth >= depth_mm) & ~found).any()
    assert not (found & ~inside).any()


@pytest.mark.parametrize("block", BLOCK_SIZES)
def test_coarse_blocks_of_a_ball_leave_out_what_is_far_too_shallow(block: int) -> None:
    squares = sum(np.square(axis - 30) for axis in np.ogrid[:61, :61, :61])
    inside = squares <= 28**2
    found = BodySurface(inside, (1.0, 1.0, 1.0)).find_deep(15.0, block)
    shallowest = float(measure_surface_depth(inside, (1.0, 1.0, 1.0))[found].min())
    assert 15 - 2 * block * np.sqrt(3) - 1 <= shallowest < 15


@settings(max_examples=60)
@given(bodies(), st.sampled_from([0.0, 0.7, 2.0, 3.3, 30.0]), st.integers(0, 2**20))
def test_a_place_holds_an_object_where_all_of_its_pixels_are_deep_enough(
    case: tuple[np.ndarray, tuple[float, ...]], depth_mm: float, seed: int
) -> None:
    inside, spacing = case
    rng = np.random.default_rng(seed)
    body = np.pad(rng.random((3, 2, 2)[: inside.ndim]) < 0.7, 1)
    body[(1,) * body.ndim] = True
    surface, depth = BodySurface(inside, spacing), measure_surface_depth(inside, spacing)
    around, offset = surface.find_required_body(body, depth_mm)
    for _ in range(10):
        corner = rng.integers(-2, np.array(inside.shape) + 1)
        pixels = np.argwhere(body) + corner
        is_there = ((pixels >= 0) & (pixels < inside.shape)).all()
        own = depth[tuple(pixels.T)] if is_there else np.zeros(1)
        assert surface.is_inside_body(around, corner - offset) == bool(((own > 0) & (own >= depth_mm - 1e-5)).all())


@settings(max_examples=30)
@given(bodies(), st.integers(0, 2**20))
def test_large_hosts_are_served_as_small_ones(case: tuple[np.ndarray, tuple[float, ...]], seed: int) -> None:
    """Whatever place is found is deep enough, free, and one is found where there is one."""
    inside, spacing = case
    rng = np.random.default_rng(seed)
    taken = ndimage.gaussian_filter(rng.random(inside.shape), 3) > 0.5
    body = np.ones((3,) * inside.ndim, dtype=bool)
    depth = measure_surface_depth(inside, spacing)
    fits = ndimage.binary_erosion((depth >= 1) & ~taken, body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("domaingan.blend.scan.surface_depth.MAX_EXACT_PIXELS", 0)
        corner = find_place(body, BodySurface(inside, spacing), 1.0, taken, rng, _every(inside))
    assert (corner is not None) == fits.any()
    assert corner is None or fits[tuple(corner + 1)]


def _every(inside: np.ndarray) -> Callable[[np.ndarray, int, np.random.Generator], np.ndarray]:
    """Of the places that may be drawn all, in an order by chance."""
    middles = partial(UniformPlacement().for_box(find_extent(inside) or (), None), 0)

    def draw(free: np.ndarray, tries: int, rng: np.random.Generator) -> np.ndarray:
        assert middles(free, tries, rng).shape[1] == free.ndim
        return rng.permutation(np.argwhere(free))

    return draw


def test_depths_that_many_pixels_decide_are_measured_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = np.pad(np.ones((40, 40), dtype=bool), 3)
    found = []
    for limit in (24, 0):
        monkeypatch.setattr("domaingan.blend.scan.surface_depth.MAX_DEPTH_STEPS", limit)
        found.append(BodySurface(inside, (1.0, 2.0)).find_required_body(np.ones((2, 3), dtype=bool), 5.0))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
