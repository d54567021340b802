"""Run one training, from a config to a generator that is ready for sampling."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from lightning_fabric import Fabric

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.core.progress import Progress
from domaingan.core.tiles import save_png
from domaingan.gan import model_folder, reference_crops
from domaingan.gan.config import GANConfig
from domaingan.gan.config_checks import build_config
from domaingan.gan.config_file import read_config
from domaingan.gan.config_from_bank import describe_data, describe_provenance
from domaingan.gan.data import TrainingCrops
from domaingan.gan.defaults import Settings
from domaingan.gan.fitted_model import FittedModel, load_model
from domaingan.gan.networks import Generator
from domaingan.gan.sampling.generate import recalibrate_batch_norm
from domaingan.gan.training.loop import FitResult, TrainingLoop
from domaingan.gan.training.monitor import GeneratorMonitor
from domaingan.gan.training.run_options import TrainingRunOptions
from domaingan.gan.training.samples_sheet import draw_sample_sheet
from domaingan.gan.training.trainer import Trainer
from domaingan.metrics.fidelity.features import FeatureExtractor, make_extractor


def check_crops(crops: Bank, channels: list[str] | int, classes: dict[str, int], settings: Settings) -> None:
    """Check that a GAN can be fitted to these crops.

    Args:
        crops: the crops of the training.
        channels: the names of the GAN's channels, or their number.
        classes: the values of its masks by name.
        settings: the GAN's.

    Raises:
        DataError: the crops have other channels, classes, size or dimensions, or there are none.
    """
    info, network = crops.info, settings.network
    crop_channels = len(info.channels) if isinstance(channels, int) else list(info.channels)
    size = (network.size,) * info.spatial_dims
    fits = (crop_channels, info.classes, crops.size) == (channels, classes, size)
    if not fits or info.spatial_dims != network.spatial_dims or not len(crops):
        found = f"{len(crops)} crops with channels {crop_channels}, classes {info.classes}, size {crops.size}"
        expected = f"channels {channels}, classes {classes}, size {size}"
        raise DataError(found, path=crops.path, expected=expected)


def make_config(crops: Bank, settings: Settings, *, steps: int, seed: int, precision: str) -> GANConfig:
    """Make the config of a training.

    Args:
        crops: the crops of the training.
        settings: what the user has set.
        steps: length of the training. It is the length of the schedules, too, unless that is set.
        seed: of all random draws.
        precision: ``32`` or ``bf16-mixed``.

    Raises:
        DataError: there are no steps, the seed is negative, or the crops hold NaN.
    """
    if not isinstance(steps, int) or not isinstance(seed, int) or steps < 1 or seed < 0:
        raise DataError(f"{steps} steps, seed {seed}", expected="at least 1 step and a seed of at least 0")
    training = settings.training.model_dump() | {"precision": precision, "steps": steps, "seed": seed}
    if "schedule" not in settings.training.model_fields_set:
        training["schedule"] = steps
    return build_config(
        network=settings.network,
        training=training,
        data=describe_data(crops),
        provenance=describe_provenance(crops, settings.licence, settings.name_subjects),
    )


def make_feature_extractor(config: GANConfig, features: str, device: str) -> FeatureExtractor:
    """Make the extractor of the features that KID is measured on."""
    is_rgb, dims = config.data.domain.is_rgb, config.network.spatial_dims
    return make_extractor(features, spatial_dims=dims, rgb=is_rgb, device=device)


def prepare_folder(out: Path, config: GANConfig, fabric: Fabric, options: TrainingRunOptions) -> GANConfig:
    """Let the first process prepare the model folder, and return the config that all processes train with.

    Raises:
        DataError: as :func:`domaingan.gan.model_folder.prepare`.
    """
    if fabric.is_global_zero:
        config = model_folder.prepare(out, config, resume=options.resume, overwrite=options.overwrite)
    fabric.barrier()
    return config if fabric.is_global_zero else read_config(out)


def fit_model(
    config: GANConfig,
    crops: Bank,
    fabric: Fabric,
    options: TrainingRunOptions,
    progress: Progress | None,
    started: float,
) -> tuple[FittedModel, FitResult]:
    """Fit a model, or load it from its folder if it is finished already.

    Args:
        config: the model's.
        crops: the crops of the training.
        fabric: device, precision and processes.
        options: where to write, and how often. Nobody else may write to the folder.
        progress: is informed every few steps, or None.
        started: when the caller began, by ``time.perf_counter``.

    Raises:
        DataError: the folder exists, or the training diverged.
    """
    out, extract = options.out, None
    if options.eval_every:
        extract = make_feature_extractor(config, options.features, str(fabric.device))
    kept = reference_crops.select_reference_crops(crops, config) if config.is_inpainting else None
    if out is not None:
        config = prepare_folder(out, config, fabric, options)
        if config.provenance.weights_sha256:
            return load_model(out, config), FitResult(out, config.training.steps, time.perf_counter() - started, 0.0)
    loop, generator = run_training(config, crops, fabric, options, progress=progress, extract=extract)
    discriminator = loop.trainer.discriminator.cpu().eval().requires_grad_(True)
    if out is not None and fabric.is_global_zero:
        reference_crops.save_crops(kept, out)
        config = model_folder.finish_model(out, config, generator, discriminator)
    fabric.barrier()
    seconds, messages = time.perf_counter() - started, tuple(loop.trainer.messages)
    result = FitResult(out, config.training.steps, seconds, loop.images_per_second, messages)
    return FittedModel(config, generator, discriminator, kept, out), result


def run_training(
    config: GANConfig,
    crops: Bank,
    fabric: Fabric,
    options: TrainingRunOptions,
    *,
    progress: Progress | None,
    extract: FeatureExtractor | None,
) -> tuple[TrainingLoop, Generator]:
    """Train to the end. With several processes, the first one alone writes and reports.

    Args:
        config: the model's.
        crops: the crops of the training.
        fabric: device, precision and processes.
        options: where to write, and how often.
        progress: is informed every few steps, or None.
        extract: the features that KID is measured on, or None to measure nothing.

    Returns:
        The loop after its last step, and the averaged generator, recalibrated, on the CPU.

    Raises:
        DataError: the training diverged.
    """
    data = TrainingCrops(crops, config, fabric.device)
    trainer = Trainer(config, data, fabric)
    if options.out is not None and options.resume:
        trainer.resume(options.out / model_folder.CHECKPOINTS_FOLDER)
    trainer.messages += _describe_constant_conditions(config)
    if fabric.is_global_zero:
        loop = TrainingLoop(trainer, options, progress)
        loop.monitor = None if extract is None else GeneratorMonitor(config, data, extract)
        if options.out is not None:
            loop.preview = partial(_write_preview, config=config, crops=data, out=options.out)
    else:
        loop = TrainingLoop(trainer, replace(options, out=None))
    loop.run()
    return loop, recalibrate_batch_norm(trainer.ema, data).cpu()


def _describe_constant_conditions(config: GANConfig) -> list[str]:
    """Make a message for each condition that has the same value in all crops."""
    messages = []
    for position, (name, values) in enumerate(config.data.conditions.items()):
        codes = {record.codes[position] for record in config.data.crop_records}
        if len(values) == 1 and codes <= {0}:
            messages.append(f"{name} has one value alone, {values[0]}: it conditions nothing")
    return messages


def _write_preview(ema: Generator, config: GANConfig, crops: TrainingCrops, out: Path) -> None:
    sheet = draw_sample_sheet(recalibrate_batch_norm(ema, crops), config, crops)
    save_png(sheet, out / model_folder.SAMPLES_FILE)
