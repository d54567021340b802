"""What the page of a robustness run shows: headline, coloured table, curves, one frame under every corruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from domaingan.core.durations import describe_duration
from domaingan.core.errors import DataError
from domaingan.report import frame_sheet, number_formats, phrases, svg_figures
from domaingan.report.number_formats import format_percent
from domaingan.report.phrases import format_count, format_metric
from domaingan.robustness_eval.intervals import MIN_BLOCKS
from domaingan.robustness_eval.robustness_scores import compute_mean
from domaingan.robustness_eval.robustness_summary import describe_robustness

REQUIRED_KEYS = ("clean", "mpc", "rpc", "table", "model", "metric")

HEAT_COLOUR = "217, 118, 43"
"""Orange, as red, green and blue: the more of it, the more was lost."""

MAX_HEAT = 0.64
"""Opacity of the colour where everything was lost."""

GROUP_ORDER = ("noise", "blur", "weather", "digital", "other")

HIDDEN_SETTINGS = ("frames",)


def build_robustness_page(run: Path, result: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Build the values of ``templates/robustness.html``.

    Args:
        run: the run folder.
        result: the content of its ``result.json``.
        config: the content of its ``config.json``.

    Raises:
        DataError: the result lacks what every robustness run has, or its pictures are damaged.
    """
    missing = [name for name in REQUIRED_KEYS if name not in result]
    if missing:
        raise DataError(f"no {missing[0]!r}", path=run / "result.json", expected="the result of a robustness run")
    return {
        "title": describe_robustness(result),
        "explanation": _explain_extremes(result),
        "metric": format_metric(result["metric"]),
        "clean": format_percent(result["clean"]),
        "facts": _list_facts(result, config),
        "severities": result["severities"],
        "heat": _build_heat_table(result),
        "curve": _draw_curves(result),
        "classes": _list_class_rows(result),
        "counted": "Objects" if result["task"] == "detection" else "Frames",
        "sheet": frame_sheet.build_frame_sheet(run, result),
        "names": result["names"],
        "not_scored": result.get("not_scored") or {},
        "blocks": len(result.get("blocks") or {}),
        "min_blocks": MIN_BLOCKS,
        "objects": result["objects"],
        "unmatched": result["unmatched"],
        "scored": list(result["classes"]),
        "described": result["model"]["describe"],
        "notes": result.get("notes") or [],
        "seconds": _describe_seconds(result.get("seconds") or {}),
        "settings": phrases.list_settings(config, HIDDEN_SETTINGS),
        "command": config.get("command") or "",
        "text": phrases,
    }


def _explain_extremes(result: dict[str, Any]) -> str:
    """Name the worst and the mildest corruption, for a reader who reads no further."""
    means = {}
    for name, values in result["table"].items():
        mean = _nan_to_none(compute_mean(values))
        if mean is not None:
            means[name] = mean
    if not means or not result["clean"]:
        return ""
    worst = min(means, key=means.__getitem__)
    mildest = max(means, key=means.__getitem__)
    sentence = f"The score is lowest under {_replace_underscores(worst)} ({format_percent(means[worst])})"
    if mildest != worst:
        sentence += f" and highest under {_replace_underscores(mildest)} ({format_percent(means[mildest])})"
    return f"{sentence}."


def _replace_underscores(name: str) -> str:
    return name.replace("_", " ")


def _list_facts(result: dict[str, Any], config: dict[str, Any]) -> list[tuple[str, str]]:
    """List what stands under the headline: data, task, corruptions and the three numbers."""
    data = f"{config.get('data', '')}: {format_count(result['frames'], 'frame')}"
    if result["task"] == "detection":
        data += f", {format_count(sum(result['objects'].values()), 'true object')} scored"
        not_scored = sum((result.get("not_scored") or {}).values())
        if not_scored:
            data += f", {not_scored} of other classes not scored"
    severity_count = len(result["severities"])
    severities = "1 severity" if severity_count == 1 else f"{severity_count} severities"
    rpc = number_formats.DASH
    if result["rpc"] is not None:
        rpc = f"{format_percent(result['rpc'])} %" + _format_brackets(result, "rpc")
    return [
        ("Data", data),
        ("Task", result["task"]),
        ("Corruptions", f"{len(result['table'])} × {severities}"),
        (
            f"Clean {format_metric(result['metric'])}",
            format_percent(result["clean"]) + _format_brackets(result, "clean"),
        ),
        ("Corrupted (mPC)", format_percent(result["mpc"]) + _format_brackets(result, "mpc")),
        ("Share kept (rPC)", rpc),
    ]


def _format_brackets(result: dict[str, Any], name: str) -> str:
    """Format the interval of a number in brackets; an empty text where there is none."""
    ends = (result.get("intervals") or {}).get(name) or (None, None)
    interval = number_formats.format_interval(ends)
    return "" if interval == number_formats.DASH else f" ({interval})"


def _group_corruptions(result: dict[str, Any]) -> dict[str, list[str]]:
    """Group the corruptions of a run; groups without one are left out."""
    groups: dict[str, list[str]] = {}
    for group in GROUP_ORDER:
        names = [name for name in result["table"] if result["groups"].get(name, "other") == group]
        if names:
            groups[group] = names
    return groups


def _average_rows(names: Sequence[str], result: dict[str, Any]) -> list[float | None]:
    """Average several corruptions at each severity."""
    rows = [result["table"][name] for name in names]
    return [_nan_to_none(compute_mean(values)) for values in zip(*rows, strict=True)]


def _nan_to_none(value: float) -> float | None:
    return value if value == value else None  # NaN is not equal to itself


def _build_heat_table(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Build the table of corruptions and severities, grouped, with a mean row for each group."""
    table = []
    for group, names in _group_corruptions(result).items():
        rows = []
        for name in names:
            rows.append({"name": _replace_underscores(name), "cells": _build_cells(result["table"][name], result)})
        table.append({"group": group, "rows": rows, "mean": _build_cells(_average_rows(names, result), result)})
    return table


def _build_cells(values: Sequence[float | None], result: dict[str, Any]) -> list[tuple[str, str]]:
    """Build a cell for each severity and one for their mean: percent and a colour."""
    cells = []
    for value in [*values, _nan_to_none(compute_mean(values))]:
        cells.append((format_percent(value), _colour_cell(value, result["clean"])))
    return cells


def _colour_cell(value: float | None, clean: float | None) -> str:
    """Choose the background of a cell: the less of the clean score is left, the more orange.

    >>> _colour_cell(0.1, 0.2)
    'background: rgba(217, 118, 43, 0.32)'
    """
    if value is None or not clean:
        return ""
    lost_share = 1 - min(1.0, max(0.0, value / clean))
    return f"background: rgba({HEAT_COLOUR}, {MAX_HEAT * lost_share:.2f})"


def _draw_curves(result: dict[str, Any]) -> Markup | None:
    """Draw the metric over severity, a line for each group of corruptions; None without a clean score."""
    if not result["clean"]:
        return None
    curves = {group: _average_rows(names, result) for group, names in _group_corruptions(result).items()}
    return svg_figures.draw_severities(
        curves, result["clean"], list(result["severities"]), format_metric(result["metric"])
    )


def _list_class_rows(result: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """List for each class its number of objects, clean, mPC and rPC."""
    rows = []
    for name, row in result["per_class"].items():
        clean = format_percent(row["clean"])
        rpc = None if clean == "0.0" else row["rpc"]  # a share of next to nothing says nothing
        rows.append(
            (
                name,
                str(result["objects"].get(name, "")),
                clean + _format_brackets(result, f"clean:{name}"),
                format_percent(row["mpc"]) + _format_brackets(result, f"mpc:{name}"),
                format_percent(rpc),
            )
        )
    return rows


def _describe_seconds(seconds: Mapping[str, float]) -> str:
    """Say how long the run took, and how much of that the model and the corruptions took."""
    if not seconds:
        return ""
    total = describe_duration(seconds["total"])
    model = describe_duration(seconds["model"])
    corruption = describe_duration(seconds["corruption"])
    return (
        f"Measured in {total}: {model} the model, {corruption} corrupting (at the same time, if there are two cores)."
    )
