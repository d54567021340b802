"""The ONNX file of a generator draws what PyTorch draws, for any number of crops, and says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from domaingan.banks import Bank, create_entries
from domaingan.core.errors import DataError
from domaingan.gan import GAN, onnx_export
from domaingan.gan.conditions import Condition, scale_numbers
from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops, decode_stacks
from domaingan.gan.sampling.generate import generate

CASES: list[tuple[str, int, dict[str, Any]]] = [
    ("dcgan", 2, {"conditioning": ("channel_1", "mask")}),
    ("dcgan", 3, {"skip": "residual", "depth": 2}),
    ("resnet", 2, {"skip": "multiscale"}),
    ("resnet", 3, {"conditioning": ("mask",)}),
    ("mlp", 2, {"conditioning": ("channel_0",)}),
    ("mlp", 3, {}),
]


def add_numbers(bank: Bank) -> Bank:
    """With the radius as a number condition, of one crop not known."""
    info = bank.info.model_copy(update={"numbers": ["radius_mm"]})
    entries = create_entries(info, len(bank))
    for name in bank.entries.dtype.names or ():
        entries[name] = bank.entries[name]
    entries["number:radius_mm"] = bank.entries["radius_mm"]
    entries["number:radius_mm"][0] = np.nan
    return Bank(info, bank.images, bank.masks, entries)


def fit_gan(bank: Bank, **settings: Any) -> GAN:
    gan = GAN.for_crops(bank, width=4, latent=8, batch=4, **settings)
    gan.fit(bank, 1, device="cpu", precision="32", eval_every=0)
    return gan


def run(path: Path, feed: dict[str, Any]) -> list[Any]:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feed)


@pytest.mark.parametrize(("arch", "dims", "settings"), CASES)
def test_the_file_draws_what_the_model_draws(
    arch: str, dims: int, settings: dict[str, Any], make_bank: Any, tmp_path: Path
) -> None:
    bank = add_numbers(make_bank(dims=dims, size=8))
    gan = fit_gan(bank, arch=arch, **settings)
    config, generator = gan._require_fitted()
    path = gan.export(tmp_path / "generator.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["generator.onnx"]
    assert GANConfig.model_validate_json(onnx.load(path).metadata_props[0].value) == config

    n = 5
    z, codes = torch.randn(n, 8), torch.tensor([[0, -1], [1, 0], [-1, 1], [0, 0], [1, 1]])
    numbers = torch.tensor([[2.5], [3.0], [torch.nan], [4.0], [3.1]])
    feed = {"z": z.numpy(), "codes": codes.numpy(), "numbers": numbers.numpy()}
    given = [i for i, name in enumerate(config.data.channels) if name in config.network.conditioning]
    if given:
        feed["given_images"] = bank.images[:n][:, given].astype(np.float32)
    if "mask" in config.network.conditioning:
        feed["given_masks"] = bank.masks[:n].astype(np.int64)
    found, masks = run(path, feed)
    image = TrainingCrops(bank, config).encode(range(n))[1].image
    images, expected = decode_stacks(
        generate(generator, config, z, Condition(codes, scale_numbers(numbers, config), image)), config
    )
    np.testing.assert_allclose(found, images, atol=1e-4)
    assert masks.dtype == np.uint8 and (masks == expected).mean() > 0.999
    if "mask" in config.network.conditioning:
        assert (masks == bank.masks[:n]).all()


def test_scenes_have_no_masks_and_a_model_without_conditions_takes_latents_alone(
    make_bank: Any, tmp_path: Path
) -> None:
    bank = make_bank(channels=3, domain="frame", size=8)
    info = bank.info.model_copy(update={"kind": "scenes", "classes": {}, "conditions": {}})
    bare = Bank(info, bank.images, np.zeros_like(bank.masks), create_entries(info, len(bank)))
    path = fit_gan(bare).export(tmp_path / "g.onnx")
    (images,) = run(path, {"z": np.zeros((1, 8), np.float32)})
    assert images.shape == (1, 3, 8, 8) and images.min() >= 0 and images.max() <= 1


def test_a_file_that_draws_something_else_is_never_left_behind(
    make_bank: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gan = fit_gan(make_bank(size=8))
    monkeypatch.setattr(onnx_export, "MAX_ONNX_DIFFERENCE", 0.0)
    with pytest.raises(DataError, match="differ by"):
        gan.export(tmp_path / "g.onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_package_it_is_named(make_bank: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gan = fit_gan(make_bank(size=8))
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"onnx.*pip install 'domaingan\[onnx\]'"):
        gan.export(tmp_path / "g.onnx")
