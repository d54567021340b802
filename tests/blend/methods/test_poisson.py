"""The Poisson equation on any domain, against a sparse direct solve and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from domaingan.blend.methods.free_space import solve_in_space
from domaingan.blend.methods.matrix_products import MAX_PRODUCT_SIZE
from domaingan.blend.methods.poisson import Poisson
from domaingan.blend.methods.poisson_boundary import solve_for_difference
from domaingan.blend.methods.poisson_rim import MAX_DIRECT_PIXELS, find_rim
from domaingan.blend.methods.poisson_solver import (
    _find_fast_length,
    _precondition,
    apply_minus_laplacian,
    solve_on_box,
    solve_poisson,
)


def equations(domain: np.ndarray, free: np.ndarray) -> sparse.csc_matrix:
    """−Δ on the domain's pixels, written down pixel by pixel."""
    number = np.full(domain.shape, -1)
    number[domain] = np.arange(domain.sum())
    matrix = sparse.lil_matrix((domain.sum(),) * 2)
    for place in map(tuple, np.argwhere(domain)):
        for axis in range(domain.ndim):
            for step in (-1, 1):
                other = tuple(p + step * (i == axis) for i, p in enumerate(place))
                if not all(0 <= p < n for p, n in zip(other, domain.shape, strict=True)) or not free[other]:
                    continue
                matrix[number[place], number[place]] += 1
                if domain[other]:
                    matrix[number[place], number[other]] -= 1
    return matrix.tocsc()


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dims = draw(st.sampled_from([1, 2, 3]))
    shape = draw(st.tuples(*[st.integers(2, 10 if dims < 3 else 6)] * dims))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    domain = ndimage.gaussian_filter(rng.random(shape), draw(st.floats(0, 1.5))) > 0.5
    free = domain | (rng.random(shape) < draw(st.sampled_from([0.5, 1.0])))
    # Every part of the domain needs a neighbour that is known, or it has no solution, or many.
    labels, n = ndimage.label(domain)
    for part in range(1, n + 1):
        own = labels == part
        if not (ndimage.binary_dilation(own) & free & ~domain).any():
            domain[own] = False
    return rng.normal(size=(draw(st.integers(1, 3)), *shape)), domain, free


@settings(max_examples=60)
@given(problems(), st.sampled_from([np.float32, np.float64]))
def test_it_is_what_a_sparse_direct_solve_finds(
    problem: tuple[np.ndarray, np.ndarray, np.ndarray], kind: type[np.floating]
) -> None:
    right, domain, free = problem
    u = solve_poisson(right.astype(kind), domain, free, tolerance=1e-5)
    assert u.dtype == kind and not u[:, ~domain].any()
    if not domain.any():
        return
    matrix = equations(domain, free)
    for channel, expected in zip(u, right, strict=True):
        truth = np.atleast_1d(spsolve(matrix, expected[domain]))
        np.testing.assert_allclose(channel[domain], truth, atol=1e-4 * np.abs(truth).max())
        residual = matrix @ channel[domain] - expected[domain]
        assert np.linalg.norm(residual) <= 5e-5 * np.linalg.norm(expected[domain])


@settings(max_examples=25)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=3), st.integers(0, 2**20))
def test_a_box_is_solved_at_once(shape: list[int], seed: int) -> None:
    right = np.random.default_rng(seed).normal(size=(2, *shape))
    u = solve_on_box(right)
    np.testing.assert_allclose(apply_minus_laplacian(u, 2 * len(shape)), right, atol=1e-10)
    padded = np.pad(right, [(0, 0)] + [(1, 1)] * len(shape))
    domain = np.pad(np.ones(shape, dtype=bool), 1)
    np.testing.assert_allclose(solve_poisson(padded, domain, max_steps=2)[:, domain], u.reshape(2, -1), atol=1e-10)


def test_a_long_axis_goes_by_fft_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    right = np.random.default_rng(0).normal(size=(2, 9, 14, 5))
    by_matrix = solve_on_box(right)
    monkeypatch.setattr("domaingan.blend.methods.poisson_solver.MAX_MATRIX_LENGTH", 8)
    np.testing.assert_allclose(solve_on_box(right), by_matrix, atol=1e-12)


def test_nothing_asked_nothing_changed() -> None:
    right = np.random.default_rng(0).normal(size=(1, 4, 4))
    assert not solve_poisson(right, np.zeros((4, 4), dtype=bool)).any()
    assert not solve_poisson(np.zeros((1, 4, 4)), np.eye(4, dtype=bool)).any()


def a_disc(radius: float) -> np.ndarray:
    return np.hypot(*(np.mgrid[:40, :40] - 20)) <= radius


@pytest.mark.parametrize("dims", [2, 3])
def test_gradients_are_the_crops_and_values_around_the_hosts(dims: int) -> None:
    rng = np.random.default_rng(1)
    shape = (40, 40) if dims == 2 else (22, 22, 22)
    host, crop = rng.random((2, 2, *shape))
    body = np.zeros(shape, dtype=bool)
    body[(slice(8, 14),) * dims] = True
    method = Poisson()
    weight = method.compute_weight(body)
    result = method.mix(host, crop, weight, np.ones(shape, dtype=bool))
    inside = weight > 0
    assert np.array_equal(result[:, ~inside], host[:, ~inside])
    laplacians = [apply_minus_laplacian(image, 2 * dims)[:, inside] for image in (result, crop)]
    np.testing.assert_allclose(*laplacians, atol=5e-3)


def test_mixed_gradients_let_the_hosts_texture_through() -> None:
    rng = np.random.default_rng(2)
    host, flat = 0.5 + 0.1 * rng.normal(size=(1, 40, 40)), np.full((1, 40, 40), 0.5)
    body, free = a_disc(8), np.ones((40, 40), dtype=bool)
    plain, mixed = (
        method.mix(host, flat, method.compute_weight(body), free)[0] for method in (Poisson(), Poisson(is_mixed=True))
    )
    assert plain[body].std() < 0.03
    np.testing.assert_allclose(mixed, host[0], atol=1e-12)


def test_a_tight_domain_loses_the_contrast_that_a_wider_one_keeps() -> None:
    """Known of lesions: with the mask itself as domain much is lost, with four pixels more next to nothing."""
    body, free = a_disc(8), np.ones((40, 40), dtype=bool)
    host, crop = np.full((1, 40, 40), 0.4), np.where(ndimage.gaussian_filter(body + 0.0, 1) > 0.5, 0.6, 0.4)[None]
    crop = ndimage.gaussian_filter(crop, (0, 1, 1))
    kept = []
    for reach in (0, 4):
        result = Poisson(reach).mix(host, crop, Poisson(reach).compute_weight(body), free)
        kept.append(float(result[0, body].mean() - 0.4) / float(crop[0, body].mean() - 0.4))
    assert kept[0] < 0.7 and kept[1] == pytest.approx(1, abs=0.02)


def test_what_lies_in_front_says_nothing_about_the_object() -> None:
    """Half of the surroundings is another, white object; with it as a boundary the pasted one would turn white."""
    host, crop = np.full((1, 40, 40), 0.4), np.full((1, 40, 40), 0.4)
    host[:, :, 24:] = 1
    body, free = a_disc(8), np.ones((40, 40), dtype=bool)
    free[:, 24:] = False
    body &= free
    weight = Poisson().compute_weight(body) * free
    result = Poisson().mix(host, crop, weight, free)
    np.testing.assert_allclose(result[:, weight > 0], 0.4, atol=1e-4)
    bound = Poisson().mix(host, crop, weight, np.ones_like(free))
    assert bound[:, weight > 0].max() > 0.6


def test_a_rim_solves_it_as_conjugate_gradients_in_the_whole_domain_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring with a hole, a bay of nothing free and the array's border: more pixels than are eliminated at once."""
    rng = np.random.default_rng(3)
    distance = np.hypot(*(np.mgrid[:90, :100] - 40))
    domain = (distance < 41) & (distance > 12)
    free = domain | (rng.random(domain.shape) < 0.5)
    right = rng.normal(size=(2, *domain.shape))
    rim = find_rim(domain, free)
    assert rim is not None and len(rim.places) > MAX_DIRECT_PIXELS and rim.is_closed.any()
    by_rim = solve_poisson(right, domain, free, tolerance=1e-9)
    monkeypatch.setattr("domaingan.blend.methods.poisson_solver.find_rim", lambda domain, free: None)
    np.testing.assert_allclose(
        by_rim, solve_poisson(right, domain, free, tolerance=1e-9), atol=1e-6 * np.abs(by_rim).max()
    )


@pytest.mark.parametrize("radius", [3, 15, 60])
def test_discs_are_solved_on_their_rims(radius: int) -> None:
    disc = np.hypot(*(np.mgrid[:130, :130] - 64.0)) <= radius
    rim = find_rim(disc, np.ones_like(disc))
    assert rim is not None and not rim.is_closed.any()
    inner = ndimage.binary_erosion(disc)
    assert len(rim.places) == np.count_nonzero(disc & ~inner)


def test_scattered_pixels_and_balls_are_not_solved_on_their_rims() -> None:
    dust = np.random.default_rng(4).random((80, 80)) < 0.4
    ball = np.linalg.norm(np.indices((30,) * 3) - 15, axis=0) <= 12
    assert find_rim(dust, np.ones_like(dust)) is None
    assert find_rim(ball, np.ones_like(ball)) is None


def test_a_part_that_nothing_known_touches_is_left_to_conjugate_gradients() -> None:
    """Elimination would give such a part any brightness whatever."""
    domain = np.zeros((20, 20), dtype=bool)
    domain[2:8, 2:8] = domain[11:17, 11:17] = True
    free = np.ones_like(domain)
    free[1:9, 1:9] = domain[1:9, 1:9]
    assert find_rim(domain, np.ones_like(domain)) is not None and find_rim(domain, free) is None
    right = np.where(domain, np.random.default_rng(5).normal(size=(1, 20, 20)), 0)
    right[0, 2:8, 2:8] -= right[0, 2:8, 2:8].mean()
    u = solve_poisson(right, domain, free)
    assert np.abs(u).max() < 10


@pytest.mark.parametrize("size", [10, 60])
def test_a_stretched_difference_has_the_residual_that_is_asked_for(size: int) -> None:
    rng = np.random.default_rng(6)
    difference = ndimage.gaussian_filter(rng.normal(size=(3, 150, 150)), (0, 3, 3)).astype(np.float32)
    domain, free = np.hypot(*(np.mgrid[:150, :150] - 75)) <= size, np.ones((150, 150), dtype=bool)
    rim = find_rim(domain, free)
    assert rim is not None
    u = np.zeros_like(difference)
    u[(slice(None), *rim.box)] = solve_for_difference(difference, rim, 1e-4, 500)
    cut_off = apply_minus_laplacian(difference * domain - difference, 4)[:, domain]
    residual = apply_minus_laplacian(u - difference, 4)[:, domain]
    assert not u[:, ~domain].any()
    assert (np.linalg.norm(residual, axis=1) <= 2e-4 * np.linalg.norm(cut_off, axis=1)).all()


@pytest.mark.parametrize("shape", [(2, 1, 7), (1, 65, 3), (3, 40, 70), (1, 20, 90, 5)])
def test_products_in_pieces_are_the_products(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    right = np.random.default_rng(7).normal(size=shape)
    at_once = solve_on_box(right)
    monkeypatch.setattr("domaingan.blend.methods.matrix_products.MAX_PRODUCT_SIZE", 5000)
    np.testing.assert_allclose(solve_on_box(right), at_once, atol=1e-12 * np.abs(at_once).max())


def test_no_product_is_so_large_that_a_library_would_share_it_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    matmul = np.matmul

    def count(a: np.ndarray, b: np.ndarray, **keywords: np.ndarray) -> np.ndarray:
        sizes.append(a.shape[-2] * a.shape[-1] * b.shape[-1])
        return matmul(a, b, **keywords)

    monkeypatch.setattr("domaingan.blend.methods.matrix_products.np.matmul", count)
    solve_on_box(np.ones((1, 100, 20, 90), dtype=np.float32))
    assert 0 < max(sizes) <= MAX_PRODUCT_SIZE


@pytest.mark.parametrize("length", [20, 220])  # 220 goes by a transform of 225 points, an odd number
def test_in_space_every_source_has_its_laplacian(length: int) -> None:
    sources = np.zeros((1, 7, length))
    sources[0, 3, 5], sources[0, 2, length - 4] = 1, -2
    u = solve_in_space(sources)
    assert u.shape == sources.shape
    inside = (slice(None), slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(apply_minus_laplacian(u, 4)[inside], sources[inside], atol=1e-8)


def test_a_box_is_made_longer_where_that_transforms_faster() -> None:
    assert [_find_fast_length(size) for size in (1, 127, 128, 129, 130, 135)] == [1, 127, 128, 134, 134, 143]
    right = np.random.default_rng(0).normal(size=(1, 3, 130))
    longer = np.pad(right, [(0, 0), (0, 0), (0, 4)])
    np.testing.assert_allclose(_precondition(right), solve_on_box(longer)[:, :, :130], atol=1e-12)
