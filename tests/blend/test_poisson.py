"""The Poisson equation on any domain, against a sparse direct solve and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from domaingan.blend.poisson import Poisson, minus_laplacian, on_box, solve


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
    u = solve(right.astype(kind), domain, free, tolerance=1e-5)
    assert u.dtype == kind and not u[:, ~domain].any()
    if not domain.any():
        return
    matrix = equations(domain, free)
    for channel, wanted in zip(u, right, strict=True):
        truth = np.atleast_1d(spsolve(matrix, wanted[domain]))
        np.testing.assert_allclose(channel[domain], truth, atol=1e-4 * np.abs(truth).max())
        residual = matrix @ channel[domain] - wanted[domain]
        assert np.linalg.norm(residual) <= 5e-5 * np.linalg.norm(wanted[domain])


@settings(max_examples=25)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=3), st.integers(0, 2**20))
def test_a_box_is_solved_at_once(shape: list[int], seed: int) -> None:
    right = np.random.default_rng(seed).normal(size=(2, *shape))
    u = on_box(right)
    np.testing.assert_allclose(minus_laplacian(u, 2 * len(shape)), right, atol=1e-10)
    padded = np.pad(right, [(0, 0)] + [(1, 1)] * len(shape))
    domain = np.pad(np.ones(shape, dtype=bool), 1)
    np.testing.assert_allclose(solve(padded, domain, steps=2)[:, domain], u.reshape(2, -1), atol=1e-10)


def test_a_long_axis_goes_by_fft_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    right = np.random.default_rng(0).normal(size=(2, 9, 14, 5))
    by_matrix = on_box(right)
    monkeypatch.setattr("domaingan.blend.poisson.LONG", 8)
    np.testing.assert_allclose(on_box(right), by_matrix, atol=1e-12)


def test_nothing_asked_nothing_changed() -> None:
    right = np.random.default_rng(0).normal(size=(1, 4, 4))
    assert not solve(right, np.zeros((4, 4), dtype=bool)).any()
    assert not solve(np.zeros((1, 4, 4)), np.eye(4, dtype=bool)).any()


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
    weight = method.weight(body)
    result = method.mix(host, crop, weight, np.ones(shape, dtype=bool))
    inside = weight > 0
    assert np.array_equal(result[:, ~inside], host[:, ~inside])
    laplacians = [minus_laplacian(image, 2 * dims)[:, inside] for image in (result, crop)]
    np.testing.assert_allclose(*laplacians, atol=5e-3)


def test_mixed_gradients_let_the_hosts_texture_through() -> None:
    rng = np.random.default_rng(2)
    host, flat = 0.5 + 0.1 * rng.normal(size=(1, 40, 40)), np.full((1, 40, 40), 0.5)
    body, free = a_disc(8), np.ones((40, 40), dtype=bool)
    plain, mixed = (method.mix(host, flat, method.weight(body), free)[0] for method in (Poisson(), Poisson(mixed=True)))
    assert plain[body].std() < 0.03
    np.testing.assert_allclose(mixed, host[0], atol=1e-12)


def test_a_tight_domain_loses_the_contrast_that_a_wider_one_keeps() -> None:
    """Known of lesions: with the mask itself as domain much is lost, with four pixels more next to nothing."""
    body, free = a_disc(8), np.ones((40, 40), dtype=bool)
    host, crop = np.full((1, 40, 40), 0.4), np.where(ndimage.gaussian_filter(body + 0.0, 1) > 0.5, 0.6, 0.4)[None]
    crop = ndimage.gaussian_filter(crop, (0, 1, 1))
    kept = []
    for reach in (0, 4):
        result = Poisson(reach).mix(host, crop, Poisson(reach).weight(body), free)
        kept.append(float(result[0, body].mean() - 0.4) / float(crop[0, body].mean() - 0.4))
    assert kept[0] < 0.7 and kept[1] == pytest.approx(1, abs=0.02)


def test_what_lies_in_front_says_nothing_about_the_object() -> None:
    """Half of the surroundings is another, white object; with it as a boundary the pasted one would turn white."""
    host, crop = np.full((1, 40, 40), 0.4), np.full((1, 40, 40), 0.4)
    host[:, :, 24:] = 1
    body, free = a_disc(8), np.ones((40, 40), dtype=bool)
    free[:, 24:] = False
    body &= free
    weight = Poisson().weight(body) * free
    result = Poisson().mix(host, crop, weight, free)
    np.testing.assert_allclose(result[:, weight > 0], 0.4, atol=1e-4)
    bound = Poisson().mix(host, crop, weight, np.ones_like(free))
    assert bound[:, weight > 0].max() > 0.6
