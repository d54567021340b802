"""The options of ``domaingan evaluate``, one group for each question that they answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from domaingan.cli import options as o
from domaingan.cli.option_groups import OptionGroup
from domaingan.cli.study_options import STUDY_PANEL

BASELINE_PANEL = "The network that is trained"
GENERATOR_PANEL = "The generator that an arm trains"
TRAINER_PANEL = "A trainer of your own"
"""Titles under which ``--help`` lists the options of this command."""


@dataclass(frozen=True)
class SplitOptions(OptionGroup):
    """Which samples are trained on and which are tested.

    Attributes:
        folds: number of folds by subject.
        sets: number of disjoint training sets.
        set_size: subjects in each of them.
        train_where: ``NAME=VALUE[,VALUE]`` texts that name the training samples.
        test_where: the same for the test samples.
        test: another dataset to test on.
    """

    folds: Annotated[
        int,
        typer.Option(
            "--folds",
            min=1,
            help="Number of folds, split by subject. 1 tests on the split named test, or else on a drawn third.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = 1
    sets: Annotated[
        int,
        typer.Option(
            "--sets",
            min=1,
            help="Number of training sets that share no subject. Each is trained on alone and tested on everybody "
            "else, so that the verdict holds for other training subjects, too. --train-where names whom they are "
            "drawn from, --test or --test-where who is tested. Not together with --folds.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = 1
    set_size: Annotated[
        int | None,
        typer.Option(
            "--set-size",
            min=1,
            help="Subjects (or drives) in each of the --sets. Unless given, all are shared out.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None
    train_where: Annotated[
        list[str] | None,
        typer.Option(
            "--train-where",
            metavar="NAME=VALUE[,VALUE]",
            help="Train only on the samples with these values.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None
    test_where: Annotated[
        list[str] | None,
        typer.Option(
            "--test-where",
            metavar="NAME=VALUE[,VALUE]",
            help="Test only on the samples with these values. Drives that both --train-where and --test-where select "
            "are shared out: the first half of them is trained on and the other half is tested. A single drive is cut "
            "in time.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="DATA3", help="Test on this other dataset.", rich_help_panel=o.INPUT_PANEL),
    ] = None


@dataclass(frozen=True)
class BaselineOptions(OptionGroup):
    """The network that is trained with each arm.

    Attributes:
        steps: steps of each training; None for the default of the data's dimensions.
        label: what is classified by.
        network: network that segments or classifies; None for the default of the data.
        width: channels of the first layer of a network without a backbone; None for the network's default.
        backbone: encoder of the networks for frames, or timm model that classifies.
        validation_share: share of the training people who decide when a training stops; None for the task's default.
        detector: network that detects; None for the default of the domain.
        measures: groups of measures of masks, joined by commas.
        ema: whether to predict with averaged weights.
        flips: whether to average predictions over mirror images.
        ensemble: whether to score the networks of all seeds together.
    """

    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            min=2,
            help="Steps of each training. Unless given, 600 in 2D and 400 in 3D.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = None
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            help="What is classified by: a column of samples.csv; presence:CLASS, whether a sample's mask holds a "
            "class; or lesion (scans) or object (frames), the class of each crop.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = None
    network: Annotated[
        str | None,
        typer.Option(
            "--network",
            help="Network that segments: basicunet, dynunet or segresnet for scans; unet, deeplabv3plus or fpn for "
            "frames. Network that classifies: timm (2D) or densenet. Unless given, basicunet, unet, timm, and densenet "
            "in 3D.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = None
    width: Annotated[
        int | None,
        typer.Option(
            "--width",
            min=4,
            max=2048,
            help="Channels of the first layer of a network without a backbone. Unless given, 16.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = None
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            metavar="timm:NAME[=FILE]",
            help="Encoder of the networks for frames, or model that classifies. Unless given, "
            "timm:tf_efficientnet_lite0.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = None
    validation_share: Annotated[
        float | None,
        typer.Option(
            "--validate",
            min=0,
            max=0.9,
            metavar="SHARE",
            help="Share of the training people who are held out and decide when a training stops. Unless given, "
            "0.2 for classification and 0, nobody, for the other tasks.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = None
    detector: Annotated[
        str | None,
        typer.Option(
            "--detector",
            help="Network that detects: ssdlite, fcos, retinanet or fasterrcnn in frames, retinanet in scans. Unless "
            "given, ssdlite and retinanet.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = None
    measures: Annotated[
        str,
        typer.Option(
            "--measures",
            metavar="GROUP[,GROUP]",
            help="What masks are scored by, beside Dice or IoU: precision (average precision), volumes, lesions (F1, "
            "sensitivity by size), surfaces (NSD, HD95); all, or overlap for none of them.",
            rich_help_panel=STUDY_PANEL,
        ),
    ] = "all"
    ema: Annotated[
        bool,
        typer.Option(
            "--ema/--no-ema",
            help="Predict with the average of the weights over the last steps, instead of the last weights.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = True
    flips: Annotated[
        bool,
        typer.Option(
            "--flips/--no-flips",
            help="Average predictions over mirror images, where classic augmentation showed such images in training.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = True
    ensemble: Annotated[
        bool,
        typer.Option(
            "--ensemble",
            help="Also score the networks of all seeds of an arm together, in a row ARM@ensemble.",
            rich_help_panel=BASELINE_PANEL,
        ),
    ] = False


@dataclass(frozen=True)
class GeneratorOptions(OptionGroup):
    """Where the generated crops or scenes of an arm come from.

    Attributes:
        bank: folder of a bank; without it a GAN is trained in each fold.
        gan_steps: steps of such a GAN.
        gan_samples: number of crops that it generates.
        size: edge of a crop; None for the default of the data's dimensions.
    """

    bank: Annotated[
        Path | None,
        typer.Option(
            "--bank",
            metavar="BANK",
            help="The bank of the part gan, inpaint, refine or relight. Unless given, a GAN is trained in each fold.",
            rich_help_panel=GENERATOR_PANEL,
        ),
    ] = None
    gan_steps: Annotated[
        int,
        typer.Option(
            "--gan-steps", min=1, help="Steps of a GAN that is trained in a fold.", rich_help_panel=GENERATOR_PANEL
        ),
    ] = 2000
    gan_samples: Annotated[
        int,
        typer.Option(
            "--gan-samples",
            min=1,
            help="Number of crops that such a GAN generates.",
            rich_help_panel=GENERATOR_PANEL,
        ),
    ] = 2000
    size: o.Size = None


@dataclass(frozen=True)
class ComputeOptions(OptionGroup):
    """What it is computed with; the result is the same but for rounding.

    Attributes:
        device: where networks are trained and applied.
        precision: of the forward pass.
        workers: processes that prepare the batches of a training.
        jobs: trainings that run side by side.
    """

    device: o.Device = "auto"
    precision: o.Precision = "auto"
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=0,
            help="Number of processes that prepare batches ahead of the training. It changes no result.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = 0
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            min=1,
            help="Number of trainings that run side by side, each in a process with its share of the threads.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = 1


@dataclass(frozen=True)
class TrainerOptions(OptionGroup):
    """A trainer of the user's own: what it trains on is exported, and what it predicts is scored.

    Attributes:
        trainer: a function that trains in place of the baseline.
        export: folder for the datasets.
        copies: how often each training sample is in a dataset.
        predictions: the exported folder, with predictions in it.
    """

    trainer: Annotated[
        str | None,
        typer.Option(
            "--trainer",
            metavar="python:MODULE:FUNCTION",
            help="Let this function train in place of the built-in network. It gets the augmented training data and "
            "returns a function that predicts for one image.",
            rich_help_panel=TRAINER_PANEL,
        ),
    ] = None
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="DIR",
            help="Train nothing: write one dataset for each arm, fold and seed to this folder, in the data's own "
            "layout, for your own trainer. DIR/README.md says how to go on. --out keeps the banks.",
            rich_help_panel=TRAINER_PANEL,
        ),
    ] = None
    copies: Annotated[
        int,
        typer.Option(
            "--export-copies",
            min=1,
            help="How often each training sample is in an exported dataset, each time with another paste.",
            rich_help_panel=TRAINER_PANEL,
        ),
    ] = 4
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            metavar="DIR",
            help="Train nothing: score what your own trainer predicted. DIR is the exported folder with predictions "
            "in it; task, arms, seeds and splits are those of the export.",
            rich_help_panel=TRAINER_PANEL,
        ),
    ] = None
