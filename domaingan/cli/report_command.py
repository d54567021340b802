"""``domaingan report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from domaingan.cli.option_groups import CommonOptions, expand_options
from domaingan.cli.output import print_result

NAME = "report"


@expand_options
def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder with result.json.")],
    *,
    common: CommonOptions,
) -> None:
    """Write RUN/report.html again, from the files of the run.

    Nothing is computed again and nothing is drawn at random:
    --seed is accepted because every command takes it, and changes nothing.
    With --verbose the files that the report is made from are listed.
    """
    from domaingan.report import write_report

    report = write_report(run)
    if common.verbose:
        for line in describe_files(run):
            print(line, file=sys.stderr)
    print_result({"report": str(report)}, common.json, str(report))


def describe_files(run: Path) -> list[str]:
    """List the files of a run and their sizes, a line each.

    Args:
        run: the folder of the run; files in its folders are counted together.
    """
    lines = []
    for path in sorted(run.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            n_files = sum(1 for inner in path.rglob("*") if inner.is_file())
            lines.append(f"{path.name}/: {n_files} files")
        else:
            lines.append(f"{path.name}: {path.stat().st_size / 1000:.1f} kB")
    return lines
