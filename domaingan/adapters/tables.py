"""``samples.csv`` and ``classes.json``: what a dataset's root says about its samples and its masks' values."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, field_validator, model_validator

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically, write_json
from domaingan.core.reading import read_json, read_text
from domaingan.data import FRAME, ConditionValue, Domain, Record, RegionCorners, Schema, parse_region

SAMPLES_CSV = "samples.csv"
CLASSES_JSON = "classes.json"
FRAME_ONLY_KEYS = ("ground", "region", "frame_rate")
"""What ``classes.json`` says of frames alone."""
RESERVED_COLUMNS = ("subject", "sequence", "split", "time")
"""Columns of ``samples.csv`` that are not conditions, beside ``sample``; ``time`` is in seconds."""

_NUMBER_PATTERN = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")  # not 007, which is a name

# ------------------------------------------------------------------- classes


class ClassDefinitions(BaseModel):
    """The contents of ``classes.json``, or of what a layout has in its place.

    Attributes:
        classes: the mask's values by name; 0 is the background (which may be listed), or in frames any class.
        ignore: values that no score counts; the file may name classes instead.
        objects: classes whose connected components are instances.
        regions: unions of values that are scored together; likewise.
        channels: names of the image's channels in their order; empty: all that most samples have, sorted.
        min_area: objects of fewer pixels are no instances (frames).
        frame_rate: frames a second by which the numbers in the names of a drive's frames count.
        ground: classes that objects stand on, for all of them or a list for each class of objects (frames). Unless
            given it is what is right below them, or, where nothing is labelled there, any row that suits their size.
        region: where objects must stand: a box ``[left, top, right, bottom]``, or at least three corners ``[x, y]``, in
            shares of width and height (frames).
        range: the stored values that are 0 and 1 (scans): one pair for all channels, or one for each, null where it is
            measured. Unless given -1000 and 1000 where values are Hounsfield units, else percentiles.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: dict[str, Annotated[StrictInt, Field(ge=0, lt=2**31)]]
    ignore: list[StrictInt] = []
    objects: list[str] = []
    regions: dict[str, list[StrictInt]] = {}
    channels: list[str] = []
    min_area: Annotated[StrictInt, Field(ge=0)] = 60
    frame_rate: Annotated[float, Field(gt=0)] = 30.0
    ground: list[str] | dict[str, list[str]] = []
    region: RegionCorners = ()
    range: tuple[float, float] | list[tuple[float, float] | None] | None = None

    @field_validator("region", mode="before")
    @classmethod
    def _parse_region_corners(cls, stored: Any) -> RegionCorners:
        return parse_region(stored)

    @model_validator(mode="after")
    def _check_consistency(self) -> ClassDefinitions:
        named = self.foreground_classes
        values = list(named.values())
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"value {value} has more than one name")
        for name, members in self.regions.items():
            strangers = [value for value in members if value not in values]
            if strangers or not members:
                raise ValueError(f"region {name!r} has {strangers or 'no value'}, the classes have {sorted(values)}")
        if strange := [name for name in self.objects if name not in named]:
            raise ValueError(f"objects {strange}: no such class among {list(named)}")
        self._check_ground(named)
        return self

    def _check_ground(self, named: Mapping[str, int]) -> None:
        if isinstance(self.ground, dict) and (strange := [name for name in self.ground if name not in self.objects]):
            raise ValueError(f"ground of {strange}: no such class among the objects {self.objects}")
        for name in {below for names in self.supporting_classes.values() for below in names}:
            if name not in named or name in self.objects or named[name] in self.ignore:
                known = [other for other in named if other not in self.objects and named[other] not in self.ignore]
                raise ValueError(f"ground {name!r}: no class that objects could stand on, such as {known}")

    @property
    def supporting_classes(self) -> dict[str, tuple[str, ...]]:
        """For each class of objects what a person named for it to stand on."""
        named = self.ground if isinstance(self.ground, dict) else dict.fromkeys(self.objects, self.ground)
        return {name: tuple(below) for name, below in named.items() if below}

    @property
    def foreground_classes(self) -> dict[str, int]:
        """The classes but for a ``background`` of 0, which may be listed."""
        return {name: value for name, value in self.classes.items() if (name.lower(), value) != ("background", 0)}


def parse_classes(stored: Any, path: Path, other_keys: Sequence[str] = ()) -> ClassDefinitions:
    """Check what was read from a file.

    Args:
        stored: what was read.
        path: the file.
        also: further keys that it may have had, to be named where one is unknown.

    Raises:
        DataError: something in it is not as :class:`Classes` says.
    """
    if not isinstance(stored, dict):
        raise DataError("no JSON object", path=path, expected='{"classes": {name: value}}')
    if unknown := [name for name in stored if name not in ClassDefinitions.model_fields]:
        known = ", ".join(dict.fromkeys([*ClassDefinitions.model_fields, *other_keys]))
        raise DataError(f"unknown key {unknown[0]!r}", path=path, expected=f"some of {known}")
    try:
        return ClassDefinitions.model_validate(_replace_names_with_values(stored))
    except DataError as error:
        raise DataError(error.found, path=path) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ").removeprefix(f"{where} ")
        raise DataError(f"{where}: {reason}" if where else reason, path=path) from None


def _replace_names_with_values(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the values of classes that ``ignore`` and ``regions`` name."""
    classes = stored.get("classes")
    values = classes if isinstance(classes, dict) else {}

    def valued(listed: Any) -> Any:
        if not isinstance(listed, list):
            return listed
        if strange := [one for one in listed if isinstance(one, str) and one not in values]:
            raise DataError(f"no class {strange[0]!r} among {list(values)[:20]}")
        return [values[one] if isinstance(one, str) else one for one in listed]

    changed = dict(stored)
    if "ignore" in stored:
        changed["ignore"] = valued(stored["ignore"])
    if isinstance(stored.get("regions"), dict):
        changed["regions"] = {name: valued(listed) for name, listed in stored["regions"].items()}
    return changed


def read_classes(root: Path, domain: Domain = FRAME) -> ClassDefinitions | None:
    """The dataset's ``classes.json``, or None where there is none.

    Args:
        root: the dataset's folder.
        domain: of the dataset; what :data:`FRAME_ONLY_KEYS` say is of frames alone.

    Raises:
        DataError: it is there but not as it should be.
    """
    path = root / CLASSES_JSON
    if not path.exists():
        return None
    stored = read_json(path)
    found = parse_classes(stored, path)
    if not domain.is_rgb and (strange := [name for name in FRAME_ONLY_KEYS if name in stored]):
        raise DataError(f"{strange[0]!r} for scans", path=path, expected="it for frames alone")
    if domain.is_rgb and found.range is not None:
        raise DataError("'range' for frames", path=path, expected="it for scans alone")
    return found


def write_classes(root: Path, schema: Schema) -> None:
    """Write ``classes.json``; the channels are in it, so that their order and spelling are kept."""
    more: dict[str, Any] = {"ignore": schema.ignore, "objects": schema.objects, "regions": schema.regions}
    stored: dict[str, Any] = {"classes": schema.classes, "channels": schema.channels}
    if schema.domain.is_rgb:
        stored["min_area"] = schema.min_area
        more |= {"ground": schema.ground, "region": schema.region}
    if schema.ranges:
        more["range"] = [schema.ranges.get(channel) for channel in schema.channels]
    write_json(root / CLASSES_JSON, stored | {name: value for name, value in more.items() if value})


# ------------------------------------------------------------------- samples


@dataclass(frozen=True)
class SampleTable:
    """The contents of ``samples.csv``.

    Attributes:
        rows: for each sample its columns, empty cells left out.
        conditions: the columns that are conditions, in the file's order.
    """

    rows: Mapping[str, Mapping[str, ConditionValue]]
    conditions: tuple[str, ...] = ()

    def merge_into(self, record: Record) -> Record:
        """The record with what the table says about it; the table's word counts more."""
        row = self.rows.get(record.name, {})
        condition = {name: row[name] for name in self.conditions if name in row}
        return replace(
            record,
            subject=str(row.get("subject", record.subject)),
            sequence=str(row.get("sequence", record.sequence)),
            split=str(row.get("split", record.split)),
            time=record.time if (time := row.get("time")) is None else float(time),
            condition={**record.condition, **condition},
        )


def read_sample_table(root: Path, sample_names: Iterable[str]) -> SampleTable:
    """The dataset's ``samples.csv``, an empty table where there is none.

    Commas, semicolons or tabs; columns of numbers become numbers (``subject``, ``sequence``, ``split`` stay text,
    ``time`` must be one).

    Args:
        root: the dataset's folder.
        known: names of all samples on disk.

    Raises:
        DataError: no column ``sample``, a sample that is not there or that is named twice, or a ragged row.
    """
    path = root / SAMPLES_CSV
    if not path.exists():
        return SampleTable({})
    header, lines = _read_lines(path)
    rows: dict[str, dict[str, str]] = {}
    for number, cells in lines:
        row = dict(zip(header, cells, strict=True))
        name = row.pop("sample")
        if name in rows:
            raise DataError(f"line {number}: sample {name!r} is there twice", path=path, expected="one line a sample")
        rows[name] = {column: cell for column, cell in row.items() if cell}
    on_disk = set(sample_names)
    if missing := [name for name in rows if name not in on_disk]:
        raise DataError(
            f"sample {missing[0]!r} is not there" + (f" (nor {len(missing) - 1} more)" if missing[1:] else ""),
            path=path,
            expected=f"one of {', '.join(sorted(on_disk)[:10])}",
        )
    for name, row in rows.items():
        for column, cell in row.items():
            is_name = column in ("subject", "sequence", "split")
            if not is_name and _NUMBER_PATTERN.fullmatch(cell) and not _is_finite(cell):
                shown = f"{column} {cell[:20]}… of sample {name!r}"
                raise DataError(shown, path=path, expected="a number that float64 can hold")
        if "time" in row and not _NUMBER_PATTERN.fullmatch(row["time"]):
            raise DataError(f"time {row['time']!r} of sample {name!r}", path=path, expected="a number of seconds")
    conditions = tuple(column for column in header if column not in ("sample", *RESERVED_COLUMNS))
    return SampleTable(_convert_numeric_columns(rows, conditions), conditions)


def _read_lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    text = read_text(path)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise DataError(f"cannot be read as CSV ({error})", path=path) from None
    lines = [(number, row) for number, row in lines if any(row)]
    header = lines[0][1] if lines else []
    if "sample" not in header:
        raise DataError(f"columns {', '.join(header) or '(none)'}", path=path, expected="a column 'sample'")
    if len(set(header)) < len(header) or "" in header:
        raise DataError(f"columns {', '.join(header)}", path=path, expected="a name of its own for each column")
    for number, row in lines[1:]:
        if len(row) != len(header):
            raise DataError(f"line {number}: {len(row)} cells", path=path, expected=f"{len(header)}, as in line 1")
        if not row[header.index("sample")]:
            raise DataError(f"line {number}: no sample named", path=path)
    return header, lines[1:]


def _convert_numeric_columns(
    rows: Mapping[str, Mapping[str, str]], conditions: Sequence[str]
) -> dict[str, dict[str, ConditionValue]]:
    numeric = set()
    for column in conditions:
        cells = [row[column] for row in rows.values() if column in row]
        if cells and all(_NUMBER_PATTERN.fullmatch(cell) for cell in cells):
            numeric.add(column)
    return {
        name: {column: _parse_number(cell) if column in numeric else cell for column, cell in row.items()}
        for name, row in rows.items()
    }


def _is_finite(cell: str) -> bool:
    return math.isfinite(float(cell))


def _parse_number(cell: str) -> float:
    """An int where it is written as one, so that grade 2 is found as ``2``."""
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)


def write_sample_table(root: Path, records: Sequence[Record], conditions: Sequence[str]) -> None:
    """Write ``samples.csv``: a line for each record, with the columns in which any of them has something."""
    columns = [name for name in RESERVED_COLUMNS if any(getattr(record, name) not in ("", None) for record in records)]
    columns += [column for column in conditions if column not in columns]
    with (
        write_file_atomically(root / SAMPLES_CSV) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["sample", *columns])
        for record in sorted(records, key=lambda record: record.name):
            cells = [record.get_value(column) for column in columns]
            writer.writerow([record.name, *("" if cell is None else cell for cell in cells)])
