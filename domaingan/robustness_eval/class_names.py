"""Class names: the two numberings of COCO, names from a file or a list, and how names are compared and shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from domaingan.core.errors import DataError
from domaingan.core.reading import read_json, read_text

_COCO = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag,
tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard,
tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote,
keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear,
hair drier, toothbrush
"""

COCO = tuple(name.strip() for name in _COCO.split(","))
"""The 80 classes of COCO (Lin et al. 2014) in their usual order, from 0 on."""

COCO_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
"""Numbers from 1 to 90 that COCO's own numbering leaves out; torchvision's detectors use that numbering."""

COCO91 = dict(zip(COCO, sorted(set(range(1, 91)) - set(COCO_GAPS)), strict=True))
"""The same 80 classes by torchvision's labels, 1 to 90."""

SYNONYMS = (
    ("person", "pedestrian", "human", "people", "walker"),
    ("bicyclist", "cyclist", "rider"),
    ("bicycle", "bike", "cycle"),
    ("motorcycle", "motorbike", "motor"),
    ("car", "automobile", "auto", "passenger car"),
    ("truck", "lorry"),
    ("bus", "coach"),
    ("traffic light", "trafficlight", "traffic signal"),
    ("traffic sign", "sign", "sign symbol"),
    ("train", "tram"),
    ("airplane", "aeroplane", "plane"),
    ("couch", "sofa"),
    ("tv", "tvmonitor", "television"),
)
"""Groups of names that data sets give the same thing. They are proposed to the user, never used without being asked."""

MAX_LISTED_NAMES = 12
"""A message lists this many names at most."""


def number_names(names: Iterable[str]) -> dict[str, int]:
    """Number names from 0 on: ``{name: number}``."""
    return {name: number for number, name in enumerate(names)}


def read_names(source: str) -> dict[str, int]:
    """Read class names by number: ``coco``, ``coco91`` (torchvision's numbers), or a file.

    Args:
        source: one of the two; or a text file with a name a line; or JSON with a list or an object ``{number: name}``.

    Returns:
        ``{name: number}``.

    Raises:
        DataError: there is no such file, or it holds no names.
    """
    if source == "coco":
        return number_names(COCO)
    if source == "coco91":
        return dict(COCO91)
    path = Path(source).expanduser()
    expected = "coco, coco91, or a file with a name a line (or JSON)"
    if path.suffix.lower() == ".json":
        return parse_names(read_json(path), path, expected)
    try:
        lines = read_text(path).splitlines()
    except DataError as error:
        raise DataError(f"class names cannot be read ({error.found})", path=path, expected=expected) from None
    names = [line.strip() for line in lines if line.strip()]
    return parse_names(names, path, expected)


def parse_names(value: object, path: str | Path, expected: str) -> dict[str, int]:
    """Parse a list of names, or a mapping from numbers to names.

    Args:
        value: ``[name, …]`` or ``{number: name}``.
        path: the file, for messages.
        expected: what would have been right, for messages.

    Returns:
        ``{name: number}``.

    Raises:
        DataError: it is neither, or empty, or a name occurs twice.
    """
    pairs: list[tuple[object, object]] = []
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, (list, tuple)):
        pairs = list(enumerate(value))
    names: dict[str, int] = {}
    try:
        for number, name in pairs:
            names[str(name)] = int(str(number))
    except ValueError:
        names = {}
    if not names or len(names) < len(pairs):
        raise DataError(f"class names {json.dumps(value, default=str)[:80]}", path=path, expected=expected)
    return names


def normalise_name(name: str) -> str:
    """Remove what spellings of a name differ in: case, spaces, hyphens and underscores.

    >>> normalise_name("Traffic Light") == normalise_name("traffic_light")
    True
    """
    return "".join(letter for letter in name.casefold() if letter not in " _-")


def are_synonyms(one: str, other: str) -> bool:
    """Tell whether two names mean the same thing, by :data:`SYNONYMS`.

    >>> are_synonyms("Person", "pedestrian"), are_synonyms("person", "car")
    (True, False)
    """
    for group in SYNONYMS:
        names = {normalise_name(name) for name in group}
        if normalise_name(one) in names and normalise_name(other) in names:
            return True
    return False


def format_map_option(mapping: Mapping[str, str]) -> str:
    """Write a mapping as the command line takes it; an empty text for no mapping.

    >>> format_map_option({"person": "pedestrian"})
    '--map person=pedestrian'
    """
    if not mapping:
        return ""
    text = ",".join(f"{model_class}={data_class}" for model_class, data_class in mapping.items())
    return f"--map {text!r}" if " " in text else f"--map {text}"


def join_names(names: Iterable[str], limit: int = MAX_LISTED_NAMES) -> str:
    """Join names for a message; of many only the first ``limit`` are listed.

    >>> join_names(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    known = list(names)
    if not known:
        return "(none)"
    text = ", ".join(known[:limit])
    if len(known) > limit:
        text += f" and {len(known) - limit} more"
    return text
