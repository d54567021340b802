"""What a paste does to the mask of its host: covered parts change hands, what is nearly hidden goes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.blend.merge_labels import merge_mask


def square(shape: tuple[int, int], corner: tuple[int, int], edge: int, value: int) -> np.ndarray:
    mask = np.zeros(shape, dtype=np.uint8)
    mask[corner[0] : corner[0] + edge, corner[1] : corner[1] + edge] = value
    return mask


def test_partly_covered_object_keeps_its_visible_part() -> None:
    older, pasted = square((30, 30), (5, 5), 10, 1), square((30, 30), (5, 10), 10, 2)
    merged = merge_mask(older, pasted)
    assert (merged[pasted > 0] == 2).all() and (merged == 1).sum() == 50


def test_object_less_than_a_fifth_visible_is_dropped() -> None:
    older, pasted = square((30, 30), (5, 5), 10, 1), square((30, 30), (4, 6), 12, 2)
    merged = merge_mask(older, pasted)
    assert not (merged == 1).any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**16), dims=st.sampled_from([2, 3]))
def test_merged_mask_is_the_pasted_one_where_pasted_and_never_new_elsewhere(seed: int, dims: int) -> None:
    rng = np.random.default_rng(seed)
    older = (rng.random((12,) * dims) < 0.2).astype(np.int32)
    pasted = np.zeros_like(older)
    pasted[(slice(3, 8),) * dims] = 2
    merged = merge_mask(older, pasted)
    assert (merged[pasted > 0] == 2).all()
    elsewhere = pasted == 0
    assert ((merged == older) | (merged == 0))[elsewhere].all()
