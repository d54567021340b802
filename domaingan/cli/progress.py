"""Progress of long work: a bar on a terminal, a plain line now and then otherwise; all of it on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

EVERY = 20.0
"""Seconds between plain lines."""


class Teller:
    """Tells a person how long work goes; use as a context manager.

    Args:
        what: the first stretch of work.
    """

    def __init__(self, what: str = "") -> None:
        self.what = what
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[metrics]}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(what, total=None, metrics="")
        self._begun = self._said = time.monotonic()

    def __enter__(self) -> Teller:
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
        self.what = what
        self._begun = self._said = time.monotonic()
        if self._bar.disable:
            print(what, file=sys.stderr, flush=True)
        else:
            self._bar.reset(self._task, description=what, total=None, metrics="")

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """The stretch has come to ``step`` of ``total``."""
        text = "  ".join(f"{name} {value:.3g}" for name, value in (metrics or {}).items() if name != "step")
        if not self._bar.disable:
            self._bar.update(self._task, completed=step, total=total, metrics=text)
            return
        now = time.monotonic()
        if now - self._said >= EVERY and step:
            self._said = now
            left = (now - self._begun) / step * (total - step)
            print(f"{self.what}: {step}/{total}  {text}  {left:.0f} s left", file=sys.stderr, flush=True)

    def say(self, message: str) -> None:
        """Something that a person should know, on a line of its own."""
        self._bar.console.print(message, markup=False, highlight=False)
