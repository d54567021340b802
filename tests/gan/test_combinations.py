"""Every architecture, in 2D and 3D, under every loss and every kind of condition, trains, saves, loads and draws."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan.banks import Bank, create_entries
from domaingan.core.errors import DataError
from domaingan.gan import GAN
from domaingan.gan.networks import ARCHITECTURES
from domaingan.gan.training.losses import LOSSES

UNCONDITIONAL_ARCHITECTURES = [
    name for name, architecture in ARCHITECTURES.items() if not architecture.is_image_conditional
]
"""Those that can draw without being shown anything."""

TINY: dict[str, Any] = {"width": 4, "latent": 8, "batch": 4}


def add_condition(bank: Bank, kind: str) -> Bank:
    """The bank with conditions of one kind: a class, several, a number, with unknown values among them, or none."""
    info, entries = bank.info, bank.entries
    if kind in ("none", "class", "number"):
        names = {"none": [], "class": ["lesion"], "number": []}[kind]
        info = info.model_copy(update={"conditions": {name: info.conditions[name] for name in names}})
    if kind == "unlabelled":
        entries = entries.copy()
        entries["condition:lesion"][::3] = -1
    if kind in ("number", "several"):
        info = info.model_copy(update={"numbers": ["radius_mm", "age"]})
    fresh = create_entries(info, len(bank))
    for name in fresh.dtype.names or ():
        if name in (entries.dtype.names or ()):
            fresh[name] = entries[name]
    if kind in ("number", "several"):
        fresh["number:radius_mm"] = fresh["radius_mm"]
        fresh["number:age"] = np.where(np.arange(len(bank)) % 4, 40 + np.arange(len(bank)), np.nan)
    return Bank(info, bank.images, bank.masks, fresh)


def fit_and_load(bank: Bank, out: Path, **settings: Any) -> GAN:
    gan = GAN.for_crops(bank, **TINY, **settings)
    gan.fit(bank, 3, out, device="cpu", precision="32", eval_every=0)
    return gan


def is_same_bank(a: Bank, b: Bank) -> bool:
    return a.images.tobytes() == b.images.tobytes() and a.masks.tobytes() == b.masks.tobytes()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("arch", UNCONDITIONAL_ARCHITECTURES)
def test_losses(arch: str, dims: int, loss: str, make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank(dims=dims, size=8)
    gan = fit_and_load(bank, tmp_path / "m", arch=arch, loss=loss)
    assert is_same_bank(gan.sample(5), GAN.load(tmp_path / "m").sample(5))


@pytest.mark.parametrize("kind", ["none", "class", "number", "several", "unlabelled"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("arch", UNCONDITIONAL_ARCHITECTURES)
def test_conditions(arch: str, dims: int, kind: str, make_bank: Any, tmp_path: Path) -> None:
    bank = add_condition(make_bank(dims=dims, size=8), kind)
    gan = fit_and_load(bank, tmp_path / "m", arch=arch, loss="relativistic")
    expected: dict[str, Any] = {"age": (42.0, 44.0)} if kind in ("number", "several") else {}
    drawn = gan.sample(5, **expected)
    assert is_same_bank(drawn, GAN.load(tmp_path / "m").sample(5, **expected))
    assert drawn.info.conditions == bank.info.conditions and drawn.info.numbers == bank.info.numbers
    if expected:
        assert ((drawn.entries["number:age"] >= 41.99) & (drawn.entries["number:age"] <= 44.01)).all()
        with pytest.raises(DataError, match=r"within 4\d"):
            gan.sample(2, age=200.0)
        with pytest.raises(DataError, match="a number"):
            gan.sample(2, age="old")


@pytest.mark.parametrize("given", ["mask", "channel_1"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_given_images(arch: str, dims: int, given: str, make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank(dims=dims, size=8)
    gan = fit_and_load(bank, tmp_path / "m", arch=arch, conditioning=(given,))
    drawn = gan.sample(6, hosts=bank)
    assert is_same_bank(drawn, GAN.load(tmp_path / "m").sample(6, hosts=bank))
    if given == "mask":
        assert (drawn.masks == bank.masks[: len(drawn)]).all()
    else:
        assert (drawn.images[:, 1] == bank.images[: len(drawn), 1]).all()
    with pytest.raises(DataError, match="no hosts"):
        gan.sample(2)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_loss_under_every_condition(arch: str, dims: int, make_bank: Any, tmp_path: Path) -> None:
    """The rest of the product: a step of each is taken, saved, loaded and drawn from."""
    made, others = make_bank(n=8, dims=dims, size=8), [loss for loss in LOSSES if loss != "relativistic"]
    kinds = [] if arch not in UNCONDITIONAL_ARCHITECTURES else ["none", "class", "number", "several", "unlabelled"]
    for kind, loss in itertools.product([*kinds, "mask", "channel_1"], others):
        given, bank = ((), add_condition(made, kind)) if kind in kinds else ((kind,), made)
        gan = GAN.for_crops(bank, **TINY, arch=arch, loss=loss, conditioning=given)
        gan.fit(bank, 1, device="cpu", precision="32", eval_every=0)
        loaded = GAN.load(gan.save(tmp_path / kind / loss))
        first, again = (one.interpolate(2, rows=1, hosts=bank if given else None) for one in (gan, loaded))
        assert first.images.tobytes() == again.images.tobytes(), (kind, loss)


@pytest.mark.parametrize("skip", ["none", "residual", "multiscale"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("loss", ["hinge", "relativistic"])
def test_skips_and_depth(arch: str, dims: int, skip: str, loss: str, make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank(dims=dims, size=16 if skip == "multiscale" else 8)
    if skip not in ARCHITECTURES[arch].skips:
        with pytest.raises(DataError, match=f"arch {arch} with skip {skip}; expected"):
            GAN.for_crops(bank, arch=arch, skip=skip)
        return
    gan = fit_and_load(bank, tmp_path / "m", arch=arch, skip=skip, depth=2, loss=loss, conditioning=("mask",))
    assert is_same_bank(gan.sample(3, hosts=bank), GAN.load(tmp_path / "m").sample(3, hosts=bank))


def test_what_is_too_large_for_mlp_is_refused_by_name(make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank(dims=3, size=32, n=3)
    with pytest.raises(DataError, match=r"arch mlp at 32×32×32 .* million weights"):
        GAN.for_crops(bank, arch="mlp").fit(bank, 2, tmp_path / "m")
    assert not (tmp_path / "m").exists()
