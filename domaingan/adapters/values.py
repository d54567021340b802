"""The values that masks hold: classes found in them where nothing names them, values that no class has."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from domaingan.adapters.tables import ClassDefinitions
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Problem, Record, Schema

MAX_UNNAMED_VALUES = 64
"""More different values than this are no mask that could be named ``label_1``, ``label_2``, …"""

MAX_SPREAD_VALUES = 8
"""So many values may be spread over many numbers without a doubt that they are classes."""


def make_problem(error: DataError, path: Path) -> Problem:
    """The error as a problem of a dataset; ``path`` where the error names none."""
    return Problem(error.path or str(path), error.found + (f"; expected {error.expected}" if error.expected else ""))


def make_no_sample_error(root: Path, problems: Sequence[Problem]) -> DataError:
    """The error that not one sample can be used."""
    first = f"; first problem: {problems[0].path}: {problems[0].reason}" if problems else ""
    return DataError(f"no sample that can be used{first}", path=root)


def find_classes_in_masks(
    records: Sequence[Record],
    problems: list[Problem],
    list_values: Callable[[Path], Iterable[int]],
    single_class_name: str | None = None,
) -> tuple[list[Record], ClassDefinitions]:
    """Classes by the values that the masks hold (each is read once); masks that cannot be read become problems.

    Args:
        records: those whose ``files["mask"]`` are read; the ones that can be used are returned.
        problems: added to.
        values_of: the different values in a mask's file.
        lone: what a single class is called; ``label_VALUE``, as if there were more, unless given.

    Raises:
        DataError: there are more than :data:`MAX_UNNAMED_VALUES`.
    """
    kept: list[Record] = []
    values: set[int] = set()
    for record in records:
        path = record.files.get("mask")
        if path is not None:
            try:
                values.update(list_values(path))
            except DataError as error:
                problems.append(make_problem(error, path))
                continue
        kept.append(record)
        if len(values) > MAX_UNNAMED_VALUES:
            raise DataError(
                f"{len(values)} different mask values", path=path, expected="a classes.json that names them"
            )
    named = sorted(value for value in values if value > 0)
    if len(named) > MAX_SPREAD_VALUES and named[-2] > 2 * len(named):
        found = f"the masks hold {len(named)} values up to {named[-1]}, each of which is taken for a class"
        warnings.warn(
            f"{found}; are their edges soft? classes.json would name those that are", AssumptionWarning, stacklevel=2
        )
    names = [single_class_name] if single_class_name and len(named) == 1 else [f"label_{value}" for value in named]
    return kept, ClassDefinitions(classes=dict(zip(names, named, strict=True)))


def list_allowed_values(schema: Schema) -> tuple[int, ...]:
    """Everything that a mask may hold: 0 (the background, or a class of frames), the classes, what is ignored."""
    return tuple(sorted({0, *schema.classes.values(), *schema.ignore}))


def make_unknown_values_error(unknown_values: Sequence[int], path: Path, schema: Schema) -> DataError:
    """The error that a mask's file holds values that the dataset has no name for."""
    found = ", ".join(map(str, unknown_values[:5]))
    names = ", ".join(f"{value} {name}" for name, value in schema.classes.items()) or "(no class)"
    background = "" if 0 in schema.classes.values() else "0 background, "
    ignored = "".join(f", {value} ignored" for value in schema.ignore if value not in schema.classes.values())
    return DataError(f"mask value {found}", path=path, expected=f"{background}{names}{ignored}")
