"""One training, from a config to a generator that is ready to draw: what reads, writes, judges and tells, together."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lightning_fabric import Fabric

from domaingan.bank import Bank
from domaingan.fidelity.features import Extractor
from domaingan.gan import folder
from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops
from domaingan.gan.fit import Trainer
from domaingan.gan.judge import Judge
from domaingan.gan.networks import Generator
from domaingan.gan.preview import sample_sheet
from domaingan.gan.standing import calibrated
from domaingan.gan.training import Course, Progress
from domaingan.pictures import save_png


def claimed(out: Path, config: GANConfig, fabric: Fabric, *, resume: bool, overwrite: bool) -> GANConfig:
    """The folder made this training's by the first process, and the config that all of them train by.

    Raises:
        DataError: as :func:`domaingan.gan.folder.claim`.
    """
    if fabric.is_global_zero:
        config = folder.claim(out, config, resume=resume, overwrite=overwrite)
    fabric.barrier()
    return config if fabric.is_global_zero else folder.read_config(out)


def trained(
    config: GANConfig,
    crops: Bank,
    out: Path | None,
    fabric: Fabric,
    progress: Progress | None,
    *,
    resume: bool,
    checkpoint_every: int,
    judge_every: int,
    extract: Extractor | None,
    tensorboard: bool,
) -> tuple[Course, Generator]:
    """Train to the end, from where ``out`` has it if it is to be resumed; the first process alone writes and tells.

    Returns:
        The course that the training took, and the averaged generator, calibrated, on the CPU.

    Raises:
        DataError: the training diverged.
    """
    data = TrainingCrops(crops, config, fabric.device)
    trainer = Trainer(config, data, fabric)
    if out is not None and resume:
        trainer.resume(out / folder.CHECKPOINTS)
    trainer.messages += _alone(config)
    course = Course(trainer, checkpoint_every=checkpoint_every, judge_every=judge_every, tensorboard=tensorboard)
    if fabric.is_global_zero:
        course.out, course.progress = out, progress
        course.judge = None if extract is None else Judge(config, data, extract)
        course.preview = None if out is None else partial(_write_preview, config=config, crops=data, out=out)
    course.run()
    return course, calibrated(trainer.ema, data).cpu()


def _alone(config: GANConfig) -> list[str]:
    """A word for each condition of one value alone."""
    return [
        f"{name} has one value alone, {values[0]}: it conditions nothing"
        for name, values in config.conditions.items()
        if len(values) == 1 and all(t.codes[list(config.conditions).index(name)] == 0 for t in config.templates)
    ]


def _write_preview(ema: Generator, config: GANConfig, crops: TrainingCrops, out: Path) -> None:
    save_png(sample_sheet(calibrated(ema, crops), config, crops), out / folder.SAMPLES)
