"""``domaingan report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domaingan.cli import options as o

NAME = "report"


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder with result.json.")],
    seed: o.Seed = 0,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """(Re)write RUN/report.html from the files of the run; nothing is computed anew."""
    from domaingan.report import write_report

    report = write_report(run)
    o.print_result({"report": str(report)}, json, str(report))
