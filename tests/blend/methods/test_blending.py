"""The laws of every blending method on one patch: what may change, what must not, in 2D and 3D, matched or not."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from domaingan.blend.methods import MATCHES, METHODS
from domaingan.blend.methods.blending import blend_patch, parse_method
from domaingan.core.errors import DataError
from domaingan.imaging.intensity import find_ring, measure_contrast

NAMES = [*METHODS, "feather+noise", "poisson+histogram", "laplacian+histogram+noise"]
LINEAR = [name for name in NAMES if "+" not in name]


@dataclass
class Patch:
    """Arguments of a blend."""

    host: np.ndarray
    crop: np.ndarray
    body: np.ndarray
    host_tissue: np.ndarray
    crop_tissue: np.ndarray

    @property
    def arguments(self) -> tuple[np.ndarray, ...]:
        return self.host, self.crop, self.body, self.host_tissue, self.crop_tissue


@st.composite
def patches(draw: st.DrawFn, margin: int = 8) -> Patch:
    """A blob in a patch of any shape, the images of any grain, level, gain and type; tissue ends somewhere."""
    dims = draw(st.sampled_from([2, 3]))
    inner = draw(st.tuples(*[st.integers(3, 14 if dims == 2 else 7)] * dims))
    seed = draw(st.integers(0, 2**20))
    kind = draw(st.sampled_from([np.float32, np.float64]))
    gain = draw(st.sampled_from([1e-2, 1.0, 300.0]))
    rng = np.random.default_rng(seed)
    body = np.pad(ndimage.gaussian_filter(rng.random(inner), 1) > 0.5, margin)
    body[tuple(n // 2 for n in body.shape)] = True
    smooth = (0, *[draw(st.sampled_from([0.0, 0.7, 2.0]))] * dims)
    channels = draw(st.integers(1, 3))

    def image() -> np.ndarray:
        noise = ndimage.gaussian_filter(rng.random((channels, *body.shape)), smooth)
        return (gain * (noise + rng.random())).astype(kind)

    cut = (slice(0, rng.integers(1, margin)), ...)
    tissues = np.ones((2, *body.shape), dtype=bool)
    for tissue in tissues[: rng.integers(3)]:
        tissue[cut] = False
    crop = image()
    crop[:, body] += kind(gain * rng.uniform(-1, 1))
    return Patch(image(), crop, body, *tissues)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(patch=patches())
def test_outside_its_reach_and_the_tissue_the_host_stays_to_the_bit(name: str, patch: Patch) -> None:
    blend, before = parse_method(name), [part.copy() for part in patch.arguments]
    result, changed = blend_patch(*patch.arguments, blend, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(before, patch.arguments, strict=True))
    far = ndimage.distance_transform_edt(~patch.body) > blend.reach
    far |= ~patch.body & ~patch.host_tissue
    assert not changed[far].any() and changed[patch.body].all()
    assert np.array_equal(result[:, ~changed], patch.host[:, ~changed].astype(np.float32))
    assert result.dtype == np.float32 and np.isfinite(result).all()


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(patch=patches())
def test_the_contrast_is_the_crops_own_or_the_one_asked_for(name: str, patch: Patch) -> None:
    around_host, around_crop = (
        find_ring(patch.body, inside=patch.host_tissue),
        find_ring(patch.body, inside=patch.crop_tissue),
    )
    own = measure_contrast(patch.crop, patch.body, around_crop)
    for target in (own, np.full_like(own, 2 * own.max())):
        result, _ = blend_patch(*patch.arguments, parse_method(name), np.random.default_rng(0), target)
        found = measure_contrast(result, patch.body, around_host)
        np.testing.assert_allclose(found, target, rtol=0.1, atol=1e-3 * np.ptp(patch.crop))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(patch=patches())
def test_the_hosts_own_pixels_give_back_the_host(name: str, patch: Patch) -> None:
    arguments = patch.host, patch.host.copy(), patch.body, patch.host_tissue, patch.host_tissue
    result, _ = blend_patch(*arguments, parse_method(name), np.random.default_rng(0))
    span = 1 if patch.host.dtype == np.float64 else np.abs(patch.host).max() * 1e-6
    np.testing.assert_allclose(result, patch.host, rtol=1e-6, atol=1e-6 * span + 1e-7)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10)
@given(patch=patches())
def test_an_empty_mask_changes_nothing(name: str, patch: Patch) -> None:
    patch.body[...] = False
    result, changed = blend_patch(*patch.arguments, parse_method(name), np.random.default_rng(0))
    assert not changed.any() and np.array_equal(result, patch.host.astype(np.float32))


@pytest.mark.parametrize("name", LINEAR)
@settings(max_examples=15)
@given(patch=patches(), data=st.data())
def test_it_does_not_matter_where_an_object_lies(name: str, patch: Patch, data: st.DataObject) -> None:
    """The same object with the same surroundings in a larger patch, at any place in it."""
    dims = patch.body.ndim
    around = [data.draw(st.tuples(st.integers(0, 5), st.integers(0, 5))) for _ in range(dims)]
    larger = [np.pad(part, [(0, 0)] * (part.ndim - dims) + around, mode="edge") for part in patch.arguments]
    larger[2] = np.pad(patch.body, around)
    one, _ = blend_patch(*patch.arguments, parse_method(name), np.random.default_rng(0))
    two, _ = blend_patch(*larger, parse_method(name), np.random.default_rng(0))
    there = (slice(None), *[slice(a, a + n) for (a, _), n in zip(around, patch.body.shape, strict=True)])
    np.testing.assert_allclose(two[there], one, rtol=1e-4, atol=1e-4 * np.ptp(patch.host))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(patch=patches())
def test_levels_and_units_of_the_crop_do_not_matter(name: str, patch: Patch) -> None:
    """A crop that is brighter everywhere comes out the same; in other units everything does."""
    one, _ = blend_patch(*patch.arguments, parse_method(name), np.random.default_rng(0))
    span = float(np.ptp(patch.crop))
    shifted = patch.host, (patch.crop + span).astype(patch.crop.dtype), *patch.arguments[2:]
    two, _ = blend_patch(*shifted, parse_method(name), np.random.default_rng(0))
    # Of two gradients that are almost equal, rounding decides which is the larger one, and so is mixed in.
    tolerance = 0.05 if name == "poisson-mixed" else 1e-4
    np.testing.assert_allclose(two, one, rtol=1e-4, atol=tolerance * span)


@pytest.mark.parametrize("seed", range(6))
def test_the_level_of_a_crop_does_not_leak_through_mixed_gradients(seed: int) -> None:
    """Strict where the property above is lenient: in these patches no two gradients are almost equal."""
    rng = np.random.default_rng(seed)
    shape = (20, 22) if seed % 2 == 0 else (16, 17, 18)
    host, crop = rng.random((2, 1, *shape)).astype(np.float32)
    body = np.zeros(shape, dtype=bool)
    body[(slice(7, -7),) * len(shape)] = True
    tissue = np.ones_like(body)
    blend = parse_method("poisson-mixed")
    expected, _ = blend_patch(host, crop, body, tissue, tissue, blend, np.random.default_rng(0))
    brighter, _ = blend_patch(host, crop + 1, body, tissue, tissue, blend, np.random.default_rng(0))
    np.testing.assert_allclose(brighter, expected, rtol=0, atol=1e-4)
    assert np.abs(expected - host).max() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_an_object_that_fills_its_patch_is_finite(name: str, rng: np.random.Generator) -> None:
    for shape in ((9, 1), (1, 1), (2, 3, 4)):
        full, image = np.ones(shape, dtype=bool), rng.random((2, *shape)).astype(np.float32)
        result, changed = blend_patch(image, image[::-1].copy(), full, full, full, parse_method(name), rng)
        assert np.isfinite(result).all() and changed.all()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("alpha", "soft")])
def test_no_step_at_the_edge_of_what_changed(name: str) -> None:
    """On smooth images whose surroundings differ by up to 0.06 from one another after their means are matched."""
    rows, columns = np.mgrid[:48, :48].astype(np.float32)
    host, crop = (0.3 + 0.004 * rows)[None], (0.8 - 0.006 * columns)[None]
    body = np.hypot(rows - 24, columns - 24) < 9
    tissue = np.ones_like(body)
    result, changed = blend_patch(host, crop, body, tissue, tissue, parse_method(name), np.random.default_rng(0))
    edge = changed ^ ndimage.binary_dilation(changed)
    inner = ndimage.binary_dilation(edge) & changed
    change = np.abs(result - host)[0][inner].max()
    assert change < 0.04


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("matches", [*itertools.permutations(MATCHES, 1), *itertools.permutations(MATCHES, 2)])
def test_every_method_combines_with_every_match(name: str, matches: tuple[str, ...]) -> None:
    blend = parse_method("+".join([name, *matches]))
    assert blend.reach == METHODS[name]().reach
    assert [type(match) for match in blend.matches] == [MATCHES[match] for match in matches]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("poissonn", "no method 'poissonn'; expected one of alpha, feather"),
        ("", "no method ''"),
        ("noise", "no method 'noise'"),
        ("feather+nois", "matches 'nois'; expected feather, or feather[+] any of histogram, noise"),
        ("feather+noise+noise", "each once"),
        ("feather+", "matches ''"),
        ("feather+soft", "matches 'soft'"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(name: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        parse_method(name)
