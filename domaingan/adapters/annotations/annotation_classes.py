"""``classes.json`` beside annotation files: which categories are objects, what they stand on, what is ignored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domaingan.adapters.class_definitions import CLASSES_JSON, ClassDefinitions, parse_classes
from domaingan.core.errors import DataError
from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.data import Schema

MIN_AREA = 0
"""The smallest object in pixels, where ``classes.json`` does not say it: every annotation is an object."""

MAX_LISTED_CATEGORIES = 10


def read_annotation_classes(root: Path, classes: Mapping[str, int], offset: int) -> ClassDefinitions:
    """Read what ``classes.json`` says about the categories beyond names and ids.

    Every category is a class of objects, but for those that ``classes.json`` names as ``ground`` or ``ignore``. Where
    it lists ``objects``, only those are. ``ignore`` and ``regions`` list names or the files' ids.

    Args:
        root: the dataset's folder.
        classes: class values of the categories by name.
        offset: what is added to a category's id to make a class value.

    Returns:
        The definitions; those of the categories alone where there is no ``classes.json``.

    Raises:
        DataError: the contents of ``classes.json`` are wrong.
    """
    path = root / CLASSES_JSON
    stored = read_json(path) if path.exists() else {}
    if not isinstance(stored, dict):
        raise DataError("no JSON object", path=path, expected='such as {"ground": [class, …], "objects": [class, …]}')
    for key in ("ignore", "regions"):
        if key in stored:
            stored[key] = _add_offset(stored[key], offset)
    _check_names(stored.pop("classes", None), classes, offset, path)
    described: dict[str, Any] = {"classes": dict(classes), "min_area": MIN_AREA, **stored}
    if not described.get("objects"):
        described["objects"] = _list_object_names(described, classes)
    return parse_classes(described, path)


def _list_object_names(described: Mapping[str, Any], classes: Mapping[str, int]) -> list[str]:
    """List the classes that are neither ground nor ignored. ``ignore`` may have names or values."""
    ignored = described.get("ignore")
    left_out = _collect_names(described.get("ground"))
    if isinstance(ignored, list):
        left_out |= {str(member) for member in ignored}
    return [name for name, value in classes.items() if name not in left_out and str(value) not in left_out]


def read_listed_classes(root: Path) -> dict[str, int] | None:
    """Read the classes that ``classes.json`` lists; None where it lists none.

    Args:
        root: the dataset's folder.

    Raises:
        DataError: they are no names with numbers from 1 on.
    """
    path = root / CLASSES_JSON
    stored = read_json(path) if path.exists() else {}
    if not isinstance(stored, dict) or "classes" not in stored:
        return None
    return parse_classes({"classes": stored["classes"]}, path).foreground_classes


def write_annotation_classes(root: Path, schema: Schema, *, has_classes: bool = False) -> None:
    """Write ``classes.json``, where the annotation files do not say everything.

    Args:
        root: the dataset's folder.
        schema: the dataset's.
        has_classes: whether it lists the classes too, as nothing else does.
    """
    names_by_value = {value: name for name, value in schema.classes.items()}
    regions: dict[str, list[str]] = {}
    for region, values in schema.regions.items():
        regions[region] = [names_by_value[value] for value in values]
    described: dict[str, Any] = {
        "classes": schema.classes if has_classes else {},
        "objects": schema.objects if schema.objects != tuple(schema.classes) else (),
        "ignore": [name for name, value in schema.classes.items() if value in schema.ignore],
        "regions": regions,
        "min_area": schema.min_area,
        "ground": schema.ground,
        "region": schema.region,
    }
    described = {key: value for key, value in described.items() if value}
    if described:
        write_json(root / CLASSES_JSON, described)


def _add_offset(stored: Any, offset: int) -> Any:
    """Add the offset to all ids in a JSON value; names stay as they are."""
    if isinstance(stored, dict):
        return {name: _add_offset(value, offset) for name, value in stored.items()}
    if isinstance(stored, list):
        return [_add_offset(value, offset) for value in stored]
    if isinstance(stored, int) and not isinstance(stored, bool):
        return stored + offset
    return stored


def _collect_names(ground: Any) -> set[str]:
    """Collect the names in ``ground``: a list of names, or lists of names by class."""
    lists = ground.values() if isinstance(ground, dict) else [ground]
    names: set[str] = set()
    for listed in lists:
        if isinstance(listed, list):
            names.update(str(name) for name in listed)
    return names


def _check_names(stored: Any, classes: Mapping[str, int], offset: int, path: Path) -> None:
    """Check that ``classes`` has the files' names and ids, if it is there.

    Raises:
        DataError: it has others.
    """
    ids = {name: value - offset for name, value in classes.items()}
    if stored is not None and stored != ids:
        listed = [f"{name} {category_id}" for name, category_id in ids.items()]
        expected = f"none, or the categories: {', '.join(listed[:MAX_LISTED_CATEGORIES])}"
        raise DataError(f"classes {str(stored)[:80]}", path=path, expected=expected)
