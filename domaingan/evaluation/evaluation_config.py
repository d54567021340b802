"""What an evaluation does; stored as ``config.json`` in its run folder."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domaingan.core.devices import choose_compute
from domaingan.core.errors import DataError
from domaingan.evaluation.arms import Arm, parse_arms


class EvaluationConfig(BaseModel):
    """Settings of an evaluation.

    Attributes:
        format: version of these fields.
        data: where the data lies.
        task: a key of :data:`domaingan.evaluation.tasks.TASKS`.
        arms: names of the arms, see :mod:`domaingan.evaluation.arms`.
        seeds: number of seeds that each arm is trained with.
        seed: the first seed; also draws splits and trains the GAN.
        dims: spatial dimensions worked in, 2 or 3.
        folds: number of folds by subject; 1 for a single split.
        sets: number of disjoint training sets of equal size, each of which is tested on everybody else; 1 for a single
            split.
        set_size: subjects in each training set; by default as many as there are for all of them.
        steps: optimiser steps of the baseline; by default 600 in 2D and 400 in 3D.
        label: what is classified by, see :class:`domaingan.baselines.classification.label_rule.LabelRule`.
        label_values: the labels, where it is a column.
        network: network of the baseline that segments, a key of
            :data:`domaingan.baselines.segmentation_networks.SEGMENTATION_NETWORKS`, by default the small U-Net; or that
            classifies, a key of :data:`domaingan.baselines.classification.classifier_networks.CLASSIFIERS`.
        width: channels of the first level of a network without a backbone, 16 by default.
        backbone: encoder of a network for frames, or the timm model that classifies: ``timm:NAME[=WEIGHTS_FILE]``.
        validation_share: share of the training people who decide which weights are taken; 0 for the last weights, as
            by default but for classification (:data:`domaingan.evaluation.baseline_settings.DEFAULT_VALIDATION`).
        detector: network of the detection baseline, a key of :data:`domaingan.baselines.detectors.DETECTORS` for frames
            (``ssdlite`` by default), ``retinanet`` for scans.
        measures: groups of measures of masks beside Dice or IoU, joined by commas, see
            :func:`domaingan.metrics.measures.parse_groups`.
        trainer: the user's own function that trains in place of the baseline, ``python:MODULE:FUNCTION``.
        size: edge of a crop in pixels or voxels; by default 64 in 2D and 32 in 3D.
        gan_steps: steps of a GAN that is trained inside a fold, where an arm needs one and no bank is given.
        gan_samples: crops sampled from such a GAN, or inpainted into the training images.
        spacing: coarser spacing to work at, in mm; the data's own by default.
        resize: frame height and width to work at; the data's own by default.
        bank: folder of the bank for the part of an arm that it fits; by default a GAN is trained.
        hosts: where unlabelled images lie that arms with a paste also paste into and train on.
        hosts_teacher: whether a network of the fold guesses the objects of these hosts, so that no loss is computed
            there. Without it they are taken to have none.
        train_where: columns and values that name the training samples.
        test_where: columns and values that name the test samples.
        limits: how many training samples of a column's value are used, ``[column, value, number]``.
        target_conditions: the conditions among ``test_where``. Frames are relit towards them, and training samples
            under them are drawn more often.
        ema: whether the baseline predicts with the average of its weights over the last steps.
        flips: whether predictions are averaged over mirror images, where the training had seen such images.
        ensemble: whether the networks of all seeds of an arm are also scored together, in a row of their own.
        device: where networks run: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``32`` or ``bf16``.
        workers: number of processes that prepare the batches of a training. Their number changes no result.
        jobs: number of trainings that run side by side.
        command: the command to run it again.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal[2] = 2
    data: str
    task: str = "segmentation"
    arms: list[str]
    seeds: int = Field(1, ge=1)
    seed: int = Field(0, ge=0)
    dims: int
    folds: int = Field(1, ge=1)
    sets: int = Field(1, ge=1)
    set_size: int | None = Field(None, ge=1)
    steps: int = Field(ge=1)
    label: str | None = None
    label_values: list[str] = []
    network: str | None = None
    width: int | None = Field(None, ge=1)
    backbone: str | None = None
    validation_share: float = Field(0.0, ge=0, lt=1)
    detector: str | None = None
    measures: str = "all"
    trainer: str | None = None
    size: int
    gan_steps: int = Field(2000, ge=1)
    gan_samples: int = Field(2000, ge=1)
    spacing: float | None = None
    resize: tuple[int, int] | None = None
    bank: str | None = None
    hosts: str | None = None
    hosts_teacher: bool = False
    train_where: dict[str, list[str]] = {}
    test_where: dict[str, list[str]] = {}
    limits: list[tuple[str, str, int]] = []
    target_conditions: dict[str, list[str]] = {}
    ema: bool = True
    flips: bool = True
    ensemble: bool = False
    device: str = "auto"
    precision: str = "auto"
    workers: int = Field(0, ge=0)
    jobs: int = Field(1, ge=1)
    command: str = ""

    @cached_property
    def parsed_arms(self) -> list[Arm]:
        """The arms, parsed."""
        return parse_arms(self.arms)

    @property
    def all_seeds(self) -> range:
        """The seeds that each arm is trained with."""
        return range(self.seed, self.seed + self.seeds)


def list_default_settings() -> dict[str, Any]:
    """List the default of every setting that has one: what it was in a run that began before there was such a setting.

    Returns:
        The defaults by name, in types that JSON has.
    """
    defaults: dict[str, Any] = {}
    for name, field in EvaluationConfig.model_fields.items():
        if not field.is_required():
            defaults[name] = field.get_default(call_default_factory=True)
    return defaults


def check_compute(config: EvaluationConfig) -> None:
    """Refuse a device or precision that is not here, and an ensemble of one.

    Raises:
        DataError: one of them.
    """
    choose_compute(config.device, config.precision)
    if config.ensemble and config.seeds < 2:
        raise DataError("an ensemble of one seed", expected="at least 2 seeds")


def build_config(settings: dict[str, Any], **fixed: Any) -> EvaluationConfig:
    """Build the settings of an evaluation.

    Args:
        settings: fields that a user gives beside the arguments of :func:`domaingan.evaluation.evaluate`.
        **fixed: fields that follow from these arguments.

    Raises:
        DataError: there is no such setting, or it cannot have that value.
    """
    names = [name for name in EvaluationConfig.model_fields if name not in fixed and name != "format"]
    for name in settings:
        if name not in names:
            raise DataError(f"no setting {name!r}", expected=f"one of {', '.join(names)}")
    try:
        return EvaluationConfig(**fixed, **settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise DataError(f"{name} {first['input']!r}", expected=first["msg"].lower()) from None
