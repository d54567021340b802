"""The table of a run for other programs: ``table.csv`` and ``table.md``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.core.files import write_file_atomically
from domaingan.robustness_eval.robustness_scores import compute_mean
from domaingan.robustness_eval.robustness_summary import METRIC_NAMES

Row = Sequence[str]


def write_tables(out: Path, result: Mapping[str, Any]) -> None:
    """Write the scores by corruption and severity, and those of each class, in percent.

    Args:
        out: the run folder.
        result: the content of its ``result.json``.
    """
    rows = build_table_rows(result)
    write_rows(out / "table.csv", rows)
    title = METRIC_NAMES.get(result["metric"], result["metric"])
    table = format_markdown(rows)
    class_table = format_markdown(build_class_rows(result))
    with write_file_atomically(out / "table.md") as temporary:
        temporary.write_text(f"{title}, percent\n\n{table}\n\n{class_table}\n", encoding="utf-8")


def build_table_rows(result: Mapping[str, Any]) -> list[Row]:
    """Build a row for each corruption: group, name, severities, their mean; clean stands first and mPC last."""
    severities = result["severities"]
    blanks = [""] * len(severities)
    heads = [f"severity {severity}" for severity in severities]
    rows: list[Row] = [["group", "corruption", *heads, "mean"]]
    rows.append(["", "clean", *blanks, format_percent(result["clean"])])
    for name, values in result["table"].items():
        cells = [format_percent(value) for value in values]
        group = result["groups"].get(name, "")
        rows.append([group, name, *cells, format_percent(compute_mean(values))])
    rows.append(["", "all (mPC)", *blanks, format_percent(result["mpc"])])
    return rows


def build_class_rows(result: Mapping[str, Any]) -> list[Row]:
    """Build a row for each class: objects, clean, mPC, rPC."""
    rows: list[Row] = [["class", "objects", "clean", "mPC", "rPC"]]
    for name, row in result["per_class"].items():
        count = str(result["objects"].get(name, ""))
        scores = [format_percent(row[key]) for key in ("clean", "mpc", "rpc")]
        rows.append([name, count, *scores])
    return rows


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a CSV file; the first row names the columns."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    with write_file_atomically(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def format_markdown(rows: Sequence[Row]) -> str:
    """Format rows as a Markdown table; the first row names the columns.

    >>> print(format_markdown([["a", "b"], ["1", "2|3"]]))
    | a | b |
    | --- | --- |
    | 1 | 2\\|3 |
    """
    lines = []
    for row in rows:
        cells = [cell.replace("|", "\\|") for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    rules = ["---"] * len(rows[0])
    lines.insert(1, "| " + " | ".join(rules) + " |")
    return "\n".join(lines)


def format_percent(value: float | None) -> str:
    """Format a share as percent with one decimal; empty where there is no number."""
    if value is None or value != value:  # NaN is not equal to itself
        return ""
    return f"{100 * value:.1f}"
