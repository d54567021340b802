"""Objects that others come in front of: instances, boxes and labels stay in step, and the hidden go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.blend.occlusion import OccludedObjects, find_objects, get_mask_or_filled_boxes
from domaingan.data import Crowd, Sample
from domaingan.imaging.instances import find_corner_box, find_mask_objects

ORIGIN = np.zeros(2, dtype=int)
ALL = (slice(0, 1000), slice(0, 1000))


def a_mask(rng: np.random.Generator, n: int = 6) -> np.ndarray:
    mask = np.zeros((40, 50), dtype=np.uint8)
    for _ in range(n):
        top, left = rng.integers(0, 30), rng.integers(0, 40)
        mask[top : top + rng.integers(3, 10), left : left + rng.integers(3, 10)] = rng.integers(1, 4)
    return mask


@settings(max_examples=40)
@given(st.integers(0, 2**20))
def test_everything_agrees_whatever_comes_in_front(seed: int) -> None:
    rng = np.random.default_rng(seed)
    covered = OccludedObjects.from_objects(find_mask_objects(a_mask(rng), [1, 2, 3]))
    for _ in range(4):
        before = covered.objects
        visible = np.zeros((40, 50), dtype=bool)
        top, left = rng.integers(0, 30), rng.integers(0, 40)
        visible[top : top + 9, left : left + 7] = True
        gone = covered.add(ALL, visible, 2, int(visible.sum()))
        after = covered.objects
        assert len(after.boxes) == len(after.labels) == len(covered.full_sizes) == after.instances.max()
        for number, box in enumerate(after.boxes, start=1):
            assert np.array_equal(box, find_corner_box(after.instances == number, ORIGIN))
        assert np.array_equal(after.instances == len(after.boxes), visible)
        untouched = before.instances * ~np.isin(before.instances, before.instances[visible])
        assert ((untouched > 0) <= (after.instances > 0)).all()
        if gone is not None:
            assert not after.instances[gone].any() and not (gone & visible).any()


def test_several_that_cover_it_bit_by_bit_count_together() -> None:
    mask = np.zeros((20, 30), dtype=np.uint8)
    mask[5:15, 5:25] = 1
    covered = OccludedObjects.from_objects(find_mask_objects(mask, [1]))
    for left, there in ((5, True), (11, True), (17, False)):  # 70 %, 40 % and 10 % of it are left
        visible = np.zeros(mask.shape, dtype=bool)
        visible[5:15, left : left + 6] = True
        gone = covered.add(ALL, visible, 2, 60)
        assert (1 in covered.objects.labels) == there and (gone is None) == there


def test_boxes_without_instances_are_kept_to_the_bit() -> None:
    mask = np.zeros((20, 30), dtype=np.uint8)
    mask[5:15, 5:10] = 1
    mask[8:12, 20:26] = 2
    boxes = np.array([[4.5, 4.25, 10.5, 15.75], [20, 8, 26, 12], [0, 0, 3, 3]], dtype=np.float32)
    labels = np.array([1, 2, 2])
    covered = OccludedObjects.from_objects(
        find_objects(Sample(np.zeros((3, 20, 30), np.float32), mask, boxes, labels), [1, 2])
    )
    visible = np.zeros(mask.shape, dtype=bool)
    visible[8:12, 22:30] = True
    covered.add(ALL, visible, 1, int(visible.sum()))
    assert covered.objects.boxes.tolist() == [boxes[0].tolist(), [20, 8, 22, 12], boxes[2].tolist(), [22, 8, 30, 12]]
    assert covered.objects.labels.tolist() == [1, 2, 2, 1]


def test_of_two_boxes_the_smaller_has_the_pixels() -> None:
    mask = np.ones((10, 10), dtype=np.uint8)
    boxes = np.array([[2, 2, 5, 5], [0, 0, 10, 10]], dtype=np.float32)
    objects = find_objects(Sample(np.zeros((3, 10, 10), np.float32), mask, boxes, np.array([1, 1])), [1])
    assert (objects.instances == 1).sum() == 9 and (objects.instances == 2).sum() == 91


def test_instances_without_boxes_are_measured() -> None:
    instances = np.zeros((10, 10), dtype=np.int32)
    instances[2:4, 3:6] = 2
    objects = find_objects(Sample(np.zeros((3, 10, 10), np.float32), np.full((10, 10), 7), instances=instances), [7])
    assert objects.boxes.tolist() == [[3, 2, 6, 4]] and objects.labels.tolist() == [7] and objects.instances.max() == 1


def test_annotated_areas_stay_but_for_what_is_covered() -> None:
    mask = np.zeros((20, 30), dtype=np.uint8)
    mask[2:6, 2:12], mask[10:14, 2:12] = 1, 1
    sample = Sample(np.zeros((3, 20, 30), np.float32), mask, meta={"areas": np.array([38.5, 37.25])})
    covered = OccludedObjects.from_objects(find_objects(sample, [1]))
    assert covered.to_sample(Sample(sample.image, mask)).areas is None
    assert covered.to_sample(sample).areas.tolist() == [38.5, 37.25]
    visible = np.zeros(mask.shape, dtype=bool)
    visible[9:12, 2:7] = True  # ten of the lower object's 40 pixels
    covered.add(ALL, visible, 2, 15)
    assert covered.to_sample(sample).areas.tolist() == [38.5, 30, 15]
    visible[:] = False
    visible[1:7, 2:12] = True  # and all of the upper one
    covered.add(ALL, visible, 2, 60)
    assert covered.to_sample(sample).areas.tolist() == [30, 15, 60]


def test_crowds_lose_what_comes_in_front_of_them() -> None:
    mask, region = np.zeros((20, 30), dtype=np.uint8), np.zeros((20, 30), dtype=bool)
    mask[2:6, 2:12], region[10:20, 10:30] = 1, True
    small = np.zeros_like(region)
    small[10:12, 10:12] = True
    box = np.array([0, 0, 9, 9], np.float32)
    crowds = (Crowd(1, box, 190.0, region), Crowd(1, box, 4.0, small), Crowd(2, box, 81.0))
    sample = Sample(np.zeros((3, 20, 30), np.float32), mask, meta={"crowds": crowds})
    covered = OccludedObjects.from_objects(find_objects(sample, [1]))
    assert covered.to_sample(sample).crowds is crowds
    visible = np.zeros(mask.shape, dtype=bool)
    visible[8:12, 8:30] = True
    covered.add(ALL, visible, 2, 88)
    whole, boxed = covered.to_sample(sample).crowds
    assert whole.box.tolist() == [10, 12, 30, 20] and whole.area == 160 == whole.mask.sum() and boxed is crowds[2]


def test_boxes_alone_are_filled_the_smaller_in_front() -> None:
    boxes = np.array([[1, 1, 3, 3], [0.5, 0, 5.2, 4]], np.float32)
    sample = Sample(np.zeros((3, 5, 7), np.float32), None, boxes, np.array([9, 4]))
    filled = get_mask_or_filled_boxes(sample)
    assert filled is not None
    expected = np.zeros((5, 7), dtype=np.int32)
    expected[:4, :6] = 4
    expected[1:3, 1:3] = 9
    np.testing.assert_array_equal(filled, expected)
    mask = np.ones((5, 7), dtype=np.uint8)
    assert get_mask_or_filled_boxes(replace(sample, mask=mask)) is mask
    assert get_mask_or_filled_boxes(replace(sample, labels=None)) is None
    assert get_mask_or_filled_boxes(replace(sample, boxes=None)) is None
