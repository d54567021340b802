"""The looks one by one: what each of them takes over from a scene."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from domaingan.blend.looks import (
    FDA,
    FRAME_LOOKS,
    MIX,
    SCAN_LOOKS,
    HistogramLook,
    LookInput,
    ReinhardPerClass,
    is_look_name,
    parse_looks,
)
from domaingan.core.errors import DataError
from domaingan.data import FRAME, SCAN


def smooth(rng: np.random.Generator, shape: tuple[int, ...], channels: int = 3, low: float = 0.2) -> np.ndarray:
    image = ndimage.gaussian_filter(rng.random((channels, *shape)), (0, *[2] * len(shape)))
    return (low + 0.6 * (image - image.min()) / np.ptp(image)).astype(np.float32)


def ball(shape: tuple[int, ...]) -> np.ndarray:
    axes = np.ogrid[tuple(slice(-1, 1, complex(n)) for n in shape)]
    return np.asarray(sum(axis**2 for axis in axes) < 0.8)


@pytest.mark.parametrize("shape", [(24, 32), (12, 14, 16)])
@settings(max_examples=10)
@given(seed=st.integers(0, 2**16))
def test_histogram_takes_the_quantiles_in_order(shape: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    host, scene = smooth(rng, shape), smooth(rng, shape) ** 2
    lit = HistogramLook()(LookInput(host), LookInput(host), LookInput(scene))
    for before, after, expected in zip(host, lit, scene, strict=True):
        middle, ends = (0.25, 0.5, 0.75), (0.05, 0.95)
        np.testing.assert_allclose(np.quantile(after, middle), np.quantile(expected, middle), atol=0.03)
        # The steepest slope that is allowed holds the ends back: up to 0.08 of 9,000 draws.
        np.testing.assert_allclose(np.quantile(after, ends), np.quantile(expected, ends), atol=0.12)
        assert (np.diff(after.ravel()[np.argsort(before.ravel())]) > -1e-5).all()


def test_histogram_of_the_body_alone(rng: np.random.Generator) -> None:
    inside = ball((20, 20))
    host, scene = smooth(rng, (20, 20), 1), smooth(rng, (20, 20), 1) * np.float32(0.5)
    air = np.where(inside, scene, 9).astype(np.float32)
    one, two = (
        HistogramLook()(LookInput(host, inside), LookInput(host, inside), LookInput(image, inside))
        for image in (scene, air)
    )
    assert (one == two).all()
    assert abs(np.median(one[:, inside]) - np.median(scene[:, inside])) < 0.02


def test_histogram_does_not_tear_apart_what_is_flat(rng: np.random.Generator) -> None:
    flat = (0.5 + 0.002 * rng.standard_normal((1, 32, 32))).astype(np.float32)
    lit = HistogramLook(max_gain=3)(LookInput(flat), LookInput(flat), LookInput(smooth(rng, (32, 32), 1, low=0)))
    assert lit.std() < 3.5 * flat.std()


@pytest.mark.parametrize("shape", [(21, 32), (12, 13, 16)])
def test_fda_takes_amplitudes_and_keeps_phases_in_any_dimensions(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    host, scene = (0.5 + (smooth(rng, shape, 2) - 0.5) * scale for scale in (1.0, 0.7))
    lit = FDA(2 / 512)(LookInput(host), LookInput(host), LookInput(scene))
    band = np.ix_(range(2), *[[0, 1, 2, -1, -2]] * len(shape))
    axes = tuple(range(1, len(shape) + 1))
    own, expected, made = (np.fft.fftn(image, axes=axes)[band] for image in (host, scene, lit))
    near = 0.02 * np.abs(expected).max()
    np.testing.assert_allclose(np.abs(made), np.abs(expected), atol=near)
    sure = np.abs(own) > near
    np.testing.assert_allclose((made / np.abs(made))[sure], (own / np.abs(own))[sure], atol=0.05)
    rest = np.fft.fftn(lit - host, axes=axes)
    rest[band] = 0
    assert np.abs(rest).max() < 1e-2


def test_a_wider_band_comes_nearer(rng: np.random.Generator) -> None:
    host, scene = smooth(rng, (32, 32)), smooth(rng, (32, 32))
    spectrum = np.abs(np.fft.fft2(scene))
    away = []
    for beta in (0.0, 0.006, 0.02):  # 0, 3 and 10 periods
        lit = FDA(beta)(LookInput(host), LookInput(host), LookInput(scene))
        away.append(np.abs(np.abs(np.fft.fft2(lit)) - spectrum).sum())
    assert away[0] > away[1] > away[2]


def test_the_lightness_of_frames_is_matched_and_grey_stays_grey(rng: np.random.Generator) -> None:
    host, scene = (np.repeat(smooth(rng, (32, 40), 1) ** power, 3, axis=0) for power in (1, 2))
    lit = FRAME_LOOKS["histogram"]()(LookInput(host), LookInput(host), LookInput(scene))
    assert np.abs(lit - lit.mean(axis=0)).max() < 0.01
    levels = (0.1, 0.5, 0.9)
    np.testing.assert_allclose(np.quantile(lit, levels), np.quantile(scene, levels), atol=0.02)


def halves(left: float, right: float, rng: np.random.Generator) -> np.ndarray:
    image = np.full((3, 32, 48), left) + 0.02 * rng.standard_normal((3, 32, 48))
    image[:, :, 24:] += right - left
    return image.clip(0, 1).astype(np.float32)


def test_lut_goes_class_by_class(rng: np.random.Generator) -> None:
    """The host is dark on the left, the scene on the right: their classes tell what belongs together."""
    classes = np.zeros((32, 48), np.uint8)
    classes[:, 24:] = 7
    host, scene = (
        LookInput(halves(0.3, 0.7, rng), classes=classes),
        LookInput(halves(0.9, 0.1, rng), classes=classes[:, ::-1]),
    )
    lit = ReinhardPerClass()(host, host, scene)
    assert abs(lit[:, :, :20].mean() - 0.1) < 0.05 and abs(lit[:, :, 28:].mean() - 0.9) < 0.05


def test_classes_may_change_places_in_lightness(rng: np.random.Generator) -> None:
    classes = np.zeros((32, 48), np.uint8)
    classes[:, 24:] = 7
    host = LookInput(halves(0.3, 0.6, rng), classes=classes)
    scene = LookInput(halves(0.5, 0.4, rng), classes=classes)
    lit = ReinhardPerClass()(host, host, scene)
    # No change of the whole frame makes the darker half the brighter one.
    assert abs(lit[:, :, :20].mean() - 0.5) < 0.03 and abs(lit[:, :, 28:].mean() - 0.4) < 0.03


def test_a_class_of_few_pixels_is_trusted_little(rng: np.random.Generator) -> None:
    classes = np.zeros((32, 48), np.uint8)
    classes[0, :3] = 7  # 0.2 % of the picture: half as much as the whole frame
    pixels = halves(0.3, 0.3, rng)
    bright = pixels.copy()
    bright[:, classes == 7] = 0.8
    look = ReinhardPerClass()
    table = look._build_table(LookInput(pixels, classes=classes), LookInput(bright, classes=classes))
    whole = np.concatenate(look.whole_frame.compute_change(pixels, bright))
    own = ReinhardPerClass(half_trusted_share=0)._build_table(
        LookInput(pixels, classes=classes), LookInput(bright, classes=classes)
    )
    share = 3 / 1536
    np.testing.assert_allclose(table[7], whole + share / (share + 0.002) * (own[7] - whole), rtol=1e-4)
    np.testing.assert_allclose(table[5], whole, rtol=1e-6)


def test_looks_have_names_and_so_have_former_ones() -> None:
    assert all(is_look_name(name) for name in ("reinhard", "fda:0.01", "mix", "lut", "reinhard-per-class"))
    assert not is_look_name("poisson") and not is_look_name("fda-0.01")


def test_what_the_scene_lacks_follows_the_whole_frame(rng: np.random.Generator) -> None:
    host, scene = LookInput(halves(0.3, 0.7, rng)), LookInput(halves(0.2, 0.5, rng))
    classes = [np.full((32, 48), value, np.uint8) for value in (3, 4)]
    whole = ReinhardPerClass()(host, host, scene)
    apart = ReinhardPerClass()(
        *(LookInput(s.image, classes=c) for s, c in ((host, classes[0]),) * 2 + ((scene, classes[1]),))
    )
    np.testing.assert_allclose(apart, whole, atol=0.02)  # the ends of lightness are pressed otherwise
    unknown = [LookInput(s.image, classes=np.full((32, 48), 255, np.uint8)) for s in (host, host, scene)]
    np.testing.assert_array_equal(ReinhardPerClass()(*unknown), apart)


def test_methods_by_name() -> None:
    assert list(parse_looks(MIX, FRAME, True)) == list(FRAME_LOOKS)
    assert list(parse_looks(MIX, FRAME, False)) == [name for name in FRAME_LOOKS if name != "reinhard-per-class"]
    assert list(parse_looks(MIX, SCAN, False)) == list(SCAN_LOOKS)
    assert parse_looks("fda:0.02", FRAME, False) == {"fda:0.02": FDA(0.02)}
    for method, domain, reason in [
        ("reinhard-per-class", FRAME, "scenes without masks"),
        ("lut", FRAME, "method 'lut', which has a new name; expected reinhard-per-class"),
        ("reinhard", SCAN, "no method 'reinhard' for scenes of scans; expected one of histogram, fda, mix"),
        ("fda:wide", FRAME, "fda:BETA"),
        ("histogram:0.1", FRAME, "fda:BETA"),
    ]:
        with pytest.raises(DataError, match=reason):
            parse_looks(method, domain, False)
