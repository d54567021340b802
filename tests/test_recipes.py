"""The recipes run as they stand, with as few steps as they allow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_rare_lesions(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, ROOT / "recipes" / "rare_lesions.py", "--out", out]
    command += ["--size", "16", "--steps", "3", "--gan-steps", "3"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(out / "evaluation" / "report.html")
    for name in ("real-crops/bank.json", "drawn-crops/bank.json", "gan/samples.png", "pasted-real.png"):
        assert (out / name).is_file()
