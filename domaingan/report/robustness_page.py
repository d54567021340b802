"""What the page of a robustness run shows: headline, table of heat, curves, one frame under every corruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from domaingan.core.durations import describe_duration
from domaingan.core.errors import DataError
from domaingan.report import frame_sheet, phrases, svg_figures
from domaingan.report.phrases import format_count, format_metric, format_percent
from domaingan.robustness_eval.robustness_scores import compute_mean
from domaingan.robustness_eval.robustness_summary import describe_robustness

REQUIRED_KEYS = ("clean", "mpc", "rpc", "table", "model", "metric")

HEAT_COLOUR = "217, 118, 43"
"""Orange, red, green, blue: the more of it, the more was lost."""

GROUP_ORDER = ("noise", "blur", "weather", "digital", "other")


def build_robustness_page(run: Path, result: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The values of ``templates/robustness.html``.

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
        "heat": [
            {
                "group": group,
                "rows": [_build_row(name, result) for name in names],
                "mean": _build_cells(_average_rows(names, result), result),
            }
            for group, names in _group_corruptions(result).items()
        ],
        "curve": _draw_curves(result),
        "classes": _list_class_rows(result),
        "counted": "Objects" if result["task"] == "detection" else "Frames",
        "sheet": frame_sheet.build_frame_sheet(run, result),
        "names": result["names"],
        "not_scored": result.get("not_scored") or {},
        "blocks": len(result.get("blocks") or {}),
        "objects": result["objects"],
        "unmatched": result["unmatched"],
        "scored": list(result["classes"]),
        "described": result["model"]["describe"],
        "notes": result.get("notes") or [],
        "seconds": _describe_seconds(result.get("seconds") or {}),
        "settings": [
            (name, phrases.format_setting(value)) for name, value in config.items() if name not in ("command", "frames")
        ],
        "command": config.get("command") or "",
        "text": phrases,
    }


def _explain_extremes(result: dict[str, Any]) -> str:
    """The worst and the mildest corruption, for someone who reads no further."""
    means = {name: compute_mean(row) for name, row in result["table"].items()}
    known = {name: value for name, value in means.items() if value == value}
    if not known or not result["clean"]:
        return ""
    worst, mildest = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    said = f"Least is left under {_replace_underscores(worst)} ({format_percent(known[worst])})"
    return said + (
        "." if worst == mildest else f", most under {_replace_underscores(mildest)} ({format_percent(known[mildest])})."
    )


def _replace_underscores(name: str) -> str:
    return name.replace("_", " ")


def _list_facts(result: dict[str, Any], config: dict[str, Any]) -> list[tuple[str, str]]:
    objects = sum(result["objects"].values())
    rest = sum((result.get("not_scored") or {}).values())
    what = f", {format_count(objects, 'true object')} scored" if result["task"] == "detection" else ""
    what += f", {rest} of other classes not" if what and rest else ""
    kept = result["rpc"]
    corruptions = f"{len(result['table'])} × {format_count(len(result['severities']), 'severity').replace('ys', 'ies')}"
    return [
        ("Data", f"{config.get('data', '')}: {format_count(result['frames'], 'frame')}{what}"),
        ("Task", result["task"]),
        ("Corruptions", corruptions),
        (
            f"Clean {format_metric(result['metric'])}",
            format_percent(result["clean"]) + _format_brackets(result, "clean"),
        ),
        ("Corrupted (mPC)", format_percent(result["mpc"]) + _format_brackets(result, "mpc")),
        (
            "Share kept (rPC)",
            phrases.DASH if kept is None else f"{format_percent(kept)} %" + _format_brackets(result, "rpc"),
        ),
    ]


def _format_brackets(result: dict[str, Any], name: str) -> str:
    """The interval of a number, empty where there is none."""
    low, high = (result.get("intervals") or {}).get(name) or (None, None)
    return "" if low is None or high is None else f" ({format_percent(low)} to {format_percent(high)})"


def _group_corruptions(result: dict[str, Any]) -> dict[str, list[str]]:
    groups = {group: [name for name in result["table"] if result["groups"].get(name) == group] for group in GROUP_ORDER}
    return {group: names for group, names in groups.items() if names}


def _average_rows(names: Sequence[str], result: dict[str, Any]) -> list[float | None]:
    return [
        _nan_to_none(compute_mean(values)) for values in zip(*(result["table"][name] for name in names), strict=True)
    ]


def _nan_to_none(value: float) -> float | None:
    return value if value == value else None


def _build_row(name: str, result: dict[str, Any]) -> dict[str, Any]:
    return {"name": _replace_underscores(name), "cells": _build_cells(result["table"][name], result)}


def _build_cells(values: Sequence[float | None], result: dict[str, Any]) -> list[tuple[str, str]]:
    """Each severity's value and their mean, as percent with a colour."""
    return [
        (format_percent(value), _colour_cell(value, result["clean"]))
        for value in [*values, _nan_to_none(compute_mean(values))]
    ]


def _colour_cell(value: float | None, clean: float | None) -> str:
    """The background of a cell: the more orange, the less of the clean score is left.

    >>> _colour_cell(0.1, 0.2)
    'background: rgba(217, 118, 43, 0.32)'
    """
    if value is None or not clean:
        return ""
    lost = 1 - min(1.0, max(0.0, value / clean))
    return f"background: rgba({HEAT_COLOUR}, {0.64 * lost:.2f})"


def _draw_curves(result: dict[str, Any]) -> Markup | None:
    """The metric over severity, a line a group, from the clean score on."""
    if not result["clean"]:
        return None
    figure = Figure(figsize=(svg_figures.FIGURE_WIDTH, 3.0), layout="constrained")
    axes = figure.add_subplot()
    clean, severities = 100 * result["clean"], list(result["severities"])
    axes.axhline(clean, color=svg_figures.INK, linewidth=0.8, linestyle=(0, (4, 3)))
    for number, (group, names) in enumerate(_group_corruptions(result).items()):
        values = [None if value is None else 100 * value for value in _average_rows(names, result)]
        points = [float("nan") if value is None else value for value in [clean, *values]]
        colour = svg_figures.ARM_COLOURS[number % len(svg_figures.ARM_COLOURS)]
        marker = "osD^v"[number % 5]
        axes.plot([0, *severities], points, color=colour, marker=marker, markersize=5, linewidth=1.6, label=group)
    axes.set_xticks([0, *severities], ["clean", *map(str, severities)])
    axes.set_ylim(0, clean * 1.08)
    axes.set_xlabel("severity")
    axes.set_ylabel(f"{format_metric(result['metric'])}, percent")
    figure.legend(loc="outside upper left", ncols=4, frameon=False, labelcolor=svg_figures.INK)
    title = f"{format_metric(result['metric'])} by severity for each group of corruptions; the table has the numbers"
    return svg_figures.to_svg(figure, "curves", title, grid="y")


def _list_class_rows(result: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """For each class its number, clean, mPC and rPC."""
    return [
        (
            name,
            str(result["objects"].get(name, "")),
            format_percent(row["clean"]) + _format_brackets(result, f"clean:{name}"),
            format_percent(row["mpc"]) + _format_brackets(result, f"mpc:{name}"),
            format_percent(
                row["rpc"] if format_percent(row["clean"]) != "0.0" else None
            ),  # a share of next to nothing says nothing
        )
        for name, row in result["per_class"].items()
    ]


def _describe_seconds(spent: Mapping[str, float]) -> str:
    """How long it took, and whose time it was."""
    if not spent:
        return ""
    parts = [
        f"{describe_duration(spent[name])} {what}"
        for name, what in (("model", "the model"), ("corruption", "corrupting"))
    ]
    return f"Measured in {describe_duration(spent['total'])}: {', '.join(parts)} (side by side where there are cores)."
