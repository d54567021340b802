"""MixUp and CutMix of a batch: labels are mixed as the images are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from domaingan.errors import DataError
from domaingan.transforms import Interpolation


@pytest.mark.parametrize("shape", [(16, 20), (8, 10, 12)])
def test_cutmix_moves_image_and_mask_together(shape: tuple[int, ...]) -> None:
    images = torch.arange(4.0).reshape(4, *[1] * (len(shape) + 1)).expand(4, 2, *shape).clone()
    masks = images[:, :1].to(torch.uint8)
    mixed, labels = Interpolation("cutmix")(images, masks, np.random.default_rng(1))
    again = Interpolation("cutmix")(images, masks, np.random.default_rng(1))[0]
    assert mixed.shape == images.shape and labels.dtype == torch.uint8 and torch.equal(mixed, again)
    assert torch.equal(mixed[:, :1], labels.float()) and not torch.equal(mixed, images)


def test_mixup_mixes_shares() -> None:
    images = torch.rand(4, 3, 8, 8)
    shares = torch.eye(4).reshape(4, 4, 1, 1).expand(4, 4, 8, 8)
    mixed, labels = Interpolation("mixup", 0.4)(images, shares, np.random.default_rng(0))
    torch.testing.assert_close(labels.sum(1), torch.ones(4, 8, 8))
    torch.testing.assert_close(mixed, torch.einsum("bkhw,kchw->bchw", labels, images))
    with pytest.raises(DataError, match="one-hot"):
        Interpolation("mixup")(images, shares.long(), np.random.default_rng(0))
    with pytest.raises(DataError, match="mixup or cutmix"):
        Interpolation("mosaic")
