"""The classic pipeline of frames with boxes: what a box held, it still holds."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.augmentation import Classic

CLASSIC = Classic(2, "frame")


def pictured(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A black frame with two bright boxes, a large one in the middle and a small one at the edge."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(20, 40, 2)
    boxes = np.array([[x, y, x + 40, y + 30], [0, 60, 8, 80]], np.float32)
    image = np.zeros((3, 96, 128), np.float32)
    for x0, y0, x1, y1 in boxes.astype(int):
        image[:, y0:y1, x0:x1] = 1
    return image, boxes, np.array([8, 9])


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_boxes_move_with_what_they_hold(seed: int) -> None:
    image, boxes, labels = pictured(seed)
    moved, kept, names = CLASSIC.augment_boxes(image, boxes, labels, np.random.default_rng(seed))
    assert moved.shape == image.shape and moved.dtype == np.float32 and 0 <= moved.min() <= moved.max() <= 1
    assert kept.dtype == np.float32 and names.dtype == np.int64 and len(kept) == len(names)
    assert (kept >= 0).all() and (kept <= np.array([128, 96, 128, 96])).all()
    x0, y0, x1, y1 = kept[names == 8][0].round().astype(int)
    bright = moved[0] > 0.45
    inside = bright[y0:y1, x0:x1]
    assert inside.mean() > 0.7
    assert bright[y0:y1, x0:x1].sum() > 0.85 * (bright[:, max(0, x0 - 4) : x1 + 4].sum() - 8 * 20 * 2)


def test_seeded_and_empty() -> None:
    image, boxes, labels = pictured(0)
    one, two, other = (CLASSIC.augment_boxes(image, boxes, labels, np.random.default_rng(s)) for s in (4, 4, 5))
    assert all((a == b).all() for a, b in zip(one, two, strict=True)) and (one[0] != other[0]).any()
    _, none, names = CLASSIC.augment_boxes(image, boxes[:0], labels[:0], np.random.default_rng(0))
    assert none.shape == (0, 4) and names.shape == (0,)


def test_a_box_that_leaves_the_frame_is_dropped_and_the_others_keep_their_labels() -> None:
    image, boxes, labels = pictured(0)
    results = [CLASSIC.augment_boxes(image, boxes, labels, np.random.default_rng(seed)) for seed in range(60)]
    assert {tuple(names.tolist()) for _, _, names in results} == {(8, 9), (8,)}
