"""What a paste does to older objects: covered parts change hands, hidden objects go, boxes say so."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.blend.labels import merge_boxes, merge_mask


def square(shape: tuple[int, int], corner: tuple[int, int], edge: int, value: int) -> np.ndarray:
    mask = np.zeros(shape, dtype=np.uint8)
    mask[corner[0] : corner[0] + edge, corner[1] : corner[1] + edge] = value
    return mask


def test_partly_covered_object_keeps_its_visible_part_and_a_tighter_box() -> None:
    older, pasted = square((30, 30), (5, 5), 10, 1), square((30, 30), (5, 10), 10, 2)
    merged = merge_mask(older, pasted)
    assert (merged[pasted > 0] == 2).all() and (merged == 1).sum() == 50
    boxes, labels = merge_boxes(np.float32([[5, 5, 15, 15]]), np.array([1]), older, merged, pasted)
    assert boxes.tolist() == [[5, 5, 10, 15], [10, 5, 20, 15]] and labels.tolist() == [1, 2]


def test_object_less_than_a_fifth_visible_is_dropped_from_mask_and_boxes() -> None:
    older, pasted = square((30, 30), (5, 5), 10, 1), square((30, 30), (4, 6), 12, 2)
    merged = merge_mask(older, pasted)
    assert not (merged == 1).any()
    boxes, labels = merge_boxes(np.float32([[5, 5, 15, 15]]), np.array([1]), older, merged, pasted)
    assert boxes.tolist() == [[6, 4, 18, 16]] and labels.tolist() == [2]


def test_objects_elsewhere_are_left_alone() -> None:
    older, pasted = square((30, 30), (2, 2), 5, 1), square((30, 30), (20, 20), 5, 2)
    merged = merge_mask(older, pasted)
    boxes, labels = merge_boxes(np.float32([[2, 2, 7, 7]]), np.array([1]), older, merged, pasted)
    assert boxes[0].tolist() == [2, 2, 7, 7] and labels.tolist() == [1, 2]


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
