"""A varied crop: image and mask move together, an unvaried one does not change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.bank import Bank, BankInfo, Crop, new_entries
from domaingan.blend.variation import NONE, Variation, apply


def crop_of(mask: np.ndarray, spacing: float = 1.0) -> Crop:
    info = BankInfo(spatial_dims=mask.ndim, channels=["a"], classes={"x": 1})
    entries = new_entries(info, 1)
    entries["spacing"] = spacing
    return Bank(info, mask[None, None].astype(np.float16), mask[None].astype(np.uint8), entries)[0]


@pytest.mark.parametrize("dims", [2, 3])
def test_nothing_varied_gives_back_the_object(dims: int, rng: np.random.Generator) -> None:
    mask = np.zeros((16,) * dims, dtype=np.uint8)
    mask[(slice(4, 11),) * dims] = rng.integers(0, 2, (7,) * dims)
    patch = apply(crop_of(mask), NONE.draw(dims, rng), (1.0,) * dims, margin=0)
    assert patch is not None
    where = tuple(slice(s.min(), s.max() + 1) for s in np.nonzero(mask))
    assert (patch[1] == mask[where]).all()
    assert patch[0][0] == pytest.approx(mask[where].astype(float), abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_image_and_mask_move_together(dims: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((24,) * dims, dtype=np.uint8)
    mask[(slice(6, 18),) + (slice(8, 14),) * (dims - 1)] = 1
    patch = apply(crop_of(mask), Variation().draw(dims, rng), (1.0,) * dims, margin=2)
    assert patch is not None
    image, moved = patch
    assert ((image[0] > 0.5) == (moved > 0)).mean() > 0.9


@settings(max_examples=30, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_volume_grows_with_the_drawn_scale(dims: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((32,) * dims, dtype=np.uint8)
    mask[(slice(10, 22),) * dims] = 1
    draw = Variation(scale=(0.7, 1.4)).draw(dims, rng)
    patch = apply(crop_of(mask), draw, (1.0,) * dims, margin=0)
    assert patch is not None
    # A cube that is turned by next to nothing gains or loses a layer of pixels at once: up to 0.23 in 5,500 draws.
    assert (patch[1] > 0).sum() == pytest.approx(12**dims * draw.scale**dims, rel=0.3)
