"""``domaingan report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from domaingan.cli import options as o
from domaingan.cli.option_groups import CommonOptions, expand_options
from domaingan.cli.options import OUTPUT_PANEL
from domaingan.cli.output import print_result
from domaingan.core.errors import DataError

NAME = "report"


@expand_options
def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders with result.json.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="PAGE.html", help="Of several runs: the page to write.", rich_help_panel=OUTPUT_PANEL
        ),
    ] = None,
    overwrite: o.Overwrite = False,
    common: CommonOptions,
) -> None:
    """Write RUN/report.html again, from the files of the run; with several evaluations, a page with all side by side.

    Nothing is computed again and nothing is drawn at random:
    --seed is accepted because every command takes it, and changes nothing.
    With --verbose the files that the report is made from are listed.
    Several runs need --out. Their page says first what keeps them from being compared:
    other test people, other data, other settings.
    """
    if len(runs) > 1:
        _compare_runs(runs, out, common, overwrite=overwrite)
        return
    if out is not None or overwrite:
        raise DataError(
            "--out or --overwrite with one run", expected="several runs; of one, RUN/report.html is written"
        )
    from domaingan.report import write_report

    report = write_report(runs[0])
    if common.verbose:
        _print_files(runs)
    print_result({"report": str(report)}, common.json, str(report))


def _compare_runs(runs: list[Path], out: Path | None, common: CommonOptions, *, overwrite: bool) -> None:
    """Write the page of several runs, and print what keeps them from being compared."""
    if out is None:
        raise DataError("several runs", expected="--out PAGE.html, the page to write")
    if out.is_dir() or (out.exists() and not overwrite):
        raise DataError("it exists", path=out, expected="a new file, or --overwrite for a file")
    from domaingan.report import write_runs_page

    comparability = write_runs_page(runs, out)
    if common.verbose:
        _print_files(runs)
    for sentence in comparability.faults:
        print(f"warning: not comparable: {sentence}", file=sys.stderr)
    result = {"report": str(out), "faults": comparability.faults, "cautions": comparability.cautions}
    print_result(result, common.json, str(out))


def _print_files(runs: list[Path]) -> None:
    for run in runs:
        for line in describe_files(run):
            print(line, file=sys.stderr)


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
