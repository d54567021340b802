"""A body that is recalled is the one that would be found."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from domaingan.imaging import body_cache
from domaingan.imaging.body import find_body
from domaingan.imaging.body_cache import clear_cached_bodies, find_body_cached


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    clear_cached_bodies()
    yield
    clear_cached_bodies()


def scan(seed: int, shape: tuple[int, ...] = (130, 140)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middle = [(n - 1) / 2 for n in shape]
    distance = np.sqrt(sum(((x - m) / m) ** 2 for x, m in zip(np.indices(shape), middle, strict=True)))
    return np.where(distance < 0.7, 300 + 20 * rng.normal(size=shape), 5 * np.abs(rng.normal(size=shape)))[None]


def test_the_same_pixels_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    image, expected, calls = scan(0), find_body(scan(0)), []
    monkeypatch.setattr(body_cache, "find_body", lambda image: calls.append(1) or find_body(image))
    for _ in range(3):
        found = find_body_cached(image.copy())
        np.testing.assert_array_equal(found, expected)
        found[...] = False  # the caller's own
    find_body_cached(np.asfortranarray(image))
    assert len(calls) == 1


def test_other_pixels_types_and_shapes_are_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    image, calls = scan(1), []
    monkeypatch.setattr(body_cache, "find_body", lambda image: calls.append(1) or find_body(image))
    changed = image.copy()
    changed[0, 60, 60] += 1
    for other in (image, changed, image.astype(np.float32), image.reshape(1, 140, 130)):
        np.testing.assert_array_equal(find_body_cached(other), find_body(other))
    assert len(calls) == 4


def test_what_was_not_met_for_long_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(np.packbits(np.ones(130 * 140, dtype=bool)))
    monkeypatch.setattr(body_cache, "MAX_CACHED_BYTES", 2 * size)
    for seed in (0, 1, 0, 2):
        find_body_cached(scan(seed))
    kept = list(body_cache._cached_bodies)
    assert kept == [body_cache._make_key(scan(0)), body_cache._make_key(scan(2))]


def test_small_images_are_not_kept() -> None:
    find_body_cached(scan(0, (30, 30)))
    assert not body_cache._cached_bodies
