"""The model folder: config, weights, card, picture, log, checkpoints. Reading it runs no code and unpickles nothing.

It can be uploaded to a model hub as it is. ``huggingface_hub.upload_folder(repo_id="USER/NAME", folder_path=…)`` pushes
it without the checkpoints, which its ``.gitignore`` names. ``GAN.load(huggingface_hub.snapshot_download("USER/NAME"))``
reads it back.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.core.run_folder import RunFolder
from domaingan.gan.config import GANConfig, list_differences
from domaingan.gan.config_file import CONFIG_FILE, read_config, write_config
from domaingan.gan.model_card import write_card
from domaingan.gan.reference_crops import CROPS_FOLDER, hash_bank_files
from domaingan.gan.training.checkpoint import save_tensors
from domaingan.gan.training.training_log import LOG_FILE, read_log
from domaingan.gan.weights_file import WEIGHTS_FILE

CARD_FILE, SAMPLES_FILE = "model_card.md", "samples.png"

HUB_CARD_FILE = "README.md"
"""A copy of the card, under the name that model hubs show."""

CHECKPOINTS_FOLDER, IGNORE_FILE = "checkpoints", ".gitignore"


def prepare(out: Path, config: GANConfig, *, resume: bool, overwrite: bool) -> GANConfig:
    """Make ``out`` the folder of this training, and write the config there before anything else.

    Args:
        out: the model folder.
        config: the requested config.
        resume: whether to continue a training in ``out``, if there is one.
        overwrite: whether to replace a model in ``out``.

    Returns:
        The config to train with: the requested one, or for a resumed training the stored one with the requested length.

    Raises:
        DataError: the folder exists and is neither to be resumed nor overwritten; it is not the folder of a run; or its
            training had another config.
    """
    is_resumed = RunFolder(out, CONFIG_FILE).start(resume=resume, overwrite=overwrite)
    if is_resumed:
        config = _continue_config(out, config)
    if not config.provenance.weights_sha256:
        write_config(out, config)
    return config


def finish_model(
    folder: Path, config: GANConfig, generator: nn.Module, discriminator: nn.Module | None, name: str = ""
) -> GANConfig:
    """Write weights and card, then the config with the weights' checksum, which makes the model a finished one.

    Args:
        folder: the model folder.
        config: the model's.
        generator: the averaged generator.
        discriminator: the one that was trained with it, if there is one.
        name: of the model in its card; that of the folder unless it is given.

    Returns:
        The config with the checksums.
    """
    tensors: dict[str, Tensor] = {}
    for network_name, network in {"generator": generator, "discriminator": discriminator}.items():
        if network is not None:
            tensors |= {f"{network_name}.{key}": value for key, value in network.state_dict().items()}
    weights_sha256, reference_sha256 = save_tensors(tensors, folder / WEIGHTS_FILE), ""
    if config.is_inpainting and (folder / CROPS_FOLDER).is_dir():
        reference_sha256 = hash_bank_files(folder / CROPS_FOLDER)
    config = config.with_changes("provenance", weights_sha256=weights_sha256, reference_sha256=reference_sha256)
    card = write_card(name or folder.resolve().name, config, read_log(folder / LOG_FILE))
    texts = {
        CARD_FILE: card,
        HUB_CARD_FILE: card,
        IGNORE_FILE: f"{CHECKPOINTS_FOLDER}/\n",  # git and model hubs leave out what only a resumed training needs
    }
    for file, text in texts.items():
        with write_file_atomically(folder / file) as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_config(folder, config)
    return config


def _continue_config(out: Path, config: GANConfig) -> GANConfig:
    """Return the config of the training in ``out`` with the requested length."""
    stored = read_config(out)
    differences = list_differences(stored, config)
    if differences:
        raise DataError("; ".join(differences), path=out, expected="the training that is resumed, or --overwrite")
    steps, stored_steps = config.training.steps, stored.training.steps
    if steps < stored_steps:
        raise DataError(f"{steps} steps", path=out, expected=f"at least the {stored_steps} asked for before")
    return stored if steps == stored_steps else config
