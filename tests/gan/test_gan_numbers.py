"""Worked examples of checksums, sampling batches, the check of ONNX files, r_t and numbers in their own units."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from domaingan.gan import GAN, onnx_export
from domaingan.gan.conditions import Condition
from domaingan.gan.config_from_bank import hash_crops
from domaingan.gan.sampling.check_crop import unscale_number
from domaingan.gan.sampling.generate import generate
from domaingan.gan.sampling.latents import sample_latents
from domaingan.gan.sampling.sample_conditions import sample_conditions
from domaingan.gan.training.losses import LOSSES
from domaingan.gan.training.trainer import Trainer


def fit_gan(bank: Any, **settings: Any) -> GAN:
    gan = GAN.for_crops(bank, width=4, latent=8, batch=4)
    gan.fit(bank, 1, device="cpu", precision="32", eval_every=0, **settings)
    return gan


def test_every_pixel_every_label_and_every_entry_counts_in_the_checksum_of_crops(make_bank: Any) -> None:
    bank = make_bank(n=5, size=8)
    original = hash_crops(bank)
    assert original == hash_crops(make_bank(n=5, size=8))
    bank.images[4, 1, 7, 7] += 1
    with_other_pixel = hash_crops(bank)
    bank.masks[4, 7, 7] += 1
    with_other_label = hash_crops(bank)
    bank.entries["radius_mm"][4] += 1
    with_other_radius = hash_crops(bank)
    assert len({original, with_other_pixel, with_other_label, with_other_radius}) == 4


def test_crops_with_nan_have_no_checksum(make_bank: Any) -> None:
    bank = make_bank(n=5, size=8)
    bank.images[2, 0, 1, 1] = np.nan
    with pytest.raises(Exception, match="NaN"):
        hash_crops(bank)


def test_the_generator_always_runs_on_32_crops(make_bank: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another number of rows a convolution may round in another way, and a seed give other bytes."""
    config, generator = fit_gan(make_bank(size=8))._require_fitted()
    rows: list[int] = []
    run_network = generator.generate

    def count_rows(z: torch.Tensor, condition: Condition) -> Any:
        rows.append(len(z))
        return run_network(z, condition)

    monkeypatch.setattr(generator, "generate", count_rows)
    latents = sample_latents(config, [(0, i) for i in range(33)])
    stacks = generate(generator, config, latents, sample_conditions(config, 33, 0, {}))
    assert rows == [32, 32] and len(stacks) == 33


def test_a_difference_of_a_file_in_one_pixel_is_found(
    make_bank: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shift by a quarter of a channel's range is 0.5 in units from -1 to 1."""
    checks: list[onnx_export.ExportedGenerator] = []
    measure = onnx_export.measure_difference

    def measure_and_remember(exported: onnx_export.ExportedGenerator, path: Path) -> float:
        checks.append(exported)
        return measure(exported, path)

    monkeypatch.setattr(onnx_export, "measure_difference", measure_and_remember)
    path = fit_gan(make_bank(size=8)).export(tmp_path / "g.onnx")
    exported = checks[0]

    class ShiftedSession(onnxruntime.InferenceSession):  # type: ignore[misc]
        def run(self, *arguments: Any) -> Any:
            images, *masks = super().run(*arguments)
            images[1, 0, 3, 3] += 0.25 * float(exported.span.flatten()[0])
            return [images, *masks]

    monkeypatch.setattr(onnxruntime, "InferenceSession", ShiftedSession)
    assert measure(exported, path) == pytest.approx(0.5, abs=1e-3)


def test_r_t_is_the_mean_sign_and_of_relativistic_scores_that_beside_the_middle() -> None:
    real, fake = torch.tensor([3.0, 1.0, -1.0, 1.0]), torch.tensor([3.0, 1.0, 3.0, 1.0])
    for name, loss in LOSSES.items():
        trainer: Any = SimpleNamespace(loss=loss)
        expected = -0.5 if loss.is_relativistic else 0.5
        assert float(Trainer._measure_r_t(trainer, real, fake)) == expected, name
    assert {loss.is_relativistic for loss in LOSSES.values()} == {True, False}


def test_numbers_are_returned_in_their_own_units() -> None:
    config: Any = SimpleNamespace(data=SimpleNamespace(numbers={"depth_mm": (0.0, 8.0), "radius_mm": (2.0, 6.0)}))
    numbers = torch.tensor([0.5, 0.25])
    assert unscale_number(config, "depth_mm", numbers) == 4
    assert unscale_number(config, "radius_mm", numbers) == 3


def test_a_training_has_seed_0_unless_another_is_named(make_bank: Any) -> None:
    bank = make_bank(n=4, size=8)
    assert fit_gan(bank)._require_fitted()[0].training.seed == 0
    assert fit_gan(bank, seed=1)._require_fitted()[0].training.seed == 1
