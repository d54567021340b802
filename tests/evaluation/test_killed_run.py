"""``evaluate --jobs 2`` that is killed in the middle goes on with ``--resume``, and ends as if it had not been."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from domaingan import evaluate, phantoms
from domaingan.core.reading import read_json

SETTINGS: dict[str, Any] = {
    "arms": ["none", "copy-paste"],
    "seeds": 2,
    "dims": 2,
    "steps": 4,
    "width": 4,
    "measures": "overlap",
    "device": "cpu",
}

SCRIPT = f"""
import sys
from domaingan import evaluate, phantoms
data = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 16))
evaluate(data, out=sys.argv[1], jobs=2, workers=1, **{SETTINGS})
"""

MAX_SECONDS = 120


def read_result(out: Path) -> dict[str, Any]:
    """Read the result of a run without what depends on the clock."""
    result: dict[str, Any] = read_json(out / "result.json")
    return {name: value for name, value in result.items() if "seconds" not in name}


def test_a_killed_run_ends_with_the_same_result(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(broken)], env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + MAX_SECONDS
    while not list(broken.glob("fold-0/*-seed*.json")):  # one training has ended, others have not
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (broken / "result.json").exists()
    data = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 16))
    evaluate(data, out=broken, resume=True, **SETTINGS)
    evaluate(data, out=whole, **SETTINGS)
    assert read_result(broken) == read_result(whole)
    for path in whole.glob("fold-0/*.safetensors"):
        assert path.read_bytes() == (broken / "fold-0" / path.name).read_bytes()
