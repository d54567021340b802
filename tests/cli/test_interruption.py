"""What an interrupted command says: what is kept, and the command that goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from domaingan.cli.interruption import describe_interruption


def test_names_the_folder_and_the_command_that_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "my run"
    out.mkdir()
    (out / "config.json").write_text("{}")
    message = describe_interruption(["evaluate", "scans", "--overwrite", "--out", str(out)])
    assert message == (
        f"interrupted; what is done is kept in {out}. Go on with: domaingan evaluate scans --out '{out}' --resume"
    )


def test_finds_the_working_folder_of_a_set_that_is_not_finished(tmp_path: Path) -> None:
    (tmp_path / ".set.unfinished" / "images").mkdir(parents=True)
    assert "--resume" in describe_interruption(["blend", "scans", f"--out={tmp_path / 'set'}"])


def test_says_that_nothing_is_kept(tmp_path: Path) -> None:
    assert describe_interruption(["train", "scans", "--out", str(tmp_path / "none")]).startswith("interrupted before")
    assert describe_interruption(["crops", "scans", "--out", str(tmp_path)]) == "interrupted; nothing was written"
    assert describe_interruption([]) == "interrupted; nothing was written"


def test_a_training_that_is_interrupted_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "model"
    words = ["train", "phantom:medical", "--dims", "2", "--size", "16", "--steps", "100000", "--width", "4"]
    command = [sys.executable, "-m", "domaingan", *words, "--batch", "4", "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}) as run:
        deadline = time.monotonic() + 60
        while not (out / "config.json").is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        message = run.communicate(timeout=60)[1]
    assert run.returncode == 130
    assert f"kept in {out}" in message and message.rstrip().endswith("--resume") and "Traceback" not in message
