"""Class names: the two numberings of COCO, names from a file, and which class of a model is which of the data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
"""Numbers from 1 to 90 that COCO's own numbering leaves out; torchvision's detectors keep to it."""

COCO91 = dict(zip(COCO, (n for n in range(1, 91) if n not in COCO_GAPS), strict=True))
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
"""Names that data sets give the same thing: what is proposed, never taken without being asked for."""

MAX_LISTED_NAMES = 12
"""So many names are listed in a message."""


def number_names(names: Iterable[str]) -> dict[str, int]:
    """Names as ``{name: number}`` from 0 on."""
    return {name: number for number, name in enumerate(names)}


def read_names(source: str) -> dict[str, int]:
    """Class names by number: ``coco``, ``coco91`` (torchvision's numbers), or a file.

    Args:
        source: one of the two, or a text file with a name a line, or JSON: a list, or an object ``{number: name}``.

    Raises:
        DataError: there is no such file, or it holds no names.
    """
    if source in ("coco", "coco91"):
        return number_names(COCO) if source == "coco" else dict(COCO91)
    path = Path(source).expanduser()
    expected = "coco, coco91, or a file with a name a line (or JSON)"
    if path.suffix.lower() == ".json":
        return parse_names(read_json(path), path, expected)
    try:
        lines = read_text(path).splitlines()
    except DataError as error:
        raise DataError(f"class names cannot be read ({error.found})", path=path, expected=expected) from None
    return parse_names([line.strip() for line in lines if line.strip()], path, expected)


def parse_names(value: object, path: str | Path, expected: str) -> dict[str, int]:
    """``{name: number}`` from a list of names or a ``{number: name}`` mapping.

    Raises:
        DataError: it is neither, or empty, or a name comes twice.
    """
    rows: list[tuple[object, object]] = []
    if isinstance(value, Mapping):
        rows = list(value.items())
    elif isinstance(value, (list, tuple)):
        rows = list(enumerate(value))
    try:
        names = {str(name): int(str(number)) for number, name in rows}
    except ValueError:
        names = {}
    if not names or len(names) < len(rows):
        raise DataError(f"class names {json.dumps(value, default=str)[:80]}", path=path, expected=expected)
    return names


def normalise_name(name: str) -> str:
    """What two spellings of a name have in common: case, spaces, hyphens and underscores do not count.

    >>> normalise_name("Traffic Light") == normalise_name("traffic_light")
    True
    """
    return "".join(letter for letter in name.casefold() if letter not in " _-")


def are_synonyms(one: str, other: str) -> bool:
    """Whether two names mean the same thing, by :data:`SYNONYMS`.

    >>> are_synonyms("Person", "pedestrian"), are_synonyms("person", "car")
    (True, False)
    """
    for group in SYNONYMS:
        spelled = {normalise_name(name) for name in group}
        if normalise_name(one) in spelled and normalise_name(other) in spelled:
            return True
    return False


def format_map_option(mapping: Mapping[str, str]) -> str:
    """A mapping as the command line takes it, empty for none.

    >>> format_map_option({"person": "pedestrian"})
    '--map person=pedestrian'
    """
    pairs = [f"{theirs}={ours}" for theirs, ours in mapping.items()]
    text = ",".join(pairs)
    return f"--map {text!r}" if " " in text else f"--map {text}" if text else ""


def join_names(names: Iterable[str], limit: int = MAX_LISTED_NAMES) -> str:
    """Names for a message, the first few of many.

    >>> join_names(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    known = list(names)
    more = len(known) - limit
    return (", ".join(known[:limit]) + (f" and {more} more" if more > 0 else "")) or "(none)"


@dataclass(frozen=True)
class ClassMapping:
    """Which class of the model is which of the data: by name, or as the user says.

    Attributes:
        data: the classes of the data that can be scored, their values by name.
        mapping: names of the model to names of the data, as the user says.
    """

    data_classes: dict[str, int]
    user_mapping: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for theirs, ours in self.user_mapping.items():
            if self._find_same_name(ours) is None:
                found = f"--map {theirs}={ours}: the data has no class {ours!r}"
                raise DataError(found, expected=f"one of {join_names(self.data_classes, 99)}")

    def find_data_class(self, model_class: str) -> str | None:
        """The data's name for a class of the model, None where it has none."""
        said = {normalise_name(name): ours for name, ours in self.user_mapping.items()}
        return self._find_same_name(said.get(normalise_name(model_class), model_class))

    def _find_same_name(self, name: str) -> str | None:
        return next((ours for ours in self.data_classes if normalise_name(ours) == normalise_name(name)), None)

    def list_pairs(self, classes: Iterable[str]) -> list[tuple[str, str]]:
        """Pairs of a model's class and the data's class it is."""
        return [(theirs, ours) for theirs in classes if (ours := self.find_data_class(theirs)) is not None]

    def map_values(self, classes: Mapping[str, int]) -> dict[int, int]:
        """The data's value of each of the model's numbers that have one."""
        return {classes[theirs]: self.data_classes[ours] for theirs, ours in self.list_pairs(classes)}

    def select_scored(self, classes: Iterable[str], has_fixed_classes: bool) -> dict[str, int]:
        """The data's classes that count: those that the model knows, or all where it does not say what it knows."""
        known = {ours for _, ours in self.list_pairs(classes)}
        return {name: value for name, value in self.data_classes.items() if name in known or not has_fixed_classes}

    def propose_mapping(self, classes: Iterable[str]) -> dict[str, str]:
        """Propose for classes of the data without a partner the model's class whose name means the same, if it has one.

        Returns:
            Names of the data by names of the model, as ``--map`` takes them.
        """
        known = list(classes)
        met = {ours for _, ours in self.list_pairs(known)}
        free = [name for name in known if self.find_data_class(name) is None]
        found: dict[str, str] = {}
        for ours in self.data_classes:
            partners = [theirs for theirs in free if are_synonyms(theirs, ours)]
            if ours not in met and partners:
                found[partners[0]] = ours
        return found

    def check_names(self, classes: Iterable[str], has_fixed_classes: bool) -> None:
        """Refuse names that do not meet.

        Raises:
            DataError: the user maps a class that the model does not have, or no name of the model is one of the data.
        """
        known = list(classes)
        if has_fixed_classes:
            spelled = {normalise_name(name) for name in known}
            for theirs in self.user_mapping:
                if normalise_name(theirs) not in spelled:
                    found = f"--map {theirs}={self.user_mapping[theirs]}: the model has no class {theirs!r}"
                    raise DataError(found, expected=f"one of {join_names(known)}")
        if known and not self.list_pairs(known):
            found = f"no class of the model ({join_names(known)}) is one of the data ({join_names(self.data_classes)})"
            proposed = format_map_option(self.propose_mapping(known)) or "--map THEIRS=OURS"
            raise DataError(found, expected=f"names that meet, or {proposed}")
