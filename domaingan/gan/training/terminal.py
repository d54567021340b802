"""What a person at a terminal sees of a training, unless somebody else is told of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

from domaingan.core.durations import describe_metrics, describe_progress
from domaingan.gan.training.loop import Progress


class TerminalProgress:
    """A line with a bar: the share, the step, the time left, and a few losses.

    Args:
        console: where it is drawn.
    """

    def __init__(self, console: Console) -> None:
        fixed = Column(no_wrap=True)
        losses = TextColumn("{task.fields[metrics]}", table_column=Column(no_wrap=True, ratio=1, overflow="ellipsis"))
        reached = TextColumn("{task.fields[reached]}", table_column=fixed)
        self.bar = Bar(
            TextColumn("training"), BarColumn(bar_width=8, table_column=fixed), reached, losses, console=console
        )
        self._task = self.bar.add_task("training", total=None, reached="", metrics="")
        self._begun: tuple[int, float] | None = None

    def update(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        """Show a step and its losses; see :class:`domaingan.gan.training.loop.Progress`."""
        now = time.monotonic()
        self._begun = self._begun or (step, now)
        first, begun = self._begun
        reached = describe_progress(step, total, now - begun, step - first)
        text = describe_metrics(metrics)
        self.bar.update(self._task, completed=step, total=total, reached=reached, metrics=text)

    def say(self, message: str) -> None:
        """Show something that a person should know, on a line of its own."""
        self.bar.console.print(message, markup=False, highlight=False)


@contextmanager
def open_progress(progress: Progress | bool | None) -> Iterator[Progress | None]:
    """Who is told how a training goes: whoever is given, else a person at a terminal or a notebook, else nobody.

    Args:
        progress: one who is told; True or False to show it or not whatever there is.
    """
    if not (progress is None or isinstance(progress, bool)):
        yield progress
        return
    console = Console(stderr=True)
    is_watched = console.is_terminal or console.is_jupyter
    if progress is False or (progress is None and not is_watched):
        yield None
        return
    told = TerminalProgress(console)
    with told.bar:
        yield told
