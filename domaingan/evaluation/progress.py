"""Who is told how an evaluation goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from domaingan import gan


class Progress(gan.Progress, Protocol):
    """Who is told how the evaluation goes: as of a GAN's training, and what is being done."""

    def start(self, what: str) -> None:
        """A new stretch of work begins."""


class SilentProgress:
    """Tells nobody."""

    def start(self, what: str) -> None:
        """Nothing."""

    def update(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        """Nothing."""

    def say(self, message: str) -> None:
        """Nothing."""
