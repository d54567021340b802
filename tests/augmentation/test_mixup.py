"""MixUp and CutMix of a batch: labels are mixed as the images are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from domaingan.augmentation import BatchMixing
from domaingan.core.errors import DataError


@pytest.mark.parametrize("shape", [(16, 20), (8, 10, 12)])
def test_cutmix_moves_image_and_mask_together(shape: tuple[int, ...]) -> None:
    images = torch.arange(4.0).reshape(4, *[1] * (len(shape) + 1)).expand(4, 2, *shape).clone()
    masks = images[:, :1].to(torch.uint8)
    mixed, labels = BatchMixing("cutmix")(images, masks, np.random.default_rng(1))
    again = BatchMixing("cutmix")(images, masks, np.random.default_rng(1))[0]
    assert mixed.shape == images.shape and labels.dtype == torch.uint8 and torch.equal(mixed, again)
    assert torch.equal(mixed[:, :1], labels.float()) and not torch.equal(mixed, images)


def test_mixup_mixes_shares() -> None:
    images = torch.rand(4, 3, 8, 8)
    shares = torch.eye(4).reshape(4, 4, 1, 1).expand(4, 4, 8, 8)
    mixed, labels = BatchMixing("mixup", 0.4)(images, shares, np.random.default_rng(0))
    torch.testing.assert_close(labels.sum(1), torch.ones(4, 8, 8))
    torch.testing.assert_close(mixed, torch.einsum("bkhw,kchw->bchw", labels, images))
    with pytest.raises(DataError, match="one-hot"):
        BatchMixing("mixup")(images, shares.long(), np.random.default_rng(0))
    with pytest.raises(DataError, match="mixup or cutmix"):
        BatchMixing("mosaic")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dims", [2, 3])
def test_boxes_have_the_share_that_is_drawn_and_lie_anywhere(dims: int) -> None:
    n = 400
    images = torch.zeros(n, 1, *(32,) * dims)
    images[::2] = 1
    mixed, _ = BatchMixing("cutmix")(images, images, np.random.default_rng(0))
    cut = (mixed != images).float()
    there = cut.flatten(1).mean(1)
    assert 0.12 < float(there[there > 0].mean()) < 0.5  # a half in the mean, less what leaves the image
    assert (cut.mean(0) > 0.01).all()
    alone, _ = BatchMixing("cutmix")(images[:1], images[:1], np.random.default_rng(0))
    assert torch.equal(alone, images[:1])


@pytest.mark.parametrize("method", ["mixup", "cutmix"])
def test_nothing_is_mixed_with_itself(method: str) -> None:
    images = torch.arange(1.0, 6).reshape(5, 1, 1, 1).expand(5, 1, 9, 9).clone()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mixed, _ = BatchMixing(method)(images, images, rng)
        if method == "mixup":
            assert (mixed != images).flatten(1).any(1).all()
        before = images.clone()
        assert torch.equal(images, before)
