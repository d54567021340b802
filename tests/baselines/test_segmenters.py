"""The segmenters' networks: gradients in bfloat16, plans, deep supervision, and models that know their network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from domaingan.augmentation import Classic
from domaingan.baselines.backbones import Backbone
from domaingan.baselines.segmentation import train_segmenter
from domaingan.baselines.segmentation_networks import SEGMENTATION_NETWORKS, NetworkPlan, check_network, list_networks
from domaingan.baselines.segmentation_networks.dynunet import plan_levels
from domaingan.baselines.segmenter_model import Segmenter
from domaingan.baselines.segmenters import build_seeded_network, make_loss
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.weights import save_model
from domaingan.core.errors import DataError
from domaingan.data import FRAME, SCAN, Sample, Schema
from domaingan.imaging.intensity import with_measurements

LITE = Backbone("tf_efficientnet_lite0")
SCANS = list_networks(SCAN)
RGB = Schema("masks", "frame", 2, ("red", "green", "blue"), {"road": 0, "car": 1})


def make_schema(dims: int) -> Schema:
    return Schema("nifti", "scan", dims, ("t1",), {"lesion": 1})


def make_plan(name: str, shape: tuple[int, ...], width: int = 8) -> NetworkPlan:
    if SEGMENTATION_NETWORKS[name].is_rgb:
        return NetworkPlan(name, RGB, shape, backbone=LITE)
    return NetworkPlan(name, make_schema(len(shape)), shape, (1.0,) * len(shape), width)


def compute_gradients(name: str, shape: tuple[int, ...], precision: torch.dtype) -> dict[str, torch.Tensor]:
    network = build_seeded_network(make_plan(name, shape), 0)
    image = torch.rand(2, 1, *shape, generator=torch.Generator().manual_seed(0))
    dirt = [torch.full((2**n,), 1e4, dtype=torch.bfloat16) for n in range(6, 22)]  # in what is handed out next
    del dirt
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        logits = network(image).float()
    logits.reshape(-1, 2, *shape)[:, 1].sigmoid().square().mean().backward()
    return {name: p.grad.flatten() for name, p in network.named_parameters() if p.grad is not None and p.ndim > 2}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("basicunet", (32, 32, 16)),
        ("basicunet", (16, 32, 32)),
        ("basicunet", (48, 16, 16)),
        ("basicunet", (32, 32)),
        ("dynunet", (16, 32, 32)),
        ("segresnet", (16, 16, 16)),
    ],
)
def test_gradients_in_bfloat16_point_where_those_of_float32_do(name: str, shape: tuple[int, ...]) -> None:
    exact, rough = (compute_gradients(name, shape, dtype) for dtype in (torch.float32, torch.bfloat16))
    for layer, gradient in exact.items():
        assert torch.cosine_similarity(rough[layer], gradient, dim=0) > 0.7, layer


# ------------------------------------------------------------------ the registry


@pytest.mark.parametrize("name", list(SEGMENTATION_NETWORKS))
def test_every_network_keeps_the_shape_and_is_a_function_of_the_seed(name: str) -> None:
    family = SEGMENTATION_NETWORKS[name]
    shapes = [(32, 64)] if family.is_rgb else [(16, 32), (16, 16, 32)]
    for shape in shapes:
        plan = make_plan(name, shape)
        networks = [build_seeded_network(plan, seed, is_pretrained=False).eval() for seed in (0, 0, 1)]
        image = torch.rand(1, len(plan.schema.channels), *shape, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            same, again, other = (network(image) for network in networks)
        assert same.shape == (1, 2, *shape) and torch.equal(same, again) and not torch.equal(same, other)


def test_networks_are_refused_where_they_are_not_for_the_images_or_cannot_have_the_width() -> None:
    assert list_networks(FRAME) == ["unet", "deeplabv3plus", "fpn"] and SCANS[0] == "basicunet"
    check_network("segresnet", SCAN, 24, None)
    for network, domain, width, backbone, message in (
        ("unet", SCAN, None, None, "network 'unet' for scans; expected one of basicunet, dynunet, segresnet"),
        ("dynunet", FRAME, None, LITE, "network 'dynunet' for frames"),
        ("segresnet", SCAN, 12, None, "width 12 for network 'segresnet'; expected a multiple of 8"),
        ("dynunet", SCAN, 400, None, "width 400 for network 'dynunet'; expected a width up to 320"),
        ("fpn", FRAME, 16, LITE, "width 16 for network 'fpn'; expected a backbone"),
        ("basicunet", SCAN, None, LITE, "backbone 'tf_efficientnet_lite0' for network 'basicunet'"),
    ):
        with pytest.raises(DataError, match=message):
            check_network(network, domain, width, backbone)


def test_a_backbone_without_the_features_of_a_network_is_refused_in_one_line() -> None:
    plan = NetworkPlan("deeplabv3plus", RGB, (32, 32), backbone=Backbone("vit_tiny_patch16_224"))
    with pytest.raises(DataError, match="backbone 'vit_tiny_patch16_224' for DeepLabV3Plus") as caught:
        build_seeded_network(plan, 0, is_pretrained=False)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------ DynUNet


def test_levels_follow_patch_and_spacing() -> None:
    kernels, strides = plan_levels((64, 64, 64), (1, 1, 1))
    assert strides == [(1, 1, 1), *[(2, 2, 2)] * 4] and set(kernels) == {(3, 3, 3)}
    kernels, strides = plan_levels((128, 128, 16), (0.5, 0.5, 3.0))  # thick slices
    assert strides == [(1, 1, 1), (2, 2, 1), (2, 2, 1), (2, 2, 2), (2, 2, 2), (2, 2, 1)]
    assert kernels == [(3, 3, 1), (3, 3, 1), (3, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)]
    assert plan_levels((16, 48), (1, 1))[1] == [(1, 1), (2, 2), (2, 2), (1, 2)]  # an axis stops at 4 pixels


def test_deep_supervision_weighs_each_level_half_as_much_as_the_finer_one() -> None:
    criterion = make_loss(SCAN)
    target = torch.zeros(2, 8, 8, dtype=torch.int64)
    target[:, 2:5] = 1
    heads = torch.rand(2, 3, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    parts = [float(criterion(head, target)) for head in heads.unbind(1)]
    assert float(criterion(heads, target)) == pytest.approx((4 * parts[0] + 2 * parts[1] + parts[2]) / 7)


def test_dynunet_has_several_outputs_in_training_and_one_after() -> None:
    network = build_seeded_network(make_plan("dynunet", (64, 64)), 0)
    assert network(torch.rand(1, 1, 64, 64)).shape == (1, 4, 2, 64, 64)
    assert network.eval()(torch.rand(1, 1, 64, 64)).shape == (1, 2, 64, 64)


# ------------------------------------------------------------------ trained models


def make_samples(dims: int) -> list[Sample]:
    samples = []
    for seed in range(3):
        image = np.random.default_rng(seed).uniform(1, 2, (1, *(24,) * dims)).astype(np.float32)
        mask = np.zeros((24,) * dims, np.uint8)
        mask[(slice(6, 14),) * dims] = 1
        image[0][mask > 0] += 1
        samples.append(with_measurements(Sample(image, mask), SCAN))
    return samples


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.parametrize("dims", [2, 3])
def test_a_saved_model_knows_its_network(name: str, dims: int, tmp_path: Path) -> None:
    samples, schema = make_samples(dims), make_schema(dims)
    augment = TrainingAugmentation(classic=Classic(dims, SCAN))
    model = train_segmenter(samples, schema, augment, steps=2, seed=0, network=name, width=8)
    model.save(tmp_path / "a.safetensors")
    again = Segmenter.load(tmp_path / "a.safetensors")
    assert again.plan == model.plan and again.plan.network == name and again.flip_axes == model.flip_axes
    assert (again.predict(samples[0]) == model.predict(samples[0])).all()


def test_dropout_is_a_function_of_the_seed_and_leaves_the_global_state_of_chance_alone() -> None:
    image = np.random.default_rng(0).uniform(0, 1, (3, 64, 64)).astype(np.float32)
    sample = Sample(image, np.random.default_rng(1).integers(0, 2, (64, 64)).astype(np.uint8))
    weights = []
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    for seed in (3, 3):
        model = train_segmenter([sample], RGB, TrainingAugmentation(), steps=1, seed=seed, network="fpn", backbone=LITE)
        weights.append(torch.cat([value.flatten().float() for value in model.network.state_dict().values()]))
    assert torch.equal(torch.rand(1), expected) and torch.equal(*weights)


def test_models_of_format_1_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no network and no spacing, call the frames' model ``unet``, and have a width even with a backbone."""
    plan = make_plan("unet", (32, 32))
    network = build_seeded_network(plan, 0, is_pretrained=False).eval()
    state = {name.replace("model.", "unet.", 1): value for name, value in network.state_dict().items()}
    stored = {"patch": (32, 32), "schema": RGB.to_dict(), "width": 16, "backbone": LITE.name}
    monkeypatch.setattr("domaingan.baselines.weights.WEIGHTS_FORMAT", 1)
    save_model(tmp_path / "a.safetensors", state, "segmentation", stored)
    monkeypatch.undo()
    model = Segmenter.load(tmp_path / "a.safetensors")
    assert model.plan == NetworkPlan("unet", RGB, (32, 32), backbone=LITE)
    assert torch.equal(model.network.model.encoder.model.conv_stem.weight, network.model.encoder.model.conv_stem.weight)
    monkeypatch.setattr("domaingan.baselines.weights.WEIGHTS_FORMAT", 3)
    save_model(tmp_path / "b.safetensors", state, "segmentation", stored)
    monkeypatch.undo()
    with pytest.raises(DataError, match="expected a format up to 2"):
        Segmenter.load(tmp_path / "b.safetensors")
