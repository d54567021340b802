"""``samples.csv`` at a dataset's root: subjects, splits and conditions of the samples."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.core.reading import read_text
from domaingan.data import ConditionValue, Record

SAMPLES_CSV = "samples.csv"

NAME_COLUMN = "sample"
"""The column with the samples' names, which every table has."""

TEXT_COLUMNS = ("subject", "sequence", "split")
"""Columns whose cells stay text, even where they look like numbers."""

RESERVED_COLUMNS = (*TEXT_COLUMNS, "time")
"""Columns beside ``sample`` that are no conditions. ``time`` is in seconds."""

MAX_LISTED_NAMES = 10
"""Names of samples that an error message lists."""

_NUMBER_PATTERN = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")  # 007 is no number but a name
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class SampleTable:
    """The contents of ``samples.csv``.

    Attributes:
        rows: for each sample its cells by column, without the empty ones.
        conditions: the columns that are conditions, in the file's order.
    """

    rows: Mapping[str, Mapping[str, ConditionValue]]
    conditions: tuple[str, ...] = ()

    def merge_into(self, record: Record) -> Record:
        """Merge a sample's row into its record.

        Args:
            record: as the layout describes the sample. Where the table says something else, the table counts.

        Returns:
            The merged record.
        """
        row = self.rows.get(record.name, {})
        condition = dict(record.condition)
        for name in self.conditions:
            if name in row:
                condition[name] = row[name]
        return replace(
            record,
            subject=str(row.get("subject", record.subject)),
            sequence=str(row.get("sequence", record.sequence)),
            split=str(row.get("split", record.split)),
            time=float(row["time"]) if "time" in row else record.time,
            condition=condition,
        )


def read_sample_table(root: Path, sample_names: Iterable[str]) -> SampleTable:
    """Read a dataset's ``samples.csv``.

    Cells are separated by commas, semicolons or tabs. A column whose cells are all numbers becomes numbers; the
    :data:`TEXT_COLUMNS` stay text, and ``time`` must be numbers.

    Args:
        root: the dataset's folder.
        sample_names: names of all samples on disk.

    Returns:
        The table; an empty one where there is no such file.

    Raises:
        DataError: there is no column ``sample``, a row has another length than the header, or a sample is named twice
            or is not on disk.
    """
    path = root / SAMPLES_CSV
    if not path.exists():
        return SampleTable({})
    header, numbered_rows = _read_rows(path)
    rows: dict[str, dict[str, str]] = {}
    for line_number, cells in numbered_rows:
        row = dict(zip(header, cells, strict=True))
        name = row.pop(NAME_COLUMN)
        if name in rows:
            raise DataError(
                f"line {line_number}: sample {name!r} is there twice", path=path, expected="one line a sample"
            )
        rows[name] = {column: cell for column, cell in row.items() if cell}
    _check_sample_names(rows, set(sample_names), path)
    for name, row in rows.items():
        _check_numbers(name, row, path)
    conditions = []
    for column in header:
        if column != NAME_COLUMN and column not in RESERVED_COLUMNS:
            conditions.append(column)
    return SampleTable(_convert_numeric_columns(rows, conditions), tuple(conditions))


def _read_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read the header, and the rows below it with the numbers of their lines. Empty rows are left out.

    Raises:
        DataError: the file is no CSV with a column ``sample`` and rows of one length.
    """
    text = read_text(path)
    first_line = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first_line.count)
    rows: list[tuple[int, list[str]]] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for raw_cells in reader:
            cells = [cell.strip() for cell in raw_cells]
            if any(cells):
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise DataError(f"cannot be read as CSV ({error})", path=path) from None
    header = rows[0][1] if rows else []
    if NAME_COLUMN not in header:
        raise DataError(f"columns {', '.join(header) or '(none)'}", path=path, expected="a column 'sample'")
    if len(set(header)) < len(header) or "" in header:
        raise DataError(f"columns {', '.join(header)}", path=path, expected="a name of its own for each column")
    for line_number, cells in rows[1:]:
        if len(cells) != len(header):
            raise DataError(
                f"line {line_number}: {len(cells)} cells", path=path, expected=f"{len(header)}, as in line 1"
            )
        if not cells[header.index(NAME_COLUMN)]:
            raise DataError(f"line {line_number}: no sample named", path=path)
    return header, rows[1:]


def _check_sample_names(rows: Iterable[str], names_on_disk: set[str], path: Path) -> None:
    """Check that every sample of the table is on disk.

    Raises:
        DataError: a sample is not.
    """
    missing = [name for name in rows if name not in names_on_disk]
    if not missing:
        return
    found = f"sample {missing[0]!r} is not there"
    if len(missing) > 1:
        found += f" (nor {len(missing) - 1} more)"
    listed = ", ".join(sorted(names_on_disk)[:MAX_LISTED_NAMES])
    raise DataError(found, path=path, expected=f"one of {listed}")


def _check_numbers(name: str, row: Mapping[str, str], path: Path) -> None:
    """Check the numbers of a sample's row.

    Raises:
        DataError: a number is too large for float64, or ``time`` is no number.
    """
    for column, cell in row.items():
        is_text = column in TEXT_COLUMNS
        if not is_text and _NUMBER_PATTERN.fullmatch(cell) and not math.isfinite(float(cell)):
            found = f"{column} {cell[:20]}… of sample {name!r}"
            raise DataError(found, path=path, expected="a number that float64 can hold")
    if "time" in row and not _NUMBER_PATTERN.fullmatch(row["time"]):
        raise DataError(f"time {row['time']!r} of sample {name!r}", path=path, expected="a number of seconds")


def _convert_numeric_columns(
    rows: Mapping[str, Mapping[str, str]], columns: Sequence[str]
) -> dict[str, dict[str, ConditionValue]]:
    """Convert the cells of those columns that hold nothing but numbers."""
    numeric_columns = set()
    for column in columns:
        cells = [row[column] for row in rows.values() if column in row]
        if cells and all(_NUMBER_PATTERN.fullmatch(cell) for cell in cells):
            numeric_columns.add(column)
    converted: dict[str, dict[str, ConditionValue]] = {}
    for name, row in rows.items():
        converted[name] = {}
        for column, cell in row.items():
            converted[name][column] = _parse_number(cell) if column in numeric_columns else cell
    return converted


def _parse_number(cell: str) -> float:
    """Parse a number, as an int where it is written as one, so that grade 2 is found as ``2``."""
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)


def write_sample_table(root: Path, records: Sequence[Record], conditions: Sequence[str]) -> None:
    """Write ``samples.csv``: a line for each record, sorted by name.

    Args:
        root: the dataset's folder.
        records: of all samples.
        conditions: names of the conditions. All of them become columns; of the :data:`RESERVED_COLUMNS` only those in
            which any record has something.
    """
    columns = []
    for column in RESERVED_COLUMNS:
        if any(getattr(record, column) not in ("", None) for record in records):
            columns.append(column)
    columns += [column for column in conditions if column not in columns]
    path = root / SAMPLES_CSV
    with write_file_atomically(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([NAME_COLUMN, *columns])
        for record in sorted(records, key=lambda record: record.name):
            cells = [record.get_value(column) for column in columns]
            writer.writerow([record.name, *("" if cell is None else cell for cell in cells)])
