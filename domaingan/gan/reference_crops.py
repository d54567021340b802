"""The bank in a model folder that a generator which changes hosts starts from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.gan.config import PASTE, GANConfig
from domaingan.gan.training.checkpoint import hash_file

CROPS_FOLDER = "crops"


def select_reference_crops(crops: Bank, config: GANConfig) -> Bank:
    """Select what a generator that changes hosts starts from.

    Args:
        crops: the crops of the training.
        config: the model's.

    Returns:
        The crops with an object; for inpaint their masks alone, without their images.
    """
    has_object = np.ones(len(crops), dtype=bool)
    for name, code in zip(config.data.conditions, config.healthy_codes, strict=True):
        has_object &= crops.entries[f"condition:{name}"] != code
    selected = crops.take(has_object)
    images = selected.images if PASTE in config.network.conditioning else np.zeros_like(selected.images)
    return Bank(selected.info, images, selected.masks, selected.entries)


def save_crops(crops: Bank | None, folder: Path) -> None:
    """Write the reference crops into a model folder, if there are any."""
    if crops is not None:
        crops.save(folder / CROPS_FOLDER, overwrite=True)


def load_crops(folder: Path, config: GANConfig) -> Bank | None:
    """Load the reference crops of a model folder; None for a generator that does not change hosts.

    Raises:
        DataError: they are missing, or were changed since they were written.
    """
    if not config.is_inpainting:
        return None
    crops = Bank.load(folder / CROPS_FOLDER)
    expected = config.provenance.reference_sha256
    if expected and hash_bank_files(folder / CROPS_FOLDER) != expected:
        raise DataError("changed since it was written (its checksum differs)", path=folder / CROPS_FOLDER)
    return crops


def hash_bank_files(bank: Path) -> str:
    """Compute one checksum of all files of a bank's folder."""
    files = sorted([*bank.glob("*.json"), *bank.glob("*.npy")])
    lines = [f"{path.name} {hash_file(path)}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
