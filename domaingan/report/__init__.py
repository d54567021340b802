"""The HTML report of a run: one self-contained page, written from the run's files alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.core.reading import read_json_object, refuse_malformed
from domaingan.report import comparison_page, evaluation_page, robustness_page, runs_page
from domaingan.report.phrases import format_count
from domaingan.report.run_comparability import Comparability, check_comparability

PageBuilder = Callable[[Path, dict[str, Any], dict[str, Any]], dict[str, Any]]
"""From the run folder, its result and its config to the values of a template."""

PAGE_BUILDERS: dict[str, PageBuilder] = {
    "evaluation": evaluation_page.build_evaluation_page,
    "robustness": robustness_page.build_robustness_page,
    "comparison": comparison_page.build_comparison_page,
}
"""For each ``kind`` of run what fills ``templates/KIND.html``."""


def write_report(run: str | Path) -> Path:
    """Write ``RUN/report.html``, or write it again.

    The page loads nothing: style, figures and pictures are in it.

    Args:
        run: the run folder with ``result.json``, and ``config.json`` and ``pictures.npz`` if there are any.

    Returns:
        The path of the page.

    Raises:
        DataError: the folder holds no readable result, or one of an unknown kind.
    """
    run = Path(run)
    if not run.is_dir():
        raise DataError("no such folder", path=run, expected="a run folder")
    result = read_json_object(run / "result.json")
    config = read_json_object(run / "config.json") if (run / "config.json").exists() else {}
    kind = result.get("kind", "evaluation")
    if not isinstance(kind, str) or kind not in PAGE_BUILDERS:
        raise DataError(f"kind {kind!r}", path=run / "result.json", expected=f"one of {', '.join(PAGE_BUILDERS)}")
    with refuse_malformed(run / "result.json", "the files of a run; --resume writes them again"):
        page = _render(f"{kind}.html", PAGE_BUILDERS[kind](run, result, config))
    with write_file_atomically(run / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return run / "report.html"


def write_runs_page(runs: Sequence[str | Path], page: str | Path) -> Comparability:
    """Write a page with several evaluations side by side, and with what keeps them from being compared.

    Args:
        runs: at least two run folders.
        page: the HTML file to write; one that is there is replaced.

    Returns:
        What differs between the runs.

    Raises:
        DataError: there are fewer than two runs, or a folder holds no evaluation.
    """
    if len(runs) < 2:
        raise DataError(format_count(len(runs), "run"), expected="at least two")
    files = runs_page.read_runs([Path(run) for run in runs])
    with refuse_malformed(Path(runs[0]) / "result.json", "the results of evaluations"):
        text = _render("runs.html", runs_page.build_runs_page(files))
    with write_file_atomically(Path(page)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return check_comparability(files)


def _render(template: str, values: dict[str, Any]) -> str:
    """Fill a template; a value that it needs and does not get is an error."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("domaingan.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values) + "\n"


__all__ = ["PAGE_BUILDERS", "write_report", "write_runs_page"]
