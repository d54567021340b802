"""``classes.json`` at a dataset's root: the classes of the masks, and what else is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, field_validator, model_validator

from domaingan.core.errors import DataError
from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.data import FRAME, Domain, RegionCorners, Schema, parse_region

CLASSES_JSON = "classes.json"

FRAME_ONLY_KEYS = ("ground", "region", "frame_rate")
"""Keys of ``classes.json`` that only frames may have."""

DEFAULT_FRAME_RATE = 30.0
"""Frames per second of drives, where ``classes.json`` does not say it."""

BACKGROUND = ("background", 0)
"""Name and value of the background, which ``classes`` may list."""


class ClassDefinitions(BaseModel):
    """The contents of ``classes.json``, or of the file that a layout has in its place.

    Attributes:
        classes: values of the mask by class name. 0 is the background, which may be listed; in frames 0 may be any
            class.
        ignore: values that no score counts. The file may list class names instead.
        objects: names of the classes whose connected components are instances.
        regions: for each region the values that are scored together. The file may list class names instead.
        channels: names of the image's channels in their order. Empty: the channels that most samples have, sorted.
        min_area: the smallest object in pixels (frames). Smaller components are no instances.
        frame_rate: frames per second of the drives. The numbers in the names of a drive's frames count frames.
        ground: classes that objects stand on: one list for all objects, or a list for each class of objects (frames).
            Empty: the class right below each object, or, where nothing is labelled there, any row that suits the
            object's size.
        region: where objects must stand (frames): a box ``[left, top, right, bottom]`` or at least three corners
            ``[x, y]``, in shares of the image's width and height.
        range: the stored values that become 0 and 1 (scans): one pair for all channels, or a pair for each channel,
            with null for a channel whose range is measured. None: -1000 and 1000 where values are Hounsfield units,
            percentiles elsewhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: dict[str, Annotated[StrictInt, Field(ge=0, lt=2**31)]]
    ignore: list[StrictInt] = []
    objects: list[str] = []
    regions: dict[str, list[StrictInt]] = {}
    channels: list[str] = []
    min_area: Annotated[StrictInt, Field(ge=0)] = 60
    frame_rate: Annotated[float, Field(gt=0)] = DEFAULT_FRAME_RATE
    ground: list[str] | dict[str, list[str]] = []
    region: RegionCorners = ()
    range: tuple[float, float] | list[tuple[float, float] | None] | None = None

    @field_validator("region", mode="before")
    @classmethod
    def _parse_region_corners(cls, stored: Any) -> RegionCorners:
        return parse_region(stored)

    @model_validator(mode="after")
    def _check_consistency(self) -> ClassDefinitions:
        classes = self.foreground_classes
        values = list(classes.values())
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"value {value} has more than one name")
        for name, members in self.regions.items():
            unknown_values = [value for value in members if value not in values]
            if unknown_values or not members:
                found = unknown_values or "no value"
                raise ValueError(f"region {name!r} has {found}, the classes have {sorted(values)}")
        unknown_names = [name for name in self.objects if name not in classes]
        if unknown_names:
            raise ValueError(f"objects {unknown_names}: no such class among {list(classes)}")
        self._check_ground(classes)
        return self

    def _check_ground(self, classes: Mapping[str, int]) -> None:
        if isinstance(self.ground, dict):
            unknown_names = [name for name in self.ground if name not in self.objects]
            if unknown_names:
                raise ValueError(f"ground of {unknown_names}: no such class among the objects {self.objects}")
        possible_grounds = []
        for name, value in classes.items():
            if name not in self.objects and value not in self.ignore:
                possible_grounds.append(name)
        for ground_names in self.supporting_classes.values():
            for name in ground_names:
                if name not in possible_grounds:
                    raise ValueError(
                        f"ground {name!r}: no class that objects could stand on, such as {possible_grounds}"
                    )

    @property
    def supporting_classes(self) -> dict[str, tuple[str, ...]]:
        """For each class of objects the classes that it stands on, where the file lists any."""
        ground = self.ground
        listed = ground if isinstance(ground, dict) else dict.fromkeys(self.objects, ground)
        return {name: tuple(grounds) for name, grounds in listed.items() if grounds}

    @property
    def foreground_classes(self) -> dict[str, int]:
        """The classes without the background."""
        return {name: value for name, value in self.classes.items() if (name.lower(), value) != BACKGROUND}


def parse_classes(stored: Any, path: Path, other_keys: Sequence[str] = ()) -> ClassDefinitions:
    """Check class definitions that were read from a file.

    Args:
        stored: the file's contents.
        path: the file, for messages.
        other_keys: further keys that the file may have had. The message about an unknown key lists them.

    Returns:
        The checked definitions.

    Raises:
        DataError: something in the file is not as :class:`ClassDefinitions` describes it.
    """
    if not isinstance(stored, dict):
        raise DataError("no JSON object", path=path, expected='{"classes": {name: value}}')
    known_keys = list(ClassDefinitions.model_fields)
    for key in stored:
        if key not in known_keys:
            listed_keys = ", ".join(dict.fromkeys([*known_keys, *other_keys]))
            raise DataError(f"unknown key {key!r}", path=path, expected=f"some of {listed_keys}")
    try:
        return ClassDefinitions.model_validate(_replace_names_with_values(stored))
    except DataError as error:
        raise DataError(error.found, path=path) from None
    except ValidationError as error:
        raise DataError(_describe_first_error(error), path=path) from None


def _describe_first_error(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    reason = first["msg"].removeprefix("Value error, ").removeprefix(f"{key} ")
    return f"{key}: {reason}" if key else reason


def _replace_names_with_values(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the class names that ``ignore`` and ``regions`` list with the classes' values."""
    classes = stored.get("classes")
    values = classes if isinstance(classes, dict) else {}
    changed = dict(stored)
    if "ignore" in stored:
        changed["ignore"] = _look_up_values(stored["ignore"], values)
    if isinstance(stored.get("regions"), dict):
        changed["regions"] = {name: _look_up_values(members, values) for name, members in stored["regions"].items()}
    return changed


def _look_up_values(members: Any, values: Mapping[str, Any]) -> Any:
    """Look up the values of the class names in a list; anything that is no list stays as it is."""
    if not isinstance(members, list):
        return members
    found = []
    for member in members:
        if isinstance(member, str):
            if member not in values:
                raise DataError(f"no class {member!r} among {list(values)[:20]}")
            found.append(values[member])
        else:
            found.append(member)
    return found


def read_classes(root: Path, domain: Domain = FRAME) -> ClassDefinitions | None:
    """Read a dataset's ``classes.json``.

    Args:
        root: the dataset's folder.
        domain: what kind of images the dataset has. Scans may not have :data:`FRAME_ONLY_KEYS`, frames no ``range``.

    Returns:
        The definitions, or None where there is no such file.

    Raises:
        DataError: the file's contents are wrong.
    """
    path = root / CLASSES_JSON
    if not path.exists():
        return None
    stored = read_json(path)
    definitions = parse_classes(stored, path)
    if not domain.has_ground:
        for key in FRAME_ONLY_KEYS:
            if key in stored:
                raise DataError(f"{key!r} for scans", path=path, expected="it for frames alone")
    if domain.is_rgb and definitions.range is not None:
        raise DataError("'range' for frames", path=path, expected="it for scans alone")
    return definitions


def write_classes(root: Path, schema: Schema) -> None:
    """Write ``classes.json``. It lists the channels too, so that their order and spelling are kept.

    Args:
        root: the dataset's folder.
        schema: the dataset's.
    """
    stored: dict[str, Any] = {"classes": schema.classes, "channels": schema.channels}
    optional: dict[str, Any] = {"ignore": schema.ignore, "objects": schema.objects, "regions": schema.regions}
    if schema.domain.has_ground:
        stored["min_area"] = schema.min_area
        optional["ground"] = schema.ground
        optional["region"] = schema.region
    if schema.ranges:
        optional["range"] = [schema.ranges.get(channel) for channel in schema.channels]
    for key, value in optional.items():
        if value:
            stored[key] = value
    write_json(root / CLASSES_JSON, stored)
