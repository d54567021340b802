"""What the ``classes.json`` of a folder of crops says beside the classes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domaingan.adapters.class_definitions import CLASSES_JSON, ClassDefinitions, parse_classes
from domaingan.core.errors import DataError
from domaingan.core.reading import read_json

EdgeLength = Annotated[int, Field(ge=1, lt=2**20)]
"""Height or width of a frame, in pixels."""


class CropMetadata(BaseModel):
    """Keys of ``classes.json`` that only folders of crops have.

    Attributes:
        ground: classes of hosts that the objects stand on (frames): one list for all objects, or one for each class.
        frame: height and width of the frames that the crops were cut from, in pixels. The larger a crop is in its
            frame, the nearer its object was.
        range: stored values that are 0 and 1 in scaled units (scans, see :mod:`domaingan.imaging.intensity`): the 0.5th
            and 99.5th percentiles of whole scans. One pair for all channels, or one for each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ground: list[str] | dict[str, list[str]] = []
    frame: tuple[EdgeLength, EdgeLength] | None = None
    range: tuple[float, float] | list[tuple[float, float]] | None = None

    def count_supporting_classes(self, class_names: Iterable[str]) -> dict[str, dict[str, int]]:
        """Count each named ground once, as if one object had stood on it.

        Args:
            class_names: the classes of objects.

        Returns:
            As ``supporting_classes`` of :class:`domaingan.banks.BankInfo`.
        """
        named = self.ground if isinstance(self.ground, dict) else dict.fromkeys(class_names, self.ground)
        return {name: dict.fromkeys(supporting, 1) for name, supporting in named.items() if supporting}


def read_crop_metadata(root: Path) -> tuple[ClassDefinitions, CropMetadata]:
    """Read the ``classes.json`` of a folder of crops.

    Args:
        root: the folder; the file may be missing.

    Returns:
        The classes (none if nothing names them), and the other keys.

    Raises:
        DataError: the file is not as it should be.
    """
    path = root / CLASSES_JSON
    stored = read_json(path) if path.exists() else {}
    if not isinstance(stored, dict):
        raise DataError("no JSON object", path=path, expected='{"classes": {name: value}}')
    own_keys = tuple(CropMetadata.model_fields)
    own = {key: stored.pop(key) for key in own_keys if key in stored}
    try:
        classes = parse_classes({"classes": {}} | stored, path, own_keys)
        if classes.region:
            raise DataError("'region' for crops", path=path, expected="it in the hosts' classes.json, or --region")
        return classes, CropMetadata.model_validate(own)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{first['loc'][0]}: {first['msg']}", path=path) from None
