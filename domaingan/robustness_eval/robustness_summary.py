"""From the scores of every corruption and severity to the result of a run, and its answer in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domaingan.corruptions import GROUPS
from domaingan.robustness_eval.class_mapping import ClassMapping
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.robustness_scores import CLASS_METRICS, PRIMARY_METRICS, compute_mpc, compute_rpc

MetricScores = Mapping[str, float]
"""Values by the metric's name."""

CorruptedScores = Mapping[str, Mapping[int, MetricScores]]
"""Scores by corruption and severity."""

METRIC_NAMES = {"ap": "AP", "miou": "mean IoU"}

MAX_NAMED_CLASSES = 4
"""A headline on masks names the classes if they are not more."""


def find_group(corruption: str) -> str:
    """Find the group of a corruption: ``noise``, ``blur``, …; ``other`` for those of no group."""
    for group, names in GROUPS.items():
        if corruption in names:
            return group
    return "other"


def summarise(
    task: str, clean: MetricScores, corrupted_scores: CorruptedScores, scored: Sequence[str]
) -> dict[str, Any]:
    """Summarise scores as clean, mPC, rPC and a table, over all classes and for each.

    Args:
        task: ``detection`` or ``segmentation``.
        clean: scores on clean pictures.
        corrupted_scores: scores by corruption and severity.
        scored: names of the classes that count.

    Returns:
        The part of ``result.json`` that holds scores.
    """
    metric = PRIMARY_METRICS[task]
    severities: set[int] = set()
    per_class = {}
    metrics: dict[str, Any] = {"clean": dict(clean)}
    for name in scored:
        per_class[name] = _summarise_metric(f"{CLASS_METRICS[task]}:{name}", clean, corrupted_scores)
    for corruption, row in corrupted_scores.items():
        severities |= set(row)
        metrics[corruption] = dict(row)
    return {
        "task": task,
        "metric": metric,
        **_summarise_metric(metric, clean, corrupted_scores),
        "severities": sorted(severities),
        "groups": {name: find_group(name) for name in corrupted_scores},
        "per_class": per_class,
        "metrics": metrics,
    }


def _summarise_metric(metric: str, clean: MetricScores, corrupted_scores: CorruptedScores) -> dict[str, Any]:
    """Summarise one metric: its value on clean pictures, mPC, rPC, and a row of severities for each corruption."""
    table = {}
    for corruption, row in corrupted_scores.items():
        table[corruption] = [row[severity][metric] for severity in sorted(row)]
    corrupted = compute_mpc(table)
    rpc = compute_rpc(corrupted, clean[metric])
    return {"clean": clean[metric], "mpc": corrupted, "rpc": rpc, "table": table}


def list_class_names(model: Model, class_mapping: ClassMapping, scored: Mapping[str, int]) -> dict[str, Any]:
    """List which class of the model is which of the data, and the classes of either without a partner.

    Args:
        model: the model.
        class_mapping: which of its classes is which of the data.
        scored: the classes that count: the data's values by name.

    Returns:
        The part of ``result.json`` that holds class names.
    """
    pairs = class_mapping.list_pairs(model.classes)
    if not model.has_fixed_classes and model.task == "segmentation":
        pairs = [(name, name) for name in scored]
    names = [{"model": model_class, "data": data_class} for model_class, data_class in pairs]
    matched_model = {model_class for model_class, _ in pairs}
    matched_data = {data_class for _, data_class in pairs}
    unmatched = {
        "model": [name for name in model.classes if name not in matched_model],
        "data": [name for name in class_mapping.data_classes if name not in matched_data],
    }
    return {"names": names, "unmatched": unmatched}


def describe_robustness(result: Mapping[str, Any]) -> str:
    """Say the answer of a run in one sentence.

    Args:
        result: the content of its ``result.json``.

    >>> result = {"model": {"name": "a.onnx"}, "metric": "ap", "clean": 0.2, "mpc": 0.1, "rpc": 0.5}
    >>> describe_robustness({**result, "objects": {"car": 9}, "not_scored": {"tram": 3}}).partition(":")[0]
    'a.onnx keeps 50 % of its AP on car (9 of 12 objects) under corruption'
    """
    metric = METRIC_NAMES.get(result["metric"], result["metric"])
    name = result["model"]["name"]
    clean, corrupted, rpc = result["clean"], result["mpc"], result["rpc"]
    if _is_missing(clean) or _is_missing(corrupted):
        return f"How robust {name} is cannot be said: no frame shows a class that can be scored"
    if _is_missing(rpc):
        cause = f". {result['cause']}" if result.get("cause") else ""
        return f"{name} finds nothing on clean frames: its {metric} is 0{describe_scored(result)}{cause}"
    numbers = f"{100 * clean:.1f} on clean frames, {100 * corrupted:.1f} on corrupted ones"
    return f"{name} keeps {100 * rpc:.0f} % of its {metric}{describe_scored(result)} under corruption: {numbers}"


def describe_scored(result: Mapping[str, Any]) -> str:
    """Say which classes were scored, and their share of all objects (or classes)."""
    objects = result.get("objects") or {}
    not_scored = result.get("not_scored") or {}
    present = [name for name, count in objects.items() if count]
    if not present:
        return ""
    names = ", ".join(name.replace("_", " ") for name in present)
    if result["metric"] == "ap":
        scored_count = sum(objects.values())
        return f" on {names} ({scored_count} of {scored_count + sum(not_scored.values())} objects)"
    missing_count = sum(1 for count in not_scored.values() if count)
    if not missing_count:
        return ""
    classes = names if len(present) <= MAX_NAMED_CLASSES else f"{len(present)} classes"
    return f" on {classes} (of {len(present) + missing_count} classes)"


def _is_missing(value: float | None) -> bool:
    """Whether there is no number: None, or NaN, which is not equal to itself."""
    return value is None or value != value
