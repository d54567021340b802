"""A model after its training: its networks and what belongs to them, and how they are read from a model folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from domaingan.banks import Bank
from domaingan.core.errors import report_out_of_memory
from domaingan.core.files import write_folder_atomically
from domaingan.core.tiles import save_png
from domaingan.gan import model_folder, reference_crops, weights_file
from domaingan.gan.config import GANConfig
from domaingan.gan.config_file import name_config_file
from domaingan.gan.networks import Generator, build_networks
from domaingan.gan.training.samples_sheet import draw_sample_sheet


@dataclass(frozen=True)
class FittedModel:
    """A model after its training.

    Attributes:
        config: its settings.
        generator: the averaged generator, in evaluation mode, on the CPU.
        discriminator: the one that was trained with it.
        crops: the crops that the hosts of inpaint and refine are made from; None without such conditioning.
        path: the model folder, if there is one.
    """

    config: GANConfig
    generator: Generator
    discriminator: nn.Module | None
    crops: Bank | None = None
    path: Path | None = None


def load_model(path: Path, config: GANConfig) -> FittedModel:
    """Load the networks of a model folder.

    Args:
        path: the model folder.
        config: the one of the folder, checked.

    Raises:
        DataError: the training is not finished, a file is missing or changed, or the networks do not fit in memory.
    """
    with name_config_file(path), torch.device("meta"):
        generator, discriminator = build_networks(config)
    weights_file.check_weights(path, config, {"generator": generator, "discriminator": discriminator})
    with name_config_file(path), report_out_of_memory("a model of smaller width or size"):
        generator, discriminator = build_networks(config)
    weights_file.load_weights(path, {"generator": generator, "discriminator": discriminator})
    crops = reference_crops.load_crops(path, config)
    return FittedModel(config, generator.eval(), discriminator.eval(), crops, path)


def save_model(model: FittedModel, path: Path, *, overwrite: bool) -> FittedModel:
    """Write a finished model folder, without checkpoints.

    Args:
        model: the model.
        path: the folder.
        overwrite: whether to replace a folder that is there.

    Returns:
        The model with its folder and the checksums of its files.

    Raises:
        DataError: the folder exists.
    """
    with write_folder_atomically(path, overwrite=overwrite) as temporary:
        save_png(draw_sample_sheet(model.generator, model.config), temporary / model_folder.SAMPLES_FILE)
        reference_crops.save_crops(model.crops, temporary)
        config = model_folder.finish_model(
            temporary, model.config, model.generator, model.discriminator, name=path.name
        )
    return replace(model, config=config, path=path)
