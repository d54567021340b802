"""The model folder: config, weights, card, picture, log, checkpoints. Reading it runs no code and unpickles nothing.

It is a model hub's repository as it is: ``huggingface_hub.upload_folder(repo_id="USER/NAME", folder_path=…)`` pushes it
(without the checkpoints, which its ``.gitignore`` names); ``GAN.load(huggingface_hub.snapshot_download("USER/NAME"))``
reads it back.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.core.files import (
    LOCK_FILE,
    clear_folder,
    refuse_existing_folder,
    to_json_types,
    write_file_atomically,
    write_json,
)
from domaingan.core.reading import read_json
from domaingan.gan.config import PASTE, GANConfig, build_config, list_differences
from domaingan.gan.model_card import write_card
from domaingan.gan.training.checkpoint import hash_file, save_tensors, select_prefix
from domaingan.gan.training.training_log import LOG_FILE, read_log

CONFIG_FILE, WEIGHTS_FILE, CARD_FILE, HUB_CARD_FILE, SAMPLES_FILE, CHECKPOINTS_FOLDER, IGNORE_FILE = (
    "config.json",
    "weights.safetensors",
    "model_card.md",
    "README.md",  # the same, under the name that model hubs show
    "samples.png",
    "checkpoints",
    ".gitignore",
)

CHECKSUM_KEY = "sha256"
"""The last line of ``config.json``: a checksum of the others. Whoever changes the file by hand leaves it out."""

CROPS_FOLDER = "crops"
"""The bank that a model which paints into hosts starts from."""


def read_config(folder: Path) -> GANConfig:
    """The config of a model folder, finished or not.

    Raises:
        DataError: there is none, it is not one of this package's version, or it was changed since it was written.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise DataError("no model", path=folder, expected=f"a folder with {CONFIG_FILE}")
    stored = read_json(path)
    if not isinstance(stored, dict):
        raise DataError("no JSON object", path=path)
    checksum = stored.pop(CHECKSUM_KEY, None)
    try:
        config = build_config(**stored)
    except DataError as error:
        raise DataError(error.found, path=path, expected=error.expected) from None
    if checksum is not None and checksum != _hash_config(stored):
        raise DataError("changed since it was written (its checksum differs)", path=path)
    return config


def write_config(folder: Path, config: GANConfig) -> None:
    """Write ``config.json``."""
    stored = to_json_types(config.model_dump(mode="json"))
    write_json(folder / CONFIG_FILE, stored | {CHECKSUM_KEY: _hash_config(stored)})


def _hash_config(stored: dict[str, Any]) -> str:
    """Of a config as it is in its file, wherever its lines break."""
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()


def prepare(out: Path, config: GANConfig, *, resume: bool, overwrite: bool) -> GANConfig:
    """Make ``out`` this training's folder, and write the config there before anything else.

    Returns:
        The config to train with: the asked one, or when a training is resumed the stored one with the asked length.

    Raises:
        DataError: the folder exists and is neither to be resumed nor overwritten; it is no model folder; or its
            training had another config.
    """
    if resume and (out / CONFIG_FILE).is_file():
        stored = read_config(out)
        different = list_differences(stored, config)
        if different:
            raise DataError("; ".join(different), path=out, expected="the training that is resumed, or --overwrite")
        if config.steps < stored.steps:
            raise DataError(f"{config.steps} steps", path=out, expected=f"at least the {stored.steps} asked for before")
        config = stored if config.steps == stored.steps else config
    elif resume and _is_filled(out):
        raise DataError("no model to resume", path=out, expected=f"a folder with {CONFIG_FILE}")
    else:
        refuse_existing_folder(out, overwrite=overwrite)
        _clear_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    if not config.weights_sha256:
        write_config(out, config)
    return config


def _clear_folder(out: Path) -> None:
    """Remove an older model; anything else that happens to lie there is not ours to remove."""
    if _is_filled(out) and not (out / CONFIG_FILE).is_file():
        raise DataError("not a model folder", path=out, expected=f"one with {CONFIG_FILE} to overwrite, or a new one")
    if out.is_file():
        raise DataError("a file", path=out, expected="a folder")
    clear_folder(out)


def _is_filled(out: Path) -> bool:
    return out.is_dir() and any(path.name != LOCK_FILE for path in out.iterdir())


def finish_model(
    folder: Path, config: GANConfig, generator: nn.Module, discriminator: nn.Module | None, name: str = ""
) -> GANConfig:
    """Write weights and card, then the config with the weights' checksum, which makes the model a finished one."""
    networks = {"generator": generator, "discriminator": discriminator}
    tensors = {
        f"{which}.{key}": value
        for which, network in networks.items()
        if network is not None
        for key, value in network.state_dict().items()
    }
    sums = {"weights_sha256": save_tensors(tensors, folder / WEIGHTS_FILE), "kept_sha256": ""}
    if config.is_inpainting and (folder / CROPS_FOLDER).is_dir():
        sums["kept_sha256"] = _hash_bank_files(folder / CROPS_FOLDER)
    config = config.model_copy(update=sums)
    text = write_card(name or folder.resolve().name, config, read_log(folder / LOG_FILE))
    # Git and model hubs leave out what is only for resuming.
    for file, content in ((CARD_FILE, text), (HUB_CARD_FILE, text), (IGNORE_FILE, f"{CHECKPOINTS_FOLDER}/\n")):
        with write_file_atomically(folder / file) as temporary:
            temporary.write_text(content, encoding="utf-8")
    write_config(folder, config)
    return config


def reference_crops(crops: Bank, config: GANConfig) -> Bank:
    """What a generator that paints into hosts starts from: real crops, and of inpaint nothing of them but the masks."""
    marked = np.ones(len(crops), dtype=bool)
    for name, code in zip(config.conditions, config.healthy_codes, strict=True):
        marked &= crops.entries[f"condition:{name}"] != code
    kept = crops.take(marked)
    images = kept.images if PASTE in config.given else np.zeros_like(kept.images)
    return Bank(kept.info, images, kept.masks, kept.entries)


def save_crops(crops: Bank | None, folder: Path) -> None:
    """Write them into a model folder, if there are any."""
    if crops is not None:
        crops.save(folder / CROPS_FOLDER, overwrite=True)


def load_crops(folder: Path, config: GANConfig) -> Bank | None:
    """The crops that lie in a model folder, of what paints into hosts.

    Raises:
        DataError: they are missing, or were changed since they were written.
    """
    if not config.is_inpainting:
        return None
    crops = Bank.load(folder / CROPS_FOLDER)
    if config.kept_sha256 and _hash_bank_files(folder / CROPS_FOLDER) != config.kept_sha256:
        raise DataError("changed since it was written (its checksum differs)", path=folder / CROPS_FOLDER)
    return crops


def _hash_bank_files(bank: Path) -> str:
    sums = [f"{path.name} {hash_file(path)}" for path in sorted([*bank.glob("*.json"), *bank.glob("*.npy")])]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def check_weights(folder: Path, config: GANConfig, networks: dict[str, nn.Module]) -> None:
    """Compare a weights file with networks that have shapes and no weights yet, before memory is asked for.

    Raises:
        DataError: the training was not finished, or the weights are missing, changed, no whole file or of other
            networks.
    """
    path = folder / WEIGHTS_FILE
    if not config.weights_sha256:
        raise DataError("training not finished", path=folder, expected="a finished model: use --resume")
    if not path.is_file():
        raise DataError("missing", path=path)
    if hash_file(path) != config.weights_sha256:
        raise DataError("changed since it was written (its checksum differs)", path=path)
    try:
        with safe_open(path, framework="pt") as file:
            stored = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = str(error).split("\n", 1)[0]
        raise DataError(f"cannot be read ({reason})", path=path, expected="a whole safetensors file") from None
    for which, network in networks.items():
        for key, value in network.state_dict().items():
            name, shape = f"{which}.{key}", tuple(value.shape)
            if stored.get(name) != shape:
                found = f"{name} of {stored[name]}" if name in stored else f"no {name}"
                raise DataError(f"not the weights of this config ({found})", path=path, expected=f"{name} of {shape}")


def load_weights(folder: Path, networks: dict[str, nn.Module]) -> None:
    """Bring the networks to the weights of a model folder, as :func:`check_weights` found them.

    Raises:
        DataError: they are of other networks.
    """
    path = folder / WEIGHTS_FILE
    try:
        tensors = load_file(path)
        for name, network in networks.items():
            network.load_state_dict(select_prefix(tensors, name))
    except (SafetensorError, RuntimeError) as error:
        raise DataError(f"not the weights of this config ({str(error).splitlines()[0]})", path=path) from None
