"""``domaingan robustness``."""

from __future__ import annotations

import os
import shlex
import sys
from typing import Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.core.errors import DataError

NAME = "robustness"


def command(
    data: o.Data,
    out: o.Out,
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            metavar="MODEL_SPEC",
            help="A RUN of evaluate, FILE.onnx, torchvision:NAME[=WEIGHTS_FILE] or python:MODULE:FUNCTION. "
            "Given more than once, they are compared.",
        ),
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="THEIRS=OURS,..",
            help="Which class of the model is which of the data, where their names differ.",
        ),
    ] = None,
    corruptions: Annotated[
        str | None,
        typer.Option("--corruptions", metavar="C,..", help="Only these, or groups: noise, blur, weather, digital."),
    ] = None,
    severities: Annotated[str, typer.Option("--severities", metavar="1-5", help="1-5, or some, as 1,3,5.")] = "1-5",
    score: Annotated[
        float,
        typer.Option("--score", min=0, max=1, help="Detections below it are left out.", rich_help_panel=o.WORK_PANEL),
    ] = 0.05,
    decode: Annotated[
        str | None,
        typer.Option(
            "--decode",
            metavar="LAYOUT",
            help="How an ONNX file's outputs are read: boxes, yolov8, yolov5 or yolox; found out unless given.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            "--names",
            metavar="FILE",
            help="The model's class names: a file with one a line, coco, or coco91.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, help="Of an ONNX model; all cores but one.", rich_help_panel=o.WORK_PANEL),
    ] = None,
    resize: o.Resize = None,
    layout: o.Layout = None,
    where: o.Where = None,
    limit: o.Limit = None,
    skip_problems: o.SkipProblems = False,
    seed: o.Seed = 0,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """How does a model hold up? Show it DATA clean and corrupted, and score what it finds.

    OUT/report.html shows the answer; OUT/result.json has every number. An interrupted run goes on with --resume.
    """
    chosen = parse_severities(severities)
    if not resume:
        o.check_output_folder(out, data, overwrite)
    from domaingan.cli.progress_bar import ProgressBar
    from domaingan.robustness_eval import robustness
    from domaingan.robustness_eval.model_specs import ModelOptions

    dataset = o.open_data(data, layout, where, limit, seed, skip_problems, verbose)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ProgressBar("reading the frames") as teller:
        result = robustness(
            dataset,
            model[0] if len(model) == 1 else model,
            out,
            mapping=parse_mapping(mapping),
            corruptions=None if corruptions is None else corruptions.split(","),
            severities=chosen,
            resize=o.parse_height_width(resize),
            seed=seed,
            options=ModelOptions(score, decode, names, threads or max(1, cores - 1)),
            resume=resume,
            overwrite=overwrite,
            progress=teller,
            command=shlex.join(["domaingan", *sys.argv[1:]]),
        )
    from domaingan.report import write_report
    from domaingan.robustness_eval.compare_models import describe_comparison
    from domaingan.robustness_eval.robustness_summary import describe_robustness

    if len(model) > 1:
        for row in result["models"]:
            write_report(out / row["folder"])
        report = write_report(out)
        if not json:
            print_comparison(result)
        o.print_result({**result, "report": str(report)}, json, f"{describe_comparison(result)}\n{report}")
        return
    report = write_report(out)
    if not json:
        print_model_result(result)
    o.print_result({**result, "report": str(report)}, json, f"{describe_robustness(result)}\n{report}")


def parse_severities(text: str) -> list[int]:
    """``1-5`` or ``1,3,5`` as numbers.

    >>> parse_severities("2-4"), parse_severities("1,5")
    ([2, 3, 4], [1, 5])
    """
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdigit() or (dash and not high.isdigit()):
            raise DataError(f"--severities {text}", expected="1-5, or some of them, as 1,3,5")
        found += range(int(low), int(high if dash else low) + 1)
    return found


def parse_mapping(texts: list[str] | None) -> dict[str, str]:
    """``THEIRS=OURS,..`` texts as a dict."""
    found = {}
    for text in ",".join(texts or []).split(","):
        theirs, _, ours = text.partition("=")
        if text and not (theirs and ours):
            raise DataError(f"--map {text}", expected="THEIRS=OURS,..")
        if text:
            found[theirs.strip()] = ours.strip()
    return found


def print_model_result(result: dict[str, Any]) -> None:
    """Print how the model was read, which class is which, and the table."""
    from rich.console import Console
    from rich.table import Table

    from domaingan.robustness_eval.class_names import format_map_option

    console = Console()
    for line in result["model"]["describe"]:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    names = Table("model's class", "data's class", "objects", title="classes", title_justify="left")
    for pair in result["names"]:
        names.add_row(pair["model"], pair["data"], str(result["objects"].get(pair["data"], "")))
    for name in result["unmatched"]["data"]:
        count = result["not_scored"].get(name) if name not in result["classes"] else None
        names.add_row("–", name, str(result["objects"][name]) if count is None else f"{count}, not scored")
    console.print(names)
    if result.get("proposed"):
        console.print(
            f"the model has what seems to mean the same: add {format_map_option(result['proposed'])}", markup=False
        )
    others = len(result["unmatched"]["model"])
    if others:
        console.print(
            f"{others} more classes of the model are none of the data's: what it finds of them does not count"
        )
    console.print(_make_table(result))


def print_comparison(result: dict[str, Any]) -> None:
    """Print a table of corruptions by model."""
    from rich.console import Console
    from rich.table import Table

    from domaingan.robustness_eval.compare_models import build_model_rows

    head, *rows = build_model_rows(result)
    table = Table("corruption", *(row[0] for row in rows))
    for column in range(1, len(head)):
        table.add_row(head[column], *(row[column] for row in rows))
    console = Console()
    console.print(table)
    for note in result["notes"]:
        console.print(note, soft_wrap=True, markup=False, highlight=False)


def _make_table(result: dict[str, Any]) -> Any:
    from rich.table import Table

    metric = {"ap": "AP", "miou": "mean IoU"}[result["metric"]]
    heads = [f"severity {severity}" for severity in result["severities"]]
    between = _format_interval(result.get("intervals", {}).get("clean"))
    title = f"{metric}, percent; clean {_format_percent(result['clean'])}{between}"
    table = Table("corruption", *heads, title=title, title_justify="left")
    for name, row in result["table"].items():
        table.add_row(name, *map(_format_percent, row))
    return table


def _format_interval(ends: list[float | None] | None) -> str:
    """An interval in percent, with a space before it; empty where it cannot be said."""
    if not ends or ends[0] is None or ends[1] is None:
        return ""
    return f" ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"


def _format_percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
