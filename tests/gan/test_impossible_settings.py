"""What cannot be is one line and exit code 2 on the command line, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inprocess import refused
from stored_configs import change_config
from written_sets import write_dataset

from domaingan import phantoms
from domaingan.gan import GAN
from domaingan.gan.config_file import CONFIG_FILE, read_config
from domaingan.gan.model_card import write_card
from domaingan.gan.training.trainer import Trainer
from domaingan.gan.weights_file import WEIGHTS_FILE

FLAGS = {"steps": 3, "width": 4, "size": 16, "batch": 4, "dims": 2, "device": "cpu", "features": "random"}
QUICK_OPTIONS = [part for name, value in FLAGS.items() for part in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def model(make_bank: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose condition `grade` has a value without crops."""
    bank = make_bank(size=8)
    bank.info.conditions["grade"].append("unheard-of")
    out = tmp_path_factory.mktemp("models") / "m"
    GAN.for_crops(bank, width=4, latent=8, batch=4).fit(bank, 2, out, device="cpu", precision="32", eval_every=0)
    return out


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copy"))


def write_scans(folder: Path, healthy: bool) -> Path:
    """Scans of two people; healthy ones have classes and no object of any."""
    people = phantoms.load_phantom("medical", subjects=2, shape=(32, 32, 16))
    samples = [replace(s, mask=np.zeros_like(s.mask)) if healthy and s.mask is not None else s for s in people]
    write_dataset(samples, people, folder)
    return folder


def test_a_value_without_crops(model: Path, tmp_path: Path) -> None:
    said = refused("sample", model, "--out", tmp_path / "x", "--condition", "grade=unheard-of")
    assert "no training crop was grade=unheard-of" in said and not (tmp_path / "x").exists()
    said = refused("sample", model, "--out", tmp_path / "x", "--condition", "lesion=never")
    assert "no lesion=never; expected one of core, shell" in said


def test_data_without_an_object(tmp_path: Path) -> None:
    said = refused("train", write_scans(tmp_path / "healthy", True), "--out", tmp_path / "m", *QUICK_OPTIONS)
    assert "no " in said and not (tmp_path / "m").exists()


@pytest.mark.parametrize("size", ["48", "0", "-8", "4"])
def test_a_size_that_is_no_power_of_two(size: str, tmp_path: Path) -> None:
    flags = [size if flag == "16" else flag for flag in QUICK_OPTIONS]
    said = refused("train", "phantom:medical", "--out", tmp_path / "m", *flags)
    assert f"size {size}; expected a power of two" in said and not (tmp_path / "m").exists()


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_flipped_byte(name: str, copy: Path, tmp_path: Path) -> None:
    content = bytearray((copy / name).read_bytes())
    where = len(content) // 2
    if name == CONFIG_FILE:  # a digit of the learning rate
        where = content.index(b"0.001", content.index(b'"lr"')) + len(b"0.0")
    content[where] ^= 1
    (copy / name).write_bytes(content)
    said = refused("sample", copy, "--out", tmp_path / "x")
    assert f"{copy / name}: changed since it was written" in said and not (tmp_path / "x").exists()


def test_a_config_of_a_newer_version(copy: Path, tmp_path: Path) -> None:
    stored = json.loads((copy / CONFIG_FILE).read_text())
    (copy / CONFIG_FILE).write_text(json.dumps(stored | {"format": stored["format"] + 1, "novelty": 1}))
    said = refused("sample", copy, "--out", tmp_path / "x")
    assert f"{copy / CONFIG_FILE}: model format 5; expected 4: update domaingan" in said


def test_numbers_times_what_is_no_factor(make_bank: Any) -> None:
    from domaingan.core.errors import DataError
    from domaingan.gan.sampling.sample_conditions import Multiple, sample_conditions

    bank = make_bank(size=8)
    config = GAN.for_crops(bank, width=4).make_config(bank, 2)
    numbered = config.with_changes("data", numbers={"radius_mm": (1, 2)})
    for factors in (
        Multiple(-1, 2),
        Multiple(0, 1),
        Multiple(2, 1),
        Multiple(float("nan"), 1),
        Multiple(1, float("inf")),
    ):
        with pytest.raises(DataError, match=r"radius_mm=.*x; expected factors above 0"):
            sample_conditions(numbered, 2, 0, {"radius_mm": factors})


def test_a_training_that_diverges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "is_finite", lambda trainer: False)
    said = refused("train", write_scans(tmp_path / "scans", False), "--out", tmp_path / "m", *QUICK_OPTIONS)
    assert f"{tmp_path / 'm'}: training diverged at step 3 (NaN); expected finite losses" in said
    assert not (tmp_path / "m" / WEIGHTS_FILE).exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"depth": 10**9}, "depth 1000000000; expected 1 to 64"),
        ({"width": 10**22}, "width 10000000000000000000000; expected 1 to 2,048"),
        ({"latent": 10**40}, "latent 1000000000000000000000000000000000000…"),
        ({"seed": -1}, "seed -1; expected 0 to"),
        ({"steps": -5}, "steps -5"),
        ({"width": 64}, "not the weights of this config"),
        ({"lr": [1e-3, -1.0]}, "lr (0.001, -1.0)"),
        ({"labels": [0, 300]}, "label 300 of value 300"),
        ({"channels": None}, "channels: "),
        ({"crop_records": [7]}, "crop_records.0"),
        ({"arch": ["dcgan"]}, "arch: "),
        ({"conditions": {"lesion": [], "grade": ["a"]}}, "condition lesion: 0 of them"),
    ],
)
def test_a_config_that_no_model_has(changes: dict[str, Any], reason: str, copy: Path, tmp_path: Path) -> None:
    stored = json.loads((copy / CONFIG_FILE).read_text())
    stored.pop("sha256")
    (copy / CONFIG_FILE).write_text(json.dumps(change_config(stored, **changes)))
    said = refused("sample", copy, "--out", tmp_path / "x")
    assert reason in said and not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("codes", [0, 99], "a crop record of conditions (0, 99)"),
        ("codes", [-2, 0], "a crop record of conditions (-2, 0)"),
        ("codes", [0], "a crop record of conditions (0,)"),
        ("spacing", [0.0, 1.0], "a crop record of spacing"),
        ("spacing", [1.0], "a crop record of other dimensions"),
        ("radius_mm", -2.0, "radius_mm -2"),
        ("source_size", [-3, 3], "a crop record of source_size (-3, 3)"),
        ("numbers", [1.0, 2.0, 3.0], "a crop record of 3 numbers"),
    ],
)
def test_a_crop_record_that_no_crop_has(field: str, value: object, reason: str, copy: Path, tmp_path: Path) -> None:
    stored = json.loads((copy / CONFIG_FILE).read_text())
    stored.pop("sha256")
    stored["data"]["crop_records"][-1][field] = value
    (copy / CONFIG_FILE).write_text(json.dumps(stored))
    assert reason in refused("sample", copy, "--out", tmp_path / "x") and not (tmp_path / "x").exists()


@pytest.mark.parametrize("content", [b"", b"\xff" * 8 + b"{}", (10**6).to_bytes(8, "little") + b"{" * 50, b"x" * 40])
def test_weights_that_are_no_weights(content: bytes, copy: Path, tmp_path: Path) -> None:
    (copy / WEIGHTS_FILE).write_bytes(content)
    stored = json.loads((copy / CONFIG_FILE).read_text())
    stored.pop("sha256")
    stored["provenance"]["weights_sha256"] = hashlib.sha256(content).hexdigest()
    (copy / CONFIG_FILE).write_text(json.dumps(stored))
    said = refused("sample", copy, "--out", tmp_path / "x")
    assert f"{copy / WEIGHTS_FILE}: cannot be read" in said and not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("width", "said"),
    [("9" * 6, "width 999999; expected 1 to 2,048"), ("9" * 23, f"the number {'9' * 23}; expected one of at most 18")],
)
def test_a_width_that_nobody_means(tmp_path: Path, width: str, said: str) -> None:
    flags = [
        width if flag == "4" and QUICK_OPTIONS[i - 1] == "--width" else flag for i, flag in enumerate(QUICK_OPTIONS)
    ]
    assert said in refused("train", "phantom:medical", "--out", tmp_path / "m", *flags)
    assert not (tmp_path / "m").exists()


def test_a_card_tells_how_many_subjects_and_names_them_when_it_is_asked_to(model: Path) -> None:
    card, config = (model / "model_card.md").read_text(), read_config(model)
    assert f"- subjects: {len(config.provenance.subjects)}\n" in card
    assert not any(name in card for name in config.provenance.subjects)
    assert f"({', '.join(config.provenance.subjects)})" in write_card(
        "m", config.with_changes("provenance", name_subjects=True)
    )
