"""What is known of a sample before it is read, and of what could not be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domaingan.data.sample import ConditionValue, Sample, name_statistical_unit


@dataclass(frozen=True)
class Record:
    """What is known of a sample without reading it: enough to split, filter and read it."""

    name: str
    subject: str = ""
    sequence: str = ""
    split: str = ""
    condition: Mapping[str, ConditionValue] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    affine: tuple[tuple[float, ...], ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    time: float | None = None
    """Seconds since its sequence began (or any other moment, the same for the whole sequence)."""
    index: int | None = None
    """Which slice of its parent volume this is, for the samples of :func:`domaingan.views.slices.as_slices`."""

    @property
    def group(self) -> str:
        """What must never be torn apart by a split: the subject, else the sequence, else the sample."""
        return self.subject or self.sequence or self.name

    @property
    def statistical_unit(self) -> str:
        """What counts as one in statistics: the subject; of a drive a block of :data:`BLOCK` seconds; else the sample.

        >>> Record("b7", sequence="b", time=7.0).unit
        'b@5s'
        """
        return name_statistical_unit(self.group, self.subject, self.time if self.sequence else None)

    def get_value(self, column: str) -> ConditionValue | None:
        """The record's value in a column of ``samples.csv``: a condition, or one of its own fields."""
        if column in self.condition:
            return self.condition[column]
        if column == "sample":  # what the column of names is called in samples.csv
            return self.name
        return getattr(self, column) if column in ("name", "subject", "sequence", "split", "time") else None

    def facts(self) -> dict[str, Any]:
        """The entries that a reader puts into ``Sample.meta``."""
        facts: dict[str, Any] = {
            "name": self.name,
            "subject": self.subject,
            "sequence": self.sequence,
            "split": self.split,
        }
        facts |= {} if self.time is None else {"time": self.time}
        return facts | {"spacing": self.spacing or (1.0,) * len(self.shape)}


@dataclass(frozen=True)
class Problem:
    """A file that could not be used, and why."""

    path: str
    reason: str


Reader = Callable[[Record], Sample]
