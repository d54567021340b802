"""Controls: what is destroyed in a crop, and what stays."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks.crops import crops
from domaingan.evaluation.control_crops import blur_objects


@pytest.mark.parametrize(("domain", "size"), [("medical", 16), ("driving", 32)])
def test_a_blurred_object_keeps_its_mean_its_shape_and_its_surroundings(domain: str, size: int) -> None:
    few = {"subjects": 2, "shape": (32, 32, 16)} if domain == "medical" else {"sequences": 2, "frames": 1}
    bank = crops(phantoms.load_phantom(domain, **few), size)
    blurred = blur_objects(bank)
    assert np.array_equal(blurred.masks, bank.masks) and np.array_equal(blurred.entries, bank.entries)
    spreads = []
    for before, after, mask in zip(bank.images, blurred.images, bank.masks, strict=True):
        body = mask > 0
        assert np.array_equal(before[:, ~body], after[:, ~body])
        means = before[:, body].astype(float).mean(axis=1), after[:, body].astype(float).mean(axis=1)
        assert np.allclose(*means, atol=2e-3)
        if body.sum() > 30:
            spread = before[:, body].astype(float).std(axis=1)
            spreads.append(float((after[:, body].astype(float).std(axis=1) / spread.clip(1e-6)).mean()))
    assert np.median(spreads) < 0.7
