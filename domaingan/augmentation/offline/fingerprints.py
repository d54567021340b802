"""Compute fingerprints of what an augmented set is made from: a resumed run must have the same bank and samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank
from domaingan.core.files import to_json_types
from domaingan.data import Dataset

GZIP_TRAILER_BYTES = 8
"""The last bytes of a gzip file: checksum and size of what is compressed in it."""

ENTRIES_PER_READ = 64
"""Entries of a bank that are read at once."""

DESCRIPTION_PATTERNS = ("*.json", "*.csv", "annotations/*.json")
"""Files of a dataset's folder that describe its samples."""


def fingerprint_bank(bank: Bank) -> str:
    """Compute a checksum of everything in a bank.

    Args:
        bank: any bank; arrays that are mapped from disk are read part by part.
    """
    info = json.dumps(bank.info.model_dump(mode="json"), sort_keys=True)
    digest = hashlib.sha256(info.encode())
    for array in (bank.images, bank.masks, bank.entries):
        _add_array(digest, array)
    return digest.hexdigest()[:16]


def _add_array(digest: Any, array: NDArray[Any]) -> None:
    """Add an array's type, shape and values to a digest."""
    digest.update(f"{array.dtype.str} {array.shape}".encode())
    for start in range(0, len(array), ENTRIES_PER_READ):
        part = np.ascontiguousarray(array[start : start + ENTRIES_PER_READ])
        digest.update(part.tobytes())


def fingerprint_data(data: Dataset) -> str:
    """Compute a checksum of the samples and their files.

    Of a gzip file its checksum counts, of another file its size and time.

    Args:
        data: any dataset; files may be missing.
    """
    digest = hashlib.sha256()
    for record in data.records:
        fields = [
            record.name,
            record.subject,
            record.sequence,
            record.split,
            to_json_types(dict(record.condition)),
            record.time,
        ]
        digest.update(json.dumps(fields, sort_keys=True, default=str).encode())
        digest.update(fingerprint_files(record.files.values()).encode())
    root = Path(data.root)
    if root.is_dir():
        paths: list[Path] = []
        for pattern in DESCRIPTION_PATTERNS:
            paths += sorted(root.glob(pattern))
        digest.update(fingerprint_files(paths).encode())
    return digest.hexdigest()[:16]


def fingerprint_files(paths: Iterable[Path]) -> str:
    """Compute a checksum that changes when one of the files changes.

    Args:
        paths: of files.
    """
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name} {_describe_file(path)}".encode())
    return digest.hexdigest()[:16]


def _describe_file(path: Path) -> str:
    """Describe a file: a gzip file by its size and checksum, any other by its size and time."""
    if not path.is_file():
        return "gone"
    status = path.stat()
    if status.st_size > GZIP_TRAILER_BYTES:
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                file.seek(-GZIP_TRAILER_BYTES, 2)
                return f"{status.st_size} {file.read().hex()}"
    return f"{status.st_size} {status.st_mtime_ns}"
