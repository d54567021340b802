"""The detectors' networks: each can be built, trained a step and filled with given weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.detectors import (
    DETECTORS,
    BackbonePyramid,
    build_detector,
    list_torchvision_detectors,
    use_backbone_precision,
)
from domaingan.core.devices import ComputeSettings
from domaingan.core.errors import DataError

LITE = Backbone("tf_efficientnet_lite0")
SIZE = (64, 96)
WHOLE = "ssdlite320_mobilenet_v3_large"


def step(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    image = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0))
    target = {"boxes": torch.tensor([[10.0, 10, 30, 50]]), "labels": torch.tensor([2])}
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    losses: dict[str, torch.Tensor] = network.train()([image, image], [target, nothing])
    return losses


@pytest.mark.parametrize("name", [*DETECTORS, WHOLE])
def test_trains_and_finds(name: str) -> None:
    network = build_detector(name, LITE if name in DETECTORS else None, 3, SIZE, 0)
    torch.stack(list(step(network).values())).sum().backward()
    gradients = [p.grad for p in network.parameters() if p.requires_grad]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)
    with torch.inference_mode():
        found = network.eval()([torch.rand(3, *SIZE)])[0]
    assert found["boxes"].shape[1:] == (4,) and (found["boxes"][:, 2] <= SIZE[1]).all()


def test_pyramid_of_other_backbones_and_of_none() -> None:
    levels = BackbonePyramid(Backbone("resnet18"))(torch.rand(1, 3, 64, 96))
    assert [tuple(level.shape[2:]) for level in levels.values()] == [(8, 12), (4, 6), (2, 3), (1, 2)]
    with pytest.raises(DataError, match="vit_tiny"):
        BackbonePyramid(Backbone("vit_tiny_patch16_224"))
    with pytest.raises(DataError, match="without a backbone"):
        build_detector("ssdlite", None, 3, SIZE, 0)


@pytest.mark.parametrize("name", ["convnext_atto", "resnet18"])  # timm joins their names in different ways
def test_a_backbones_weights_arrive_and_its_early_layers_stay(name: str, tmp_path: Path) -> None:
    import timm

    state = {key: value + 1 for key, value in timm.create_model(name).state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    pyramid = build_detector("ssdlite", Backbone(name, str(tmp_path / "w.pth")), 3, SIZE, 0).backbone
    first_key, first = next(iter(pyramid.body.named_parameters()))
    joined = {key.replace(".", "_"): value for key, value in state.items()}
    assert torch.equal(first, joined[first_key.replace(".", "_")]) and not first.requires_grad
    assert list(pyramid.body.parameters())[-1].requires_grad
    assert not any(m.training for m in pyramid.train().body.modules() if isinstance(m, torch.nn.BatchNorm2d))


def test_a_random_backbone_is_trained_whole() -> None:
    pyramid = build_detector("ssdlite", LITE, 3, SIZE, 0, is_pretrained=False).backbone
    assert all(parameter.requires_grad for parameter in pyramid.parameters())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_given_weights_of_torchvision_but_for_the_head(tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(1)
    given = get_model(WHOLE, weights=None, weights_backbone=None, num_classes=7).state_dict()
    path = tmp_path / f"w{suffix}"
    torch.save(given, path) if suffix == ".pth" else save_file(given, path)
    own = build_detector(f"{WHOLE}={path}", None, 3, SIZE, 0).state_dict()
    same = [name for name in own if own[name].shape == given[name].shape and torch.equal(own[name], given[name])]
    rest = set(own) - set(same)
    assert rest and all("classification_head" in name for name in rest)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    given = get_model(WHOLE, weights=None, weights_backbone=None, num_classes=3).state_dict()
    name = next(iter(given))
    for change, reason in (
        ({k: v for k, v in given.items() if k != name}, "no 'backbone"),
        (given | {name: torch.zeros(1, 2)}, r"\(1, 2\)"),
        ({"x": 3}, "no state dict"),
    ):
        torch.save(change, tmp_path / "w.pth")
        with pytest.raises(DataError, match=reason):
            build_detector(f"{WHOLE}={tmp_path / 'w.pth'}", None, 3, SIZE, 0)
    (tmp_path / "w.pth").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        build_detector(f"{WHOLE}={tmp_path / 'w.pth'}", None, 3, SIZE, 0)
    with pytest.raises(DataError, match="no such file"):
        build_detector(f"ssdlite={tmp_path / 'v.pth'}", LITE, 3, SIZE, 0)


def test_an_unknown_detector_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(DataError, match="ssdlite, fcos, retinanet, fasterrcnn"):
        build_detector("yolo", LITE, 3, SIZE, 0)
    assert WHOLE in list_torchvision_detectors() and not any(
        name.startswith("mask") for name in list_torchvision_detectors()
    )


def test_lower_precision_changes_little_and_ends_with_the_block() -> None:
    network = build_detector("fcos", LITE, 3, SIZE, 0)
    inner = network.backbone
    exact = torch.stack(list(step(network).values())).sum().item()
    with use_backbone_precision(network, ComputeSettings(dtype=torch.bfloat16)):
        rough = step(network)
        assert all(value.dtype == torch.float32 for value in rough.values())
    assert network.backbone is inner
    assert np.isclose(torch.stack(list(rough.values())).sum().item(), exact, rtol=0.05)
