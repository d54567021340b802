"""``config.json`` of a model folder, with a checksum of its own; older formats are read, too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError
from domaingan.core.files import to_json_types, write_json
from domaingan.core.reading import read_json
from domaingan.gan.config import CONFIG_PARTS, MODEL_FORMAT, GANConfig
from domaingan.gan.config_checks import build_config

CONFIG_FILE = "config.json"

CHECKSUM_KEY = "sha256"
"""The last line of ``config.json``: a checksum of the others. Whoever edits the file by hand removes it."""

FLAT_FORMAT = 3
"""The format before this one: all fields were in one object."""

RENAMED_FIELDS = {
    "given": "conditioning",
    "templates": "crop_records",
    "crops": "crop_count",
    "kept_sha256": "reference_sha256",
    "ground": "supporting_classes",
}
"""Fields of format 3 that have another name now."""

RENAMED_RECORD_FIELDS = {"extent": "source_size", "depth_mm": "depth"}
"""Fields of a crop record that had another name in format 3."""


def read_config(folder: Path) -> GANConfig:
    """Read the config of a model folder, whether its training is finished or not.

    Raises:
        DataError: there is none, its format is unknown, or it was changed since it was written.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise DataError("no model", path=folder, expected=f"a folder with {CONFIG_FILE}")
    stored = read_json(path)
    if not isinstance(stored, dict):
        raise DataError("no JSON object", path=path)
    checksum = stored.pop(CHECKSUM_KEY, None)
    with name_config_file(folder):
        config = build_config(**upgrade_config(stored))
    if checksum is not None and checksum != _hash_config(stored):
        raise DataError("changed since it was written (its checksum differs)", path=path)
    return config


def write_config(folder: Path, config: GANConfig) -> None:
    """Write ``config.json`` into a model folder."""
    stored = to_json_types(config.model_dump(mode="json"))
    write_json(folder / CONFIG_FILE, stored | {CHECKSUM_KEY: _hash_config(stored)})


@contextmanager
def name_config_file(folder: Path) -> Iterator[None]:
    """Name the config file of a model folder in errors."""
    try:
        yield
    except DataError as error:
        raise DataError(error.found, path=folder / CONFIG_FILE, expected=error.expected) from None


def upgrade_config(stored: dict[str, Any]) -> dict[str, Any]:
    """Sort the fields of format 3 into the parts of a config; other formats stay unchanged.

    Args:
        stored: the content of ``config.json``.
    """
    if stored.get("format") != FLAT_FORMAT:
        return stored
    flat = {RENAMED_FIELDS.get(name, name): value for name, value in stored.items()}
    if isinstance(flat.get("crop_records"), list):
        flat["crop_records"] = [_rename_record_fields(record) for record in flat["crop_records"]]
    upgraded: dict[str, Any] = {}
    for part, model in CONFIG_PARTS.items():
        upgraded[part] = {name: flat.pop(name) for name in model.model_fields if name in flat}
    return {**upgraded, **flat, "format": MODEL_FORMAT}


def _rename_record_fields(record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    return {RENAMED_RECORD_FIELDS.get(name, name): value for name, value in record.items()}


def _hash_config(stored: dict[str, Any]) -> str:
    """Compute the checksum of a config as it is in its file, independent of line breaks."""
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()
