"""What follows from the crops of a training: the facts that its config stores, and their checksum."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.gan.crop_records import select_crop_records


def measure_image_range(bank: Bank) -> tuple[tuple[float, float], ...]:
    """For each channel the scaled values that become -1 and 1: 0 and 1 for frames, else those the crops span."""
    if bank.info.domain.is_rgb:
        return ((0.0, 1.0),) * len(bank.info.channels)
    chosen = np.linspace(0, len(bank) - 1, min(len(bank), 500)).astype(int)
    values = np.moveaxis(np.asarray(bank.images[np.unique(chosen)], dtype=np.float32), 1, 0)
    ends = np.quantile(values.reshape(len(values), -1), (0.001, 0.999), axis=1).T.astype(float)
    return tuple((round(low, 4), round(max(high, low + 1e-3), 4)) for low, high in ends)


def collect_config_fields(bank: Bank) -> dict[str, Any]:
    """The fields of a :class:`~domaingan.gan.config.GANConfig` that follow from the crops.

    Raises:
        DataError: an image holds NaN or infinity.
    """
    info = bank.info
    return {
        "channels": info.channels,
        "classes": info.classes,
        "labels": [0, *(int(value) for value in np.unique(bank.masks) if value)],
        "domain": info.domain,
        "kind": info.kind,
        "ground": info.supporting_classes,
        "ranges": info.ranges,
        "percentiles": info.percentiles,
        "conditions": info.conditions,
        "numbers": {name: _measure_range(bank, name) for name in info.numbers},
        "image_range": measure_image_range(bank),
        "subjects": info.subjects,
        "checksums": info.checksums,
        "source": info.source,
        "crops": len(bank),
        "crops_sha256": hash_crops(bank),
        "templates": select_crop_records(bank.entries, list(info.conditions), info.numbers),
    }


def _measure_range(bank: Bank, name: str) -> tuple[float, float]:
    """The ends of a number condition's values."""
    values = np.asarray(bank.entries[f"number:{name}"], dtype=float)
    if np.isnan(values).all():
        raise DataError(f"no crop with a {name}", path=bank.path, expected="numbers")
    low, high = round(float(np.nanmin(values)), 6), round(float(np.nanmax(values)), 6)
    return low, max(high, low + 1e-6)


def hash_crops(bank: Bank) -> str:
    """SHA-256 of the crops themselves, as they are stored.

    Raises:
        DataError: an image holds NaN or infinity.
    """
    digest = hashlib.sha256()
    for start in range(0, len(bank), 256):
        images = np.asarray(bank.images[start : start + 256], dtype=np.float16)
        if not np.isfinite(images).all():
            raise DataError("NaN or infinity in a crop's image", path=bank.path, expected="finite numbers")
        digest.update(images.tobytes())
        digest.update(np.asarray(bank.masks[start : start + 256], dtype=np.uint8).tobytes())
    digest.update(np.ascontiguousarray(bank.entries).tobytes())
    return digest.hexdigest()
