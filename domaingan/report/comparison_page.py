"""What the page of several models on the same frames shows: headline, table of corruptions by model, differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError
from domaingan.report import phrases
from domaingan.robustness_eval.compare_models import build_model_rows, describe_comparison
from domaingan.robustness_eval.export_tables import format_percent

REQUIRED_KEYS = ("models", "differences", "table", "metric", "classes", "blocks")


def build_comparison_page(run: Path, result: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Collect the values of ``templates/comparison.html``.

    Args:
        run: the folder of the comparison; each model's own run is in it.
        result: the content of its ``result.json``.
        config: of its ``config.json``.

    Raises:
        DataError: the result lacks what every comparison has.
    """
    missing = [name for name in REQUIRED_KEYS if name not in result]
    if missing:
        raise DataError(f"no {missing[0]!r}", path=run / "result.json", expected="the result of a comparison")
    head, *rows = build_model_rows(result)
    return {
        "title": describe_comparison(result),
        "metric": phrases.format_metric(result["metric"]),
        "head": [name.replace("_", " ") for name in head],
        "rows": rows,
        "folders": [row["folder"] for row in result["models"]],
        "reference": result["models"][0]["folder"],
        "differences": [
            (name, *(_format_difference(row[metric]) for metric in ("clean", "mpc")))
            for name, row in result["differences"].items()
        ],
        "classes": result["classes"],
        "frames": result["frames"],
        "notes": result.get("notes") or [],
        "settings": [(name, phrases.format_setting(value)) for name, value in config.items() if name != "command"],
        "command": config.get("command") or "",
    }


def _format_difference(row: dict[str, Any]) -> str:
    """A difference with its interval and what it means."""
    low, high = row["ci"]
    between = "" if low is None or high is None else f" ({100 * low:+.1f} to {100 * high:+.1f})"
    mean = format_percent(row["mean"])
    sign = "+" if mean and row["mean"] > 0 else ""
    return f"{sign}{mean or phrases.DASH}{between}, {row['verdict']}"
