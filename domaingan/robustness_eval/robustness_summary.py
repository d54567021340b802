"""From the scores of every corruption and severity to the result of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domaingan.corruptions import GROUPS
from domaingan.robustness_eval.class_names import Matching
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.robustness_scores import PER_CLASS, PRIMARY, corrupted_mean, relative

Scores = Mapping[str, float]
Measured = Mapping[str, Mapping[int, Scores]]


def group_of(corruption: str) -> str:
    """The group of a corruption, ``other`` for those of no group."""
    return next((group for group, names in GROUPS.items() if corruption in names), "other")


def summarise(task: str, clean: Scores, measured: Measured, scored: Sequence[str]) -> dict[str, Any]:
    """Clean, mPC, rPC and the table, over all classes and for each.

    Args:
        task: ``detection`` or ``segmentation``.
        clean: metrics of the clean pictures.
        measured: the same by corruption and severity.
        scored: names of the classes that count.
    """
    table = _table(PRIMARY[task], measured)
    corrupted = corrupted_mean(table)
    return {
        "task": task,
        "metric": PRIMARY[task],
        "clean": clean[PRIMARY[task]],
        "mpc": corrupted,
        "rpc": relative(corrupted, clean[PRIMARY[task]]),
        "table": table,
        "severities": sorted({severity for row in measured.values() for severity in row}),
        "groups": {name: group_of(name) for name in measured},
        "per_class": {name: _of_class(f"{PER_CLASS[task]}:{name}", clean, measured) for name in scored},
        "metrics": {"clean": dict(clean), **{name: dict(row) for name, row in measured.items()}},
    }


def _table(metric: str, measured: Measured) -> dict[str, list[float]]:
    return {name: [row[severity][metric] for severity in sorted(row)] for name, row in measured.items()}


def _of_class(metric: str, clean: Scores, measured: Measured) -> dict[str, Any]:
    table = _table(metric, measured)
    corrupted = corrupted_mean(table)
    return {"clean": clean[metric], "mpc": corrupted, "rpc": relative(corrupted, clean[metric]), "table": table}


def names_in(model: Model, matching: Matching, scored: Mapping[str, int]) -> dict[str, Any]:
    """Which class of the model is which of the data, and which of either have no partner."""
    pairs = matching.table(model.classes)
    if not model.complete and model.task == "segmentation":
        pairs = [(name, name) for name in scored]
    theirs, ours = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    return {
        "names": [{"model": model_name, "data": data_name} for model_name, data_name in pairs],
        "unmatched": {
            "model": [name for name in model.classes if name not in theirs],
            "data": [name for name in matching.data if name not in ours],
        },
    }


def headline(result: Mapping[str, Any]) -> str:
    """The answer in one sentence.

    >>> result = {"model": {"name": "a.onnx"}, "metric": "ap", "clean": 0.2, "mpc": 0.1, "rpc": 0.5}
    >>> headline({**result, "objects": {"car": 9}, "not_scored": {"tram": 3}}).partition(":")[0]
    'a.onnx keeps 50 % of its AP on car (9 of 12 objects) under corruption'
    """
    metric = {"ap": "AP", "miou": "mean IoU"}.get(result["metric"], result["metric"])
    name = result["model"]["name"]
    clean, corrupted, kept = result["clean"], result["mpc"], result["rpc"]
    if _unknown(clean) or _unknown(corrupted):
        return f"How {name} holds up cannot be said: no frame shows a class that can be scored"
    if _unknown(kept):
        cause = f". {result['cause']}" if result.get("cause") else ""
        return f"{name} finds nothing on clean frames: its {metric} is 0{what_was_scored(result)}{cause}"
    numbers = f"{100 * clean:.1f} on clean frames, {100 * corrupted:.1f} on corrupted ones"
    return f"{name} keeps {100 * kept:.0f} % of its {metric}{what_was_scored(result)} under corruption: {numbers}"


def what_was_scored(result: Mapping[str, Any]) -> str:
    """Which classes the numbers are of, and how many of all objects (or classes) those are."""
    objects, rest = result.get("objects") or {}, result.get("not_scored") or {}
    present = [name for name, n in objects.items() if n]
    if not present:
        return ""
    names = ", ".join(name.replace("_", " ") for name in present)
    if result["metric"] == "ap":
        scored = sum(objects.values())
        return f" on {names} ({scored} of {scored + sum(rest.values())} objects)"
    missing = sum(1 for n in rest.values() if n)
    if not missing:
        return ""
    shown = names if len(present) <= 4 else f"{len(present)} classes"
    return f" on {shown} (of {len(present) + missing} classes)"


def _unknown(value: float | None) -> bool:
    return value is None or value != value
