"""Progress of long work: a bar on a terminal, a plain line now and then otherwise; all of it on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from domaingan.core.durations import describe_metrics, describe_progress

SECONDS_BETWEEN_LINES = 20.0
"""Seconds between plain lines."""


class ProgressBar:
    """Tells a person how long work goes; use as a context manager.

    A line says what is done, its share, the step and the time left; losses come last, and are cut off first where a
    terminal is narrow.

    Args:
        what: the first stretch of work.
    """

    def __init__(self, phase: str = "") -> None:
        self.phase = phase
        fixed = Column(no_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True, max_width=34, overflow="ellipsis")),
            BarColumn(bar_width=8, table_column=fixed),
            TextColumn("{task.fields[reached]}", table_column=fixed),
            TextColumn("{task.fields[metrics]}", table_column=Column(no_wrap=True, ratio=1, overflow="ellipsis")),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            expand=True,
        )
        self._task = self._bar.add_task(phase, total=None, reached="", metrics="")
        self._started_at = self._printed_at = time.monotonic()
        self._first_step: int | None = None

    def __enter__(self) -> ProgressBar:
        if not self._bar.disable:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._bar.disable:  # it would end the line that no bar has begun
            self._bar.stop()

    def start(self, what: str) -> None:
        """A new stretch of work begins."""
        self.phase = what
        self._started_at = self._printed_at = time.monotonic()
        self._first_step = None
        if self._bar.disable:
            print(what, file=sys.stderr, flush=True)
        else:
            self._bar.reset(self._task, description=what, total=None, reached="", metrics="")

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """The stretch has come to ``step`` of ``total``."""
        now = time.monotonic()
        if self._first_step is None or step < self._first_step:
            # What a resumed training did before says nothing of the speed of today.
            self._first_step, self._started_at = step, now if step else self._started_at
        reached = describe_progress(step, total, now - self._started_at, step - self._first_step)
        text = describe_metrics(metrics or {})
        if not self._bar.disable:
            self._bar.update(self._task, completed=step, total=total, reached=reached, metrics=text)
        elif now - self._printed_at >= SECONDS_BETWEEN_LINES and step:
            self._printed_at = now
            print(f"{self.phase}: {reached}  {text}".rstrip(), file=sys.stderr, flush=True)

    def say(self, message: str) -> None:
        """Something that a person should know, on a line of its own."""
        self._bar.console.print(message, markup=False, highlight=False, soft_wrap=True)
