"""Several models on the same frames: which of them keeps more, with intervals of the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically, write_json
from domaingan.metrics.statistics import compare_paired, decide_verdict
from domaingan.robustness_eval.class_names import join_names, normalise_name
from domaingan.robustness_eval.export_tables import Row, format_markdown, format_percent, write_rows
from domaingan.robustness_eval.robustness_scores import compute_mean

COMPARED_METRICS = ("clean", "mpc")


def make_folder_names(names: Sequence[str]) -> list[str]:
    """Name a folder for each model: its own name as a file may have it, numbered where two are the same.

    >>> make_folder_names(["a.onnx", "b/c", "a.onnx"])
    ['a.onnx', 'b-c', 'a.onnx-2']
    """
    found: list[str] = []
    for name in names:
        plain = (
            "".join(letter if letter.isalnum() or letter in "._-=" else "-" for letter in name).strip(".") or "model"
        )
        number = 1
        while (plain if number == 1 else f"{plain}-{number}") in found:
            number += 1
        found.append(plain if number == 1 else f"{plain}-{number}")
    return found


def select_mapping(mapping: Mapping[str, str], classes: Mapping[str, int], has_fixed_classes: bool) -> dict[str, str]:
    """Take from a map for several models what is of one model's classes.

    Args:
        mapping: names of any of the models to names of the data.
        classes: the model's numbers by name.
        complete: whether they are all that it knows.
    """
    if not has_fixed_classes:
        return dict(mapping)
    known = {normalise_name(name) for name in classes}
    return {theirs: ours for theirs, ours in mapping.items() if normalise_name(theirs) in known}


def compare_results(results: Mapping[str, Mapping[str, Any]], seed: int = 0) -> dict[str, Any]:
    """Compare the results of several models on the same frames, over the classes that all of them were scored on.

    Args:
        results: by folder name, the first is what the others are compared with.
        seed: of the tests, where not all assignments of signs can be counted.

    Returns:
        ``models`` (a row each), ``differences`` to the first, ``table`` (mean over severities by corruption and
        model), ``classes`` and ``notes``.

    Raises:
        DataError: they are of two tasks, or no class was scored on all of them.
    """
    tasks = {result["task"] for result in results.values()}
    if len(tasks) > 1:
        raise DataError("a detector and a segmenter", expected="models for the same task")
    first = next(iter(results.values()))
    classes = [name for name in first["per_class"] if all(_has_class(result, name) for result in results.values())]
    if not classes:
        raise DataError("no class that all models were scored on", expected="one at least; --map says which is which")
    left_out = {name for result in results.values() for name in result["per_class"] if name not in classes}
    notes = [f"Compared on {join_names(classes)}, which all models know"] if left_out else []
    blocks = list(first["blocks"])
    values = {name: _collect_block_values(result, blocks, classes) for name, result in results.items()}
    models = []
    for name, result in results.items():
        row = {metric: compute_mean([result["per_class"][c][metric] for c in classes]) for metric in COMPARED_METRICS}
        rpc = row["mpc"] / row["clean"] if row["clean"] > 0 else None
        models.append({"folder": name, "name": result["model"]["name"], **row, "rpc": rpc, "cause": result["cause"]})
    reference = next(iter(results))
    differences: dict[str, dict[str, Any]] = {}
    for name in list(results)[1:]:
        differences[name] = {}
        for metric in COMPARED_METRICS:
            found = compare_paired(values[name][metric], values[reference][metric], np.random.default_rng(seed))
            differences[name][metric] = found | {"verdict": decide_verdict(found)}
    return {
        "kind": "comparison",
        "task": first["task"],
        "metric": first["metric"],
        "classes": classes,
        "frames": first["frames"],
        "models": models,
        "differences": differences,
        "blocks": len(blocks),
        "table": {
            c: {name: _average_corruption(result, c, classes) for name, result in results.items()}
            for c in first["table"]
        },
        "notes": notes,
    }


def _has_class(result: Mapping[str, Any], name: str) -> bool:
    row = result["per_class"].get(name)
    return row is not None and row["clean"] is not None


def _average_corruption(result: Mapping[str, Any], corruption: str, classes: Sequence[str]) -> float:
    return compute_mean([compute_mean(result["per_class"][name]["table"][corruption]) for name in classes])


def _collect_block_values(result: Mapping[str, Any], blocks: Sequence[str], classes: Sequence[str]) -> dict[str, Any]:
    """What each block contributes to the means over these classes."""
    found: dict[str, Any] = {}
    for metric in COMPARED_METRICS:
        rows = [[result["blocks"][block][f"{metric}:{name}"] for name in classes] for block in blocks]
        found[metric] = np.array(rows, dtype=float).mean(axis=1)  # None becomes NaN
    return found


def describe_comparison(result: Mapping[str, Any]) -> str:
    """Which model keeps more under corruption, in a sentence."""
    metric = {"ap": "AP", "miou": "mean IoU"}[result["metric"]]
    rows = sorted(result["models"], key=lambda row: -(row["mpc"] or 0))
    numbers = ", ".join(
        f"{row['folder']} {format_percent(row['mpc'])} (clean {format_percent(row['clean'])})" for row in rows
    )
    said = f"{metric} on {', '.join(result['classes'])} under corruption: {numbers}"
    if result["blocks"] < 4:
        blocks = "1 block" if result["blocks"] == 1 else f"{result['blocks']} blocks"
        return f"{said}; of {blocks} of frames it cannot be said whether another would show the same"
    words = []
    for name, row in result["differences"].items():
        low, high = row["mpc"]["ci"]
        if low is not None and high is not None:
            words.append(f"{name} {100 * row['mpc']['mean']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})")
    return f"{said}; against {result['models'][0]['folder']}: {', '.join(words)}" if words else said


def build_model_rows(result: Mapping[str, Any]) -> list[Row]:
    """A row a model: clean, each corruption, mPC, rPC, in percent."""
    rows: list[Row] = [["model", "clean", *result["table"], "mPC", "rPC"]]
    for row in result["models"]:
        cells = [format_percent(values[row["folder"]]) for values in result["table"].values()]
        rows.append(
            [
                row["folder"],
                format_percent(row["clean"]),
                *cells,
                format_percent(row["mpc"]),
                format_percent(row["rpc"]),
            ]
        )
    return rows


def write_comparison(out: Path, result: Mapping[str, Any]) -> None:
    """Write ``result.json``, ``table.csv`` and ``table.md``."""
    write_json(out / "result.json", result)
    rows = build_model_rows(result)
    write_rows(out / "table.csv", rows)
    with write_file_atomically(out / "table.md") as temporary:
        temporary.write_text(f"{describe_comparison(result)}\n\n{format_markdown(rows)}\n", encoding="utf-8")
