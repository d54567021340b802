"""``data.yaml`` of a YOLO dataset: the classes, and where the pictures of each split lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.core.reading import read_bytes, read_text

SPLIT_KEYS = ("train", "val", "test")

MAX_YAML_BYTES = 1 << 20
"""A larger YAML file describes no dataset."""

NAMES_FILE = "classes.txt"
"""Names of the classes, one a line, as label tools write it where there is no YAML file."""


@dataclass(frozen=True)
class YoloDescription:
    """What describes a whole YOLO dataset.

    Attributes:
        class_names: in the order of their numbers, from 0. None where nothing names them.
        places: for each split the folders of its pictures, and text files that list pictures.
    """

    class_names: tuple[str, ...] | None
    places: Mapping[str, Sequence[Path]]


def find_yaml(root: Path) -> Path | None:
    """Find the YAML file of a dataset: ``data.yaml``, else the only one that names classes.

    Args:
        root: the dataset's folder.
    """
    if not root.is_dir():
        return None
    described = []
    for path in sorted((*root.glob("*.yaml"), *root.glob("*.yml"))):
        try:
            stored = _load_yaml(path)
        except DataError:
            continue
        if isinstance(stored, dict) and "names" in stored and any(key in stored for key in SPLIT_KEYS):
            described.append(path)
    for path in described:
        if path.stem == "data":
            return path
    return described[0] if len(described) == 1 else None


def read_description(root: Path) -> YoloDescription:
    """Read what describes a dataset.

    Args:
        root: the dataset's folder.

    Raises:
        DataError: the YAML file is wrong, is about key points, or leads out of the folder.
    """
    path = find_yaml(root)
    if path is None:
        names_path = root / NAMES_FILE
        names = None
        if names_path.exists():
            names = tuple(line.strip() for line in read_text(names_path).splitlines() if line.strip())
        return YoloDescription(names, {"": [root / "images"]})
    stored = _load_yaml(path)
    if "kpt_shape" in stored:
        raise DataError("key points", path=path, expected="boxes or outlines of objects")
    names = _parse_names(stored["names"], path)
    n_classes = stored.get("nc", len(names))
    if n_classes != len(names):
        raise DataError(f"nc {n_classes} and {len(names)} names", path=path, expected="a name for each class")
    base = _find_base(root, stored.get("path"), path)
    places: dict[str, list[Path]] = {}
    for split in SPLIT_KEYS:
        entries = stored.get(split) or []
        for entry in [entries] if isinstance(entries, str) else entries:
            places.setdefault(split, []).append(_resolve_place(root, base, entry, path))
    return YoloDescription(names, places)


def _load_yaml(path: Path) -> Any:
    raw = read_bytes(path, MAX_YAML_BYTES)
    try:
        return yaml.safe_load(raw)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first_line = str(error).split("\n", 1)[0]
        raise DataError(f"cannot be read as YAML ({first_line})", path=path) from None


def _parse_names(stored: Any, path: Path) -> tuple[str, ...]:
    """Parse the names of the classes: a list, or names by number from 0 on."""
    listed = stored
    if isinstance(stored, dict):
        is_counted = set(stored) == set(range(len(stored)))
        listed = [stored[number] for number in range(len(stored))] if is_counted else None
    if not isinstance(listed, list) or not listed:
        raise DataError(f"names {str(stored)[:80]}", path=path, expected="a list, or names by number from 0 on")
    names = tuple(str(name) for name in listed)
    if len(set(names)) < len(names) or "" in names:
        raise DataError(f"names {str(stored)[:80]}", path=path, expected="a name of its own for each class")
    return names


def _find_base(root: Path, stored: Any, path: Path) -> Path:
    """Find the folder to which the splits' paths are relative; the dataset's own where ``path`` leads nowhere."""
    if not stored:
        return root
    base = Path(str(stored)) if Path(str(stored)).is_absolute() else root / str(stored)
    if not base.is_dir():
        return root  # written for another machine
    if not base.resolve().is_relative_to(root.resolve()):
        raise DataError(f"path {str(stored)!r}", path=path, expected="a folder inside the dataset's")
    return base


def _resolve_place(root: Path, base: Path, entry: Any, path: Path) -> Path:
    """Resolve the folder or list of a split. Roboflow writes ``../train/images`` for ``train/images``."""
    if not isinstance(entry, str):
        raise DataError(f"a split {str(entry)[:80]}", path=path, expected="a folder, a text file, or a list of them")
    candidates = [base / entry, base / entry.removeprefix("../"), root / Path(entry).name]
    for candidate in candidates:
        if candidate.exists() and candidate.resolve().is_relative_to(root.resolve()):
            return candidate
    if (base / entry).exists():
        raise DataError(f"{entry!r}, which leads out of the folder", path=path, expected="a path inside it")
    raise DataError(f"no {entry!r}", path=path, expected="a folder of pictures that is there")


def write_yaml(root: Path, class_names: Sequence[str], splits: Sequence[str]) -> None:
    """Write ``data.yaml``.

    Args:
        root: the dataset's folder.
        class_names: in the order of their numbers.
        splits: names of the splits, each a folder in ``images``; an empty one for frames of no split.
    """
    stored: dict[str, Any] = {}
    for split in SPLIT_KEYS:
        if split in splits:
            stored[split] = f"images/{split}"
    rest = [split for split in splits if split not in SPLIT_KEYS]
    if rest and "train" not in stored:
        stored["train"] = "images"
    stored["nc"] = len(class_names)
    stored["names"] = list(class_names)
    with write_file_atomically(root / "data.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(stored, sort_keys=False, allow_unicode=True), encoding="utf-8")
