"""What an evaluation does; stored as ``config.json`` in its run folder."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domaingan.core.errors import DataError


class EvaluationConfig(BaseModel):
    """Settings of an evaluation.

    Attributes:
        data: where the data lies.
        task: a key of :data:`domaingan.evaluation.tasks.TASKS`.
        arms: names of the arms, see :mod:`domaingan.evaluation.arms`.
        seeds: number of seeds an arm is trained with.
        seed: the first seed; also draws splits and fits the GAN.
        dims: dimensions worked in.
        folds: 1 for one split.
        steps: optimiser steps of the baseline.
        width: channels of the first level of the baseline for scans.
        backbone: encoder of the baseline for frames, ``timm:NAME[=WEIGHTS_FILE]``.
        detector: network of the detection baseline, a key of :data:`domaingan.baselines.detectors.DETECTORS`.
        size: edge of a crop; the default of its dimensions unless given.
        gan_steps: steps of the GAN that is fitted where an arm needs one and no bank is given.
        gan_samples: crops drawn from it, or painted into the training images.
        spacing: coarser spacing worked at, in mm, unless the data's own.
        resize: frame size worked at, unless the data's own.
        bank: bank of the ``gan`` part, unless one is fitted.
        train: names of the training samples' filter, for the record.
        test: the same of the test samples.
        limits: only so many training samples of a column's value, ``[column, value, number]``.
        looks: the conditions among those of ``test``: what is relit towards, and drawn more often in training.
        precision: ``auto``, ``32`` or ``bf16``.
        command: how to run it again.
    """

    model_config = ConfigDict(extra="forbid")

    data: str
    task: str = "segmentation"
    arms: list[str]
    seeds: int = 1
    seed: int = 0
    dims: int
    folds: int = 1
    steps: int = Field(600, ge=1)
    width: int = Field(16, ge=1)
    backbone: str | None = None
    detector: str = "ssdlite"
    size: int
    gan_steps: int = Field(2000, ge=1)
    gan_samples: int = Field(2000, ge=1)
    spacing: float | None = None
    resize: tuple[int, int] | None = None
    bank: str | None = None
    train: dict[str, list[str]] = {}
    test: dict[str, list[str]] = {}
    limits: list[tuple[str, str, int]] = []
    looks: dict[str, list[str]] = {}
    precision: str = "auto"
    command: str = ""


def build_config(settings: dict[str, Any], **fixed: Any) -> EvaluationConfig:
    """Build the settings of an evaluation.

    Args:
        settings: what a user says beside the arguments of :func:`domaingan.evaluation.evaluate`.
        **fixed: what follows from these arguments.

    Raises:
        DataError: there is no such setting, or a value that cannot be.
    """
    known = [name for name in EvaluationConfig.model_fields if name not in fixed]
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise DataError(f"no setting {unknown[0]!r}", expected=f"one of {', '.join(known)}")
    try:
        return EvaluationConfig(**fixed, **settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise DataError(f"{name} {first['input']!r}", expected=first["msg"].lower()) from None
