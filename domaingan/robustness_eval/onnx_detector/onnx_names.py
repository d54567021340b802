"""Class names of an ONNX file: those in its metadata, and names that stand for no object."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from domaingan.robustness_eval.class_names import normalise_name, parse_names

BACKGROUND_NAMES = ("background", "bg", "noobject", "n/a")
"""Names of a class that stands for no object, without spaces and hyphens."""


def read_metadata_names(metadata: dict[str, str], path: Path) -> dict[str, int] | None:
    """Read the class names in the metadata of a file, as Ultralytics writes them.

    Args:
        metadata: texts by key.
        path: the file, for messages.

    Returns:
        ``{name: number}``; None if there are no names.

    Raises:
        DataError: the names are neither a list nor a mapping from numbers.
    """
    names = parse_literal(metadata.get("names"))
    if not names:
        return None
    return parse_names(names, path, "class names in the metadata, as a list or {number: name}")


def read_metadata_size(metadata: dict[str, str]) -> tuple[int, int] | None:
    """Read the height and width of the input in the metadata of a file; None if they are not there."""
    sizes = parse_literal(metadata.get("imgsz"))
    if isinstance(sizes, int):
        return (sizes, sizes)
    if isinstance(sizes, (list, tuple)) and len(sizes) == 2 and all(isinstance(side, int) for side in sizes):
        return (sizes[0], sizes[1])
    return None


def parse_literal(text: str | None) -> Any:
    """Parse what exporters write with ``str()``: a list or mapping in Python's spelling. Nothing is run."""
    if text is None:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None


def remove_background(names: dict[str, int]) -> dict[str, int]:
    """Remove a first or last class name that stands for no object; the others count from 0.

    >>> remove_background({"background": 0, "car": 1, "bus": 2})
    {'car': 0, 'bus': 1}
    """
    first = min(names.values())
    last = max(names.values())
    for name, number in names.items():
        is_background = normalise_name(name).strip("[]()") in BACKGROUND_NAMES
        if is_background and number in (first, last):
            shift = int(number == first)
            return {other: value - shift for other, value in names.items() if other != name}
    return names
