"""Trainings side by side: each job is a process of its own that trains one after the other.

The parent gives each job an arm and a seed whenever it is ready. The kinds of messages that come back: ``ready``,
``step``, ``message``, ``done``, ``refused`` (bad input), ``failed`` (a mistake of ours). A job that is killed ends the
evaluation in one line; what other jobs have stored stays, and ``resume`` goes on from there.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from domaingan.core.errors import DataError
from domaingan.core.shared_objects import save_shared
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.fold import FoldContext
from domaingan.evaluation.plan import TrainingCounter

SHARED_PREFIX = ".jobs-"
"""Begins the name of the folder, inside the fold's, through which jobs share the samples."""

JOB_COMMAND = ("-m", "domaingan.evaluation.training_job")
"""What Python runs in a job's process."""

THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

SECONDS_TO_END = 5.0
"""A job that was told to end is killed after this time."""

Message = dict[str, Any]

Pending = tuple[Arm, int]
"""A training that is still to be run: arm and seed."""


@dataclass
class Job:
    """A process that trains.

    Attributes:
        process: the process.
        task: arm and seed that it trains now; None while it has nothing to do.
        step: the step it has come to.
        loss: its last loss.
    """

    process: subprocess.Popen[str]
    task: Pending | None = None
    step: int = 0
    loss: float | None = None

    def send(self, **content: Any) -> None:
        """Send a task; a process that is gone is noticed where its messages end."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.write(json.dumps(content) + "\n")
            self.process.stdin.flush()

    def describe(self) -> str:
        """Name what the job trains."""
        return "a training" if self.task is None else f"{self.task[0].name}, seed {self.task[1]}"


def train_side_by_side(
    pending: Sequence[Pending], fold: FoldContext, config: EvaluationConfig, counter: TrainingCounter
) -> None:
    """Run trainings in several processes, which share the threads of this one.

    Args:
        pending: arms and seeds, in the order in which they are begun.
        fold: samples and banks; the jobs share one copy of them.
        config: its ``jobs`` is the largest number of processes.
        counter: counts the trainings.

    Raises:
        DataError: a training was refused, or its process was ended by somebody else.
        RuntimeError: a training failed for a reason that is not the user's.
    """
    for leftover in fold.folder.glob(f"{SHARED_PREFIX}*"):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    n_jobs = min(config.jobs, len(pending))
    counter.start(f"{len(pending)} trainings, {n_jobs} side by side")
    with tempfile.TemporaryDirectory(prefix=SHARED_PREFIX, dir=fold.folder) as folder:
        save_shared((fold, config), Path(folder))
        with start_jobs(n_jobs, Path(folder)) as (jobs, messages):
            _Dispatcher(list(pending), jobs, config.steps, counter).run(messages)


@contextmanager
def start_jobs(n: int, folder: Path) -> Iterator[tuple[list[Job], queue.Queue[tuple[int, Message | None]]]]:
    """Start processes that load what the folder shares; at the end of the block none of them is left.

    Args:
        n: how many.
        folder: what :func:`domaingan.core.shared_objects.save_shared` wrote: a fold and the config.

    Yields:
        The jobs, and a queue with the number of the job and its message, which is None where its messages end.
    """
    threads = str(max(1, torch.get_num_threads() // n))
    environment = os.environ | dict.fromkeys(THREAD_SETTINGS, threads)
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
    command = [sys.executable, *JOB_COMMAND, str(folder)]
    messages: queue.Queue[tuple[int, Message | None]] = queue.Queue()
    jobs: list[Job] = []
    try:
        for number in range(n):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
            jobs.append(Job(process))
            threading.Thread(target=_read_messages, args=(number, process, messages), daemon=True).start()
        yield jobs, messages
    finally:
        _end_jobs(jobs)


def _read_messages(
    number: int, process: subprocess.Popen[str], messages: queue.Queue[tuple[int, Message | None]]
) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        messages.put((number, json.loads(line)))
    messages.put((number, None))


def _end_jobs(jobs: Sequence[Job]) -> None:
    """Close what the jobs read from, at which they end, and kill those that do not."""
    for job in jobs:
        assert job.process.stdin is not None
        with suppress(OSError):
            job.process.stdin.close()
    for job in jobs:
        try:
            job.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            job.process.kill()
            job.process.wait()


class _Dispatcher:
    """Gives trainings to jobs and follows their messages until all are done."""

    def __init__(self, pending: list[Pending], jobs: list[Job], steps: int, counter: TrainingCounter) -> None:
        self.pending, self.jobs, self.steps, self.counter = pending, jobs, steps, counter
        self.n_trainings = len(pending)
        self.n_done = 0

    def run(self, messages: queue.Queue[tuple[int, Message | None]]) -> None:
        while self.n_done < self.n_trainings:
            number, message = messages.get()
            job = self.jobs[number]
            if message is None:
                self._refuse_ended(job)
            else:
                self._handle(job, message)
        for job in self.jobs:
            job.send(finish=True)

    def _handle(self, job: Job, message: Message) -> None:
        kind = message["kind"]
        if kind == "ready" and self.pending:
            job.task, job.step = self.pending.pop(0), 0
            job.send(arm=job.task[0].name, seed=job.task[1])
        elif kind == "step":
            job.step, job.loss = message["step"], message["metrics"].get("loss")
            self._show_progress()
        elif kind == "message":
            self.counter.progress.say(message["text"])
        elif kind == "done":
            job.task, job.step = None, 0
            self.n_done += 1
            self.counter.count_done(message["seconds"] / len(self.jobs))
            self._show_progress()
        elif kind == "refused":
            raise DataError(message["found"], path=message["path"], expected=message["expected"])
        elif kind == "failed":
            print(message["traceback"], file=sys.stderr)
            raise RuntimeError(f"{job.describe()}: {message['reason']}")

    def _show_progress(self) -> None:
        steps = self.n_done * self.steps + sum(job.step for job in self.jobs)
        losses = [job.loss for job in self.jobs if job.loss is not None]
        metrics = {"loss": sum(losses) / len(losses)} if losses else {}
        self.counter.progress.update(steps, self.n_trainings * self.steps, metrics)

    def _refuse_ended(self, job: Job) -> None:
        """Refuse to go on where a job has ended by itself, unless there was nothing left for it to do."""
        code = job.process.wait()
        if job.task is None and code == 0:
            return
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        expected = "enough memory, or fewer jobs; --resume goes on with what is not done"
        raise DataError(f"the process of {job.describe()} ended {how}", expected=expected)
