"""The values of masks: classes for values that nothing names, and errors about values that no class has."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from domaingan.adapters.class_definitions import ClassDefinitions
from domaingan.adapters.problems import make_problem
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Problem, Record, Schema

MAX_UNNAMED_VALUES = 64
"""The most values in masks that become classes called ``label_1``, ``label_2``, …"""

MAX_SPREAD_VALUES = 8
"""The most values that may be far apart from each other without a warning that they may be no classes."""

MAX_UINT8 = 255

MAX_LISTED_VALUES = 5
"""Unknown values that an error message lists."""


def find_classes_in_masks(
    records: Sequence[Record],
    problems: list[Problem],
    list_values: Callable[[Path], Iterable[int]],
    single_class_name: str | None = None,
) -> tuple[list[Record], ClassDefinitions]:
    """Find the classes of a dataset by the values that its masks hold. Each mask is read once.

    Args:
        records: of all samples. ``files["mask"]`` is the mask's file.
        problems: masks that cannot be read are added here.
        list_values: lists the different values in a mask's file.
        single_class_name: name of the class where there is only one. None: ``label_VALUE``, as where there are more.

    Returns:
        The records whose masks can be read or that have none, and the classes.

    Raises:
        DataError: the masks hold more than :data:`MAX_UNNAMED_VALUES` values.
    """
    readable: list[Record] = []
    values: set[int] = set()
    for record in records:
        path = record.files.get("mask")
        if path is not None:
            try:
                values.update(list_values(path))
            except DataError as error:
                problems.append(make_problem(error, path))
                continue
        readable.append(record)
        if len(values) > MAX_UNNAMED_VALUES:
            found = f"{len(values)} different mask values"
            raise DataError(found, path=path, expected="a classes.json that names them")
    class_values = sorted(value for value in values if value > 0)
    _warn_about_spread_values(class_values)
    if single_class_name and len(class_values) == 1:
        names = [single_class_name]
    else:
        names = [f"label_{value}" for value in class_values]
    return readable, ClassDefinitions(classes=dict(zip(names, class_values, strict=True)))


def _warn_about_spread_values(values: Sequence[int]) -> None:
    """Warn where values are many and far apart, as those of soft edges are.

    Args:
        values: in ascending order.
    """
    # The highest value may be far away: 255 is often what is ignored.
    if len(values) > MAX_SPREAD_VALUES and values[-2] > 2 * len(values):
        found = f"the masks hold {len(values)} values up to {values[-1]}, each of which is taken for a class"
        warning = f"{found}; are their edges soft? classes.json would name those that are"
        warnings.warn(warning, AssumptionWarning, stacklevel=3)


def list_allowed_values(schema: Schema) -> tuple[int, ...]:
    """List every value that a mask may hold: 0 (the background, or a class of frames), the classes, what is ignored.

    Args:
        schema: the dataset's.

    Returns:
        The values in ascending order.
    """
    return tuple(sorted({0, *schema.classes.values(), *schema.ignore}))


def make_unknown_values_error(unknown_values: Sequence[int], path: Path, schema: Schema) -> DataError:
    """Make the error about a mask that holds values of no class.

    Args:
        unknown_values: the values.
        path: the mask's file.
        schema: the dataset's.
    """
    found = ", ".join(map(str, unknown_values[:MAX_LISTED_VALUES]))
    class_values = schema.classes.values()
    expected = ", ".join(f"{value} {name}" for name, value in schema.classes.items()) or "(no class)"
    if 0 not in class_values:
        expected = f"0 background, {expected}"
    for value in schema.ignore:
        if value not in class_values:
            expected += f", {value} ignored"
    return DataError(f"mask value {found}", path=path, expected=expected)


def choose_mask_dtype(allowed_values: Sequence[int]) -> type[np.uint8] | type[np.int32]:
    """Choose the data type of a dataset's masks: uint8 where it can hold every value, else int32.

    Args:
        allowed_values: every value that a mask may hold, in ascending order.
    """
    if allowed_values[0] >= 0 and allowed_values[-1] <= MAX_UINT8:
        return np.uint8
    return np.int32
