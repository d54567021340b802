"""What the page of several models on the same frames shows: headline, table of corruptions by model, differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError
from domaingan.report import number_formats, phrases
from domaingan.robustness_eval.compare_models import COMPARED_METRICS, build_model_rows, describe_comparison

REQUIRED_KEYS = ("models", "differences", "table", "metric", "classes", "blocks")


def build_comparison_page(run: Path, result: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Build the values of ``templates/comparison.html``.

    Args:
        run: the folder of the comparison; each model's own run is in it.
        result: the content of its ``result.json``.
        config: the content of its ``config.json``.

    Raises:
        DataError: the result lacks what every comparison has.
    """
    missing = [name for name in REQUIRED_KEYS if name not in result]
    if missing:
        raise DataError(f"no {missing[0]!r}", path=run / "result.json", expected="the result of a comparison")
    head, *rows = build_model_rows(result)
    folders = [row["folder"] for row in result["models"]]
    differences = []
    for folder, row in result["differences"].items():
        texts = [_format_difference(row[metric]) for metric in COMPARED_METRICS]
        differences.append((folder, *texts))
    return {
        "title": describe_comparison(result),
        "metric": phrases.format_metric(result["metric"]),
        "head": [name.replace("_", " ") for name in head],
        "rows": rows,
        "folders": folders,
        "reference": folders[0],
        "differences": differences,
        "classes": result["classes"],
        "frames": result["frames"],
        "notes": result.get("notes") or [],
        "settings": phrases.list_settings(config),
        "command": config.get("command") or "",
    }


def _format_difference(difference: dict[str, Any]) -> str:
    """Format a difference with its interval and what it shows."""
    mean = difference["mean"]
    text = number_formats.format_points(None if mean is None or mean != mean else mean)  # NaN is not equal to itself
    interval = number_formats.format_interval(difference["ci"], signed=True)
    if interval != number_formats.DASH:
        text += f" ({interval})"
    return f"{text}, {difference['verdict']}"
