"""``domaingan evaluate``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from domaingan.cli import options as o

NAME = "evaluate"
DEFAULT_STEPS = {2: 600, 3: 400}
SHARED_DRIVES_HELP = (
    "Of drives that both name the first half is trained on (of one drive its earlier half), the rest tested."
)


def command(
    data: o.Data,
    out: o.Out,
    task: Annotated[str, typer.Option("--task", help="segmentation, or detection (frames).")] = "segmentation",
    arms: Annotated[
        str | None,
        typer.Option(
            "--arms",
            help="Ways of making training data: none, or sums of classic; copy-paste (real crops), deform-paste, gan "
            "(crops it drew), inpaint (objects painted into hosts), refine (real crops made to fit); relight, "
            "reference-relight, weather (frames). Unless given classic, copy-paste+classic, and refine+classic or what "
            "the bank is for.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings an arm.")] = 3,
    folds: Annotated[
        int,
        typer.Option(
            "--folds", min=1, help="Folds by subject; 1: split test, else a drawn third.", rich_help_panel=o.INPUT_PANEL
        ),
    ] = 1,
    train_where: Annotated[
        list[str] | None,
        typer.Option(
            "--train-where", metavar="NAME=VALUE[,VALUE]", help="What to train on.", rich_help_panel=o.INPUT_PANEL
        ),
    ] = None,
    test_where: Annotated[
        list[str] | None,
        typer.Option(
            "--test-where",
            metavar="NAME=VALUE[,VALUE]",
            help=f"What to test on. {SHARED_DRIVES_HELP}",
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
            help="Bank of the gan, inpaint, refine or relight part; else a GAN is fitted in each fold.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", min=2, help="Steps of each training: 600 in 2D, 400 in 3D.", rich_help_panel=o.WORK_PANEL
        ),
    ] = None,
    gan_steps: Annotated[
        int, typer.Option("--gan-steps", min=1, help="Steps of a GAN fitted inside.", rich_help_panel=o.WORK_PANEL)
    ] = 2000,
    gan_samples: Annotated[
        int,
        typer.Option(
            "--gan-samples", min=1, help="Crops that it draws, or paints into hosts.", rich_help_panel=o.WORK_PANEL
        ),
    ] = 2000,
    width: Annotated[
        int,
        typer.Option(
            "--width", min=4, max=2048, help="Base width of the baseline for scans.", rich_help_panel=o.WORK_PANEL
        ),
    ] = 16,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            metavar="timm:NAME[=FILE]",
            help="Encoder of the baselines for frames; timm:tf_efficientnet_lite0 unless given.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    detector: Annotated[
        str, typer.Option("--detector", help="ssdlite, fcos or fasterrcnn.", rich_help_panel=o.WORK_PANEL)
    ] = "ssdlite",
    size: o.Size = None,
    precision: o.Precision = "auto",
    dims: o.Dims = None,
    spacing: o.Spacing = None,
    resize: o.Resize = None,
    layout: o.Layout = None,
    where: o.Where = None,
    limit: o.Limit = None,
    skip_problems: o.SkipProblems = False,
    units: o.IntensityRange = None,
    seed: o.Seed = 0,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Does it help? Train a baseline with each arm and seed, test on people nothing was trained on, and compare.

    OUT/report.html shows the answer; OUT/result.json has every number. An interrupted run goes on with --resume.
    """
    from domaingan.cli.progress_bar import ProgressBar
    from domaingan.evaluation import evaluate

    if not resume:
        o.check_output_folder(out, data, overwrite)
    # A limit is on what is trained on: the test samples stay as they are.
    dataset = o.open_data(data, layout, where, None, seed, skip_problems, verbose, units)
    tested = None if test is None else o.open_data(test, skip_problems=skip_problems, intensity_range=units)
    with ProgressBar("evaluating") as teller:
        result = evaluate(
            dataset,
            task,
            None if arms is None else arms.split(","),
            seeds,
            out,
            dims=dims,
            k=folds,
            test=tested,
            train_where=o.parse_conditions(train_where, "--train-where"),
            test_where=o.parse_conditions(test_where, "--test-where"),
            limits=o.parse_limits(limit),
            bank=bank,
            spacing=spacing,
            resize=o.parse_height_width(resize),
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            progress=teller,
            steps=steps or DEFAULT_STEPS[dims or dataset.schema.spatial_dims],
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
    o.print_result({**result, "report": str(report)}, json, "\n".join(filter(None, lines)))
