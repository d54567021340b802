"""Generators that paint into hosts: what they may change, what they are shown, and that they do it again to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.banks import BOUND_REACH_PIXELS, Bank, create_entries
from domaingan.core.errors import DataError
from domaingan.gan import GAN
from domaingan.gan.data import TrainingCrops
from domaingan.gan.inpainting import ObjectTexture, blend_weight, mask_out_inside, paste_textures, random_rotations
from domaingan.gan.networks import ARCHITECTURES
from domaingan.gan.sampling.sample_conditions import Multiple

TINY: dict[str, Any] = {"width": 4, "latent": 8, "batch": 4}
INPAINT, REFINE = ("mask", "ring"), ("paste", "mask")


def add_healthy(bank: Bank) -> Bank:
    """The bank, every fourth crop under the condition of what is healthy."""
    names = {**bank.info.conditions, "lesion": [*bank.info.conditions["lesion"], "healthy"]}
    entries = bank.entries.copy()
    entries["condition:lesion"][::4] = 2
    return Bank(bank.info.model_copy(update={"conditions": names}), bank.images, bank.masks, entries)


def bind_to_hosts(bank: Bank) -> Bank:
    """The bank as windows of two hosts."""
    entries = bank.entries.copy()
    entries["host"], entries["place"] = np.arange(len(bank)) % 2, 3
    return Bank(bank.info.model_copy(update={"hosts": ["a", "b"]}), bank.images, bank.masks, entries)


def fit_gan(bank: Bank, out: Path | None = None, steps: int = 3, **settings: Any) -> GAN:
    gan = GAN.for_crops(bank, **TINY, **settings)
    gan.fit(bank, steps, out, device="cpu", precision="32", eval_every=0)
    return gan


@pytest.mark.parametrize("given", [INPAINT, REFINE])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_only_the_inside_is_painted(arch: str, dims: int, given: Any, make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank(dims=dims, size=16 if dims == 2 else 8)
    gan = fit_gan(add_healthy(bank) if given == INPAINT else bank, tmp_path / "m", arch=arch, conditioning=given)
    hosts = bind_to_hosts(bank)
    hosts.images[0].flat[0] = 37.0  # outside of what was trained on
    drawn = gan.sample(len(bank), hosts=hosts, seed=2)
    outside = blend_weight(torch.from_numpy(hosts.masks))[:, 0].numpy() == 0
    same = (drawn.images == hosts.images.astype(np.float16)).all(axis=1)
    assert same[outside].all() and not same[hosts.masks > 0].all()
    assert (drawn.masks == hosts.masks).all() and drawn.info.hosts == ["a", "b"]
    assert (drawn.entries["host"] == hosts.entries["host"]).all() and (drawn.entries["place"] == 3).all()
    again = GAN.load(tmp_path / "m")
    assert again.sample(5, hosts=hosts, seed=2).images.tobytes() == drawn.images[:5].tobytes()
    assert again.crops is not None and "healthy" not in again.crops.count_conditions()["lesion"]
    assert bool(again.crops.images.any()) == (given == REFINE)


@pytest.mark.parametrize("given", [INPAINT, REFINE])
@pytest.mark.parametrize("skip", ["none", "residual", "multiscale"])
@pytest.mark.parametrize("loss", ["hinge", "relativistic"])
def test_unet_has_every_skip_and_depth(given: Any, skip: str, loss: str, make_bank: Any) -> None:
    bank = make_bank(size=16)
    gan = fit_gan(bank, conditioning=given, skip=skip, depth=2, loss=loss, diversity=0.5, residual=0.5, matching=0.5)
    assert len(gan.sample(3, hosts=bank)) == 3


def test_unet_is_refused_with_nothing_given(make_bank: Any) -> None:
    with pytest.raises(DataError, match=r"arch unet with nothing given; expected given mask,ring"):
        fit_gan(make_bank(size=8), arch="unet")


@pytest.mark.parametrize("wrong", [("ring",), ("paste",), ("mask", "ring", "paste"), ("ring", "channel_0")])
def test_what_cannot_be_given_is_refused(wrong: Any, make_bank: Any) -> None:
    with pytest.raises(DataError, match=r"expected mask,ring or paste,mask"):
        GAN.for_crops(make_bank(size=8), conditioning=wrong)


@pytest.mark.parametrize("given", [INPAINT, REFINE])
def test_a_resumed_training_is_bit_equal(given: Any, make_bank: Any, tmp_path: Path) -> None:
    bank = add_healthy(make_bank(size=8))
    settings = {**TINY, "conditioning": given, "augment": "ada", "schedule": 12}
    how: dict[str, Any] = {"device": "cpu", "precision": "32", "checkpoint_every": 4}
    GAN.for_crops(bank, **settings).fit(bank, 12, tmp_path / "whole", **how)
    GAN.for_crops(bank, **settings).fit(bank, 5, tmp_path / "parts", **how)
    GAN.for_crops(bank, **settings).fit(bank, 12, tmp_path / "parts", resume=True, **how)
    whole, parts = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts


@pytest.mark.parametrize("file", ["images.npy", "masks.npy", "entries.npy", "bank.json"])
def test_a_flipped_byte_of_the_crops_is_noticed(file: str, make_bank: Any, tmp_path: Path) -> None:
    gan = fit_gan(add_healthy(make_bank(size=8)), tmp_path / "m", conditioning=REFINE)
    path = tmp_path / "m" / "crops" / file
    content = bytearray(path.read_bytes())
    assert GAN.load(tmp_path / "m").config == gan.config
    content[-2 if file.endswith("npy") else content.index(b"core")] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{tmp_path / 'm' / 'crops'}"):
        GAN.load(tmp_path / "m")
    path.unlink()
    with pytest.raises(DataError, match=f"{tmp_path / 'm' / 'crops'}"):
        GAN.load(tmp_path / "m")


def test_healthy_can_be_asked_for_and_marks_nothing(make_bank: Any) -> None:
    bank = make_bank(size=8)
    gan = fit_gan(add_healthy(bank), conditioning=INPAINT)
    erased = gan.sample(4, hosts=bank, lesion="healthy")
    assert erased.count_conditions()["lesion"] == {"healthy": 4}
    assert np.array_equal(erased.masks, bank.masks[:4]) and erased[0].is_healthy  # where it was painted
    assert gan.sample(4, hosts=bank, lesion="core").count_conditions()["lesion"] == {"core": 4}


@pytest.mark.parametrize("given", [(), ("mask",), INPAINT])
def test_another_condition_may_have_a_value_called_healthy(given: Any, make_bank: Any) -> None:
    bank = make_bank(size=8)
    names = {"lesion": bank.info.conditions["lesion"], "grade": ["healthy", "ill"]}
    bank = Bank(bank.info.model_copy(update={"conditions": names}), bank.images, bank.masks, bank.entries)
    gan = fit_gan(bank, conditioning=given)
    assert gan.config is not None
    stack, _ = TrainingCrops(bank, gan.config).encode(range(len(bank)))
    assert ((stack[:, 3:] > 0).any(dim=1).numpy() == (bank.masks > 0)).all()  # after two channels, and nothing
    if given:
        assert gan.sample(4, hosts=bank, grade="healthy").masks.any(axis=(1, 2)).all()


def test_contrast_can_be_asked_for_and_the_masks_size_cannot(make_bank: Any) -> None:
    bank = make_bank(size=8)
    info = bank.info.model_copy(update={"numbers": ["contrast", "radius_mm"]})
    entries = create_entries(info, len(bank))
    for name in bank.entries.dtype.names or ():
        entries[name] = bank.entries[name]
    entries["number:contrast"], entries["number:radius_mm"] = np.linspace(0.1, 0.5, len(bank)), entries["radius_mm"]
    bank = Bank(info, bank.images, bank.masks, entries)
    gan = fit_gan(bank, conditioning=INPAINT)
    assert np.allclose(gan.sample(6, hosts=bank, contrast=0.3).entries["number:contrast"], 0.3)
    found = gan.sample(12, hosts=bank, contrast=Multiple(0.5, 1.5)).entries["number:contrast"]
    assert 0.1 <= found.min() < found.max() <= 0.5 + 1e-6
    with pytest.raises(DataError, match="radius_mm"):
        gan.sample(6, hosts=bank, radius_mm=2.0)


def test_hosts_of_another_spacing_or_other_channels_are_named(make_bank: Any) -> None:
    bank = make_bank(size=8)
    gan = fit_gan(bank, conditioning=INPAINT)
    coarse = make_bank(size=8)
    coarse.entries["spacing"][:] = 7
    with pytest.raises(DataError, match=r"pixels of 7 × 7 mm; expected 1 × 1 to 2.1 × 2.1 mm, as in training"):
        gan.sample(2, hosts=coarse)
    with pytest.raises(DataError, match="hosts with channels"):
        gan.sample(2, hosts=make_bank(size=8, channels=3))


@given(st.integers(2, 3), st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_the_weight_is_one_inside_and_nothing_beyond_its_reach(dims: int, seed: int) -> None:
    body = torch.rand(2, *[12] * dims, generator=torch.Generator().manual_seed(seed)) > 0.97
    share = blend_weight(body)[:, 0]
    assert (share[body] == 1).all() and share.min() >= 0 and share.max() <= 1
    spots = body.nonzero()
    for spot in (share == 0).nonzero()[:50]:
        near = (spots[:, 0] == spot[0]) & ((spots[:, 1:] - spot[1:]).abs().amax(dim=1) <= BOUND_REACH_PIXELS)
        assert not near.any()


def test_an_inside_is_not_shown_to_what_is_to_paint_it(make_bank: Any) -> None:
    gan = GAN.for_crops(make_bank(size=8), conditioning=INPAINT, **TINY)
    gan.fit(make_bank(size=8), 1, device="cpu", eval_every=0)
    assert gan.config is not None
    image = torch.rand(2, gan.config.conditioning_channels, 8, 8)
    image[:, -1] = blend_weight(torch.eye(8)[None].expand(2, 8, 8))[:, 0]
    shown = mask_out_inside(image, gan.config)
    host = slice(3, 5)  # after the masks of nothing, shell and core
    assert (shown[:, host] == image[:, host] * (image[:, -1:] == 0)).all() and (shown[:, :3] == image[:, :3]).all()


@pytest.mark.parametrize("dims", [2, 3])
def test_a_crop_pasted_into_itself_is_almost_itself(dims: int, make_bank: Any) -> None:
    bank = make_bank(dims=dims, n=6)
    images, bodies = torch.from_numpy(np.asarray(bank.images, np.float32)), torch.from_numpy(bank.masks)
    textures = [ObjectTexture.from_crop(bank.images[i], bank.masks[i]) for i in range(6)]
    again = paste_textures(images, bodies, textures, torch.eye(dims).expand(6, dims, dims))
    inside = (bodies > 0)[:, None].expand_as(images)
    assert (again - images)[inside].abs().mean() < 0.03
    assert (again == images)[(blend_weight(bodies) == 0).expand_as(images)].all()


def test_a_crop_pasted_elsewhere_keeps_its_contrast(make_bank: Any) -> None:
    bank = make_bank(n=6, channels=1)
    gan = GAN.for_crops(bank, conditioning=REFINE, **TINY)
    gan.fit(bank, 1, device="cpu", eval_every=0)
    assert gan.config is not None
    images = torch.full((6, 1, 16, 16), 0.8)
    bodies = torch.from_numpy(bank.masks)
    textures = [ObjectTexture.from_crop(bank.images[i], bank.masks[i]) for i in range(6)]
    turned = random_rotations(
        6, gan.config.network.spatial_dims, gan.config.data.domain, torch.Generator().manual_seed(0)
    )
    assert torch.allclose(turned @ turned.mT, torch.eye(2).expand(6, 2, 2), atol=1e-5)
    found = paste_textures(images, bodies, textures, turned)
    for i, mask in enumerate(bodies > 0):
        own = float(textures[i].image[0][mask].mean())
        assert abs(float(found[i, 0][mask].mean()) - 0.8 - own) < 0.1 * own


def test_noise_changes_what_is_painted(make_bank: Any) -> None:
    bank = make_bank(size=16, n=8)
    gan = fit_gan(bank, conditioning=INPAINT, steps=60, diversity=5.0)
    a, b = (gan.sample(8, hosts=bank, seed=seed).images.astype(np.float32) for seed in (0, 1))
    inside = np.broadcast_to(bank.masks[:, None] > 0, a.shape)
    assert np.abs(a - b)[inside].mean() > 0.01
