"""What is not set follows from dimensions, architecture, loss and conditioning; limits are the documented ones."""

from __future__ import annotations

from typing import Any

import pytest

from domaingan.core.errors import DataError
from domaingan.gan import GAN
from domaingan.gan.defaults import list_settings, with_defaults


def fill_in(dims: int = 2, **settings: Any) -> Any:
    return with_defaults(size=32, spatial_dims=dims, **settings)


def test_defaults_without_conditioning() -> None:
    flat, volume = fill_in(), fill_in(3)
    assert (flat.network.arch, flat.network.latent, flat.network.width, flat.network.depth) == ("dcgan", 128, 32, 1)
    assert (flat.training.loss, flat.training.batch, volume.training.batch) == ("relativistic", 64, 16)
    assert (flat.training.augment, flat.training.ada) == (0.0, 0.6)
    assert flat.training.diversity == flat.training.matching == flat.training.residual == 0
    assert flat.training.ema == (0.998, 0.998) and flat.training.beta1 == 0
    assert (flat.licence, flat.name_subjects) == ("unknown", False)


def test_defaults_of_inpaint_and_refine() -> None:
    inpaint, refine = fill_in(conditioning=("mask", "ring")), fill_in(3, conditioning=("paste", "mask"))
    assert inpaint.network.arch == refine.network.arch == "unet"
    assert (inpaint.training.batch, refine.training.batch) == (16, 8)
    weights = [(s.training.diversity, s.training.matching, s.training.residual) for s in (inpaint, refine)]
    assert weights == [(1.0, 2.0, 0.0), (0.0, 0.0, 0.1)]
    assert all(s.training.augment == 0.3 and s.training.ada is None for s in (inpaint, refine))
    assert fill_in(conditioning=("mask",)).training.batch == 64


@pytest.mark.parametrize(
    ("loss", "lr", "lr_d", "beta2", "gamma"),
    [
        ("hinge", (2e-4, 2e-4), (8e-4, 8e-4), (0.9, 0.9), (0.0, 0.0)),
        ("minimax", (2e-4, 2e-4), (8e-4, 8e-4), (0.9, 0.9), (0.0, 0.0)),
        ("wgan-gp", (1e-4, 1e-4), (4e-4, 4e-4), (0.9, 0.9), (10.0, 10.0)),
        ("relativistic", (1e-3, 2e-4), (1e-3, 2e-4), (0.9, 0.99), (2.0, 0.2)),
    ],
)
def test_rates_follow_from_the_loss(loss: str, lr: Any, lr_d: Any, beta2: Any, gamma: Any) -> None:
    training = fill_in(loss=loss).training
    assert (training.lr, training.lr_d, training.beta2, training.gamma) == (lr, lr_d, beta2, gamma)


def test_what_is_set_wins_and_one_number_is_both_ends() -> None:
    settings = fill_in(arch="mlp", lr=0.5, ema=(0.1, 0.2), augment=0.25, batch=5, width=None)
    assert settings.training.lr == (0.5, 0.5) and settings.training.ema == (0.1, 0.2) and settings.training.batch == 5
    assert settings.training.augment == 0.25 and settings.training.ada is None
    assert (settings.network.depth, settings.network.skip, settings.network.width) == (3, "none", 32)
    assert fill_in(arch="resnet").network.skip == "residual"


def test_settings_of_a_config_make_the_same_config(make_bank: Any) -> None:
    bank = make_bank(size=8)
    config = GAN.for_crops(bank, width=4, arch="resnet", loss="hinge", augment=0.5).make_config(bank, 9)
    settings = list_settings(config)
    assert GAN(config.data.channels, config.data.classes, **settings).make_config(bank, 9) == config
    assert GAN.for_crops(bank, schedule=3).make_config(bank, 9).training.schedule == 3


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"size": 4}, "size 4; expected a power of two from 8 to 256"),
        ({"size": 512}, "size 512"),
        ({"width": 2049}, "width 2049; expected 1 to 2,048"),
        ({"latent": 65_537}, "latent 65537; expected 1 to 65,536"),
        ({"depth": 65}, "depth 65; expected 1 to 64"),
        ({"batch": 0}, "batch 0; expected 1 to 1,000,000"),
        ({"schedule": 10**12 + 1}, "schedule 1000000000001; expected 1 to 1,000,000,000,000"),
        ({"augment": 1.1}, "augment 1.1; expected from 0 to 1"),
        ({"ada": 1.1, "augment": 0.1}, "ada 1.1; expected from 0 to 1"),
        ({"beta1": 1.0}, "beta1 1.0; expected from 0 to below 1"),
        ({"ema": 1.0}, r"ema \(1.0, 1.0\); expected from 0 to below 1"),
        ({"gamma": -1.0}, r"gamma \(-1.0, -1.0\); expected finite"),
        ({"matching": -1.0}, "matching -1.0; expected at least 0"),
        ({"skip": "multiscale", "arch": "mlp"}, "arch mlp with skip multiscale; expected none or residual for mlp"),
        ({"conditioning": ("mask", "a")}, "given mask, a; expected something left to paint"),
        ({"conditioning": ("b",)}, "given b; expected some of a, mask"),
    ],
)
def test_impossible_settings_are_named(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        GAN(["a"], {"lesion": 1}, **settings)


@pytest.mark.parametrize("settings", [{"ada": 0.4}, {"ada": 0.4, "augment": "ada"}])
def test_ada_holds_the_target_that_is_asked_for(settings: dict[str, Any]) -> None:
    training = with_defaults(size=32, spatial_dims=2, **settings).training
    assert (training.augment, training.ada) == (0.0, 0.4)
    usual = with_defaults(size=32, spatial_dims=2, augment="ada").training
    assert (usual.augment, usual.ada) == (0.0, 0.6)


def test_the_largest_and_smallest_possible_settings_are_taken() -> None:
    for size in (8, 256):
        assert GAN(1, {"lesion": 255}, size=size, latent=1, width=1, batch=1, augment=1.0, ada=1.0).channels == [
            "channel_0"
        ]
    with pytest.raises(DataError, match="lesion of value 256; expected 0 to 255"):
        GAN(1, {"lesion": 256})
