"""A pixel of value 255 says nothing: no gradient flows from it."""

from __future__ import annotations

import pytest
import torch

from domaingan.baselines.batches import IGNORED_INDEX
from domaingan.baselines.segmenters import make_loss
from domaingan.data import FRAME, SCAN, Domain


@pytest.mark.parametrize("domain", [SCAN, FRAME], ids=str)
def test_no_gradient_flows_from_ignored_pixels(domain: Domain) -> None:
    assert IGNORED_INDEX == 255
    logits = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.arange(2 * 8 * 8).reshape(2, 8, 8) % 3
    target[:, :4] = IGNORED_INDEX
    make_loss(domain)(logits, target).backward()
    assert logits.grad is not None
    assert logits.grad[:, :, :4].abs().max() == 0 and logits.grad[:, :, 4:].abs().max() > 0
