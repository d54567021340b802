"""What cannot be is one line and exit code 2 on the command line, and leaves nothing behind."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inprocess import refused

from domaingan import phantoms
from domaingan.adapters.writing import write_dataset
from domaingan.gan import GAN
from domaingan.gan.fit import Trainer
from domaingan.gan.folder import CONFIG, WEIGHTS

FLAGS = {"steps": 3, "width": 4, "size": 16, "batch": 4, "dims": 2, "device": "cpu", "features": "random"}
QUICK = [part for name, value in FLAGS.items() for part in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def model(make_bank: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose condition `grade` has a value without crops."""
    bank = make_bank(size=8)
    bank.info.conditions["grade"].append("unheard-of")
    out = tmp_path_factory.mktemp("models") / "m"
    GAN.for_crops(bank, width=4, latent=8, batch=4).fit(bank, 2, out, device="cpu", precision="32", judge_every=0)
    return out


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copy"))


def written(folder: Path, healthy: bool) -> Path:
    """Scans of two people; healthy ones have classes and no object of any."""
    people = phantoms.load("medical", subjects=2, shape=(32, 32, 16))
    samples = [replace(s, mask=np.zeros_like(s.mask)) if healthy and s.mask is not None else s for s in people]
    write_dataset(samples, people, folder)
    return folder


def test_a_value_without_crops(model: Path, tmp_path: Path) -> None:
    said = refused("sample", model, "--out", tmp_path / "x", "--condition", "grade=unheard-of")
    assert "no training crop was grade=unheard-of" in said and not (tmp_path / "x").exists()
    said = refused("sample", model, "--out", tmp_path / "x", "--condition", "lesion=never")
    assert "no lesion=never; expected one of core, shell" in said


def test_data_without_an_object(tmp_path: Path) -> None:
    said = refused("train", written(tmp_path / "healthy", True), "--out", tmp_path / "m", *QUICK)
    assert "no " in said and not (tmp_path / "m").exists()


@pytest.mark.parametrize("size", ["48", "0", "-8", "4"])
def test_a_size_that_is_no_power_of_two(size: str, tmp_path: Path) -> None:
    flags = [size if flag == "16" else flag for flag in QUICK]
    said = refused("train", "phantom:medical", "--out", tmp_path / "m", *flags)
    assert f"size {size}; expected a power of two" in said and not (tmp_path / "m").exists()


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_flipped_byte(name: str, copy: Path, tmp_path: Path) -> None:
    content = bytearray((copy / name).read_bytes())
    where = content.index(b'"lr": [\n    0.001') + len(b'"lr": [\n    0.') if name == CONFIG else len(content) // 2
    content[where] ^= 1
    (copy / name).write_bytes(content)
    said = refused("sample", copy, "--out", tmp_path / "x")
    assert f"{copy / name}: changed since it was written" in said and not (tmp_path / "x").exists()


def test_a_config_of_a_newer_version(copy: Path, tmp_path: Path) -> None:
    stored = json.loads((copy / CONFIG).read_text())
    (copy / CONFIG).write_text(json.dumps(stored | {"format": stored["format"] + 1, "novelty": 1}))
    said = refused("sample", copy, "--out", tmp_path / "x")
    assert f"{copy / CONFIG}: model format 4; expected 3: update domaingan" in said


def test_numbers_times_what_is_no_factor(make_bank: Any) -> None:
    from domaingan.errors import DataError
    from domaingan.gan.plan import Times, plan

    bank = make_bank(size=8)
    numbered = GAN.for_crops(bank, width=4).config_for(bank, 2).model_copy(update={"numbers": {"radius_mm": (1, 2)}})
    for factors in (Times(-1, 2), Times(0, 1), Times(2, 1), Times(float("nan"), 1), Times(1, float("inf"))):
        with pytest.raises(DataError, match=r"radius_mm=.*x; expected factors above 0"):
            plan(numbered, 2, 0, {"radius_mm": factors})


def test_a_training_that_diverges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "is_finite", lambda trainer: False)
    said = refused("train", written(tmp_path / "scans", False), "--out", tmp_path / "m", *QUICK)
    assert f"{tmp_path / 'm'}: training diverged at step 3 (NaN); expected finite losses" in said
    assert not (tmp_path / "m" / WEIGHTS).exists()
