"""``log.csv``: a row every few steps, cut back to the checkpoint when a training is resumed."""

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
"""The columns of the log. Numbers are means over the steps since the last row.

- ``loss_d``, ``loss_g``, ``penalty`` (not yet weighted by gamma), ``grad_d`` and ``grad_g`` (norms of the gradients);
- ``d_real``, ``d_heldout``, ``d_fake``: the discriminator's scores of real, held-out real and generated crops;
- ``r_t``: mean sign of the scores of real crops; ``r_v``: see
  :func:`domaingan.gan.training.diagnostics.compute_r_v`;
- ``augment``: the probability of each augmentation;
- ``kid``, ``kid_error``, ``diversity``: see :mod:`domaingan.gan.training.monitor`; only in some rows.
"""

LOG_FILE = "log.csv"


def read_log(path: Path) -> list[dict[str, float]]:
    """Read the rows of a log.

    Returns:
        The known numbers of each row by column; no rows if there is no file.

    Raises:
        DataError: the file cannot be read, or a cell is no number.
    """
    if not path.is_file():
        return []
    rows = []
    try:
        for row in csv.DictReader(_read_lines(path)):
            rows.append({name: float(value) for name, value in row.items() if value})
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError(f"cannot be read as a log ({error})", path=path, expected="numbers in columns") from None
    return rows


def _read_lines(path: Path) -> io.StringIO:
    return io.StringIO(read_text(path), newline="")


class RunningMeans:
    """Means of the numbers of several steps, kept on their device until they are needed."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._n = 0

    def add_step(self, metrics: Mapping[str, Tensor]) -> None:
        """Add the numbers of one step."""
        self._n += 1
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value

    def take_means(self) -> dict[str, float]:
        """Return the means since the last call, and start anew."""
        means = {name: float(total) / self._n for name, total in self._sums.items()}
        self._sums, self._n = {}, 0
        return means


class TrainingLog:
    """Appends rows to ``log.csv``.

    Args:
        path: the file, or None to keep no log.
        step: rows after this step are left from a training that was killed, and are removed.
        tensorboard: whether rows are written as TensorBoard events, too, into ``tensorboard/`` beside the file.

    Raises:
        DataError: TensorBoard is requested and not installed.
    """

    def __init__(self, path: Path | None, step: int, *, tensorboard: bool = False) -> None:
        self.path = path
        self._events: Any = None
        if path is None:
            return
        if tensorboard:
            self._events = make_events_writer(path.parent / "tensorboard", step)
        rows = _read_whole_rows(path) if path.is_file() else []
        with write_file_atomically(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(LOG_COLUMNS)
            writer.writerows(row for row in rows if int(row[0]) <= step)

    def write_row(self, metrics: Mapping[str, float]) -> None:
        """Append one row; a number that is not known leaves its cell empty."""
        if self.path is None:
            return
        if self._events is not None:
            self._write_events(metrics)
        cells = [_format_cell(metrics.get(name, math.nan)) for name in LOG_COLUMNS]
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(cells)

    def close(self) -> None:
        """Write the events that are left."""
        if self._events is not None:
            self._events.close()

    def _write_events(self, metrics: Mapping[str, float]) -> None:
        for name in LOG_COLUMNS[1:]:
            if math.isfinite(metrics.get(name, math.nan)):
                self._events.add_scalar(name, metrics[name], int(metrics["step"]))


def _read_whole_rows(path: Path) -> list[list[str]]:
    rows = csv.reader(_read_lines(path))
    return [row for row in rows if len(row) == len(LOG_COLUMNS) and row[0].isdecimal()]


def _format_cell(value: float) -> str:
    if math.isnan(value):
        return ""
    is_whole = value == int(value)
    return str(int(value)) if is_whole else f"{value:.5g}"


def make_events_writer(folder: Path, step: int) -> Any:
    """Make a writer of TensorBoard events that replaces those after ``step``."""
    require_tensorboard(True)
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1)


def require_tensorboard(is_requested: bool) -> None:
    """Check that TensorBoard is installed if it is requested.

    Raises:
        DataError: it is not installed.
    """
    if is_requested and find_spec("tensorboard") is None:
        raise DataError("no TensorBoard here", expected="pip install 'domaingan[tensorboard]', or no --tensorboard")
