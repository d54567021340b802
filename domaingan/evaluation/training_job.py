"""The process of a job, which trains what its parent asks for: ``python -m domaingan.evaluation.training_job FOLDER``.

The parent writes one JSON object a line to its stdin: ``{"arm": NAME, "seed": N}``, or ``{"finish": true}``. It answers
on its stdout, one object a line, see :mod:`domaingan.evaluation.training_jobs`. Where its stdin ends without being told
to finish, its parent is gone, and it ends at once: no training goes on that nobody waits for.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from domaingan.core.errors import DataError, report_out_of_memory
from domaingan.core.shared_objects import load_shared
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.fold import FoldContext
from domaingan.evaluation.trainings import train_and_score

SECONDS_BETWEEN_UPDATES = 0.5
"""A job reports its step at most this often."""

MEMORY_ADVICE = "fewer jobs, or a smaller size"


class Channel:
    """Sends messages to the parent.

    Args:
        file: where they are written.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self._lock = threading.Lock()

    def send(self, kind: str, **content: Any) -> None:
        """Send a message of a kind."""
        with self._lock:
            self.file.write(json.dumps({"kind": kind, **content}) + "\n")
            self.file.flush()


class JobProgress:
    """Passes the progress of a training on to the parent.

    Args:
        channel: leads to the parent.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._sent_at = 0.0

    def start(self, phase: str) -> None:
        """Ignore the phase: several are shown at once."""

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Report the step, now and then."""
        now = time.monotonic()
        if now - self._sent_at >= SECONDS_BETWEEN_UPDATES or step == total:
            self._sent_at = now
            self.channel.send("step", step=step, metrics=dict(metrics or {}))

    def say(self, message: str) -> None:
        """Pass on a message."""
        self.channel.send("message", text=message)


def main() -> None:
    """Load the fold, and train what is asked for until there is nothing left."""
    channel = _claim_stdout()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its jobs
    tasks: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_tasks, args=(_claim_stdin(), tasks), daemon=True).start()
    _send_warnings_to(channel)
    try:
        with report_out_of_memory(MEMORY_ADVICE):
            fold, config = load_shared(Path(sys.argv[1]))
            _train_all(tasks, fold, config, channel)
    except DataError as error:
        channel.send("refused", found=error.found, path=error.path, expected=error.expected)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        channel.send("failed", reason=" ".join(reason.split()), traceback=traceback.format_exc())


def _train_all(
    tasks: queue.Queue[dict[str, Any]], fold: FoldContext, config: EvaluationConfig, channel: Channel
) -> None:
    while True:
        channel.send("ready")
        task = tasks.get()
        if "finish" in task:
            return
        started = time.monotonic()
        train_and_score(Arm.parse(task["arm"]), task["seed"], fold, config, JobProgress(channel))
        channel.send("done", seconds=time.monotonic() - started)


def _claim_stdout() -> Channel:
    """Keep stdout for messages alone: what anything prints goes to stderr."""
    file = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return Channel(file)


def _claim_stdin() -> TextIO:
    """Keep stdin for tasks alone, in a file of its own.

    A forked worker closes ``sys.stdin``. It would wait for ever for the lock of a file that a thread of its parent was
    reading from when it was forked.
    """
    file = os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8")
    sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    return file


def _read_tasks(file: TextIO, tasks: queue.Queue[dict[str, Any]]) -> None:
    for line in file:
        task = json.loads(line)
        tasks.put(task)
        if "finish" in task:
            return
    os._exit(1)  # the parent is gone


def _send_warnings_to(channel: Channel) -> None:
    def show_warning(message: Warning | str, *rest: Any, **more: Any) -> None:
        channel.send("message", text=f"warning: {message}")

    warnings.showwarning = show_warning


if __name__ == "__main__":
    main()
