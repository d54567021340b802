"""One training, from a config to a generator that is ready to draw: what reads, writes, judges and tells, together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.core.tiles import save_png
from domaingan.gan import model_folder
from domaingan.gan.config import GANConfig, build_config
from domaingan.gan.config_from_bank import collect_config_fields
from domaingan.gan.data import TrainingCrops
from domaingan.gan.networks import Generator
from domaingan.gan.sampling.generate import recalibrate_batch_norm
from domaingan.gan.training.loop import Progress, TrainingLoop
from domaingan.gan.training.monitor import GeneratorMonitor
from domaingan.gan.training.samples_sheet import draw_sample_sheet
from domaingan.gan.training.trainer import Trainer
from domaingan.metrics.fidelity.features import FeatureExtractor, make_extractor


def check_crops(crops: Bank, channels: list[str] | int, classes: dict[str, int], settings: Mapping[str, Any]) -> None:
    """Refuse crops that a GAN is not made for.

    Args:
        crops: what it is to be fitted to.
        channels: the names of its channels, or how many it has.
        classes: its masks' values by name.
        settings: as of :func:`domaingan.gan.defaults.resolved`.

    Raises:
        DataError: other channels, classes, size or dimensions, or no crops.
    """
    info, size = crops.info, (settings["size"],) * crops.info.spatial_dims
    found = (len(info.channels) if isinstance(channels, int) else list(info.channels), info.classes, crops.size)
    if found != (channels, classes, size) or info.spatial_dims != settings["spatial_dims"] or not len(crops):
        said = [f"channels {c}, classes {k}, size {s}" for c, k, s in (found, (channels, classes, size))]
        raise DataError(f"{len(crops)} crops with {said[0]}", path=crops.path, expected=said[1])


def make_config(crops: Bank, settings: Mapping[str, Any], *, steps: int, seed: int, precision: str) -> GANConfig:
    """The config of a training on these crops.

    Raises:
        DataError: no steps, a negative seed, or crops with NaN.
    """
    if not isinstance(steps, int) or not isinstance(seed, int) or steps < 1 or seed < 0:
        raise DataError(f"{steps} steps, seed {seed}", expected="at least 1 step and a seed of at least 0")
    return build_config(
        **{"schedule": steps, **settings}, **collect_config_fields(crops), precision=precision, steps=steps, seed=seed
    )


def make_training_extractor(config: GANConfig, features: str, device: str) -> FeatureExtractor:
    """What a training's KID is measured on."""
    return make_extractor(features, spatial_dims=config.spatial_dims, rgb=config.domain.is_rgb, device=device)


def prepare_folder(out: Path, config: GANConfig, fabric: Fabric, *, resume: bool, overwrite: bool) -> GANConfig:
    """The folder made this training's by the first process, and the config that all of them train by.

    Raises:
        DataError: as :func:`domaingan.gan.model_folder.claim`.
    """
    if fabric.is_global_zero:
        config = model_folder.prepare(out, config, resume=resume, overwrite=overwrite)
    fabric.barrier()
    return config if fabric.is_global_zero else model_folder.read_config(out)


def run_training(
    config: GANConfig,
    crops: Bank,
    out: Path | None,
    fabric: Fabric,
    progress: Progress | None,
    *,
    resume: bool,
    checkpoint_every: int,
    eval_every: int,
    extract: FeatureExtractor | None,
    tensorboard: bool,
) -> tuple[TrainingLoop, Generator]:
    """Train to the end, from where ``out`` has it if it is to be resumed; the first process alone writes and tells.

    Returns:
        The course that the training took, and the averaged generator, recalibrate_batch_norm, on the CPU.

    Raises:
        DataError: the training diverged.
    """
    data = TrainingCrops(crops, config, fabric.device)
    trainer = Trainer(config, data, fabric)
    if out is not None and resume:
        trainer.resume(out / model_folder.CHECKPOINTS_FOLDER)
    trainer.messages += _describe_constant_conditions(config)
    course = TrainingLoop(trainer, checkpoint_every=checkpoint_every, eval_every=eval_every, tensorboard=tensorboard)
    if fabric.is_global_zero:
        course.out, course.progress = out, progress
        course.monitor = None if extract is None else GeneratorMonitor(config, data, extract)
        course.preview = None if out is None else partial(_write_preview, config=config, crops=data, out=out)
    course.run()
    return course, recalibrate_batch_norm(trainer.ema, data).cpu()


def _describe_constant_conditions(config: GANConfig) -> list[str]:
    """A word for each condition of one value alone."""
    return [
        f"{name} has one value alone, {values[0]}: it conditions nothing"
        for name, values in config.conditions.items()
        if len(values) == 1 and all(t.codes[list(config.conditions).index(name)] == 0 for t in config.templates)
    ]


def _write_preview(ema: Generator, config: GANConfig, crops: TrainingCrops, out: Path) -> None:
    save_png(draw_sample_sheet(recalibrate_batch_norm(ema, crops), config, crops), out / model_folder.SAMPLES_FILE)
