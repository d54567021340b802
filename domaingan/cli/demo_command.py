"""``domaingan demo``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.cli.option_groups import CommonOptions, RunOptions, expand_options
from domaingan.cli.output import print_result
from domaingan.core.errors import DataError

NAME = "demo"

DEMO_HINT = "A demo trains each arm once and for a short time: it shows how an evaluation works, not what helps"


@expand_options
def command(
    domain: Annotated[str, typer.Argument(metavar="[medical|driving]", help="Which phantoms.")] = "medical",
    *,
    out: o.Out = Path("runs/demo"),
    run: RunOptions,
    common: CommonOptions,
) -> None:
    """Do the whole job on phantoms: read, train, sample, blend, evaluate, report.

    It takes about five minutes on two cores and downloads nothing.
    The last line that it prints is the report's path.
    The training is so short that it shows how things work, not how well.
    With --verbose the data and the settings of the evaluation are printed.
    """
    from domaingan.core.progress_bar import ProgressBar
    from domaingan.evaluation import evaluate
    from domaingan.report import write_report
    from domaingan.report.verdict_phrases import list_result_lines

    if domain not in DEMO_SETTINGS:
        raise DataError(f"demo {domain}", expected=" or ".join(DEMO_SETTINGS))
    started_at = time.monotonic()
    settings = DEMO_SETTINGS[domain]()
    if common.verbose:
        for name, value in settings.items():
            print(f"{name}: {value}", file=sys.stderr)
    with ProgressBar("demo") as progress:
        result = evaluate(
            **settings,
            seeds=1,
            out=out,
            seed=common.seed,
            resume=run.resume,
            overwrite=run.overwrite,
            progress=progress,
            size=32,
            command=f"domaingan demo {domain}",
        )
    report = write_report(out)
    seconds = round(time.monotonic() - started_at, 1)
    summary = {"report": str(report), "seconds": seconds, "verdict": result["verdict"]}
    lines = [*list_result_lines(result), DEMO_HINT, str(report)]
    print_result(summary, common.json, "\n".join(lines))


def make_medical_settings() -> dict[str, Any]:
    """Make the evaluation of rare lesions: one phantom in five has one, so eight of those are tested."""
    from domaingan import phantoms

    scans = phantoms.load_phantom("medical", subjects=60)
    return {
        "data": scans[:20],
        "test": scans[20:],
        "arms": ["none", "classic", "copy-paste+classic", "gan+classic"],
        "dims": 2,
        "steps": 300,
        "gan_steps": 400,
        "gan_samples": 200,
    }


def make_driving_settings() -> dict[str, Any]:
    """Make the evaluation of dusk: trained on the day and four frames of dusk, tested on dusk elsewhere and later."""
    from domaingan import phantoms

    return {
        "data": phantoms.load_phantom("driving", sequences=24, frames=16),
        "arms": ["classic", "weather+classic", "relight+classic", "relight+copy-paste+classic"],
        "train_where": {"lighting": ["day", "dusk"]},
        "test_where": {"lighting": ["dusk"]},
        "limits": [("lighting", "dusk", 4)],
        "steps": 150,
        "gan_steps": 300,
        "gan_samples": 100,
    }


DEMO_SETTINGS = {"medical": make_medical_settings, "driving": make_driving_settings}
"""What each demo evaluates: the arguments of :func:`domaingan.evaluate`."""
