"""The gradients of the segmenter's network are the same in bfloat16, but for rounding."""

from __future__ import annotations

import pytest
import torch

from domaingan.baselines.segmenters import build_seeded_network
from domaingan.data import Schema


def gradients(shape: tuple[int, ...], precision: torch.dtype) -> dict[str, torch.Tensor]:
    schema = Schema("nifti", "scan", 3 if len(shape) == 3 else 2, ("t1",), {"lesion": 1})
    network = build_seeded_network(schema, 2, 0, 8, None)
    image = torch.rand(2, 1, *shape, generator=torch.Generator().manual_seed(0))
    dirt = [torch.full((2**n,), 1e4, dtype=torch.bfloat16) for n in range(6, 22)]  # in what is handed out next
    del dirt
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        logits = network(image).float()
    logits[:, 1].sigmoid().square().mean().backward()
    return {name: p.grad.flatten() for name, p in network.named_parameters() if p.grad is not None and p.ndim > 2}


@pytest.mark.parametrize("shape", [(32, 32, 16), (16, 32, 32), (48, 16, 16), (32, 32)])
def test_gradients_in_bfloat16_point_where_those_of_float32_do(shape: tuple[int, ...]) -> None:
    exact, found = gradients(shape, torch.float32), gradients(shape, torch.bfloat16)
    for name, gradient in exact.items():
        assert torch.cosine_similarity(found[name], gradient, dim=0) > 0.7, name
