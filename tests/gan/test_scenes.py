"""GANs on scenes: no masks are painted, colours are not augmented, rare looks are drawn as often as common ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.banks.scenes import scenes
from domaingan.core.errors import DataError
from domaingan.gan import GAN
from domaingan.gan.data import TrainingCrops, decode_stacks
from domaingan.gan.fabric import make_fabric
from domaingan.gan.seeds import make_rng
from domaingan.gan.training.augment import DifferentiableAugmentation
from domaingan.gan.training.trainer import Trainer

SMALL = {"width": 8, "latent": 8, "batch": 16}


def make_scenes(n: int = 40, rare: int = 2, size: int = 16) -> Bank:
    """Bright days, some of them with rain (blue), and a few dark dusks."""
    rng = np.random.default_rng(0)
    info = BankInfo(
        kind="scenes",
        domain="frame",
        spatial_dims=2,
        channels=["red", "green", "blue"],
        classes={},
        conditions={"lighting": ["dusk", "day"], "weather": ["rain", "clear"]},
        subjects=[f"s{i}" for i in range(n)],
    )
    entries = create_entries(info, n)
    entries["subject"], entries["centre"], entries["spacing"] = np.arange(n), 0.5, 6
    entries["source_size"] = 96, 96
    entries["condition:lighting"], entries["condition:weather"] = np.arange(n) >= rare, np.arange(n) % 4 > 0
    light = np.where(entries["condition:lighting"] == 0, 0.15, 0.8)
    images = light[:, None, None, None] + 0.05 * rng.standard_normal((n, 3, size, size))
    images[entries["condition:weather"] == 0, :2] *= 0.6
    return Bank(info, np.clip(images, 0, 1).astype(np.float16), np.zeros((n, size, size), np.uint8), entries)


def test_no_mask_is_painted_and_a_bank_comes_back(tmp_path: Path) -> None:
    bank = make_scenes()
    gan = GAN.for_crops(bank, **SMALL)
    gan.fit(bank, 3, tmp_path / "model")
    assert gan.config is not None and gan.config.data.kind == "scenes" and gan.config.generated_channels == (3, 0)
    assert "scenes" in (tmp_path / "model" / "model_card.md").read_text() and "scenes" in repr(gan)
    assert (tmp_path / "model" / "samples.png").is_file()
    drawn = GAN.load(tmp_path / "model").sample(9, lighting="dusk")
    assert len(drawn) == 9 and drawn.info.kind == "scenes" and drawn.info.generated and not drawn.masks.any()
    assert drawn.info.left_out == {} and set(drawn.count_conditions()["lighting"]) == {"dusk"}
    assert drawn.entries["source_size"].tolist() == [[96, 96]] * 9 and drawn.subjects == bank.subjects
    both = gan.sample(4, lighting="day", weather="rain")
    assert all(scene.condition == {"lighting": "day", "weather": "rain"} for scene in both)
    saved = drawn.save(tmp_path / "bank")
    assert (saved.images == drawn.images).all()


def test_encode_and_decode_are_inverse() -> None:
    bank = make_scenes()
    gan = GAN.for_crops(bank, **SMALL)
    config = gan.make_config(bank, 1, "32", 0)
    painted, condition = TrainingCrops(bank, config).encode([0, 5])
    assert painted.shape == (2, 3, 16, 16) and condition.codes.shape == (2, 2)
    images, masks = decode_stacks(painted, config)
    np.testing.assert_allclose(images, np.asarray(bank.images[[0, 5]], np.float32), atol=1e-3)
    assert masks.shape == (2, 16, 16) and masks.dtype == np.uint8 and not masks.any()


def test_colours_are_not_augmented_and_streets_stay_upright() -> None:
    bank = make_scenes()
    config = GAN.for_crops(bank, **SMALL, augment=0.6).make_config(bank, 1, "32", 0)
    drawn = Trainer(config, TrainingCrops(bank, config), make_fabric("cpu", "32")).augment.draw_parameters(
        50, make_rng(0)
    )
    assert (drawn.gain == 1).all() and (drawn.shift == 0).all() and (drawn.hole > -1e5).any()
    assert (drawn.theta[:, 0, 1] == 0).all() and (drawn.theta[:, 1, 0] == 0).all()
    crops = DifferentiableAugmentation(3, (16, 16), (1,)).draw_parameters(50, make_rng(0))
    assert (crops.gain != 1).any() and (crops.theta[:, 0, 1] != 0).any()


def test_a_rare_look_is_learned() -> None:
    bank = make_scenes(n=60, rare=4, size=8)
    gan = GAN.for_crops(bank, **SMALL)
    gan.fit(bank, 120, precision="32", device="cpu")
    light = {value: np.asarray(gan.sample(16, lighting=value).images, np.float32).mean() for value in ("dusk", "day")}
    assert light["dusk"] < 0.4 < 0.5 < light["day"], light


def test_a_bank_of_another_kind_is_refused() -> None:
    bank = make_scenes()
    crops = Bank(bank.info.model_copy(update={"classes": {"car": 1}}), bank.images, bank.masks, bank.entries)
    with pytest.raises(DataError, match="classes"):
        GAN.for_crops(bank, **SMALL).fit(crops, 1)


def test_a_class_of_value_0_does_not_stand_in_the_way_of_scenes(tmp_path: Path) -> None:
    street = phantoms.load_phantom("driving", sequences=1, frames=1)
    assert 0 in street.schema.classes.values()
    bank = scenes(street, 16)
    assert 0 in bank.info.classes.values()
    stored = Bank.load(bank.save(tmp_path / "bank").path)
    assert stored.info.classes == bank.info.classes
    GAN.for_crops(stored)
