"""Drawing again what scores lowest, and truncation: counted, reproducible, and doing what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from domaingan.banks import Bank, create_entries
from domaingan.core.errors import DataError
from domaingan.gan import GAN, GANConfig
from domaingan.gan.sampling import sample_bank
from domaingan.gan.sampling.check_crop import MAX_RADIUS_RATIO
from domaingan.gan.sampling.generate import generate
from domaingan.gan.sampling.latents import sample_latents
from domaingan.gan.sampling.rejection import TRIAL_CROPS, RejectionSampler
from domaingan.gan.sampling.sample_bank import MAX_ATTEMPTS, REJECTED_BY_SCORE
from domaingan.gan.sampling.sample_conditions import sample_conditions


@pytest.fixture(scope="module")
def gan(make_bank: Any) -> GAN:
    bank = make_bank(n=24, size=16)
    made = GAN.for_crops(bank, width=8, latent=16, batch=8)
    made.fit(bank, 60, device="cpu", precision="32", eval_every=0)
    return made


def fit_rejection(gan: GAN, share: float, seed: int = 0) -> RejectionSampler:
    config, generator = gan._require_fitted()
    return RejectionSampler.fit(
        generator, gan.discriminator, config, sample_conditions(config, TRIAL_CROPS, seed, {}), seed, share
    )


def test_as_many_are_turned_down_as_asked_of_every_class(gan: GAN) -> None:
    config, generator = gan._require_fitted()
    accept, on = fit_rejection(gan, 0.4), sample_conditions(config, 400, 7, {})
    ok = accept(generate(generator, config, sample_latents(config, [(7, i) for i in range(400)]), on), on)
    assert 0.3 < 1 - ok.mean() < 0.5
    for lesion in (0, 1):
        assert 0.25 < 1 - ok[on.codes[:, 0].numpy() == lesion].mean() < 0.55


def test_a_score_does_not_depend_on_what_else_is_drawn(gan: GAN) -> None:
    config, generator = gan._require_fitted()
    accept, on = fit_rejection(gan, 0.5), sample_conditions(config, 8, 1, {})
    stacks = generate(generator, config, sample_latents(config, [(1, i) for i in range(8)]), on)
    alone = [float(accept.score_stacks(stacks[i : i + 1], on.take(slice(i, i + 1)))[0]) for i in range(8)]
    assert accept.score_stacks(stacks, on).tolist() == alone


def test_rejected_draws_are_counted_and_what_stays_scores_higher(gan: GAN) -> None:
    plain, picked = gan.sample(60, seed=2), gan.sample(60, seed=2, reject=0.5)
    assert REJECTED_BY_SCORE not in plain.info.left_out and 20 < picked.info.left_out[REJECTED_BY_SCORE] < 180
    same = sum((a == b).all() for a, b in zip(plain.images, picked.images, strict=True))
    assert 10 < same < 50  # those that are good enough are drawn as they were


@pytest.mark.parametrize("how", [{"reject": 0.5}, {"truncation": 0.8}, {"reject": 0.3, "truncation": 1.0}])
def test_a_crop_does_not_depend_on_how_many_are_drawn(gan: GAN, how: dict[str, Any]) -> None:
    many, few = gan.sample(140, seed=4, **how), gan.sample(9, seed=4, **how)
    assert many.images[:9].tobytes() == few.images.tobytes() and many.masks[:9].tobytes() == few.masks.tobytes()
    assert gan.sample(9, seed=4, **how).images.tobytes() == few.images.tobytes()


def test_truncation_narrows(gan: GAN) -> None:
    config = gan._require_fitted()[0]
    seeds = [(0, i) for i in range(300)]
    free = sample_latents(config, seeds)
    for limit in (0.3, 1.0, 2.0):
        z = sample_latents(config, seeds, limit)
        assert z.abs().max() <= limit and torch.equal(z.argsort(dim=0), free.argsort(dim=0))
    assert torch.allclose(sample_latents(config, seeds, 8.0), free, atol=1e-3)

    def spread(bank: Bank) -> float:
        return float(np.asarray(bank.images, np.float32).std(axis=0).mean())

    expected = {"lesion": "shell", "grade": "low"}
    tight, usual = (spread(gan.sample(40, truncation=t, **expected)) for t in (0.2, None))  # type: ignore[arg-type]
    assert tight < 0.7 * usual


@pytest.mark.parametrize(
    "how", [{"reject": 1.0}, {"reject": -0.2}, {"reject": np.nan}, {"truncation": 0.0}, {"truncation": np.nan}]
)
def test_impossible_shares_and_limits_are_refused(gan: GAN, how: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=next(iter(how))):
        gan.sample(4, **how)


def test_masks_that_disagree_with_their_condition_are_drawn_again_and_counted(
    make_bank: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = make_bank(n=24, size=16)
    info = bank.info.model_copy(update={"numbers": ["radius_mm"]})
    entries = create_entries(info, len(bank))
    for name in bank.entries.dtype.names or ():
        entries[name] = bank.entries[name]
    entries["spacing"], entries["number:radius_mm"] = 1, 4
    entries["number:radius_mm"][::6] = 20
    numbered = Bank(info, bank.images, bank.masks, entries)
    made = GAN.for_crops(numbered, width=4, latent=8, batch=4)
    made.fit(numbered, 2, device="cpu", precision="32", eval_every=0)
    disc = bank.masks[1].copy()  # a shell, and of one size
    assert set(np.unique(disc)) == {0, 2}

    def drawn(stacks: torch.Tensor, config: GANConfig) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        return np.zeros((len(stacks), 2, 16, 16), np.float32), np.stack([disc] * len(stacks))

    monkeypatch.setattr(sample_bank, "decode_stacks", drawn)
    assert made.sample(3, lesion="core").info.left_out == {"draws without the core asked for": 3 * (MAX_ATTEMPTS - 1)}
    found = made.sample(3, lesion="shell", radius_mm=4)
    assert (
        found.info.left_out == {} and (np.abs(np.log(found.entries["radius_mm"] / 4)) < np.log(MAX_RADIUS_RATIO)).all()
    )
    wrong = made.sample(3, lesion="shell", radius_mm=20).info.left_out
    assert wrong == {"draws with another radius than asked for": 3 * (MAX_ATTEMPTS - 1)}
