"""``domaingan demo``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from domaingan.cli import options as o
from domaingan.errors import DataError

NAME = "demo"
PEOPLE, TRAINED = 60, 20
"""Phantoms, and how many of them are trained on: one in five has the rare lesion, so eight of those are tested."""


def command(
    domain: Annotated[str, typer.Argument(metavar="[medical]", help="Which phantoms.")] = "medical",
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
    from domaingan import phantoms
    from domaingan.cli.progress import Teller
    from domaingan.evaluate import evaluate
    from domaingan.report import write

    if domain != "medical":
        raise DataError(f"demo {domain}", expected="medical")
    started = time.monotonic()
    with Teller("demo") as teller:
        people = phantoms.load(domain, subjects=PEOPLE)
        evaluate(
            people[:TRAINED],
            arms=["none", "classic", "copy-paste+classic", "gan+classic"],
            seeds=1,
            out=out,
            test=people[TRAINED:],
            dims=2,
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            progress=teller,
            steps=300,
            size=32,
            gan_steps=400,
            gan_samples=200,
            command="domaingan demo",
        )
    report = write(out)
    result = {"report": str(report), "seconds": round(time.monotonic() - started, 1)}
    o.finish(result, json, str(report))
