"""Fit, sample, save and load, in 2D and 3D."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from domaingan.banks import Bank, create_entries
from domaingan.banks.find_objects import MIN_OBJECT_PIXELS
from domaingan.core.errors import DataError
from domaingan.data import FRAME
from domaingan.gan import GAN
from domaingan.gan.training.trainer import Trainer
from domaingan.imaging.intensity import label_components

SMALL: dict[str, Any] = {"width": 8, "latent": 16, "batch": 4}


def _fit_gan(bank: Bank, out: Path | None = None, **how: Any) -> GAN:
    gan = GAN.for_crops(bank, **SMALL)
    gan.fit(bank, **{"steps": 6, "device": "cpu", "precision": "32"} | how, out=out)
    return gan


def _is_same_bank(a: Bank, b: Bank) -> bool:
    return a.images.tobytes() == b.images.tobytes() and a.masks.tobytes() == b.masks.tobytes()


@pytest.mark.parametrize("dims", [2, 3])
def test_trains_saves_loads_and_samples(dims: int, make_bank: Any, tmp_path: Path) -> None:
    real = make_bank(dims=dims)
    gan = _fit_gan(real, tmp_path / "model")
    for name in ("config.json", "weights.safetensors", "model_card.md", "samples.png", "log.csv", "checkpoints"):
        assert (tmp_path / "model" / name).exists()
    bank = gan.sample(10, seed=3)
    assert bank.info.generated and bank.info.subjects == real.info.subjects and bank.info.classes == real.info.classes
    assert bank.images.shape[1:] == real.images.shape[1:] and set(np.unique(bank.masks)) <= {0, 2, 4}
    assert (bank.entries["subject"] == -1).all() and set(bank.entries["spacing"][:, 0]) <= set(
        real.entries["spacing"][:, 0]
    )
    for crop in bank:
        assert label_components(crop.mask)[1] == 1 and (crop.mask > 0).sum() >= MIN_OBJECT_PIXELS[dims]
    assert _is_same_bank(GAN.load(tmp_path / "model").sample(10, seed=3), bank)
    assert Bank.load(bank.save(tmp_path / "bank").path or "").count_conditions() == bank.count_conditions()


def test_the_same_seed_gives_the_same_bytes(make_bank: Any) -> None:
    bank = make_bank()
    first, again, other = _fit_gan(bank), _fit_gan(bank), _fit_gan(bank, seed=1)
    weights = [
        torch.cat([p.flatten() for p in gan._require_fitted()[1].state_dict().values()])
        for gan in (first, again, other)
    ]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert _is_same_bank(first.sample(5), again.sample(5)) and not _is_same_bank(
        first.sample(5), first.sample(5, seed=1)
    )
    # Crop i depends on the seed, i and its condition: not on how many are drawn.
    many, few = first.sample(40, grade="low", lesion="core"), first.sample(5, grade="low", lesion="core")
    assert many.images[: len(few)].tobytes() == few.images.tobytes()


def test_saved_and_loaded_is_the_same_model(make_bank: Any, tmp_path: Path) -> None:
    gan = _fit_gan(make_bank())
    loaded = GAN.load(gan.save(tmp_path / "model"))
    assert _is_same_bank(loaded.sample(6), gan.sample(6)) and loaded.config == gan.config
    with pytest.raises(DataError, match="exists already"):
        gan.save(tmp_path / "model")


def test_conditions_are_spread_evenly_or_as_asked(make_bank: Any) -> None:
    gan = _fit_gan(make_bank(n=24))
    assert gan.sample(40).count_conditions()["lesion"] == {"core": 20, "shell": 20}
    assert gan.sample(10, lesion="core").count_conditions()["lesion"] == {"core": 10}
    assert gan.sample(10, lesion={"core": 0.7, "shell": 0.3}).count_conditions()["lesion"] == {"core": 7, "shell": 3}
    assert gan.sample(8, lesion=["shell"], grade="high").count_conditions() == {
        "lesion": {"shell": 8},
        "grade": {"high": 8},
    }
    for wrong in ({"lesion": "cor"}, {"leison": "core"}, {"lesion": {"core": -1.0}}, {"lesion": {"core": 0.0}}):
        with pytest.raises(DataError):
            gan.sample(4, **wrong)  # type: ignore[arg-type]


def test_one_value_alone_and_unknown_values_are_trained_as_they_are(make_bank: Any) -> None:
    bank = make_bank()
    bank.entries["condition:grade"] = -1
    bank.entries["condition:lesion"] = 1
    gan = GAN.for_crops(bank, **SMALL)
    result = gan.fit(bank, 2, device="cpu", precision="32", eval_every=0)
    assert gan.sample(4).count_conditions() == {"lesion": {"shell": 4}, "grade": {}}
    assert not result.messages  # there is another lesion, and no grade is known
    alone = bank.info.model_copy(update={"conditions": {"lesion": ["shell"]}})
    entries = create_entries(alone, len(bank))
    for name in entries.dtype.names or ():
        entries[name] = bank.entries[name]
    entries["condition:lesion"] = 0
    only = Bank(alone, bank.images, bank.masks, entries)
    result = GAN.for_crops(only, **SMALL).fit(only, 2, device="cpu", precision="32", eval_every=0)
    assert result.messages == ("lesion has one value alone, shell: it conditions nothing",)
    bare = Bank(bank.info.model_copy(update={"conditions": {}}), bank.images, bank.masks, bank.entries)
    assert len(_fit_gan(bare).sample(4)) == 4


def test_fewer_crops_than_a_batch_are_enough(make_bank: Any) -> None:
    assert len(_fit_gan(make_bank(n=2)).sample(3)) == 3


def test_frames_and_bf16(make_bank: Any) -> None:
    gan = _fit_gan(make_bank(channels=3, domain="frame"), precision="bf16")
    bank = gan.sample(4)
    assert bank.info.domain == FRAME and bank.images.min() >= 0 and bank.images.max() <= 1


def test_progress_and_log_say_the_same(make_bank: Any, tmp_path: Path) -> None:
    class Listener:
        def __init__(self) -> None:
            self.heard: list[tuple[int, int, Mapping[str, float]]] = []
            self.said: list[str] = []

        def update(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
            self.heard.append((step, total, metrics))

        def say(self, message: str) -> None:
            self.said.append(message)

    listener = Listener()
    bank = make_bank(n=30)
    gan = GAN.for_crops(bank, **SMALL)
    result = gan.fit(bank, 25, tmp_path / "m", device="cpu", precision="32", progress=listener)
    assert [(step, total) for step, total, _ in listener.heard] == [(10, 25), (20, 25), (25, 25)]
    with (tmp_path / "m" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["10", "20", "25"]
    names = ("d_heldout", "r_t", "grad_d", "grad_g")
    assert np.isfinite([[float(row[name]) for name in names] for row in rows]).all()
    assert [bool(row["kid"]) for row in rows] == [False, False, True]  # at the end, and every 500 steps
    assert float(rows[-1]["diversity"]) > 0
    assert result.steps == 25 and result.images_per_second > 0 and result.model == tmp_path / "m"


def test_a_training_that_diverges_is_stopped_and_keeps_its_checkpoint(make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank()
    gan = GAN.for_crops(bank, **SMALL)
    gan.fit(bank, 4, tmp_path / "m", device="cpu", precision="32")
    wild = GAN.for_crops(bank, **SMALL, lr=(1e38, 1e38))
    with pytest.raises(DataError, match=r"diverged at step 10 \(NaN\); expected") as caught:
        wild.fit(bank, 40, tmp_path / "wild", device="cpu", precision="32")
    assert "kept" not in str(caught.value)  # it went wrong before there was one
    assert not (tmp_path / "wild" / "weights.safetensors").exists()


def test_a_checkpoint_from_before_it_diverged_is_gone_on_from(
    make_bank: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, step = make_bank(), Trainer.train_step
    how: dict[str, Any] = {"device": "cpu", "precision": "32", "checkpoint_every": 5, "eval_every": 0}

    def breaks(trainer: Trainer) -> dict[str, torch.Tensor]:
        metrics = step(trainer)
        if trainer.step == 8:
            next(trainer.ema.parameters()).fill_(math.nan)
        return metrics

    GAN.for_crops(bank, **SMALL).fit(bank, 20, tmp_path / "whole", **how)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", breaks)
        with pytest.raises(DataError, match=r"diverged at step 10 \(NaN\); the last good checkpoint is kept"):
            GAN.for_crops(bank, **SMALL).fit(bank, 20, tmp_path / "m", **how)
    assert [path.stem for path in (tmp_path / "m" / "checkpoints").glob("*.json")] == ["step-00000005"]
    GAN.for_crops(bank, **SMALL).fit(bank, 20, tmp_path / "m", resume=True, **how)
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("m", "whole")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    "settings", [{"size": 48}, {"size": 512}, {"arch": "stylegan"}, {"loss": "l3"}, {"width": 0}, {"colour": 1}]
)
def test_impossible_settings_are_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        GAN(channels=2, classes={"a": 1}, **settings)


def test_crops_that_do_not_fit_are_refused(make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank()
    with pytest.raises(DataError, match="expected"):
        GAN(channels=2, classes=bank.info.classes, size=32).fit(bank, 2)
    with pytest.raises(DataError, match="not been fitted"):
        GAN.for_crops(bank).sample(1)
    for wrong in ({"device": "tpu"}, {"device": "cuda:99"}, {"precision": "8"}, {"steps": 0}):
        with pytest.raises(DataError):
            _fit_gan(bank, tmp_path / "m", **wrong)
    assert not (tmp_path / "m").exists()
