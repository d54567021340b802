"""The result of ``domaingan robustness``, printed as tables for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

METRIC_NAMES = {"ap": "AP", "miou": "mean IoU"}


def print_model_result(result: Mapping[str, Any]) -> None:
    """Print how a model was read, which class is which, and its score under each corruption.

    Args:
        result: of one model, as :func:`domaingan.robustness` returns it.
    """
    from domaingan.robustness_eval.class_names import format_map_option

    console = Console()
    for line in result["model"]["describe"]:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    console.print(_make_class_table(result))
    if result.get("proposed"):
        option = format_map_option(result["proposed"])
        console.print(f"the model has what seems to mean the same: add {option}", markup=False)
    n_others = len(result["unmatched"]["model"])
    if n_others:
        console.print(
            f"{n_others} more classes of the model are none of the data's: what it finds of them does not count"
        )
    console.print(_make_score_table(result))


def print_comparison(result: Mapping[str, Any]) -> None:
    """Print a table of corruptions by model.

    Args:
        result: of several models, as :func:`domaingan.robustness` returns it.
    """
    from domaingan.robustness_eval.compare_models import build_model_rows

    head, *rows = build_model_rows(result)
    models = [row[0] for row in rows]
    table = Table("corruption", *models)
    for column in range(1, len(head)):
        scores = [row[column] for row in rows]
        table.add_row(head[column], *scores)
    console = Console()
    console.print(table)
    for note in result["notes"]:
        console.print(note, soft_wrap=True, markup=False, highlight=False)


def _make_class_table(result: Mapping[str, Any]) -> Table:
    table = Table("model's class", "data's class", "objects", title="classes", title_justify="left")
    for pair in result["names"]:
        count = result["objects"].get(pair["data"], "")
        table.add_row(pair["model"], pair["data"], str(count))
    for name in result["unmatched"]["data"]:
        is_scored = name in result["classes"]
        n_not_scored = None if is_scored else result["not_scored"].get(name)
        count = result["objects"][name] if n_not_scored is None else f"{n_not_scored}, not scored"
        table.add_row("–", name, str(count))
    return table


def _make_score_table(result: Mapping[str, Any]) -> Table:
    metric = METRIC_NAMES[result["metric"]]
    interval = _format_interval(result.get("intervals", {}).get("clean"))
    title = f"{metric}, percent; clean {_format_percent(result['clean'])}{interval}"
    severities = [f"severity {severity}" for severity in result["severities"]]
    table = Table("corruption", *severities, title=title, title_justify="left")
    for name, scores in result["table"].items():
        cells = [_format_percent(score) for score in scores]
        table.add_row(name, *cells)
    return table


def _format_interval(ends: Sequence[float | None] | None) -> str:
    """Format an interval in percent, with a space before it; empty where an end is not known."""
    if not ends:
        return ""
    low, high = ends
    if low is None or high is None:
        return ""
    return f" ({100 * low:.1f} to {100 * high:.1f})"


def _format_percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
