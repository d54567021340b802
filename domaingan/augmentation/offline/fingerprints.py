"""Fingerprints of what an augmented set is made from, so that a run that goes on goes on with the same."""

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
"""The last bytes of a gzip file: checksum and size of what is packed in it."""

ENTRIES_PER_READ = 64
"""Entries of a bank that are read at once."""

DESCRIPTION_PATTERNS = ("*.json", "*.csv", "annotations/*.json")
"""Files of a dataset's folder that say something of its samples."""


def fingerprint_bank(bank: Bank) -> str:
    """A checksum of everything in a bank.

    Args:
        bank: any bank; what is mapped from disk is read part by part.
    """
    digest = hashlib.sha256(json.dumps(bank.info.model_dump(mode="json"), sort_keys=True).encode())
    for array in (bank.images, bank.masks, bank.entries):
        _update(digest, array)
    return digest.hexdigest()[:16]


def _update(digest: Any, array: NDArray[Any]) -> None:
    digest.update(f"{array.dtype.str} {array.shape}".encode())
    for start in range(0, len(array), ENTRIES_PER_READ):
        digest.update(np.ascontiguousarray(array[start : start + ENTRIES_PER_READ]).tobytes())


def fingerprint_data(data: Dataset) -> str:
    """A checksum of the samples and their files: of packed files the checksum in them, of others size and time.

    Args:
        data: any dataset; files that are gone count as empty.
    """
    digest = hashlib.sha256()
    for record in data.records:
        known = [
            record.name,
            record.subject,
            record.sequence,
            record.split,
            to_json_types(dict(record.condition)),
            record.time,
        ]
        digest.update(json.dumps(known, sort_keys=True, default=str).encode())
        digest.update(fingerprint_files(record.files.values()).encode())
    root = Path(data.root)
    if root.is_dir():
        digest.update(
            fingerprint_files(path for pattern in DESCRIPTION_PATTERNS for path in sorted(root.glob(pattern))).encode()
        )
    return digest.hexdigest()[:16]


def fingerprint_files(paths: Iterable[Path]) -> str:
    """A checksum of what tells that files have changed.

    Args:
        paths: of files.
    """
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name} {_describe_file(path)}".encode())
    return digest.hexdigest()[:16]


def _describe_file(path: Path) -> str:
    """Size and checksum of a packed file, size and time of any other."""
    if not path.is_file():
        return "gone"
    status = path.stat()
    if status.st_size > GZIP_TRAILER_BYTES:
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                file.seek(-GZIP_TRAILER_BYTES, 2)
                return f"{status.st_size} {file.read().hex()}"
    return f"{status.st_size} {status.st_mtime_ns}"
