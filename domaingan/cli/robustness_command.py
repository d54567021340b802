"""``domaingan robustness``."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from typing import Annotated

import typer

from domaingan.cli import options as o
from domaingan.cli.open_data import open_data
from domaingan.cli.option_groups import CommonOptions, RunOptions, SampleOptions, expand_options
from domaingan.cli.output import check_output_folder, print_result
from domaingan.cli.parse_options import parse_height_width, parse_mapping, parse_severities

NAME = "robustness"


@expand_options
def command(
    data: o.Data,
    out: o.Out,
    *,
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            metavar="MODEL_SPEC",
            help="A RUN of evaluate, FILE.onnx, torchvision:NAME[=WEIGHTS_FILE] or python:MODULE:FUNCTION. "
            "Repeat it to compare several models.",
        ),
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="THEIRS=OURS,..",
            help="Where class names differ: which class of the model is which class of the data.",
        ),
    ] = None,
    corruptions: Annotated[
        str | None,
        typer.Option(
            "--corruptions", metavar="C,..", help="Only these corruptions or groups: noise, blur, weather, digital."
        ),
    ] = None,
    severities: Annotated[
        str,
        typer.Option("--severities", metavar="1-5", help="Severities: a range such as 1-5, or a list such as 1,3,5."),
    ] = "1-5",
    score: Annotated[
        float,
        typer.Option(
            "--score", min=0, max=1, help="Leave out detections with a lower score.", rich_help_panel=o.WORK_PANEL
        ),
    ] = 0.05,
    decode: Annotated[
        str | None,
        typer.Option(
            "--decode",
            metavar="LAYOUT",
            help="Layout of an ONNX file's outputs: boxes, yolov8, yolov5 or yolox. Detected unless given.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            "--names",
            metavar="FILE",
            help="Class names of the model: a file with one name a line, coco, or coco91.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            min=1,
            help="Threads of an ONNX model. Unless given, all cores but one.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    device: o.Device = "auto",
    resize: o.Resize = None,
    source: SampleOptions,
    run: RunOptions,
    common: CommonOptions,
) -> None:
    """Measure how a model holds up under corruptions of its input.

    The model sees DATA clean and corrupted, and its predictions are scored.

    OUT/report.html shows the answer, OUT/result.json has every number.
    An interrupted run continues with --resume.
    """
    severity_levels = parse_severities(severities)
    if not run.resume:
        check_output_folder(out, data, run.overwrite)
    from domaingan.core.progress_bar import ProgressBar
    from domaingan.robustness_eval import robustness
    from domaingan.robustness_eval.model_specs import ModelOptions

    options = ModelOptions(score, decode, names, device=device)
    if threads is not None:
        options = replace(options, threads=threads)
    dataset = open_data(data, source, common)
    with ProgressBar("reading the frames") as progress:
        result = robustness(
            dataset,
            model[0] if len(model) == 1 else model,
            out,
            mapping=parse_mapping(mapping),
            corruptions=None if corruptions is None else corruptions.split(","),
            severities=severity_levels,
            resize=parse_height_width(resize),
            seed=common.seed,
            options=options,
            resume=run.resume,
            overwrite=run.overwrite,
            progress=progress,
            command=shlex.join(["domaingan", *sys.argv[1:]]),
        )
    from domaingan.cli.robustness_tables import print_comparison, print_model_result
    from domaingan.report import write_report
    from domaingan.robustness_eval.compare_models import describe_comparison
    from domaingan.robustness_eval.robustness_summary import describe_robustness

    is_comparison = len(model) > 1
    if is_comparison:
        for row in result["models"]:
            write_report(out / row["folder"])
    report = write_report(out)
    if not common.json:
        print_tables = print_comparison if is_comparison else print_model_result
        print_tables(result)
    headline = describe_comparison(result) if is_comparison else describe_robustness(result)
    print_result({**result, "report": str(report)}, common.json, f"{headline}\n{report}")
