"""Trainings side by side: the results of one after the other, and what happens where a process ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from domaingan import evaluate, phantoms
from domaingan.core.errors import DataError
from domaingan.core.progress import SilentProgress
from domaingan.core.shared_objects import load_shared, save_shared
from domaingan.evaluation import training_jobs
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.plan import Plan, TrainingCounter

QUICK: dict[str, Any] = {"arms": ["none", "classic"], "dims": 2, "steps": 2, "width": 4, "measures": "overlap"}


def read_stored(run: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text())["scores"] for path in sorted(run.glob("fold-0/*.json"))}


def test_two_jobs_store_what_one_after_the_other_does(tmp_path: Path) -> None:
    data = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 16))
    alone = evaluate(data, out=tmp_path / "alone", seeds=1, **QUICK)
    together = evaluate(data, out=tmp_path / "together", seeds=1, jobs=2, **QUICK)
    assert alone["arms"] == together["arms"]
    assert not list((tmp_path / "together" / "fold-0").glob(".jobs-*"))
    weights = [(tmp_path / run / "fold-0" / "classic-seed0.safetensors").read_bytes() for run in ("alone", "together")]
    assert weights[0] == weights[1]
    more = evaluate(data, out=tmp_path / "together", seeds=2, ensemble=True, resume=True, **QUICK)
    assert {"classic", "classic@ensemble", "none@ensemble"} <= more["arms"].keys()
    stored = read_stored(tmp_path / "together")
    assert len(stored) == 6 and stored["classic-seed0.json"] == read_stored(tmp_path / "alone")["classic-seed0.json"]


def test_an_ensemble_of_one_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    data = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 16))
    with pytest.raises(DataError, match="an ensemble of one seed; expected at least 2 seeds"):
        evaluate(data, out=tmp_path / "run", seeds=1, ensemble=True, **QUICK)
    with pytest.raises(DataError, match="no device 'cuda:77'"):
        evaluate(data, out=tmp_path / "run", seeds=1, device="cuda:77", **QUICK)
    assert not (tmp_path / "run").exists()


class Listener(SilentProgress):
    """Keeps what it is informed of."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[int, int]] = []

    def update(self, step: int, total: int, metrics: Any = None) -> None:
        self.steps.append((step, total))

    def say(self, message: str) -> None:
        self.lines.append(message)


def run_jobs(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Listener:
    """Run three trainings in two processes that run a script instead of training."""
    monkeypatch.setattr(training_jobs, "JOB_COMMAND", ("-c", "import json, os, sys, time\n" + script))
    config = EvaluationConfig(data="x", arms=["classic"], seeds=3, dims=2, size=8, steps=10, jobs=2)
    listener = Listener()
    counter = TrainingCounter(Plan(config, 1, 4), listener)
    pending = [(Arm.parse("classic"), seed) for seed in range(3)]
    fold: Any = SimpleNamespace(folder=tmp_path)
    leftover = tmp_path / f"{training_jobs.SHARED_PREFIX}old"
    leftover.mkdir()
    try:
        training_jobs.train_side_by_side(pending, fold, config, counter)
    finally:
        assert not list(tmp_path.glob(f"{training_jobs.SHARED_PREFIX}*"))
    return listener


ANSWER = """
def send(**message):
    print(json.dumps(message), flush=True)
send(kind="ready")
for line in sys.stdin:
    task = json.loads(line)
    if "finish" in task:
        break
    %s
    send(kind="done", seconds=1.0)
    send(kind="ready")
"""


def test_every_training_is_given_to_a_job_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = 'send(kind="message", text=f"{task}"); send(kind="step", step=5, metrics={"loss": 2.0})'
    heard = run_jobs(ANSWER % step, tmp_path, monkeypatch)
    tasks = {line for line in heard.lines if line.startswith("{")}
    assert tasks == {str({"arm": "classic", "seed": seed}) for seed in range(3)}
    assert heard.steps[-1] == (30, 30) and all(0 < step <= total == 30 for step, total in heard.steps)
    assert any("3 of 3" in line or "2 of 3" in line for line in heard.lines)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("os.kill(os.getpid(), 9)", "the process of classic, seed . ended by signal 9; expected enough memory"),
        ("sys.exit(3)", "ended with exit code 3"),
        ('send(kind="refused", found="loss is nan", path=None, expected="a finite loss")', "^loss is nan; expected a"),
    ],
)
def test_a_process_that_ends_ends_the_run_in_one_line(
    answer: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=message):
        run_jobs(ANSWER % answer, tmp_path, monkeypatch)


def test_a_mistake_of_ours_names_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = 'send(kind="failed", reason="KeyError: 3", traceback="Traceback of the job")'
    with pytest.raises(RuntimeError, match=r"classic, seed \d: KeyError: 3"):
        run_jobs(ANSWER % answer, tmp_path, monkeypatch)
    assert "Traceback of the job" in capsys.readouterr().err


def test_arrays_are_shared_and_changes_stay_with_the_process_that_makes_them(tmp_path: Path) -> None:
    value = {"a": np.arange(7.0), "same": np.ones((3, 5), np.uint8), "empty": np.zeros(0)}
    save_shared(value, tmp_path)
    first, second = load_shared(tmp_path), load_shared(tmp_path)
    assert all((first[name] == value[name]).all() for name in value)
    first["a"][:] = 9
    assert (second["a"] == value["a"]).all() and (load_shared(tmp_path)["a"] == value["a"]).all()


def test_what_cannot_be_sent_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"samples that no other process can be given .*; expected jobs 1"):
        save_shared(lambda: 0, tmp_path)


def test_a_job_ends_when_its_parent_is_gone() -> None:
    """Its stdin ends without having been told to finish."""
    import subprocess

    script = (
        "import queue, threading, time\n"
        "from domaingan.evaluation.training_job import _claim_stdin, _read_tasks\n"
        "threading.Thread(target=_read_tasks, args=(_claim_stdin(), queue.Queue()), daemon=True).start()\n"
        "time.sleep(60)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input='{"arm": "classic", "seed": 0}\n', text=True, timeout=50
    )
    assert done.returncode == 1
