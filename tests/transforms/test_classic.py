"""The classic pipelines: shapes and types kept, seeded, image and mask together."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan.transforms import Classic


@pytest.mark.parametrize("shape", [(48, 64), (32, 40, 24)])
def test_shapes_types_and_seeds(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    classic = Classic(len(shape), "scan")
    image = rng.uniform(-0.5, 2, (2, *shape)).astype(np.float32)
    mask = (rng.random(shape) < 0.2).astype(np.uint8) * 3
    one, two, three = (classic(image, mask, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert one[0].shape == image.shape and one[0].dtype == np.float32
    assert one[1].shape == shape and one[1].dtype == np.uint8 and set(np.unique(one[1])) <= {0, 3}
    assert (one[0] == two[0]).all() and (one[1] == two[1]).all() and (one[0] != three[0]).any()


@pytest.mark.parametrize("shape", [(64, 64), (32, 32, 32)])
def test_mask_moves_with_the_image(shape: tuple[int, ...]) -> None:
    image = np.zeros((1, *shape), dtype=np.float32)
    middle = tuple(slice(n // 4, n // 2) for n in shape)
    image[(0, *middle)] = 1
    classic = Classic(len(shape), "scan")
    for seed in range(8):
        moved, mask = classic(image, (image[0] > 0.5).astype(np.uint8), np.random.default_rng(seed))
        overlap = ((moved[0] > 0.45) & (mask > 0)).sum() / max((mask > 0).sum(), 1)
        assert overlap > 0.7, seed
