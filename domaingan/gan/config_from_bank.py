"""Collect what a config stores of the crops of a training."""

from __future__ import annotations

import hashlib

import numpy as np

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.gan.config import DataConfig, Provenance, Range
from domaingan.gan.config_checks import validate_part
from domaingan.gan.crop_records import select_crop_records

MAX_RANGE_CROPS = 500
"""The image range is measured on at most this many crops."""

RANGE_QUANTILES = (0.001, 0.999)
"""The quantiles of the values that the networks see as -1 and 1."""

HASHED_CROPS = 256
"""Crops that are read at a time for the checksum."""


def measure_image_range(bank: Bank) -> tuple[Range, ...]:
    """Find for each channel the scaled values that become -1 and 1.

    Returns:
        For frames 0 and 1. For scans the quantiles 0.001 and 0.999 of the crops' values.
    """
    if bank.info.domain.is_rgb:
        return ((0.0, 1.0),) * len(bank.info.channels)
    chosen = np.linspace(0, len(bank) - 1, min(len(bank), MAX_RANGE_CROPS)).astype(int)
    values = np.moveaxis(np.asarray(bank.images[np.unique(chosen)], dtype=np.float32), 1, 0)
    ends = np.quantile(values.reshape(len(values), -1), RANGE_QUANTILES, axis=1).T.astype(float)
    return tuple((round(low, 4), round(max(high, low + 1e-3), 4)) for low, high in ends)


def describe_data(bank: Bank) -> DataConfig:
    """Describe what the crops hold, for the config.

    Raises:
        DataError: a number condition has no value in any crop.
    """
    info = bank.info
    mask_values = [int(value) for value in np.unique(bank.masks) if value]
    fields = {
        "domain": info.domain,
        "kind": info.kind,
        "channels": info.channels,
        "image_range": measure_image_range(bank),
        "classes": info.classes,
        "labels": [0, *mask_values],
        "conditions": info.conditions,
        "numbers": {name: _measure_range(bank, name) for name in info.numbers},
        "supporting_classes": info.supporting_classes,
        "ranges": info.ranges,
        "percentiles": info.percentiles,
        "crop_records": select_crop_records(bank.entries, list(info.conditions), info.numbers),
    }
    return validate_part(DataConfig, fields)


def describe_provenance(bank: Bank, licence: str = "unknown", name_subjects: bool = False) -> Provenance:
    """Describe where the crops came from, for the config.

    Args:
        bank: the crops.
        licence: the licence of the model.
        name_subjects: whether the model card names the subjects.

    Raises:
        DataError: an image holds NaN or infinity.
    """
    fields = {
        "source": bank.info.source,
        "crop_count": len(bank),
        "crops_sha256": hash_crops(bank),
        "subjects": bank.info.subjects,
        "checksums": bank.info.checksums,
        "licence": licence,
        "name_subjects": name_subjects,
    }
    return validate_part(Provenance, fields)


def hash_crops(bank: Bank) -> str:
    """Compute the SHA-256 checksum of the crops as they are stored.

    Raises:
        DataError: an image holds NaN or infinity.
    """
    digest = hashlib.sha256()
    for start in range(0, len(bank), HASHED_CROPS):
        rows = slice(start, start + HASHED_CROPS)
        images = np.asarray(bank.images[rows], dtype=np.float16)
        if not np.isfinite(images).all():
            raise DataError("NaN or infinity in a crop's image", path=bank.path, expected="finite numbers")
        digest.update(images.tobytes())
        digest.update(np.asarray(bank.masks[rows], dtype=np.uint8).tobytes())
    digest.update(np.ascontiguousarray(bank.entries).tobytes())
    return digest.hexdigest()


def _measure_range(bank: Bank, name: str) -> Range:
    """Find the smallest and the largest value of a number condition."""
    values = np.asarray(bank.entries[f"number:{name}"], dtype=float)
    if np.isnan(values).all():
        raise DataError(f"no crop with a {name}", path=bank.path, expected="numbers")
    low, high = round(float(np.nanmin(values)), 6), round(float(np.nanmax(values)), 6)
    return low, max(high, low + 1e-6)
