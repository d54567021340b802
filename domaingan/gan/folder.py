"""The model folder: config, weights, card, picture, log, checkpoints. Reading it runs no code and unpickles nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from domaingan.errors import DataError
from domaingan.files import atomic_file, claim_folder, read_json, write_json
from domaingan.gan.checkpoint import save_tensors, sha256
from domaingan.gan.config import GANConfig, build_config, differences

CONFIG, WEIGHTS, CARD, SAMPLES, CHECKPOINTS = (
    "config.json",
    "weights.safetensors",
    "model_card.md",
    "samples.png",
    "checkpoints",
)


def read_config(folder: Path) -> GANConfig:
    """The config of a model folder, finished or not.

    Raises:
        DataError: there is none, or it is not one of this package's version.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise DataError("no model", path=folder, expected=f"a folder with {CONFIG}")
    stored = read_json(path)
    if not isinstance(stored, dict):
        raise DataError("no JSON object", path=path)
    try:
        return build_config(**stored)
    except DataError as error:
        raise DataError(error.found, path=path, expected=error.expected) from None


def write_config(folder: Path, config: GANConfig) -> None:
    """Write ``config.json``."""
    write_json(folder / CONFIG, config.model_dump(mode="json"))


def claim(out: Path, config: GANConfig, *, resume: bool, overwrite: bool) -> GANConfig:
    """Make ``out`` this training's folder, and write the config there before anything else.

    Returns:
        The config to train with: the asked one, or when a training is resumed the stored one with the asked length.

    Raises:
        DataError: the folder exists and is neither to be resumed nor overwritten; it is no model folder; or its
            training had another config.
    """
    if resume and (out / CONFIG).is_file():
        stored = read_config(out)
        different = differences(stored, config)
        if different:
            raise DataError("; ".join(different), path=out, expected="the training that is resumed, or --overwrite")
        if config.steps < stored.steps:
            raise DataError(f"{config.steps} steps", path=out, expected=f"at least the {stored.steps} asked for before")
        config = stored if config.steps == stored.steps else config
    elif resume and out.is_dir() and any(out.iterdir()):
        raise DataError("no model to resume", path=out, expected=f"a folder with {CONFIG}")
    else:
        claim_folder(out, overwrite=overwrite)
        _clear(out)
    out.mkdir(parents=True, exist_ok=True)
    if not config.weights_sha256:
        write_config(out, config)
    return config


def _clear(out: Path) -> None:
    """Remove an older model; anything else that happens to lie there is not ours to remove."""
    if out.is_dir() and any(out.iterdir()) and not (out / CONFIG).is_file():
        raise DataError("not a model folder", path=out, expected=f"one with {CONFIG} to overwrite, or a new one")
    if out.is_file():
        raise DataError("a file", path=out, expected="a folder")
    if out.is_dir():
        shutil.rmtree(out)


def finish(folder: Path, config: GANConfig, generator: nn.Module, name: str = "") -> GANConfig:
    """Write weights and card, then the config with the weights' checksum, which makes the model a finished one."""
    tensors = {f"generator.{key}": value for key, value in generator.state_dict().items()}
    checksum = save_tensors(tensors, folder / WEIGHTS)
    config = config.model_copy(update={"weights_sha256": checksum})
    with atomic_file(folder / CARD) as temporary:
        temporary.write_text(card(name or folder.resolve().name, config), encoding="utf-8")
    write_config(folder, config)
    return config


def load_weights(folder: Path, config: GANConfig, generator: nn.Module) -> None:
    """Bring the generator to the weights of a finished model folder.

    Raises:
        DataError: the training was not finished, or the weights are missing, changed or of other networks.
    """
    path = folder / WEIGHTS
    if not config.weights_sha256:
        raise DataError("training not finished", path=folder, expected="a finished model: use --resume")
    if not path.is_file():
        raise DataError("missing", path=path)
    if sha256(path) != config.weights_sha256:
        raise DataError("changed since it was written (its checksum differs)", path=path)
    try:
        tensors = {key.removeprefix("generator."): value for key, value in load_file(path).items()}
        generator.load_state_dict(tensors)
    except (SafetensorError, RuntimeError) as error:
        raise DataError(f"not the weights of this config ({str(error).splitlines()[0]})", path=path) from None


def card(name: str, config: GANConfig) -> str:
    """``model_card.md``: what the model is, what it was trained on and what it is for, with a YAML header."""
    size = "×".join([str(config.size)] * config.spatial_dims)
    conditions = "".join(f"- {condition}: {', '.join(values)}\n" for condition, values in config.conditions.items())
    return f"""---
license: unknown
library_name: domaingan
pipeline_tag: unconditional-image-generation
tags: [gan, data-augmentation, {"3d" if config.spatial_dims == 3 else "2d"}, {config.domain}]
---

# {name}

A conditional GAN ({config.arch}, width {config.width}) that draws {_what(config, size)}.

![Real {config.kind} and generated ones](samples.png)

## Data

- source: {json.dumps(config.source) if config.source else f"({config.kind} in memory)"}
- {config.kind}: {config.crops}
- subjects: {len(config.subjects)} ({", ".join(config.subjects) or "unknown"})
- channels: {", ".join(config.channels)}
- classes: {", ".join(f"{name} ({value})" for name, value in config.classes.items()) or "none"}

## Conditions

{conditions or "None."}
## Training

{config.steps} steps of {config.batch} {config.kind}, loss `{config.loss}`, learning rates {config.lr[0]:g} and
{config.lr[1]:g}, augmentation {config.augment:g}, precision {config.precision}, seed {config.seed}.
`log.csv` has the course of it.

## Intended use

Augmenting the training data of models that find or classify {_of_what(config)}.
Generated {config.kind} are no evidence about any person, are not for diagnosis, and must not be tested on:
a model trained with them may not be tested on the subjects named above.

## Licence

unknown: inherits the data's
"""


def _what(config: GANConfig, size: str) -> str:
    return f"crops of {size} with their masks" if config.kind == "crops" else f"scenes of {size}, for their look"


def _of_what(config: GANConfig) -> str:
    return "these objects" if config.kind == "crops" else "objects under these looks"
