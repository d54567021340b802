"""The recipes run as they stand, with as few steps as they allow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(recipe: str, out: Path) -> str:
    """Run a recipe in its shortest form, and return the last line that it prints."""
    command = [sys.executable, ROOT / "recipes" / recipe, "--out", out]
    command += ["--size", "16", "--steps", "2", "--gan-steps", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_dusk_driving(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("dusk_driving.py", out) == str(out / "evaluation" / "report.html")
    for name in ("generated-scenes/bank.json", "objects/bank.json", "gan/samples.png", "relit.png", "pasted.png"):
        assert (out / name).is_file()


def test_rare_lesions(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("rare_lesions.py", out) == str(out / "evaluation" / "report.html")
    for name in (
        "real-crops/bank.json",
        "refined-crops/bank.json",
        "hosts.png",
        "pasted.png",
        "made-to-fit.png",
        "real-lesions.png",
        "gan/samples.png",
        "pasted-real.png",
    ):
        assert (out / name).is_file()
