"""Soft tissue and lung around an object: worked examples."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.banks import BankInfo
from domaingan.blend.scan.soft_tissue import Surroundings, find_soft_levels, find_surroundings, find_target_contrast

BODY = np.zeros((9, 9), dtype=bool)
BODY[3:6, 3:6] = True
ALL = np.ones((9, 9), dtype=bool)
LEVELS = np.array([np.nan, 0.25], dtype=np.float32)


def test_soft_tissue_begins_at_minus_500_hounsfield() -> None:
    ranges = {"ct": (-1000.0, 1000.0), "window": (-160.0, 240.0), "pet": (0.0, 20.0)}
    info = BankInfo(spatial_dims=2, channels=["t1", "ct", "window", "pet"], classes={}, ranges=ranges)
    levels = find_soft_levels(info)
    np.testing.assert_allclose(levels, [np.nan, 0.25, (-500 + 160) / 400, np.nan], rtol=1e-6)


@pytest.mark.parametrize(("columns", "is_soft"), [(3, True), (2, False)])
def test_an_object_lies_in_soft_tissue_from_a_fifth_of_its_ring(columns: int, is_soft: bool) -> None:
    # Columns at the left are soft: of the ring's 68 pixels 20 or 13.
    image = np.zeros((2, 9, 9), dtype=np.float32)
    image[1, :, :columns] = 0.25
    found = find_surroundings(image, BODY, ALL, LEVELS)
    assert found.is_soft is is_soft
    np.testing.assert_array_equal(found.tissue, image[1] >= 0.25 if is_soft else ALL)


def test_what_is_no_tissue_is_not_soft() -> None:
    image = np.ones((2, 9, 9), dtype=np.float32)
    tissue = ALL.copy()
    tissue[0] = False
    found = find_surroundings(image, BODY, tissue, LEVELS)
    assert found.is_soft
    np.testing.assert_array_equal(found.tissue, tissue)


def test_without_hounsfield_units_or_a_ring_all_tissue_counts() -> None:
    image = np.ones((2, 9, 9), dtype=np.float32)
    assert find_surroundings(image, BODY, ALL, np.full(2, np.nan, np.float32)) == Surroundings(ALL, False)
    assert find_surroundings(image, BODY, BODY, LEVELS) == Surroundings(BODY, False)


def test_an_object_keeps_its_contrast_among_its_kind_and_its_values_among_another() -> None:
    crop, host = np.zeros((2, 9, 9), np.float32), np.zeros((2, 9, 9), np.float32)
    crop[:, BODY], host[:, BODY] = 0.7, 0.9
    crop[:, ~BODY], host[:, ~BODY] = 0.5, 0.1
    soft, other = Surroundings(ALL, True), Surroundings(ALL, False)
    kept = find_target_contrast(crop, BODY, soft, host, soft, LEVELS)
    assert kept == pytest.approx([0.2, 0.2])
    moved = find_target_contrast(crop, BODY, soft, host, other, LEVELS)
    assert moved == pytest.approx([0.2, 0.6])  # the second channel alone has absolute units
