"""Patches that reach beyond an image."""

from __future__ import annotations

import numpy as np

from domaingan.imaging.padded_crops import crop_padded


def test_outside_an_image_lies_its_channels_minimum() -> None:
    image = np.array([[[5, 6], [7, 8]], [[-1, 0], [1, 2]]], dtype=np.float32)
    patch = crop_padded(image, np.array([1, 1]), 2)
    assert patch.tolist() == [[[8, 5], [5, 5]], [[2, -1], [-1, -1]]]


def test_outside_a_mask_lies_what_is_named() -> None:
    mask = np.array([[1, 2], [3, 4]])
    assert crop_padded(mask, np.array([-1, 0]), (2, 3), 9).tolist() == [[9, 9, 9], [1, 2, 9]]


def test_a_patch_beside_an_image_is_all_outside() -> None:
    mask = np.ones((2, 2), dtype=np.uint8)
    assert (crop_padded(mask, np.array([5, 0]), 2, 0) == 0).all()
    assert (crop_padded(mask, np.array([-2, 0]), 2, 0) == 0).all()
