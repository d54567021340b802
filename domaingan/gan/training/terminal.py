"""Choose who is informed of a training: the caller's object, a person at a terminal, or nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from domaingan.core.progress import Progress
from domaingan.core.progress_bar import ProgressBar


@contextmanager
def open_progress(progress: Progress | bool | None) -> Iterator[Progress | None]:
    """Open what is informed of a training.

    Args:
        progress: an object that is informed; True or False to show a bar or not; None to show one to a person at a
            terminal or in a notebook.

    Yields:
        What is informed, or None.
    """
    if progress is not None and not isinstance(progress, bool):
        yield progress
        return
    console = Console(stderr=True)
    is_watched = console.is_terminal or console.is_jupyter
    if not (is_watched if progress is None else progress):
        yield None
        return
    with ProgressBar("training", console, is_live=is_watched) as bar:
        yield bar
