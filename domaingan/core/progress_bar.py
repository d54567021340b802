"""Progress of long work on stderr: a bar on a terminal, a plain line now and then otherwise."""

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

PHASE_WIDTH = 34
"""Characters of a phase that are shown beside the bar."""

BAR_WIDTH = 8
"""Characters of the bar."""


class ProgressBar:
    """Shows how long work goes; use it as a context manager, and as ``progress=`` of a training or an evaluation.

    A line has the phase of the work, its share, the step and the time left. Losses come last, and are cut off first
    where a terminal is narrow.

    Args:
        phase: the first phase of the work.
        console: where it is drawn; stderr by default.
        is_live: whether a bar is drawn instead of plain lines; by default if stderr is a terminal.
    """

    def __init__(self, phase: str = "", console: Console | None = None, is_live: bool | None = None) -> None:
        self.phase = phase
        self.is_live = sys.stderr.isatty() if is_live is None else is_live
        fixed = Column(no_wrap=True)
        self._bar = Progress(
            TextColumn(
                "{task.description}", table_column=Column(no_wrap=True, max_width=PHASE_WIDTH, overflow="ellipsis")
            ),
            BarColumn(bar_width=BAR_WIDTH, table_column=fixed),
            TextColumn("{task.fields[reached]}", table_column=fixed),
            TextColumn("{task.fields[metrics]}", table_column=Column(no_wrap=True, ratio=1, overflow="ellipsis")),
            console=console or Console(stderr=True),
            disable=not self.is_live,
            expand=True,
        )
        self._task = self._bar.add_task(phase, total=None, reached="", metrics="")
        self._started_at = self._printed_at = time.monotonic()
        self._first_step: int | None = None

    def __enter__(self) -> ProgressBar:
        if self.is_live:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_live:  # it would end the line that no bar has begun
            self._bar.stop()

    def start(self, phase: str) -> None:
        """Begin a new phase of the work.

        Args:
            phase: what is done in it.
        """
        self.phase = phase
        self._started_at = self._printed_at = time.monotonic()
        self._first_step = None
        if self.is_live:
            self._bar.reset(self._task, description=phase, total=None, reached="", metrics="")
        else:
            print(phase, file=sys.stderr, flush=True)

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Show how far the phase has come.

        Args:
            step: the step that was reached.
            total: the last step.
            metrics: losses and measures by name; a few of them are shown.
        """
        now = time.monotonic()
        if self._first_step is None or step < self._first_step:
            # The steps that a resumed training took before say nothing of the speed of today.
            self._first_step = step
            if step:
                self._started_at = now
        reached = describe_progress(step, total, now - self._started_at, step - self._first_step)
        shown_metrics = describe_metrics(metrics or {})
        if self.is_live:
            self._bar.update(self._task, completed=step, total=total, reached=reached, metrics=shown_metrics)
        elif now - self._printed_at >= SECONDS_BETWEEN_LINES and step:
            self._printed_at = now
            line = f"{self.phase}: {reached}  {shown_metrics}"
            print(line.rstrip(), file=sys.stderr, flush=True)

    def say(self, message: str) -> None:
        """Print a message on a line of its own.

        Args:
            message: what a person should know.
        """
        self._bar.console.print(message, markup=False, highlight=False, soft_wrap=True)
