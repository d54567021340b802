"""The arguments that every transform takes: a bank, and the names of the mask's values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domaingan.adapters.class_definitions import parse_classes
from domaingan.bank_folders import open_bank
from domaingan.banks import Bank, BankInfo, BankKind
from domaingan.core.errors import DataError
from domaingan.core.reading import read_json
from domaingan.data import Schema

Classes = Schema | Mapping[str, Any] | str | Path | None
"""How the values of the hosts' masks may be named: a dataset's schema, ``{name: value}``, a ``classes.json`` or its
content; None where they are those of the bank."""


def open_bank_of_kind(bank: Bank | str | Path, kind: BankKind) -> Bank:
    """Open a bank where its folder is given, and check its kind.

    Args:
        bank: a bank, or a folder that :func:`domaingan.bank_folders.open_bank` reads.
        kind: ``crops`` or ``scenes``.

    Raises:
        DataError: it is of another kind, or as :func:`domaingan.bank_folders.open_bank`.
    """
    if not isinstance(bank, Bank):
        bank = open_bank(bank, kind)
    if bank.info.kind != kind:
        raise DataError(f"a bank of {bank.info.kind}", path=bank.path, expected=f"a bank of {kind}")
    return bank


def make_schema(classes: Classes, bank: Bank) -> Schema:
    """Make the schema of the hosts of a bank.

    Args:
        classes: names of the values of the hosts' masks. None takes the bank's own, except for crops of frames: their
            hosts' masks also have values for the ground, so the names and the ``objects`` must be given.
        bank: what is blended in. The schema has its domain, dimensions and channels.

    Returns:
        The schema; ``classes`` itself where that is one.

    Raises:
        DataError: the names are missing, or are not as in a ``classes.json``.
    """
    info = bank.info
    if isinstance(classes, Schema):
        return classes
    if classes is None:
        if _has_ground_classes(info):
            raise DataError("a bank of frames' crops", path=bank.path, expected="classes=, the values of the masks")
        classes = info.classes
    path = Path("classes") if isinstance(classes, Mapping) else Path(classes)
    stored = classes if isinstance(classes, Mapping) else read_json(path)
    if not isinstance(stored.get("classes"), Mapping):
        stored = {"classes": dict(stored)}
    named = parse_classes(dict(stored), path)
    if _has_ground_classes(info) and not named.objects:
        raise DataError("no objects named", path=path, expected='{"classes": {name: value}, "objects": [name]}')
    return Schema(
        "arrays",
        info.domain,
        info.spatial_dims,
        tuple(info.channels),
        named.foreground_classes,
        tuple(named.ignore),
        tuple(named.objects),
        ground=named.supporting_classes,
        region=named.region,
    )


def _has_ground_classes(info: BankInfo) -> bool:
    return info.domain.has_ground and info.kind == "crops"


def dump_schema(schema: Schema) -> dict[str, Any]:
    """Write a schema as plain lists and dictionaries, of which :func:`make_schema` makes an equal one."""
    values: dict[str, Any] = {"ignore": list(schema.ignore), "objects": list(schema.objects)}
    if schema.ground:
        values["ground"] = {name: list(below) for name, below in schema.ground.items()}
    if schema.region:
        values["region"] = [list(corner) for corner in schema.region]
    return {"classes": dict(schema.classes)} | values
