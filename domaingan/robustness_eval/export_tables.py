"""The table of a run for other programs: ``table.csv`` and ``table.md``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.core.files import write_file_atomically
from domaingan.robustness_eval.robustness_scores import compute_mean

Row = Sequence[str]


def write_tables(out: Path, result: Mapping[str, Any]) -> None:
    """Write the scores by corruption and severity, in percent, and those of each class.

    Args:
        out: the run folder.
        result: the content of its ``result.json``.
    """
    rows = build_table_rows(result)
    write_rows(out / "table.csv", rows)
    title = {"ap": "AP", "miou": "mean IoU"}.get(result["metric"], result["metric"])
    classes = build_class_rows(result)
    text = f"{title}, percent\n\n{format_markdown(rows)}\n\n{format_markdown(classes)}\n"
    with write_file_atomically(out / "table.md") as temporary:
        temporary.write_text(text, encoding="utf-8")


def build_table_rows(result: Mapping[str, Any]) -> list[Row]:
    """A row a corruption: group, name, severities, their mean; clean first, mPC last."""
    severities = [str(severity) for severity in result["severities"]]
    blank = [""] * len(severities)
    rows: list[Row] = [["group", "corruption", *(f"severity {n}" for n in severities), "mean"]]
    rows.append(["", "clean", *blank, format_percent(result["clean"])])
    for name, values in result["table"].items():
        cells = [format_percent(value) for value in values]
        rows.append([result["groups"].get(name, ""), name, *cells, format_percent(compute_mean(values))])
    rows.append(["", "all (mPC)", *blank, format_percent(result["mpc"])])
    return rows


def build_class_rows(result: Mapping[str, Any]) -> list[Row]:
    """A row a class: objects, clean, mPC, rPC."""
    rows: list[Row] = [["class", "objects", "clean", "mPC", "rPC"]]
    for name, row in result["per_class"].items():
        count = str(result["objects"].get(name, ""))
        rows.append([name, count, format_percent(row["clean"]), format_percent(row["mpc"]), format_percent(row["rpc"])])
    return rows


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a CSV file, the first has the names of the columns."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    with write_file_atomically(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def format_markdown(rows: Sequence[Row]) -> str:
    """Rows as a table of Markdown.

    >>> print(format_markdown([["a", "b"], ["1", "2|3"]]))
    | a | b |
    | --- | --- |
    | 1 | 2\\|3 |
    """
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("---" for _ in rows[0]) + " |")
    return "\n".join(lines)


def format_percent(value: float | None) -> str:
    """One place of a percent, empty where there is no number."""
    return "" if value is None or value != value else f"{100 * value:.1f}"
