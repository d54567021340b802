"""The conditions of crops: the class they show, a column of their sample, or a number measured on them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from domaingan.banks.find_objects import FoundObject
from domaingan.core.errors import DataError
from domaingan.data import Schema

MEASURED_CONDITIONS = ("radius_mm", "volume_mm3", "contrast")
"""Numbers that are measured on a crop and can be its conditions: the radius of a disc or ball as large as the object,
its volume (3D), and its contrast to its ring (scaled units, first channel)."""


def validate_conditions(condition: str | Sequence[str] | None, schema: Schema) -> list[str]:
    """Check the names of requested conditions.

    Args:
        condition: a name, several names, or None for the class.
        schema: of the dataset; it names the columns.

    Returns:
        The names, each once.

    Raises:
        DataError: there is no such condition.
    """
    class_condition = schema.domain.class_condition
    if condition is None:
        requested = [class_condition]
    else:
        requested = [condition] if isinstance(condition, str) else list(condition)
    measured = [name for name in MEASURED_CONDITIONS if name != "volume_mm3" or schema.spatial_dims == 3]
    available = [class_condition, *schema.conditions, *measured]
    for name in requested:
        if name not in available:
            raise DataError(f"no condition {name!r}", expected=f"one of {', '.join(available)}")
    return list(dict.fromkeys(requested)) or [class_condition]


def collect_numbers(objects: Sequence[FoundObject], name: str, dims: int) -> list[float] | None:
    """Collect the values of a number condition.

    Args:
        objects: all crops.
        name: of the condition.
        dims: 2 or 3.

    Returns:
        One value a crop, NaN where it is not known; None if the condition's values are not numbers.
    """
    if name == "volume_mm3":
        return [4 / 3 * math.pi * found.radius_mm**dims for found in objects]
    if name in MEASURED_CONDITIONS:
        return [float(getattr(found, name)) for found in objects]
    values = [found.condition.get(name, "") for found in objects]
    known = [value for value in values if value != ""]
    if not known or any(isinstance(value, str) for value in known):
        return None
    return [math.nan if isinstance(value, str) else float(value) for value in values]


def collect_labels(objects: Sequence[FoundObject], name: str, schema: Schema) -> tuple[list[str], list[str]]:
    """Collect the values of a class condition.

    Args:
        objects: all crops.
        name: of the condition.
        schema: of the dataset.

    Returns:
        One value a crop, empty where it is not known; and the values that occur, rarest first. The class of a crop is
        the rarest that it shows.
    """
    if name != schema.domain.class_condition:
        labels = [str(found.condition.get(name, "")) for found in objects]
        counts = Counter(label for label in labels if label)
        return labels, sorted(counts, key=lambda label: (counts[label], label))
    order = sort_classes_by_rarity((found.subject, found.voxels) for found in objects)
    rarest = [min(found.voxels, key=order.index) for found in objects]
    occurring = sorted(set(rarest), key=order.index)
    class_names = {value: name for name, value in schema.classes.items()}
    return [class_names[value] for value in rarest], [class_names[value] for value in occurring]


def sort_classes_by_rarity(voxels_by_subject: Iterable[tuple[str, Counter[int]]]) -> list[int]:
    """Sort class values by how rare they are: by the number of subjects that have them, then by voxels.

    Args:
        voxels_by_subject: a subject and its voxels of each class value, once or several times a subject.

    Returns:
        The class values, rarest first.

    >>> sort_classes_by_rarity([("a", Counter({1: 5, 2: 90})), ("b", Counter({1: 5}))])
    [2, 1]
    """
    subjects: dict[int, set[str]] = defaultdict(set)
    voxels: Counter[int] = Counter()
    for subject, counts in voxels_by_subject:
        voxels.update(counts)
        for value in counts:
            subjects[value].add(subject)
    return sorted(voxels, key=lambda value: (len(subjects[value]), voxels[value], value))
