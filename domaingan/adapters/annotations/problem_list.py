"""Problems of one annotation file: many of one kind are counted instead of listed."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from domaingan.data import Problem

MAX_LISTED_PROBLEMS = 10
"""The most problems of one kind that are listed. Further ones are counted."""

_VARIABLE_PART_PATTERN = re.compile(r"\[.*?\]|[-+.\d]+(e[-+]?\d+)?")
"""What differs between problems of one kind: lists and numbers."""


class ProblemList:
    """Collects the problems of one file.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons_by_kind: dict[str, list[str]] = {}
        self.unlisted_counts: Counter[str] = Counter()

    def add(self, reason: str, name: str = "") -> None:
        """Add a problem.

        Args:
            reason: ``found; expected expected``.
            name: what the problem is about, where that is not the whole file.
        """
        found = reason.partition("; expected")[0]
        kind = _VARIABLE_PART_PATTERN.sub("#", found)
        reasons = self.reasons_by_kind.setdefault(kind, [])
        if len(reasons) < MAX_LISTED_PROBLEMS:
            reasons.append(f"{name}: {reason}" if name else reason)
        else:
            self.unlisted_counts[kind] += 1

    def list_problems(self) -> list[Problem]:
        """List the problems, after those of each kind how many more there are."""
        problems: list[Problem] = []
        for kind, reasons in self.reasons_by_kind.items():
            problems += [Problem(str(self.path), reason) for reason in reasons]
            n_more = self.unlisted_counts[kind]
            if n_more:
                problems.append(Problem(str(self.path), f"{n_more} more like {reasons[-1]}"))
        return problems
