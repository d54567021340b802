"""What was assumed, said in one line on stderr."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from domaingan.core.errors import AssumptionWarning


@contextmanager
def print_assumptions_once() -> Iterator[None]:
    """Print each :class:`~domaingan.core.errors.AssumptionWarning` once, as one line; others look as usual."""
    with warnings.catch_warnings():
        plain = warnings.showwarning
        said: set[str] = set()

        def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, AssumptionWarning):
                if str(message) in said:
                    return
                said.add(str(message))
                print(f"domaingan: {message}", file=sys.stderr)
            else:
                plain(message, category, *rest, **more)

        warnings.showwarning = show
        warnings.simplefilter("default", AssumptionWarning)
        yield
