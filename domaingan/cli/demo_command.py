"""``domaingan demo``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.core.errors import DataError

NAME = "demo"


def command(
    domain: Annotated[str, typer.Argument(metavar="[medical|driving]", help="Which phantoms.")] = "medical",
    out: o.Out = Path("runs/demo"),
    seed: o.Seed = 0,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """The whole job on phantoms, without a download: read, train, sample, blend, measure, report.

    Takes about five minutes on two cores and ends by printing the report's path. So short a training shows how
    things work, not how well.
    """
    from domaingan.cli.progress_bar import ProgressBar
    from domaingan.evaluation import evaluate
    from domaingan.report import write_report
    from domaingan.report.phrases import describe_result

    if domain not in DEMO_SETTINGS:
        raise DataError(f"demo {domain}", expected=" or ".join(DEMO_SETTINGS))
    started = time.monotonic()
    with ProgressBar("demo") as teller:
        run = evaluate(
            **DEMO_SETTINGS[domain](),
            seeds=1,
            out=out,
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            progress=teller,
            size=32,
            command=f"domaingan demo {domain}",
        )
    report = write_report(out)
    result = {"report": str(report), "seconds": round(time.monotonic() - started, 1)}
    o.print_result(result | {"verdict": run["verdict"]}, json, f"{describe_result(run)}\n{report}")


def make_medical_settings() -> dict[str, Any]:
    """Rare lesions: one phantom in five has one, so eight of those are tested."""
    from domaingan import phantoms

    people = phantoms.load_phantom("medical", subjects=60)
    return {
        "data": people[:20],
        "test": people[20:],
        "arms": ["none", "classic", "copy-paste+classic", "gan+classic"],
        "dims": 2,
        "steps": 300,
        "gan_steps": 400,
        "gan_samples": 200,
    }


def make_driving_settings() -> dict[str, Any]:
    """Dusk from a few frames: trained on the day and four frames of dusk, tested on dusk of other drives and times."""
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
