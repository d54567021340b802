"""How long work reports how far it has come: one protocol for trainings, evaluations and everything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """Is informed how far long work has come."""

    def start(self, phase: str) -> None:
        """Begin a new phase of the work.

        Args:
            phase: the phase in words, such as ``training on 200 crops``.
        """

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Report that the phase has come to a step.

        Args:
            step: steps that are over.
            total: all steps of the phase.
            metrics: current numbers, such as losses, by name.
        """

    def say(self, message: str) -> None:
        """Pass on a message that a person should read."""


class SilentProgress:
    """A :class:`Progress` that shows nothing."""

    def start(self, phase: str) -> None:
        """Ignore the phase."""

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Ignore the step."""

    def say(self, message: str) -> None:
        """Ignore the message."""
