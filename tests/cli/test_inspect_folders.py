"""``inspect`` of banks and models, ``crops --grid``, and what every command answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "domaingan", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    done = run(
        "crops", "phantom:medical", "--dims", 2, "--size", 16, "--where", "subject=phantom_001,phantom_002,phantom_003",
        "--out", folder / "bank", "--grid", folder / "sheet.png",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "bank"


def test_crops_draws_a_contact_sheet(bank: Path) -> None:
    assert min(Image.open(bank.parent / "sheet.png").size) >= 128


def test_inspect_describes_a_bank(bank: Path) -> None:
    found = json.loads(run("inspect", bank, "--json").stdout.splitlines()[-1])
    assert found["layout"] == "bank" and found["size"] == [16, 16] and found["generated"] is False
    assert found["n"] == len(np.load(bank / "entries.npy")) and found["problems"] == []
    assert "enhancing" in run("inspect", bank).stdout


def test_inspect_describes_a_model_and_refuses_a_damaged_one(bank: Path, tmp_path: Path) -> None:
    import domaingan as dg

    crops = dg.Bank.load(bank)
    gan = dg.GAN.for_crops(crops, width=4, batch=4)
    gan.fit(crops, steps=2, out=tmp_path / "model", eval_every=0)
    found = json.loads(run("inspect", tmp_path / "model", "--json").stdout.splitlines()[-1])
    assert found["layout"] == "model" and found["steps"] == 2 and found["subjects"] == len(crops.subjects)
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"nothing")
    damaged = run("inspect", tmp_path / "model")
    assert damaged.returncode == 2 and "weights.safetensors" in damaged.stderr


def test_a_sample_is_chosen_by_its_name_as_the_table_calls_it() -> None:
    found = json.loads(run("inspect", "phantom:medical", "--where", "sample=phantom_004", "--json").stdout)
    assert found["samples"] == 1


def test_version_help_and_completion() -> None:
    assert run("--version").stdout.startswith("domaingan 0.")
    assert run("-h").stdout == run("--help").stdout and "inspect" in run("-h").stdout
    assert "--dims" in run("crops", "-h").stdout
    assert "install-completion" in run("-h").stdout
