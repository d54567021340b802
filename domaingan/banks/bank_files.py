"""The files of a bank folder, read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from domaingan.banks.info import BANK_FORMAT, BankInfo, entry_dtype
from domaingan.banks.verify_files import check_bank_info, check_entries, open_array
from domaingan.core.errors import DataError
from domaingan.core.reading import read_json

RENAMED_FORMAT = 2
"""Banks of this format differ from those of today in three names alone."""

RENAMED_KEYS = {"ground": "supporting_classes"}
"""Keys of ``bank.json`` in that format, and their names today."""

RENAMED_COLUMNS = {"extent": "source_size", "depth_mm": "depth"}
"""Columns of ``entries.npy`` in that format, and their names today."""


def load_bank_files(folder: Path) -> tuple[BankInfo, NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Read the files of a bank folder. Arrays stay on disk.

    Args:
        folder: what :meth:`domaingan.banks.Bank.save` wrote.

    Returns:
        The info, ``(N, C, *size)`` images, ``(N, *size)`` masks and ``(N,)`` entries.

    Raises:
        DataError: a file is missing, damaged, or of another shape or type; a row has impossible values; or the format
            is another one.
    """
    info_file = folder / "bank.json"
    if not info_file.is_file():
        raise DataError("no bank", path=folder, expected="a folder with bank.json")
    info, is_renamed = _load_info(folder)
    check_bank_info(info, info_file)
    entries = open_array(folder / "entries.npy", 1)
    if is_renamed:
        entries = _rename_columns(entries)
    if entries.dtype != entry_dtype(info):
        raise DataError(f"columns {entries.dtype.names}", path=folder / "entries.npy", expected="those of bank.json")
    check_entries(entries, info, folder / "entries.npy")
    images = open_array(folder / "images.npy", 2 + info.spatial_dims, (np.float16, np.float32))
    masks = open_array(folder / "masks.npy", 1 + info.spatial_dims, (np.uint8,))
    return info, images, masks, entries


def _load_info(folder: Path) -> tuple[BankInfo, bool]:
    """Read ``bank.json``, and tell whether it is of the format whose names have changed."""
    stored = read_json(folder / "bank.json")
    version = stored.get("format") if isinstance(stored, dict) else None
    is_renamed = version == RENAMED_FORMAT
    if is_renamed:
        stored = {RENAMED_KEYS.get(name, name): value for name, value in stored.items()}
        stored["format"] = BANK_FORMAT
    elif isinstance(version, int) and version != BANK_FORMAT:
        advice = "update domaingan" if version > BANK_FORMAT else "make the bank again"
        raise DataError(f"bank format {version}", path=folder, expected=f"{BANK_FORMAT}: {advice}")
    try:
        return BankInfo.model_validate(stored), is_renamed
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise DataError(reason, path=folder / "bank.json") from None


def _rename_columns(entries: NDArray[Any]) -> NDArray[Any]:
    """Give the columns of older entries the names of today; the bytes stay where they are."""
    if entries.dtype.names is None:
        return entries
    fields = []
    for name in entries.dtype.names:
        column = entries.dtype[name]
        fields.append((RENAMED_COLUMNS.get(name, name), column.base, column.shape))
    renamed = np.dtype(fields)
    return entries.view(renamed) if renamed.itemsize == entries.dtype.itemsize else entries
