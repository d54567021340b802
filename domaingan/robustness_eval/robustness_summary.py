"""From the scores of every corruption and severity to the result of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domaingan.corruptions import GROUPS
from domaingan.robustness_eval.class_names import ClassMapping
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.robustness_scores import CLASS_METRICS, PRIMARY_METRICS, compute_mpc, compute_rpc

MetricScores = Mapping[str, float]
CorruptedScores = Mapping[str, Mapping[int, MetricScores]]


def find_group(corruption: str) -> str:
    """The group of a corruption, ``other`` for those of no group."""
    return next((group for group, names in GROUPS.items() if corruption in names), "other")


def summarise(
    task: str, clean: MetricScores, corrupted_scores: CorruptedScores, scored: Sequence[str]
) -> dict[str, Any]:
    """Clean, mPC, rPC and the table, over all classes and for each.

    Args:
        task: ``detection`` or ``segmentation``.
        clean: metrics of the clean pictures.
        measured: the same by corruption and severity.
        scored: names of the classes that count.
    """
    table = _build_table(PRIMARY_METRICS[task], corrupted_scores)
    corrupted = compute_mpc(table)
    return {
        "task": task,
        "metric": PRIMARY_METRICS[task],
        "clean": clean[PRIMARY_METRICS[task]],
        "mpc": corrupted,
        "rpc": compute_rpc(corrupted, clean[PRIMARY_METRICS[task]]),
        "table": table,
        "severities": sorted({severity for row in corrupted_scores.values() for severity in row}),
        "groups": {name: find_group(name) for name in corrupted_scores},
        "per_class": {
            name: _summarise_class(f"{CLASS_METRICS[task]}:{name}", clean, corrupted_scores) for name in scored
        },
        "metrics": {"clean": dict(clean), **{name: dict(row) for name, row in corrupted_scores.items()}},
    }


def _build_table(metric: str, measured: CorruptedScores) -> dict[str, list[float]]:
    return {name: [row[severity][metric] for severity in sorted(row)] for name, row in measured.items()}


def _summarise_class(metric: str, clean: MetricScores, measured: CorruptedScores) -> dict[str, Any]:
    table = _build_table(metric, measured)
    corrupted = compute_mpc(table)
    return {"clean": clean[metric], "mpc": corrupted, "rpc": compute_rpc(corrupted, clean[metric]), "table": table}


def list_class_names(model: Model, class_mapping: ClassMapping, scored: Mapping[str, int]) -> dict[str, Any]:
    """Which class of the model is which of the data, and which of either have no partner."""
    pairs = class_mapping.list_pairs(model.classes)
    if not model.has_fixed_classes and model.task == "segmentation":
        pairs = [(name, name) for name in scored]
    theirs, ours = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    return {
        "names": [{"model": model_name, "data": data_name} for model_name, data_name in pairs],
        "unmatched": {
            "model": [name for name in model.classes if name not in theirs],
            "data": [name for name in class_mapping.data_classes if name not in ours],
        },
    }


def describe_robustness(result: Mapping[str, Any]) -> str:
    """The answer in one sentence.

    >>> result = {"model": {"name": "a.onnx"}, "metric": "ap", "clean": 0.2, "mpc": 0.1, "rpc": 0.5}
    >>> describe_robustness({**result, "objects": {"car": 9}, "not_scored": {"tram": 3}}).partition(":")[0]
    'a.onnx keeps 50 % of its AP on car (9 of 12 objects) under corruption'
    """
    metric = {"ap": "AP", "miou": "mean IoU"}.get(result["metric"], result["metric"])
    name = result["model"]["name"]
    clean, corrupted, kept = result["clean"], result["mpc"], result["rpc"]
    if _is_missing(clean) or _is_missing(corrupted):
        return f"How {name} holds up cannot be said: no frame shows a class that can be scored"
    if _is_missing(kept):
        cause = f". {result['cause']}" if result.get("cause") else ""
        return f"{name} finds nothing on clean frames: its {metric} is 0{describe_scored(result)}{cause}"
    numbers = f"{100 * clean:.1f} on clean frames, {100 * corrupted:.1f} on corrupted ones"
    return f"{name} keeps {100 * kept:.0f} % of its {metric}{describe_scored(result)} under corruption: {numbers}"


def describe_scored(result: Mapping[str, Any]) -> str:
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


def _is_missing(value: float | None) -> bool:
    return value is None or value != value
