"""Objects in a mask: instances, boxes and what is too small."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from domaingan.imaging.instances import find_corner_box, find_instance_objects, find_mask_objects, isin_small


def test_volume_boxes_are_in_array_order() -> None:
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[1:3, 4:8, 2:9] = True
    assert find_corner_box(mask, np.zeros(3, dtype=int)).tolist() == [1, 4, 2, 3, 8, 9]


def test_touching_objects_of_two_classes_are_two() -> None:
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[1:4, 1:4], mask[1:4, 4:7] = 8, 9
    found = find_mask_objects(mask, [8, 9])
    assert found.labels.tolist() == [8, 9]
    assert found.boxes.tolist() == [[1, 1, 4, 4], [4, 1, 7, 4]]


def test_small_components_are_dropped_and_counted() -> None:
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[0, 0], mask[2:5, 2:5] = 8, 8
    found = find_mask_objects(mask, [8], min_area=2)
    assert (found.dropped, found.labels.tolist(), int(found.instances.max())) == (1, [8], 1)
    assert found.instances[0, 0] == 0


@given(arrays.arrays(np.uint8, (7, 9), elements=st.integers(0, 2)))
def test_every_instance_fills_its_box_and_has_its_label(mask: np.ndarray) -> None:
    found = find_mask_objects(mask, [1, 2])
    assert ((found.instances > 0) == (mask > 0)).all()
    for number, (box, label) in enumerate(zip(found.boxes, found.labels, strict=True), start=1):
        own = found.instances == number
        assert (mask[own] == label).all()
        assert (find_corner_box(own, np.zeros(2, dtype=int)) == box).all()


def test_instances_have_the_class_of_most_of_their_pixels() -> None:
    instances = np.zeros((6, 8), dtype=np.int32)
    instances[1:3, 1:5] = 2
    instances[4:6, 2:4] = 7  # 1 and 3 to 6 do not occur
    instances[0, 0] = -1
    mask = np.where(instances > 0, 8, 0)
    mask[1, 1:3] = 9
    found = find_instance_objects(instances, mask)
    assert found.labels.tolist() == [8, 8]
    assert found.boxes.tolist() == [[1, 1, 5, 3], [2, 4, 4, 6]]
    assert np.unique(found.instances, return_counts=True)[1].tolist() == [48 - 12, 8, 4]
    assert found.instances[1, 1] == 1 and found.instances[4, 2] == 2 and found.instances[0, 0] == 0
    assert found.dropped == 0
    mask[1:3, 1:4] = 9
    assert find_instance_objects(instances, mask).labels.tolist() == [9, 8]


def test_some_values_are_found_in_a_mask() -> None:
    mask = np.array([[8, 9, 7, 0]])
    assert isin_small(mask, [7, 8]).tolist() == [[True, False, True, False]]
    assert isin_small(mask, []).tolist() == [[False] * 4]
