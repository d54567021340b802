"""The page of several evaluations side by side: what may be compared, and the same arms in one row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError
from domaingan.core.reading import read_json_object, refuse_malformed
from domaingan.evaluation.result_versions import upgrade_result
from domaingan.report.arm_rows import describe_arm_role
from domaingan.report.evaluation_page import REQUIRED_KEYS, choose_metric
from domaingan.report.evaluation_tables import MISSING_SCORE, count_subjects, select_headline_metrics
from domaingan.report.number_formats import DASH, format_difference, format_metric_interval, format_value
from domaingan.report.phrases import format_count, format_metric
from domaingan.report.run_comparability import Comparability, RunFiles, check_comparability
from domaingan.report.verdict_phrases import choose_interval, describe_result, mark_difference


def read_runs(folders: Sequence[Path]) -> list[RunFiles]:
    """Read evaluations that are to stand side by side.

    Args:
        folders: run folders with ``result.json``, and ``config.json`` where there is one.

    Raises:
        DataError: a folder holds no evaluation, or is named twice.
    """
    resolved = [folder.resolve() for folder in folders]
    for folder, path in zip(folders, resolved, strict=True):
        if resolved.count(path) > 1:
            raise DataError("a run that is named twice", path=folder, expected="different runs")
    names = [path.name for path in resolved]
    runs = []
    for folder, name in zip(folders, names, strict=True):
        if not folder.is_dir():
            raise DataError("no such folder", path=folder, expected="a run folder")
        result = read_json_object(folder / "result.json")
        if result.get("kind", "evaluation") != "evaluation" or any(key not in result for key in REQUIRED_KEYS):
            raise DataError("no evaluation", path=folder / "result.json", expected="the result of an evaluation")
        config = read_json_object(folder / "config.json") if (folder / "config.json").exists() else {}
        shown_name = name if names.count(name) == 1 else str(folder)
        with refuse_malformed(folder / "result.json", "the result of an evaluation"):
            upgraded = upgrade_result(result)
        runs.append(RunFiles(shown_name, upgraded, config, int(result.get("format", 1))))
    return runs


def build_runs_page(runs: Sequence[RunFiles]) -> dict[str, Any]:
    """Build the values of ``templates/runs.html``.

    Args:
        runs: at least two, see :func:`read_runs`.
    """
    comparability = check_comparability(runs)
    metrics: dict[str, None] = {}
    for run in runs:
        for row in run.result["arms"].values():
            metrics |= dict.fromkeys(select_headline_metrics(list(row)))
    first_metric = choose_metric(runs[0].result, list(metrics))
    ordered = [name for name in (first_metric, *metrics) if name is not None]
    arms: dict[str, None] = {}
    for run in runs:
        arms |= dict.fromkeys(run.result["arms"])
    return {
        "title": describe_comparability(comparability, len(runs)),
        "verdict": "hurts" if comparability.faults else "no",
        "faults": comparability.faults,
        "cautions": comparability.cautions,
        "names": [run.name for run in runs],
        "runs": [_describe_run(run) for run in runs],
        "tables": [_build_metric_table(runs, metric, list(arms)) for metric in dict.fromkeys(ordered)],
    }


def describe_comparability(comparability: Comparability, n_runs: int) -> str:
    """Say in one line whether runs can be compared.

    >>> describe_comparability(Comparability(["b and a: other data."], []), 2)
    'These 2 runs cannot be compared with each other: each column stands for itself'
    >>> describe_comparability(Comparability([], ["b and a: another setting of steps."]), 2)
    'These 2 runs test the same people, but differ in more than chance'
    """
    runs = f"These {format_count(n_runs, 'run')}"
    if comparability.faults:
        return f"{runs} cannot be compared with each other: each column stands for itself"
    if comparability.cautions:
        return f"{runs} test the same people, but differ in more than chance"
    return f"{runs} test the same people with the same settings"


def _describe_run(run: RunFiles) -> dict[str, str]:
    """Describe a run in a few cells."""
    result = run.result
    n_trainings = len(result.get("trainings") or [])
    return {
        "name": run.name,
        "verdict": describe_result(result),
        "data": str(run.config.get("data") or "not recorded"),
        "tested": format_count(len(result["subjects"]), result.get("unit") or "subject"),
        "trainings": str(n_trainings) if n_trainings else "not recorded",
    }


def _build_metric_table(runs: Sequence[RunFiles], metric: str, arms: Sequence[str]) -> dict[str, Any]:
    """Build the table of a metric: a row an arm, a column a run."""
    rows = []
    for arm in arms:
        rows.append((arm, [_build_cell(run, arm, metric) for run in runs]))
    return {"metric": format_metric(metric), "rows": rows}


def _build_cell(run: RunFiles, arm: str, metric: str) -> dict[str, Any]:
    """Build a cell: the score, and the difference to the run's own reference with what that shows."""
    result = run.result
    score = result["arms"].get(arm, {}).get(metric) or MISSING_SCORE
    cell: dict[str, Any] = {"score": format_value(metric, score["mean"]), "change": "", "mark": None}
    if score["mean"] is None:
        cell["score"] = DASH
        return cell
    reference = result.get("reference", "classic")
    if arm == reference:
        return cell | {"change": describe_arm_role(arm, reference)}
    difference = count_subjects(result, reference).get(arm, {}).get(metric)
    if difference is None or difference["mean"] is None:
        return cell
    ends = format_metric_interval(metric, choose_interval(difference), signed=True)
    interval = "" if ends == DASH else f" ({ends})"
    change = f"{format_difference(metric, difference['mean'])}{interval} to {reference}"
    return cell | {"change": change, "mark": mark_difference(metric, difference)}
