"""``log.csv``: one row every few steps, cut back to the checkpoint when a training is resumed."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.core.reading import read_text

LOG_COLUMNS = (
    "step",
    "loss_d",
    "loss_g",
    "penalty",
    "d_real",
    "d_heldout",
    "d_fake",
    "r_t",
    "r_v",
    "augment",
    "grad_d",
    "grad_g",
    "kid",
    "kid_error",
    "diversity",
    "images_per_second",
)
"""Means over the steps since the last row:

- ``loss_d``, ``loss_g``, ``penalty`` (not yet weighted by gamma), ``grad_d`` and ``grad_g`` (norms of the gradients);
- ``d_real``, ``d_heldout``, ``d_fake``: the discriminator's scores of real, held-out real and generated crops;
- ``r_t``: mean sign of the scores of real crops, ``r_v``: how much lower held-out crops score than the trained on, as a
  share of the distance to generated ones (Karras et al. 2020, equation 1): near 1, it has learned the crops by heart;
- ``augment``: the probability of each augmentation;
- ``kid``, ``kid_error``, ``diversity``: see :mod:`domaingan.gan.training.monitor`; only every so often.
"""


LOG_FILE = "log.csv"


def read_log(path: Path) -> list[dict[str, float]]:
    """The rows of a log, without what is not known in them; none if there is no file.

    Raises:
        DataError: it cannot be read, or a cell is no number.
    """
    if not path.is_file():
        return []
    try:
        return [
            {name: float(value) for name, value in row.items() if value} for row in csv.DictReader(_read_lines(path))
        ]
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError(f"cannot be read as a log ({error})", path=path, expected="numbers in columns") from None


def _read_lines(path: Path) -> io.StringIO:
    return io.StringIO(read_text(path), newline="")


class RunningMeans:
    """Running means of what the steps report, kept on their device until they are asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._n = 0

    def add_step(self, metrics: Mapping[str, Tensor]) -> None:
        """Take in the numbers of one step."""
        self._n += 1
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value

    def take_means(self) -> dict[str, float]:
        """The means since the last call."""
        means = {name: float(total) / self._n for name, total in self._sums.items()}
        self._sums, self._n = {}, 0
        return means


class TrainingLog:
    """Appends rows to ``log.csv``.

    Args:
        path: the file, or None to keep no log.
        step: rows after this step are left over from a training that was killed, and go.
        tensorboard: write them as TensorBoard events too, into ``tensorboard/`` beside it.

    Raises:
        DataError: TensorBoard is asked for and not installed.
    """

    def __init__(self, path: Path | None, step: int, *, tensorboard: bool = False) -> None:
        self.path = path
        self._events = (
            make_events_writer(path.parent / "tensorboard", step) if tensorboard and path is not None else None
        )
        if path is None:
            return
        rows = []
        if path.is_file():
            rows = [row for row in csv.reader(_read_lines(path)) if len(row) == len(LOG_COLUMNS) and row[0].isdecimal()]
        with write_file_atomically(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(LOG_COLUMNS)
            writer.writerows(row for row in rows if int(row[0]) <= step)

    def write_row(self, metrics: Mapping[str, float]) -> None:
        """Append one row; numbers that are not known stay empty."""
        if self.path is None:
            return
        if self._events is not None:
            for name in LOG_COLUMNS[1:]:
                if math.isfinite(metrics.get(name, math.nan)):
                    self._events.add_scalar(name, metrics[name], int(metrics["step"]))
        values = [metrics.get(name, math.nan) for name in LOG_COLUMNS]
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(["" if math.isnan(v) else f"{v:.5g}" if v != int(v) else int(v) for v in values])

    def close(self) -> None:
        """Write what is left."""
        if self._events is not None:
            self._events.close()


def make_events_writer(folder: Path, step: int) -> Any:
    """A writer of TensorBoard events that takes those after ``step`` for void."""
    require_tensorboard(True)
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1)


def require_tensorboard(is_requested: bool) -> None:
    """Refuse to go on without TensorBoard where it is wanted.

    Raises:
        DataError: it is not installed.
    """
    if is_requested and find_spec("tensorboard") is None:
        raise DataError("no TensorBoard here", expected="pip install 'domaingan[tensorboard]', or no --tensorboard")
