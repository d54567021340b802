"""A model that is shown a mask or a channel of real crops keeps it as it is, and hosts that do not fit are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domaingan.banks import Bank, create_entries
from domaingan.core.errors import DataError
from domaingan.data import FRAME
from domaingan.gan import GAN
from domaingan.gan.conditioning import select_conditioning_crops


def fit_gan(bank: Bank, **settings: Any) -> GAN:
    gan = GAN.for_crops(bank, width=4, latent=8, batch=4, **settings)
    gan.fit(bank, 3, device="cpu", precision="32", eval_every=0)
    return gan


def change_info(bank: Bank, **info: Any) -> Bank:
    return Bank(bank.info.model_copy(update=info), bank.images, bank.masks, bank.entries)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_given_mask_is_the_hosts(dims: int, make_bank: Any) -> None:
    bank = make_bank(dims=dims, size=8)
    gan = fit_gan(bank, conditioning=("mask",))
    hosts = change_info(make_bank(n=7, dims=dims, size=8), subjects=["new0", "new1", "new2"])
    drawn = gan.sample(20, hosts=hosts)
    turns = np.arange(20) % 7
    assert (drawn.masks == hosts.masks[turns]).all() and len(drawn) == 20
    assert drawn.info.generated and (drawn.entries["subject"] == -1).all()
    assert set(drawn.subjects) == {"s0", "s1", "s2", "new0", "new1", "new2"}
    for column in ("spacing", "centre", "source_size", "depth"):
        assert (drawn.entries[column] == hosts.entries[column][turns]).all()
    for name in ("lesion", "grade"):
        assert (drawn.entries[f"condition:{name}"] == hosts.entries[f"condition:{name}"][turns]).all()
    assert not np.allclose(drawn.images[0], drawn.images[7], atol=1e-3)  # another latent for the same mask


def test_a_given_channel_is_the_hosts_to_the_bit(make_bank: Any) -> None:
    bank = make_bank(size=8, channels=3)
    gan = fit_gan(bank, conditioning=("channel_1",))
    hosts = make_bank(n=9, size=8, channels=3)
    hosts.images[0, 1, 0, 0], hosts.images[1, 1, 3, 3] = 40.0, -7.0  # far outside of what was trained on
    drawn = gan.sample(9, hosts=hosts, seed=2)
    assert (drawn.images[:, 1] == hosts.images[:, 1]).all()
    assert not (drawn.images[:, 0] == hosts.images[:, 0]).all(axis=(1, 2)).any()


def test_a_crop_depends_on_its_host_and_not_on_how_many_are_drawn(make_bank: Any) -> None:
    bank = make_bank(size=8)
    gan = fit_gan(bank, conditioning=("mask",))
    many, few = gan.sample(40, hosts=bank, seed=1), gan.sample(5, hosts=bank, seed=1)
    assert many.images[:5].tobytes() == few.images.tobytes()
    picked = gan.sample(6, hosts=bank, seed=1, reject=0.4)
    assert gan.sample(3, hosts=bank, seed=1, reject=0.4).images.tobytes() == picked.images[:3].tobytes()


def test_hosts_are_chosen_by_class(make_bank: Any) -> None:
    bank = make_bank(size=8)
    gan = fit_gan(bank, conditioning=("mask",))
    assert gan.sample(8, hosts=bank, lesion="core").count_conditions()["lesion"] == {"core": 8}
    assert gan.sample(8, hosts=bank, lesion=["core", "shell"], grade="low").count_conditions()["grade"] == {"low": 8}
    for wrong in ({"lesion": "cor"}, {"colour": "red"}, {"lesion": {"core": 0.7, "shell": 0.3}}, {"lesion": 3.0}):
        with pytest.raises(DataError):
            gan.sample(4, hosts=bank, **wrong)  # type: ignore[arg-type]


def test_conditions_are_brought_into_the_models_words(make_bank: Any) -> None:
    bank = make_bank(size=8)
    info = bank.info.model_copy(update={"numbers": ["radius_mm"]})
    entries = create_entries(info, len(bank))
    for name in bank.entries.dtype.names or ():
        entries[name] = bank.entries[name]
    entries["number:radius_mm"] = np.linspace(2, 4, len(bank))
    real = Bank(info, bank.images, bank.masks, entries)
    config = fit_gan(real, conditioning=("mask",)).config
    assert config is not None
    reference = entries.copy()
    reference["number:radius_mm"] = np.linspace(1, 5, len(bank))
    turned = real.info.model_copy(
        update={"conditions": {"grade": ["high", "none", "low"], "lesion": ["core", "shell"]}}
    )
    data, shown = select_conditioning_crops(Bank(turned, bank.images, bank.masks, reference), config, {})
    high_first = np.array([1, -1, 0])  # the model's codes of high, none and low
    assert (shown.entries["condition:grade"] == high_first[reference["condition:grade"]]).all()
    assert (shown.entries["condition:lesion"] == reference["condition:lesion"]).all()
    assert shown.entries["number:radius_mm"].min() == 2 and shown.entries["number:radius_mm"].max() == 4
    condition = data.encode(range(len(data)))[1]
    assert condition.numbers.min() == 0 and condition.numbers.max() == 1
    _, bare = select_conditioning_crops(bank, config, {})
    assert np.isnan(bare.entries["number:radius_mm"]).all()


def test_hosts_with_a_class_that_was_never_seen_are_left_out_and_counted(make_bank: Any) -> None:
    bank = make_bank(size=8)
    gan = fit_gan(bank, conditioning=("mask",))
    hosts = make_bank(n=4, size=8)
    hosts.masks[2, 3, 3] = 9
    drawn = gan.sample(6, hosts=hosts)
    assert (drawn.masks == hosts.masks[[0, 1, 3, 0, 1, 3]]).all()
    assert drawn.info.left_out == {"hosts with a class that was not trained on": 1}
    hosts.masks[:, 3, 3] = 9
    with pytest.raises(DataError, match="no host as wanted"):
        gan.sample(2, hosts=hosts)


def test_hosts_that_do_not_fit_are_named(make_bank: Any) -> None:
    bank = make_bank(size=8)
    gan = fit_gan(bank, conditioning=("channel_0",))
    for what, hosts in {
        "channels": make_bank(size=8, channels=3),
        "classes": change_info(bank, classes={"core": 4}),
        "size": make_bank(size=16),
        "domain": change_info(bank, domain=FRAME),
        "kind": change_info(bank, kind="scenes"),
    }.items():
        with pytest.raises(DataError, match=f"hosts with {what} .*; expected .*, as the model"):
            gan.sample(2, hosts=hosts)
    with pytest.raises(DataError, match="size"):
        gan.sample(2, hosts=make_bank(dims=3, size=8))
    with pytest.raises(DataError, match="no hosts; expected real crops to take channel_0 from"):
        gan.sample(2)
    with pytest.raises(DataError, match="hosts; expected none"):
        fit_gan(bank).sample(2, hosts=bank)
