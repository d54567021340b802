"""``domaingan sample``: numbers, hosts, truncation, rejection, strips, ONNX files, and memory that runs out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from inprocess import answer, refused
from PIL import Image
from written_sets import write_dataset

from domaingan import phantoms
from domaingan.banks import Bank, create_entries
from domaingan.banks.crops import crops
from domaingan.core.errors import DataError
from domaingan.gan import GAN
from domaingan.gan.networks import Generator
from domaingan.gan.sampling import generate
from domaingan.views.regrid import view

SMALL: dict[str, Any] = {"width": 4, "latent": 8, "batch": 4}
FIT: dict[str, Any] = {"device": "cpu", "precision": "32", "eval_every": 0}


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "scans"
    people = phantoms.load_phantom("medical", subjects=8, shape=(32, 32, 16))
    write_dataset(people, people, out)
    return out


@pytest.fixture(scope="module")
def real(scans: Path) -> Bank:
    """Lesions of the scans, with their radius as a number condition."""
    from domaingan.adapters import load

    bank = crops(view(load(str(scans)), dims=2), 16, "lesion")
    info = bank.info.model_copy(update={"numbers": ["radius_mm"]})
    entries = create_entries(info, len(bank))
    for name in bank.entries.dtype.names or ():
        entries[name] = bank.entries[name]
    entries["number:radius_mm"] = bank.entries["radius_mm"]
    return Bank(info, bank.images, bank.masks, entries)


@pytest.fixture(scope="module")
def model(real: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "free"
    GAN.for_crops(real, **SMALL).fit(real, 4, out, **FIT)
    return out


@pytest.fixture(scope="module")
def shown(real: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is given the mask."""
    out = tmp_path_factory.mktemp("models") / "given"
    GAN.for_crops(real, conditioning=("mask",), **SMALL).fit(real, 4, out, **FIT)
    return out


def test_numbers_are_asked_for_as_values_and_ranges(model: Path, real: Bank, tmp_path: Path) -> None:
    low, high = np.quantile(real.entries["number:radius_mm"], (0.3, 0.7))
    for text, (least, most) in {f"{low:.2f}..{high:.2f}": (low, high), f"{high:.2f}": (high, high)}.items():
        out = tmp_path / text
        answer("sample", model, "--n", "9", "--condition", f"radius_mm={text}", "--out", out)
        found = Bank.load(out).entries["number:radius_mm"]
        assert (found >= least - 0.01).all() and (found <= most + 0.01).all()
        assert len(set(found.tolist())) > (least != most)
    for wrong in ("radius_mm=large", "radius_mm=3..", "radius_mm=1e9", "radius_mm=3,4"):
        assert "radius_mm" in refused("sample", model, "--condition", wrong, "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_hosts_are_a_dataset_or_a_bank(shown: Path, scans: Path, real: Bank, tmp_path: Path) -> None:
    real.save(tmp_path / "hosts")
    drawn = []
    for name, hosts in (("a", scans), ("b", tmp_path / "hosts")):
        result = answer("sample", shown, "--hosts", hosts, "--n", "12", "--out", tmp_path / name)
        drawn.append(Bank.load(tmp_path / name))
        assert result["n"] == 12 and (drawn[-1].masks == real.masks[np.arange(12) % len(real)]).all()
    assert (drawn[0].entries["condition:lesion"] == drawn[1].entries["condition:lesion"]).all()
    assert "no hosts" in refused("sample", shown, "--out", tmp_path / "x")


def test_a_model_that_is_shown_nothing_refuses_hosts(model: Path, scans: Path, tmp_path: Path) -> None:
    assert "shown nothing" in refused("sample", model, "--hosts", scans, "--out", tmp_path / "x")


def test_rejection_and_truncation(model: Path, tmp_path: Path) -> None:
    found = answer("sample", model, "--n", "8", "--reject", "0.5", "--truncation", "0.7", "--grid", tmp_path / "g.png")
    assert "draws that the discriminator scores lowest" in found["left_out"] and (tmp_path / "g.png").is_file()
    assert "reject 1.5" in refused("sample", model, "--reject", "1.5", "--out", tmp_path / "x")
    assert "truncation 0" in refused("sample", model, "--truncation", "0", "--out", tmp_path / "x")


def test_strips_between_latents_classes_and_numbers(model: Path, real: Bank, tmp_path: Path) -> None:
    a, b = real.info.conditions["lesion"]
    low, high = (f"{r:.3f}" for r in np.quantile(real.entries["radius_mm"], (0.1, 0.9)))
    for name, conditions in {
        "latents": [],
        "classes": ["--condition", f"lesion={a},{b}"],
        "numbers": ["--condition", f"lesion={a}", "--condition", f"radius_mm={low}..{high}"],
    }.items():
        path = tmp_path / f"{name}.png"
        assert answer("sample", model, "--interpolate", path, *conditions)["interpolate"] == str(path)
        with Image.open(path) as picture:
            assert picture.width > 8 * 96 and picture.height > 4 * 96
    again = tmp_path / "again.png"
    answer("sample", model, "--interpolate", again)
    assert again.read_bytes() == (tmp_path / "latents.png").read_bytes()
    for wrong in (f"lesion={a}:0.5,{b}:0.5", f"lesion={a},{b},{a}", "lesion=none"):
        assert "lesion" in refused("sample", model, "--interpolate", tmp_path / "x.png", "--condition", wrong)
    assert not (tmp_path / "x.png").exists()


def test_the_generator_as_an_onnx_file(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "generator.onnx"
    assert answer("sample", model, "--onnx", path)["onnx"] == str(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["z", "codes", "numbers"]
    assert "nothing to write" in refused("sample", model)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has …"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: not enough memory: you tried to …"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:128] err == 0. DefaultCPUAllocator: can't allocate memory: you …"),
    ],
)
def test_memory_that_runs_out_is_one_line(
    error: Exception, model: Path, real: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Generator, "generate", broken)
    message = refused("sample", model, "--n", "4", "--out", tmp_path / "x")
    assert message == "domaingan: out of memory; expected a model of smaller width or size, or device cpu"
    assert not (tmp_path / "x").exists()
    with pytest.raises(DataError, match="out of memory; expected a smaller batch"):
        GAN.for_crops(real, **SMALL).fit(real, 2, **FIT)


def test_another_error_stays_what_it_is(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(generate, "assemble_stacks", broken)
    with pytest.raises(RuntimeError, match="ours"):
        GAN.load(model).sample(2)
