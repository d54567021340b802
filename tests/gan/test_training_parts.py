"""What the training is made of: networks, crops as tensors, the average, the losses, checkpoints."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from domaingan.errors import DataError
from domaingan.gan.checkpoint import load_checkpoint, save_checkpoint
from domaingan.gan.config import GANConfig, build_config, templates_of
from domaingan.gan.data import TrainingCrops, decode, facts
from domaingan.gan.fit import Trainer, choose_precision, fabric_for
from domaingan.gan.losses import LOSSES
from domaingan.gan.networks import ARCHITECTURES, build
from domaingan.gan.sampling import calibrated, spread
from domaingan.gan.seeds import seeded


def _config(bank: Any, **fields: Any) -> GANConfig:
    small = {"size": bank.size[0], "spatial_dims": bank.info.spatial_dims, "width": 8, "latent": 16, "batch": 4}
    return build_config(**facts(bank), **(small | {"steps": 5} | fields))


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize(("dims", "size"), [(2, 8), (2, 64), (2, 256), (3, 8), (3, 32)])
def test_networks_of_every_size_paint_and_score(arch: str, dims: int, size: int, make_bank: Any) -> None:
    config = _config(make_bank(n=3, dims=dims, size=size), arch=arch)
    generator, discriminator = build(config)
    codes = torch.tensor([[0, 1], [-1, 0]])
    x = generator(torch.randn(2, 16, generator=seeded(0)), codes)
    assert x.shape == (2, 2 + 3, *[size] * dims) and x.abs().max() <= 1
    mask = (x[:, 2:] + 1) / 2
    assert torch.allclose(mask.sum(dim=1), torch.ones_like(mask[:, 0]), atol=1e-5)
    assert discriminator(x, codes).shape == (2,)


def test_weights_follow_from_the_seed_and_leave_the_global_generator_alone(make_bank: Any) -> None:
    config = _config(make_bank())
    before = torch.random.get_rng_state()
    first, second = build(config)[0].state_dict(), build(config)[0].state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("dims", [2, 3])
def test_crops_survive_encoding(dims: int, make_bank: Any) -> None:
    bank = make_bank(dims=dims)
    config = _config(bank)
    painted, codes = TrainingCrops(bank, config).encode(np.arange(len(bank)))
    assert painted.abs().max() <= 1 and codes.shape == (len(bank), 2)
    images, masks = decode(painted, config)
    assert (masks == bank.masks).all()
    low, high = np.array(config.image_range).T.reshape(2, 1, -1, *[1] * dims)
    assert np.allclose(images, np.clip(bank.images.astype(np.float32), low, high), atol=1e-3)


def test_a_rare_value_is_drawn_often_and_keeps_its_crops(make_bank: Any) -> None:
    bank = make_bank(n=40)
    bank.entries["condition:lesion"] = 1
    bank.entries["condition:grade"] = 0
    bank.entries["condition:lesion"][:2] = 0
    crops = TrainingCrops(bank, _config(bank))
    assert 2 <= len(crops.held) <= 4 and (crops.codes[crops.train, 0] == 0).sum() >= 1
    _, codes = crops.draw(2000, seeded(1))
    assert 0.2 < float((codes[:, 0] == 0).float().mean()) < 0.32  # 2 of 40, and half of the balanced draws


def test_subjects_are_held_out_whole(make_bank: Any) -> None:
    bank = make_bank(n=40, subjects=8)
    crops = TrainingCrops(bank, _config(bank))
    held = set(bank.entries["subject"][crops.held])
    assert len(held) == 1 and not held & set(bank.entries["subject"][crops.train])
    assert TrainingCrops(make_bank(n=4), _config(make_bank(n=4))).held_out(4, seeded(0)) is None


def test_the_average_follows_the_generator_and_is_what_is_kept(make_bank: Any) -> None:
    bank = make_bank()
    config = _config(bank, ema=0.9)
    trainer = Trainer(config, TrainingCrops(bank, config), fabric_for("cpu", "32"))
    start = [p.clone() for p in trainer.ema.parameters()]
    trainer.train_step()
    decay = min(0.9, 1 / 10)
    for old, current, average in zip(start, trainer.generator.parameters(), trainer.ema.parameters(), strict=True):
        assert torch.allclose(average, decay * old + (1 - decay) * current, atol=1e-6)
    assert not any(p.requires_grad for p in trainer.ema.parameters())
    ready = calibrated(trainer.ema, config)
    assert not ready.training and trainer.ema.training
    assert all(torch.equal(a, b) for a, b in zip(ready.parameters(), trainer.ema.parameters(), strict=True))


@pytest.mark.parametrize("name", LOSSES)
def test_losses_push_scores_the_right_way(name: str) -> None:
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    LOSSES[name].discriminator(real, fake).backward()
    assert real.grad is not None and fake.grad is not None
    assert (real.grad < 0).all() and (fake.grad > 0).all()
    fooled = torch.zeros(4, requires_grad=True)
    LOSSES[name].generator(fooled).backward()
    assert fooled.grad is not None and (fooled.grad < 0).all()
    assert math.isclose(float(LOSSES["nonsaturating"].generator(torch.zeros(4))), math.log(2), rel_tol=1e-6)


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
    config = _config(make_bank(n=24))
    assert len(config.combinations()) == 4
    codes = spread(config, 100, {"lesion": {"core": 3, "shell": 1}})
    assert abs(sum(code[0] == 0 for code in codes) - 75) <= 1
    assert spread(config, 7, {}) == spread(config, 9, {})[:7]


def test_precision_is_chosen_by_name() -> None:
    assert choose_precision("bf16", "cpu") == "bf16-mixed" and choose_precision("32", "cuda") == "32"
    assert choose_precision("auto", "cpu") in ("32", "bf16-mixed")
    with pytest.raises(DataError, match="precision"):
        choose_precision("int4", "cpu")


def test_an_image_that_is_not_finite_is_refused(make_bank: Any) -> None:
    bank = make_bank()
    bank.images[3, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="NaN"):
        facts(bank)


def test_templates_are_thinned_but_keep_every_kind(make_bank: Any) -> None:
    bank = make_bank()
    entries = np.tile(bank.entries, 400)
    entries["condition:lesion"] = 1
    entries["condition:lesion"][[1, 4001]] = 0
    templates = templates_of(entries, list(bank.info.conditions))
    assert 2000 <= len(templates) <= 2100
    assert sum(template.codes[0] == 0 for template in templates) == 2
