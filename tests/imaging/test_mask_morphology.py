"""Borders, opening, pieces and holes of masks: worked examples."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.imaging.mask_morphology import (
    dilate,
    erode,
    fill_holes,
    find_rim,
    keep_large_pieces,
    open_mask,
    restore_edges,
)


def test_the_rim_lies_at_the_border_or_beside_what_is_not_in_the_mask() -> None:
    mask = np.ones((5, 6), dtype=bool)
    assert find_rim(mask).sum() == 18
    mask[:, :2] = False
    expected = mask.copy()
    expected[1:4, 3:5] = False
    np.testing.assert_array_equal(find_rim(mask), expected)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("pixels", [1, 2])
def test_a_mask_grows_along_every_axis(dims: int, pixels: int) -> None:
    mask = np.zeros((9,) * dims, dtype=bool)
    mask[(4,) * dims] = True
    grown = dilate(mask, pixels)
    assert grown.sum() == (2 * pixels + 1) ** dims
    assert grown[(4 - pixels,) * dims] and grown[(4 + pixels,) * dims]
    np.testing.assert_array_equal(erode(grown, pixels), mask)
    assert mask.sum() == 1


def test_a_short_axis_is_filled_whole() -> None:
    mask = np.zeros((2, 9), dtype=bool)
    mask[0, 4] = True
    assert dilate(mask, 3)[:, 1:8].all() and dilate(mask, 3).sum() == 14


def test_a_mask_goes_on_beyond_the_array() -> None:
    mask = np.zeros((6, 6), dtype=bool)
    mask[:3] = True
    assert erode(mask).sum() == 12


def test_opening_takes_what_is_thinner_than_three_pixels() -> None:
    mask = np.zeros((12, 12), dtype=bool)
    mask[2:5, 2:5] = True
    mask[7:9, 2:10] = True
    opened = open_mask(mask)
    assert opened[2:5, 2:5].all() and opened.sum() == 9
    assert not open_mask(mask, 2).any()
    mask[3, 5:8] = True
    assert restore_edges(opened, mask).sum() == 10


@pytest.mark.parametrize(("smaller", "kept"), [(3, 13), (2, 10)])
def test_a_piece_has_three_tenths_of_the_largest(smaller: int, kept: int) -> None:
    mask = np.zeros((3, 20), dtype=bool)
    mask[0, :10] = True
    mask[2, :smaller] = True
    assert keep_large_pieces(mask).sum() == kept
    assert not keep_large_pieces(~mask & mask).any()


def test_holes_are_filled_slice_by_slice() -> None:
    ring = np.ones((5, 5), dtype=bool)
    ring[2, 2] = False
    assert fill_holes(ring).all()
    assert not ring[2, 2]
    tube = np.repeat(ring[..., None], 4, axis=2)
    assert fill_holes(tube).all()  # though it is open at both ends
    ring[2, 3:] = False
    np.testing.assert_array_equal(fill_holes(ring), ring)
    assert not fill_holes(np.zeros((4, 4), dtype=bool)).any()
