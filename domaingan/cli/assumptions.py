"""Warnings about assumptions, printed for a person: one line each, on stderr."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from domaingan.core.errors import AssumptionWarning


@contextmanager
def print_assumptions_once() -> Iterator[None]:
    """Print each :class:`~domaingan.core.errors.AssumptionWarning` once, as one line; other warnings look as usual."""
    with warnings.catch_warnings():
        show_as_usual = warnings.showwarning
        printed: set[str] = set()

        def show(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
            if not issubclass(category, AssumptionWarning):
                show_as_usual(message, category, *args, **kwargs)
                return
            text = str(message)
            if text not in printed:
                printed.add(text)
                print(f"domaingan: {text}", file=sys.stderr)

        warnings.showwarning = show
        warnings.simplefilter("default", AssumptionWarning)
        yield
