"""What the training is made of: networks, crops as tensors, the average, the losses, checkpoints."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from domaingan.core.devices import choose_precision
from domaingan.core.errors import DataError
from domaingan.gan.config import GANConfig
from domaingan.gan.config_from_bank import describe_provenance
from domaingan.gan.crop_records import select_crop_records
from domaingan.gan.data import TrainingCrops, decode_stacks
from domaingan.gan.defaults import with_defaults
from domaingan.gan.fabric import make_fabric
from domaingan.gan.networks import ARCHITECTURES, build_networks
from domaingan.gan.sampling.generate import recalibrate_batch_norm
from domaingan.gan.sampling.sample_conditions import sample_classes
from domaingan.gan.seeds import make_rng
from domaingan.gan.training.checkpoint import load_checkpoint, save_checkpoint
from domaingan.gan.training.run import make_config
from domaingan.gan.training.trainer import Trainer

UNCONDITIONAL_ARCHITECTURES = [
    name for name, architecture in ARCHITECTURES.items() if not architecture.is_image_conditional
]


def _make_config(bank: Any, **fields: Any) -> GANConfig:
    small = {"size": bank.size[0], "spatial_dims": bank.info.spatial_dims, "width": 8, "latent": 16, "batch": 4}
    settings = with_defaults(**({"arch": "dcgan", "schedule": 5} | small | fields))
    return make_config(bank, settings, steps=5, seed=0, precision="32")


@pytest.mark.parametrize("arch", UNCONDITIONAL_ARCHITECTURES)
@pytest.mark.parametrize(("dims", "size"), [(2, 8), (2, 64), (2, 256), (3, 8), (3, 32)])
def test_networks_of_every_size_paint_and_score(arch: str, dims: int, size: int, make_bank: Any) -> None:
    if arch == "mlp" and size**dims > 64**2:
        return  # refused: see below
    bank = make_bank(n=3, dims=dims, size=size)
    config = _make_config(bank, arch=arch)
    generator, discriminator = build_networks(config)
    stack, condition = TrainingCrops(bank, config).encode([0, 1, 2])
    (x,) = generator.generate(torch.randn(3, 16, generator=make_rng(0)), condition)
    assert x.shape == stack.shape == (3, 2 + 3, *[size] * dims) and x.abs().max() <= 1
    mask = (x[:, 2:] + 1) / 2
    assert torch.allclose(mask.sum(dim=1), torch.ones_like(mask[:, 0]), atol=1e-5)
    assert discriminator([x], condition).shape == (3,)


@pytest.mark.parametrize("dims", [2, 3])
def test_mlp_is_the_classic_pair(dims: int, make_bank: Any) -> None:
    """At the default width and depth: 256, 512, 1024 to the pixels, and 1024, 512, 256 to the score."""
    bank = make_bank(n=3, dims=dims, size=8)
    generator, discriminator = build_networks(_make_config(bank, arch="mlp", width=32, loss="nonsaturating"))
    pixels, latent, classes = 5 * 8**dims, 16, 4

    def linear(network: nn.Module) -> list[tuple[int, int]]:
        return [(m.in_features, m.out_features) for m in network.modules() if isinstance(m, nn.Linear)]

    assert linear(generator) == [(latent + classes, 256), (256, 512), (512, 1024), (1024, pixels)]
    assert linear(discriminator) == [(pixels + classes, 1024), (1024, 512), (512, 256), (256, 1)]
    assert sum(isinstance(m, nn.ReLU) for m in generator.modules()) == 3
    assert [m.negative_slope for m in discriminator.modules() if isinstance(m, nn.LeakyReLU)] == [0.2] * 3
    assert [m.p for m in discriminator.modules() if isinstance(m, nn.Dropout)] == [0.3] * 3


def test_resnet_has_no_normalisation(make_bank: Any) -> None:
    for network in build_networks(_make_config(make_bank(n=3), arch="resnet")):
        assert not any(isinstance(m, nn.modules.batchnorm._NormBase | nn.GroupNorm) for m in network.modules())


def test_weights_follow_from_the_seed_and_leave_the_global_generator_alone(make_bank: Any) -> None:
    config = _make_config(make_bank())
    before = torch.random.get_rng_state()
    first, second = build_networks(config)[0].state_dict(), build_networks(config)[0].state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("dims", [2, 3])
def test_crops_survive_encoding(dims: int, make_bank: Any) -> None:
    bank = make_bank(dims=dims)
    config = _make_config(bank)
    painted, condition = TrainingCrops(bank, config).encode(np.arange(len(bank)))
    assert painted.abs().max() <= 1 and condition.codes.shape == (len(bank), 2)
    images, masks = decode_stacks(painted, config)
    assert (masks == bank.masks).all()
    low, high = np.array(config.data.image_range).T.reshape(2, 1, -1, *[1] * dims)
    assert np.allclose(images, np.clip(bank.images.astype(np.float32), low, high), atol=1e-3)


def test_a_rare_value_is_drawn_often_and_keeps_its_crops(make_bank: Any) -> None:
    bank = make_bank(n=40)
    bank.entries["condition:lesion"] = 1
    bank.entries["condition:grade"] = 0
    bank.entries["condition:lesion"][:2] = 0
    crops = TrainingCrops(bank, _make_config(bank))
    assert 2 <= len(crops.held_out_rows) <= 4 and (crops.codes[crops.training_rows, 0] == 0).sum() >= 1
    _, condition = crops.draw_batch(2000, make_rng(1))
    assert 0.2 < float((condition.codes[:, 0] == 0).float().mean()) < 0.32  # 2 of 40, and half of the balanced draws


def test_subjects_are_held_out_whole(make_bank: Any) -> None:
    bank = make_bank(n=40, subjects=8)
    crops = TrainingCrops(bank, _make_config(bank))
    held = set(bank.entries["subject"][crops.held_out_rows])
    assert len(held) == 1 and not held & set(bank.entries["subject"][crops.training_rows])
    assert TrainingCrops(make_bank(n=4), _make_config(make_bank(n=4))).draw_held_out(4, make_rng(0)) is None


def test_the_average_follows_the_generator_and_is_what_is_kept(make_bank: Any) -> None:
    bank = make_bank()
    config = _make_config(bank, ema=(0.05, 0.4), schedule=4)  # at the start no more than 1/10, then 2/11
    trainer = Trainer(config, TrainingCrops(bank, config), make_fabric("cpu", "32"))
    for decay in (0.05, 0.4 - 0.35 * 0.5 * (1 + math.cos(math.pi / 4))):
        before = [p.clone() for p in trainer.ema.parameters()]
        trainer.train_step()
        for old, now, average in zip(before, trainer.generator.parameters(), trainer.ema.parameters(), strict=True):
            assert torch.allclose(average, decay * old + (1 - decay) * now, atol=1e-6)
    assert not any(p.requires_grad for p in trainer.ema.parameters())
    ready = recalibrate_batch_norm(trainer.ema, trainer.crops)
    assert not ready.training and trainer.ema.training
    assert all(torch.equal(a, b) for a, b in zip(ready.parameters(), trainer.ema.parameters(), strict=True))


def test_without_decay_the_average_is_the_generator(make_bank: Any) -> None:
    bank = make_bank()
    config = _make_config(bank, ema=0.0)
    trainer = Trainer(config, TrainingCrops(bank, config), make_fabric("cpu", "32"))
    trainer.train_step(), trainer.train_step()
    own, average = trainer.generator.state_dict(), trainer.ema.state_dict()
    assert all(torch.equal(own[key], average[key]) for key in own)


def test_checkpoints_two_are_kept_and_a_missing_half_is_skipped(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) == (0, {}, [])
    for step in (5, 10, 15):
        save_checkpoint(tmp_path, step, {"a": torch.full((3,), float(step))})
    assert len(list(tmp_path.iterdir())) == 4
    step, tensors, messages = load_checkpoint(tmp_path)
    assert step == 15 and tensors["a"].tolist() == [15, 15, 15] and not messages
    (tmp_path / "step-00000015.safetensors").unlink()
    step, _, messages = load_checkpoint(tmp_path)
    assert step == 10 and len(messages) == 1
    (tmp_path / "step-00000010.json").write_text("{")
    step, _, messages = load_checkpoint(tmp_path)
    assert step == 0 and len(messages) == 2


def test_codes_are_spread_as_asked(make_bank: Any) -> None:
    config = _make_config(make_bank(n=24))
    assert len(config.list_combinations()) == 4
    codes = sample_classes(config, 100, {"lesion": {"core": 3, "shell": 1}})
    assert abs(sum(code[0] == 0 for code in codes) - 75) <= 1
    assert sample_classes(config, 7, {}) == sample_classes(config, 9, {})[:7]


def test_precision_is_chosen_by_name() -> None:
    assert choose_precision("bf16", "cpu") == "bf16-mixed" and choose_precision("32", "cuda") == "32"
    assert choose_precision("auto", "cpu") in ("32", "bf16-mixed")
    with pytest.raises(DataError, match="precision"):
        choose_precision("int4", "cpu")


def test_an_image_that_is_not_finite_is_refused(make_bank: Any) -> None:
    bank = make_bank()
    bank.images[3, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="NaN"):
        describe_provenance(bank)


def test_few_crop_records_are_kept_but_some_of_every_kind(make_bank: Any) -> None:
    bank = make_bank()
    entries = np.tile(bank.entries, 400)
    entries["condition:lesion"] = 1
    entries["condition:lesion"][[1, 4001]] = 0
    records = select_crop_records(entries, list(bank.info.conditions), [])
    assert 2000 <= len(records) <= 2100
    assert sum(record.codes[0] == 0 for record in records) == 2
