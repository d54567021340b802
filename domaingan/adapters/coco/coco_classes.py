"""What ``classes.json`` says beside COCO files: which categories are objects, what they stand on, what is ignored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domaingan.adapters.coco.coco_annotations import CocoObject
from domaingan.adapters.tables import CLASSES_JSON, ClassDefinitions, parse_classes
from domaingan.core.errors import DataError
from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.data import Schema


def read_coco_classes(root: Path, classes: Mapping[str, int], offset: int) -> ClassDefinitions:
    """Read what is said of the categories beyond names and ids.

    Every category is a class of objects, but for those that ``classes.json`` names as ``ground`` or ``ignore``, and
    for all that its ``objects`` do not name. ``ignore`` and ``regions`` list names or the files' ids.

    Args:
        root: the dataset's folder.
        classes: class values of the categories by name.
        offset: what a class value is more than its category's id.

    Raises:
        DataError: ``classes.json`` is there but not as it should be.
    """
    path = root / CLASSES_JSON
    stored = read_json(path) if path.exists() else {}
    if not isinstance(stored, dict):
        raise DataError("no JSON object", path=path, expected='such as {"ground": [class, …], "objects": [class, …]}')
    stored |= {name: _add_offset(stored[name], offset) for name in ("ignore", "regions") if name in stored}
    _check_names(stored.pop("classes", None), classes, offset, path)
    stored = {"classes": dict(classes), "min_area": 0} | stored
    if not stored.get("objects"):
        ignored: Any = stored.get("ignore")
        left_out = _collect_names(stored.get("ground"))
        left_out |= {str(one) for one in ignored} if isinstance(ignored, list) else set()
        stored["objects"] = [name for name, value in classes.items() if not {name, str(value)} & left_out]
    return parse_classes(stored, path)


def write_coco_classes(root: Path, schema: Schema) -> None:
    """Write ``classes.json``, where there is something to say.

    Args:
        root: the dataset's folder.
        schema: of the dataset.
    """
    plain = tuple(schema.classes)
    said: dict[str, Any] = {"objects": schema.objects} if schema.objects != plain else {}
    said |= {"ignore": [name for name, value in schema.classes.items() if value in schema.ignore]}
    names = {value: name for name, value in schema.classes.items()}
    said |= {"regions": {name: [names[value] for value in values] for name, values in schema.regions.items()}}
    said |= {"min_area": schema.min_area, "ground": schema.ground, "region": schema.region}
    said = {name: value for name, value in said.items() if value}
    if said:
        write_json(root / CLASSES_JSON, said)


def is_object(annotation: CocoObject, schema: Schema) -> bool:
    """Whether an annotation is one of the objects, not of a class that they stand on, ignored, or too small."""
    named = {schema.classes[name] for name in schema.objects} - set(schema.ignore)
    return annotation.class_value in named and annotation.area >= schema.min_area


def _add_offset(stored: Any, offset: int) -> Any:
    """Ids as class values, wherever they stand; names as they are."""
    if isinstance(stored, dict):
        return {name: _add_offset(value, offset) for name, value in stored.items()}
    if isinstance(stored, list):
        return [_add_offset(value, offset) for value in stored]
    return stored + offset if isinstance(stored, int) and not isinstance(stored, bool) else stored


def _collect_names(ground: Any) -> set[str]:
    """The names in what may be a list of them, or lists by name."""
    lists = ground.values() if isinstance(ground, dict) else [ground]
    return {str(name) for one in lists if isinstance(one, list) for name in one}


def _check_names(stored: Any, classes: Mapping[str, int], offset: int, path: Path) -> None:
    """Refuse names and ids that are not the files'.

    Raises:
        DataError: they are not.
    """
    own = {name: value - offset for name, value in classes.items()}
    if stored is not None and stored != own:
        listed = ", ".join(f"{name} {key}" for name, key in [*own.items()][:10])
        raise DataError(f"classes {str(stored)[:80]}", path=path, expected=f"none, or the categories: {listed}")
