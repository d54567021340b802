from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.data import FRAME, SCAN, Sample
from domaingan.imaging.distances import measure_squared_distance
from domaingan.imaging.intensity import (
    find_nonzero,
    find_ring,
    from_scaled,
    get_foreground,
    get_intensity_range,
    label_components,
    measure_contrast,
    to_scaled,
)

masks = st.integers(1, 3).flatmap(lambda dims: arrays.arrays(np.uint8, (9,) * dims, elements=st.integers(0, 3)))


def ball(shape: tuple[int, ...], radius: float) -> NDArray[np.bool_]:
    centre = [(n - 1) / 2 for n in shape]
    return np.sum([(g - c) ** 2 for g, c in zip(np.indices(shape), centre, strict=True)], axis=0) <= radius**2


# ---------------------------------------------------------------- foreground


@pytest.mark.parametrize("shape", [(40, 44), (24, 26, 20)])
def test_foreground_of_a_skull_stripped_scan_is_all_but_its_background(
    shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    brain = ball(shape, 9)
    image = np.where(brain, rng.uniform(1, 2, (2, *shape)), 0).astype(np.float32)
    image[:, *[n // 2 for n in shape]] = 0  # a hole
    image[:, *[1] * len(shape)] = 1  # a speck apart
    assert (get_foreground(Sample(image)) == brain).all()


def test_foreground_of_a_background_that_is_not_zero(rng: np.random.Generator) -> None:
    body = ball((40, 40), 12)
    image = np.where(body, rng.uniform(-200, 300, (1, 40, 40)), -1024).astype(np.float32)
    assert (get_foreground(Sample(image)) == body).all()


def test_foreground_of_a_stack_of_few_slices_that_all_show_the_brain() -> None:
    brain = np.repeat(ball((40, 40), 12)[..., None], 5, axis=2)
    assert (get_foreground(Sample(brain[None].astype(np.float32))) == brain).all()


def test_foreground_of_a_scan_that_is_padded_with_zeros(rng: np.random.Generator) -> None:
    head = ball((60, 60), 18)
    image = np.abs(rng.normal(0, 2, (1, 60, 60))) + 100 * head
    image[:, 50:] = 0  # what an upright head leaves; the air elsewhere is noisy
    assert (get_foreground(Sample(image.astype(np.float32))) != head).mean() < 0.005


def test_foreground_holds_what_is_dark_beside_bright_fat(rng: np.random.Generator) -> None:
    limb, muscle = ball((60, 60), 24), ball((60, 60), 16)
    image = np.abs(rng.normal(0, 5, (1, 60, 60))) + np.where(muscle, 250, 1000) * limb
    image[0, 30:] = np.where(muscle, 250, 900)[30:] + rng.normal(0, 5, (30, 60))  # the scan ends within the body
    body = limb.copy()
    body[30:] = True
    assert (get_foreground(Sample(image.astype(np.float32))) != body).mean() < 0.005


def test_foreground_of_a_noisy_scan_is_by_threshold(rng: np.random.Generator) -> None:
    body = ball((24, 26, 20), 8)
    image = (rng.uniform(0, 0.2, (1, *body.shape)) + body).astype(np.float32)
    assert (get_foreground(Sample(image)) != body).mean() < 0.001


def test_foreground_does_not_depend_on_a_channels_units(rng: np.random.Generator) -> None:
    body = ball((40, 40), 12)
    good = rng.normal(0, 0.02, (40, 40)) + body
    noise = rng.normal(0, 0.1, (40, 40))  # a channel that shows no body
    small = Sample(np.stack([good, noise]).astype(np.float32))
    large = Sample(np.stack([good, 5000 * noise - 900]).astype(np.float32))
    assert (get_foreground(small) == get_foreground(large)).all()
    assert (get_foreground(large) != body).mean() < 0.02


def test_foreground_of_one_value_is_nothing() -> None:
    assert not get_foreground(Sample(np.full((2, 8, 8), 3, dtype=np.float32))).any()


def test_foreground_that_is_known_is_taken() -> None:
    known = np.eye(8)
    assert (get_foreground(Sample(np.zeros((1, 8, 8), dtype=np.float32), meta={"foreground": known})) == known).all()


# ---------------------------------------------------------------- range


def test_range_is_that_of_the_foreground(rng: np.random.Generator) -> None:
    body = ball((60, 60), 20)
    image = np.where(body, rng.uniform(100, 200, (2, 60, 60)), 0).astype(np.float32)
    image[1] *= 0.01
    ends = get_intensity_range(Sample(image), SCAN)
    assert ends.shape == (2, 2)
    np.testing.assert_allclose(ends, [[100.5, 199.5], [1.005, 1.995]], rtol=0.01)
    assert find_nonzero(to_scaled(image, ends))[body].mean() > 0.98
    assert not find_nonzero(to_scaled(image, ends))[~body].any()


def test_range_of_frames_and_known_ranges() -> None:
    image = np.full((3, 4, 4), 0.2, dtype=np.float32)
    assert get_intensity_range(Sample(image), FRAME).tolist() == [[0, 1]] * 3
    assert get_intensity_range(Sample(image, meta={"range": [[2, 5]] * 3}), SCAN).tolist() == [[2, 5]] * 3


def test_range_of_a_flat_channel_can_be_divided_by() -> None:
    image = np.full((1, 8, 8), 7, dtype=np.float32)
    ends = get_intensity_range(Sample(image), SCAN)
    assert np.isfinite(to_scaled(image, ends)).all()


@given(
    arrays.arrays(np.float32, (2, 5, 5), elements=st.floats(-1000, 3000, width=32)),
    st.floats(-1000, 1000),
    st.floats(0.1, 3000),
)
def test_scaling_there_and_back(image: NDArray[np.float32], low: float, width: float) -> None:
    ends = np.array([[low, low + width], [0, 1]], dtype=np.float32)
    back = from_scaled(to_scaled(image, ends), ends)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, image, atol=2e-3)


# ---------------------------------------------------------------- ring, contrast, components


@given(masks, st.floats(1, 4))
def test_ring_touches_the_mask_and_stays_within_its_width(mask: NDArray[np.uint8], width: float) -> None:
    body, around = mask > 0, find_ring(mask, width)
    assert not (around & body).any()
    expected = ndimage.distance_transform_edt(~body) <= width if body.any() else np.zeros_like(body)
    assert (around == (expected & ~body)).all()
    inside = np.indices(mask.shape)[0] % 2 == 0
    assert (find_ring(mask, width, inside) == (around & inside)).all()


@settings(max_examples=30)
@given(masks, st.floats(-2, 2), st.floats(-2, 2))
def test_contrast_is_that_of_what_was_added(mask: NDArray[np.uint8], base: float, added: float) -> None:
    around = find_ring(mask)
    image = np.stack([np.full(mask.shape, base) + added * (mask > 0), np.full(mask.shape, base)]).astype(np.float32)
    expected = added if around.any() else 0  # no ring where everything is object
    np.testing.assert_allclose(measure_contrast(image, mask, around), [expected, 0], atol=1e-5)
    np.testing.assert_allclose(measure_contrast(image + 5, mask, around), [expected, 0], atol=1e-5)  # not of the level


def test_components_touch_at_corners_across_classes() -> None:
    mask = np.array([[1, 0, 0, 0], [0, 3, 0, 0], [0, 0, 0, 2]])
    labels, n = label_components(mask)
    assert n == 2
    assert labels[0, 0] == labels[1, 1] != labels[2, 3]
    assert labels[0, 3] == 0


# ---------------------------------------------------------------- distances nearby


@given(masks, st.integers(0, 6))
def test_distances_nearby_are_those_of_a_whole_distance_transform(mask: NDArray[np.uint8], limit: int) -> None:
    body = mask > 0
    found = measure_squared_distance(body, limit)
    if not body.any():
        assert (found == limit**2 + 1).all()
        return
    squares = np.rint(ndimage.distance_transform_edt(~body) ** 2)
    np.testing.assert_array_equal(found, np.where(squares <= limit**2, squares, limit**2 + 1))


def test_distances_of_180_pixels_do_not_run_over() -> None:
    line = np.zeros((1, 400), dtype=bool)
    line[0, 0] = True
    found = measure_squared_distance(line, 180)[0]
    assert found[180] == 180**2 and (found[181:] == 180**2 + 1).all()
