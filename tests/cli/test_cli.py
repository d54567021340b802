"""The command line as a user has it: real processes, real folders, exit codes, one line for a mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from written_sets import write_dataset

from domaingan import phantoms
from domaingan.adapters import load
from domaingan.banks import Bank

QUICK = ["--steps", "4", "--width", "4", "--size", "16", "--gan-steps", "3"]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "domaingan", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def answer(*arguments: str | Path) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def refused(*arguments: str | Path) -> str:
    done = run(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("domaingan: ") and "Traceback" not in done.stderr, done.stderr
    return lines[-1]


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of scans on disk, as a user has them."""
    out = tmp_path_factory.mktemp("data") / "scans"
    people = phantoms.load_phantom("medical", subjects=5, shape=(32, 32, 16))
    write_dataset(people, people, out)
    return out


@pytest.fixture(scope="module")
def bank(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("banks") / "bank"
    result = answer("crops", scans, "--dims", "2", "--size", "16", "--out", out)
    assert result["n"] == len(Bank.load(out)) and result["subjects"]
    return out


@pytest.fixture(scope="module")
def model(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "model"
    result = answer(
        "train", scans, "--target", "crops", "--condition", "lesion", "--dims", "2", "--size", "16",
        "--width", "8", "--steps", "4", "--out", out,
    )  # fmt: skip
    assert result["model"] == str(out) and result["steps"] == 4 and result["images_per_second"] > 0
    return out


def test_help_teaches_and_imports_nothing_heavy() -> None:
    assert "demo" in run("--help").stdout
    for command in ("inspect", "train", "crops", "sample", "blend", "evaluate", "report", "demo"):
        done = run(command, "--help")
        assert done.returncode == 0 and "--json" in done.stdout and "--seed" in done.stdout
    code = "import sys, domaingan.cli; print([m for m in ('torch','monai','matplotlib','numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_inspect_tells_what_is_there(scans: Path) -> None:
    found = answer("inspect", scans)
    assert found["layout"] == "nifti" and found["samples"] == 5 and found["spatial_dims"] == 3
    assert found["channels"] == ["flair", "t1c"] and set(found["classes"]) == {"oedema", "enhancing"}
    assert found["problems"] == []
    assert "oedema" in run("inspect", scans).stdout


def test_model_folder_is_what_the_design_says(model: Path) -> None:
    for name in ("config.json", "weights.safetensors", "model_card.md", "samples.png", "checkpoints"):
        assert (model / name).exists()


def test_sample_draws_a_bank_and_a_contact_sheet(model: Path, tmp_path: Path) -> None:
    result = answer("sample", model, "--n", "8", "--out", tmp_path / "bank", "--grid", tmp_path / "grid.png")
    assert result["n"] <= 8 and (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")
    again = answer("sample", model, "--n", "8", "--out", tmp_path / "again")
    assert again["n"] == result["n"]
    for name in ("images.npy", "masks.npy", "entries.npy"):
        assert (tmp_path / "bank" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize("classic", [False, True])
def test_blend_writes_a_set_that_reads_back(scans: Path, bank: Path, tmp_path: Path, classic: bool) -> None:
    out = tmp_path / "blended"
    result = answer("blend", scans, "--bank", bank, "--out", out, *(["--classic"] if classic else []))
    assert result["written"] == 5 and sum(result["pasted"].values()) > 0 and result["problems"] == []
    before, after = load(scans), load(out)
    assert [r.name for r in before.records] == [r.name for r in after.records]
    assert before.schema == after.schema and not after.problems
    for one, two in zip(before, after, strict=True):
        np.testing.assert_allclose(one.geometry.affine, two.geometry.affine)
        assert one.image.shape == two.image.shape and one.mask is not None and two.mask is not None
        assert classic or ((two.mask > 0) | (one.mask == 0)).all()
    assert json.loads((out / "pasted.json").read_text()).keys() == {r.name for r in before.records}


def test_blend_is_the_same_again_with_the_same_seed(scans: Path, bank: Path, tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        answer("blend", scans, "--bank", bank, "--out", tmp_path / name, "--seed", seed)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.nii.gz"))
    same = [(tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files]
    other = [(tmp_path / "a" / f).read_bytes() == (tmp_path / "c" / f).read_bytes() for f in files]
    assert files and all(same) and not all(other)


def test_preview_needs_no_output_folder(scans: Path, bank: Path, tmp_path: Path) -> None:
    answer("blend", scans, "--bank", bank, "--preview", tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG") and list(tmp_path.iterdir()) == [tmp_path / "p.png"]


def test_evaluate_and_report(scans: Path, bank: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["evaluate", scans, "--dims", "2", "--arms", "none,classic,copy-paste+classic", "--seeds", "1"]
    named = ["--train-where", "subject=phantom_000,phantom_001,phantom_002"]
    result = answer(*arguments, *named, "--out", out, *QUICK)
    assert result["task"] == "segmentation" and set(result["arms"]) == {"none", "classic", "copy-paste+classic"}
    assert result["verdict"] in ("helps", "hurts", "no difference", "cannot be shown")
    assert result["subjects"] == ["phantom_003", "phantom_004"] and result["smallest_p"] >= 0.5
    assert {"mean", "ci", "values"} <= set(result["arms"]["classic"]["dice:oedema"])
    assert {"mean", "ci", "p"} <= set(result["differences"]["copy-paste+classic"]["dice:oedema"])
    (out / "report.html").unlink()
    assert answer("report", out)["report"] == str(out / "report.html") and (out / "report.html").is_file()
    assert "exists already" in refused(*arguments, "--out", out, *QUICK)
    assert "test subjects" in refused(*arguments, "--arms", "gan", "--bank", bank, "--out", tmp_path / "x", *QUICK)
    assert not (tmp_path / "x").exists()


def test_killed_evaluation_goes_on_where_it_was(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["evaluate", scans, "--dims", "2", "--arms", "none,classic", "--seeds", "4", "--out", out, *QUICK]
    process = subprocess.Popen([sys.executable, "-m", "domaingan", *map(str, arguments)], stderr=subprocess.DEVNULL)
    first = out / "fold-0" / "none-seed0.json"
    for _ in range(1200):
        if first.is_file() or process.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = first.read_bytes()
    result = answer(*arguments, "--resume")
    assert first.read_bytes() == kept and set(result["per_seed"]) == {"none", "classic"}
    whole = answer(*(str(a).replace(str(out), str(tmp_path / "whole")) for a in arguments))
    assert whole["arms"] == result["arms"]


# ------------------------------------------------------------------- mistakes


def test_usage_mistakes_are_one_line(scans: Path, bank: Path, tmp_path: Path) -> None:
    out = ["--out", tmp_path / "x"]
    assert "--bnak" in refused("blend", scans, "--bnak", bank, *out)
    assert "no such" in refused("inspect", tmp_path / "nowhere").lower()
    assert "power of two" in refused("crops", scans, "--size", "48", *out)
    assert "no method 'poison'" in refused("blend", scans, "--bank", bank, "--method", "poison", *out)
    assert "no class blue" in refused("blend", scans, "--bank", bank, "--only", "blue", *out)
    assert "no arm 'clasic'" in refused("evaluate", scans, "--arms", "clasic", *out)
    assert "--where lesion" in refused("crops", scans, "--where", "lesion", *out)
    assert "no bank" in refused("blend", scans, "--bank", tmp_path, *out)
    assert "dicom" in refused("inspect", scans, "--layout", "dicom")
    assert refused("train", scans, "--target", "scene", *out)
    assert refused("sample", tmp_path, *out)
    assert not (tmp_path / "x").exists()


def test_a_3d_bank_is_refused_for_slices(scans: Path, tmp_path: Path) -> None:
    answer("crops", scans, "--size", "16", "--out", tmp_path / "volumes")
    slices = ["evaluate", scans, "--dims", "2", "--arms", "classic,gan+classic", "--bank", tmp_path / "volumes"]
    assert "3D bank" in refused(*slices, "--out", tmp_path / "x", *QUICK)
    result = answer("blend", scans, "--bank", tmp_path / "volumes", "--out", tmp_path / "blended")
    assert result["written"] == 5


def test_an_existing_output_is_refused_and_left_alone(scans: Path, bank: Path) -> None:
    before = (bank / "bank.json").read_bytes()
    assert "exists already" in refused("crops", scans, "--dims", "2", "--out", bank)
    assert "exists already" in refused("blend", scans, "--bank", bank, "--out", bank)
    assert (bank / "bank.json").read_bytes() == before


def test_the_data_that_is_read_is_never_written_over(scans: Path, bank: Path) -> None:
    for arguments in (["crops", scans], ["blend", scans, "--bank", bank], ["train", scans], ["evaluate", scans]):
        for out in (scans, scans.parent):
            assert "holds the data" in refused(*arguments, "--out", out, "--overwrite")
        assert "among the folders of the subjects" in refused(*arguments, "--out", scans / "new")
        assert not (scans / "new").exists()
    assert len(load(scans)) == 5


def test_a_broken_file_is_named_and_nothing_is_written(scans: Path, bank: Path, tmp_path: Path) -> None:
    broken = tmp_path / "scans"
    people = load(scans)
    write_dataset(people, people, broken)
    victim = broken / "phantom_002" / "t1c.nii.gz"
    victim.write_bytes(victim.read_bytes()[:2000])
    out = tmp_path / "out"
    for arguments in (["crops", broken, "--dims", "2"], ["blend", broken, "--bank", bank], ["train", broken]):
        assert str(victim) in refused(*arguments, "--out", out)
        assert not out.exists() and not [p for p in tmp_path.iterdir() if "partial" in p.name]
    found = answer("inspect", broken)
    assert [p["path"] for p in found["problems"]] == [str(victim)]


def test_skipped_problems_are_counted(scans: Path, bank: Path, tmp_path: Path) -> None:
    broken = tmp_path / "scans"
    people = load(scans)
    write_dataset(people, people, broken)
    (broken / "phantom_002" / "t1c.nii.gz").unlink()
    assert "--skip-problems" in refused("blend", broken, "--bank", bank, "--out", tmp_path / "out")
    result = answer("blend", broken, "--bank", bank, "--out", tmp_path / "out", "--skip-problems")
    assert result["written"] == 4 and len(result["problems"]) == 1
    process = run("crops", broken, "--dims", "2", "--size", "16", "--out", tmp_path / "cut", "--skip-problems")
    assert (
        process.returncode == 0 and process.stderr.startswith("left out: 1 file ") and "phantom_002" in process.stderr
    )
    assert "left out" not in run("inspect", broken).stderr  # it lists the problem itself
