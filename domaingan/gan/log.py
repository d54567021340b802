"""``log.csv``: one row every few steps, cut back to the checkpoint when a training is resumed."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from domaingan.files import atomic_file

COLUMNS = ("step", "loss_d", "loss_g", "d_real", "d_heldout", "d_fake", "images_per_second")
"""``d_real``, ``d_heldout`` and ``d_fake``: the share of real, held-out real and generated crops that the
discriminator takes for real (held out far below real: it learns the crops by heart)."""


class Means:
    """Running means of what the steps report, kept on their device until they are asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._n = 0

    def add(self, metrics: Mapping[str, Tensor]) -> None:
        """Take in the numbers of one step."""
        self._n += 1
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value

    def take(self) -> dict[str, float]:
        """The means since the last call."""
        means = {name: float(total) / self._n for name, total in self._sums.items()}
        self._sums, self._n = {}, 0
        return means


class TrainingLog:
    """Appends rows to ``log.csv``.

    Args:
        path: the file, or None to keep no log.
        step: rows after this step are left over from a training that was killed, and go.
    """

    def __init__(self, path: Path | None, step: int) -> None:
        self.path = path
        if path is None:
            return
        rows = []
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS) and row[0].isdigit()]
        with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(row for row in rows if int(row[0]) <= step)

    def row(self, metrics: Mapping[str, float]) -> None:
        """Append one row; numbers that are not known stay empty."""
        if self.path is None:
            return
        values = [metrics.get(name, math.nan) for name in COLUMNS]
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(["" if math.isnan(v) else f"{v:.5g}" if v != int(v) else int(v) for v in values])
