"""Who is told how an evaluation goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """Who is told how the evaluation goes."""

    def start(self, what: str) -> None:
        """A new stretch of work begins."""

    def update(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        """It has come to ``step`` of ``total``."""


class Silent:
    """Tells nobody."""

    def start(self, what: str) -> None:
        """Nothing."""

    def update(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        """Nothing."""
