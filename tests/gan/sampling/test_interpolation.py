"""Strips start and end where they say, and go evenly from the one to the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from domaingan.banks import Bank, create_entries
from domaingan.core.errors import DataError
from domaingan.gan import GAN
from domaingan.gan.data import decode_stacks
from domaingan.gan.sampling.generate import generate
from domaingan.gan.sampling.interpolation import slerp
from domaingan.gan.sampling.latents import sample_latents
from domaingan.gan.sampling.sample_conditions import sample_conditions
from domaingan.gan.seeds import make_rng


def fit_gan(bank: Bank, **settings: Any) -> GAN:
    gan = GAN.for_crops(bank, width=4, latent=8, batch=4, **settings)
    gan.fit(bank, 2, device="cpu", precision="32", eval_every=0)
    return gan


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 9))
def test_a_great_circle_keeps_to_its_sphere_in_even_steps(seed: int, n: int, steps: int) -> None:
    a, b = torch.randn(2, n, generator=make_rng(seed), dtype=torch.float64)
    b = b / b.norm() * a.norm()
    path = slerp(a, b, torch.linspace(0, 1, steps, dtype=torch.float64))
    assert torch.allclose(path[0], a) and torch.allclose(path[-1], b)
    assert torch.allclose(path.norm(dim=1), a.norm().expand(steps))
    strides = (path[1:] - path[:-1]).norm(dim=1)
    assert torch.allclose(strides, strides[:1].expand(steps - 1))


def test_latents_that_lie_opposite_or_alike_have_a_way_too() -> None:
    a = torch.ones(4)
    for b in (a, -a):
        path = slerp(a, b, torch.linspace(0, 1, 3))
        assert torch.isfinite(path).all() and torch.equal(path[0], a) and torch.equal(path[-1], b)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_way_between_two_latents_starts_at_what_sample_draws(dims: int, make_bank: Any) -> None:
    gan = fit_gan(make_bank(dims=dims, size=8))
    config, generator = gan._require_fitted()
    strip = gan.interpolate(steps=4, seed=3, rows=3)
    assert strip.images.shape == (3, 4, 2, *[8] * dims) and strip.masks.shape == (3, 4, *[8] * dims)
    for column, attempt in ((0, 0), (3, 1)):
        z = sample_latents(config, [(3, row, attempt) for row in range(3)])
        images = decode_stacks(generate(generator, config, z, sample_conditions(config, 3, 3, {})), config)[0]
        np.testing.assert_allclose(strip.images[:, column], images, atol=1e-5)
    assert not np.allclose(strip.images[:, 0], strip.images[:, 3], atol=1e-3)
    pair = gan.interpolate(steps=2, seed=(3, 5), rows=3)
    np.testing.assert_allclose(pair.images[:, 0], strip.images[:, 0], atol=1e-5)
    z = sample_latents(config, [(5, row, 0) for row in range(3)])
    images = decode_stacks(generate(generator, config, z, sample_conditions(config, 3, 3, {})), config)[0]
    np.testing.assert_allclose(pair.images[:, 1], images, atol=1e-5)


@pytest.mark.parametrize("arch", ["dcgan", "mlp"])
def test_a_way_between_two_classes_changes_nothing_else(arch: str, make_bank: Any) -> None:
    gan = fit_gan(make_bank(size=8), arch=arch)
    config, generator = gan._require_fitted()
    strip = gan.interpolate(steps=3, start={"lesion": "core", "grade": "low"}, end={"lesion": "shell"}, rows=2)
    for column, lesion in ((0, "core"), (2, "shell")):
        z = sample_latents(config, [(0, row, 0) for row in range(2)])
        on = sample_conditions(config, 2, 0, {"lesion": lesion, "grade": "low"})
        np.testing.assert_allclose(
            strip.images[:, column], decode_stacks(generate(generator, config, z, on), config)[0], atol=1e-5
        )
    assert strip.captions == (("core, low", "50% shell, low", "shell, low"),) * 2


def test_numbers_go_evenly_from_one_to_the_other(make_bank: Any) -> None:
    bank = make_bank(size=8)
    info = bank.info.model_copy(update={"numbers": ["dose"], "conditions": {}})
    entries = create_entries(info, len(bank))
    entries["number:dose"] = np.linspace(10, 20, len(bank))
    gan = fit_gan(Bank(info, bank.images, bank.masks, entries))
    config, generator = gan._require_fitted()
    strip = gan.interpolate(steps=3, start={"dose": 12.0}, end={"dose": 18.0}, rows=1)
    assert strip.captions == (("dose 12", "dose 15", "dose 18"),)
    z = sample_latents(config, [(0, 0, 0)])
    middle = decode_stacks(generate(generator, config, z, sample_conditions(config, 1, 0, {"dose": 15.0})), config)[0]
    np.testing.assert_allclose(strip.images[0, 1], middle[0], atol=1e-5)


def test_what_is_given_stays_the_hosts(make_bank: Any) -> None:
    bank = make_bank(size=8)
    gan = fit_gan(bank, conditioning=("mask",))
    strip = gan.interpolate(steps=3, start={"lesion": "core"}, end={"lesion": "shell"}, rows=2, hosts=bank)
    hosts = bank.find_matching(lesion="core")[:2]
    assert (strip.masks == bank.masks[hosts][:, None]).all()


def test_a_picture_has_a_tile_for_each_step(make_bank: Any) -> None:
    picture = fit_gan(make_bank(size=8)).interpolate(steps=5, rows=2).draw_picture()
    assert picture.dtype == np.uint8 and picture.shape[1] == 5 * (2 * 96 + 2) + 2


def test_ways_that_lead_nowhere_are_refused(make_bank: Any) -> None:
    gan = fit_gan(make_bank(size=8))
    for how in ({"steps": 1}, {"rows": 0}, {"end": {"lesion": "cor"}}, {"start": {"colour": "red"}}):
        with pytest.raises(DataError):
            gan.interpolate(**how)  # type: ignore[arg-type]
