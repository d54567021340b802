"""``domaingan evaluate``."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from domaingan.cli import options as o
from domaingan.cli.open_data import open_data
from domaingan.cli.option_groups import CommonOptions, DataOptions, GridOptions, RunOptions, expand_options
from domaingan.cli.output import check_output_folder, print_result
from domaingan.cli.parse_options import parse_conditions, parse_height_width, parse_limits

NAME = "evaluate"
DEFAULT_STEPS = {2: 600, 3: 400}
"""Steps of each training, by dimensions."""


@expand_options
def command(
    data: o.Data,
    out: o.Out,
    *,
    task: Annotated[str, typer.Option("--task", help="segmentation, or detection (frames only).")] = "segmentation",
    arms: Annotated[
        str | None,
        typer.Option(
            "--arms",
            help="The ways of making training data that are compared, as ARM,ARM,... An arm is none, or parts joined "
            "by +: classic (augmentation); copy-paste (real crops); deform-paste (real crops, deformed); gan "
            "(generated crops); inpaint (objects generated into hosts); refine (real crops made to fit their host); "
            "relight, reference-relight and weather (frames). Unless given: classic, copy-paste+classic, and "
            "refine+classic or the part that --bank is for.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Number of trainings of each arm.")] = 3,
    folds: Annotated[
        int,
        typer.Option(
            "--folds",
            min=1,
            help="Number of folds, split by subject. 1 tests on the split named test, or else on a drawn third.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = 1,
    train_where: Annotated[
        list[str] | None,
        typer.Option(
            "--train-where",
            metavar="NAME=VALUE[,VALUE]",
            help="Train only on the samples with these values.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None,
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
    ] = None,
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="DATA3", help="Test on this other dataset.", rich_help_panel=o.INPUT_PANEL),
    ] = None,
    bank: Annotated[
        Path | None,
        typer.Option(
            "--bank",
            metavar="BANK",
            help="The bank of the part gan, inpaint, refine or relight. Unless given, a GAN is trained in each fold.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            min=2,
            help="Steps of each training. Unless given, 600 in 2D and 400 in 3D.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    gan_steps: Annotated[
        int,
        typer.Option(
            "--gan-steps", min=1, help="Steps of a GAN that is trained in a fold.", rich_help_panel=o.WORK_PANEL
        ),
    ] = 2000,
    gan_samples: Annotated[
        int,
        typer.Option(
            "--gan-samples",
            min=1,
            help="Number of crops that such a GAN generates.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = 2000,
    width: Annotated[
        int,
        typer.Option(
            "--width",
            min=4,
            max=2048,
            help="Channels of the first layer of the network for scans.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = 16,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            metavar="timm:NAME[=FILE]",
            help="Encoder of the networks for frames. Unless given, timm:tf_efficientnet_lite0.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    detector: Annotated[
        str, typer.Option("--detector", help="ssdlite, fcos or fasterrcnn.", rich_help_panel=o.WORK_PANEL)
    ] = "ssdlite",
    size: o.Size = None,
    precision: o.Precision = "auto",
    grid: GridOptions,
    source: DataOptions,
    run: RunOptions,
    common: CommonOptions,
) -> None:
    """Measure whether augmented training data helps a model.

    A baseline network is trained with each arm and seed, and tested on subjects
    that nothing was trained on. An arm is one way of making training data.

    OUT/report.html shows the answer, OUT/result.json has every number.
    An interrupted run continues with --resume.
    """
    from domaingan.core.progress_bar import ProgressBar
    from domaingan.evaluation import evaluate

    if not run.resume:
        check_output_folder(out, data, run.overwrite)
    # A limit is on the samples that are trained on: the test samples stay as they are.
    dataset = open_data(data, replace(source, limit=None), common)
    test_dataset = None
    if test is not None:
        test_source = DataOptions(skip_problems=source.skip_problems, intensity_range=source.intensity_range)
        test_dataset = open_data(test, test_source, CommonOptions())
    with ProgressBar("evaluating") as progress:
        result = evaluate(
            dataset,
            task,
            None if arms is None else arms.split(","),
            seeds,
            out,
            dims=grid.dims,
            k=folds,
            test=test_dataset,
            train_where=parse_conditions(train_where, "--train-where"),
            test_where=parse_conditions(test_where, "--test-where"),
            limits=parse_limits(source.limit),
            bank=bank,
            spacing=grid.spacing,
            resize=parse_height_width(grid.resize),
            seed=common.seed,
            resume=run.resume,
            overwrite=run.overwrite,
            progress=progress,
            steps=steps or DEFAULT_STEPS[grid.dims or dataset.schema.spatial_dims],
            gan_steps=gan_steps,
            gan_samples=gan_samples,
            width=width,
            backbone=backbone,
            detector=detector,
            size=size,
            precision=precision,
            command=shlex.join(["domaingan", *sys.argv[1:]]),
        )
    from domaingan.report import write_report
    from domaingan.report.phrases import compare_to_strong_baseline, describe_result

    report = write_report(out)
    lines = [describe_result(result), compare_to_strong_baseline(result), str(report)]
    message = "\n".join(line for line in lines if line)
    print_result({**result, "report": str(report)}, common.json, message)
