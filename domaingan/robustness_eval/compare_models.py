"""Several models on the same frames: which of them keeps more, with intervals of the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically, write_json
from domaingan.metrics.statistics import compare_paired
from domaingan.metrics.verdict import decide_verdict
from domaingan.robustness_eval.class_names import join_names, normalise_name
from domaingan.robustness_eval.export_tables import Row, format_markdown, format_percent, write_rows
from domaingan.robustness_eval.intervals import MIN_BLOCKS
from domaingan.robustness_eval.robustness_scores import compute_mean
from domaingan.robustness_eval.robustness_summary import METRIC_NAMES

COMPARED_METRICS = ("clean", "mpc")


def make_folder_names(names: Sequence[str]) -> list[str]:
    """Make a folder name for each model: its own name as a file may have it, numbered where two are the same.

    >>> make_folder_names(["a.onnx", "b/c", "a.onnx"])
    ['a.onnx', 'b-c', 'a.onnx-2']
    """
    folders: list[str] = []
    for name in names:
        letters = [letter if letter.isalnum() or letter in "._-=" else "-" for letter in name]
        plain = "".join(letters).strip(".") or "model"
        folder = plain
        number = 1
        while folder in folders:
            number += 1
            folder = f"{plain}-{number}"
        folders.append(folder)
    return folders


def select_mapping(
    mapping: Mapping[str, str], model_classes: Mapping[str, int], has_fixed_classes: bool
) -> dict[str, str]:
    """Select the part of a mapping for several models that concerns one of them.

    Args:
        mapping: names of any model's classes to names of the data.
        model_classes: the model's numbers by class name.
        has_fixed_classes: these are all that it knows; otherwise it gets the whole mapping.
    """
    if not has_fixed_classes:
        return dict(mapping)
    known = {normalise_name(name) for name in model_classes}
    return {name: data_class for name, data_class in mapping.items() if normalise_name(name) in known}


def compare_results(results: Mapping[str, Mapping[str, Any]], seed: int = 0) -> dict[str, Any]:
    """Compare the results of several models on the same frames, over the classes that were scored on all of them.

    Args:
        results: by folder name; the others are compared with the first.
        seed: of the sign-flip tests, where there are too many assignments of signs to try them all.

    Returns:
        ``models`` (a row each), ``differences`` to the first, ``table`` (mean over severities by corruption and
        model), ``classes``, ``notes`` and more.

    Raises:
        DataError: the models are for two tasks, or no class was scored on all of them.
    """
    tasks = {result["task"] for result in results.values()}
    if len(tasks) > 1:
        raise DataError("a detector and a segmenter", expected="models for the same task")
    first = next(iter(results.values()))
    classes = _find_common_classes(results)
    if not classes:
        expected = "one at least; --map says which is which"
        raise DataError("no class that all models were scored on", expected=expected)
    all_classes: set[str] = set()
    for result in results.values():
        all_classes |= set(result["per_class"])
    notes = []
    if all_classes > set(classes):
        notes.append(f"Compared on {join_names(classes)}, which all models know")
    table: dict[str, dict[str, float]] = {}
    for corruption in first["table"]:
        table[corruption] = {}
        for folder, result in results.items():
            table[corruption][folder] = _average_corruption(result, corruption, classes)
    return {
        "kind": "comparison",
        "task": first["task"],
        "metric": first["metric"],
        "classes": classes,
        "frames": first["frames"],
        "models": [_summarise_model(folder, result, classes) for folder, result in results.items()],
        "differences": _compute_differences(results, classes, seed),
        "blocks": len(first["blocks"]),
        "table": table,
        "notes": notes,
    }


def _find_common_classes(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Find the classes with a clean score in every result."""
    first = next(iter(results.values()))
    common = []
    for name in first["per_class"]:
        if all(_has_class(result, name) for result in results.values()):
            common.append(name)
    return common


def _has_class(result: Mapping[str, Any], name: str) -> bool:
    row = result["per_class"].get(name)
    return row is not None and row["clean"] is not None


def _summarise_model(folder: str, result: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Summarise a model over the common classes: clean, mPC and rPC."""
    row: dict[str, Any] = {"folder": folder, "name": result["model"]["name"]}
    for metric in COMPARED_METRICS:
        row[metric] = compute_mean([result["per_class"][name][metric] for name in classes])
    row["rpc"] = row["mpc"] / row["clean"] if row["clean"] > 0 else None
    row["cause"] = result["cause"]
    return row


def _compute_differences(
    results: Mapping[str, Mapping[str, Any]], classes: Sequence[str], seed: int
) -> dict[str, dict[str, Any]]:
    """Compute each model's paired differences to the first, over blocks of frames."""
    reference, *others = results
    blocks = list(results[reference]["blocks"])
    reference_values = _collect_block_values(results[reference], blocks, classes)
    differences: dict[str, dict[str, Any]] = {}
    for folder in others:
        values = _collect_block_values(results[folder], blocks, classes)
        differences[folder] = {}
        for metric in COMPARED_METRICS:
            found = compare_paired(values[metric], reference_values[metric], np.random.default_rng(seed))
            differences[folder][metric] = found | {"verdict": decide_verdict(found)}
    return differences


def _average_corruption(result: Mapping[str, Any], corruption: str, classes: Sequence[str]) -> float:
    """Average a corruption's scores over severities, then over classes."""
    return compute_mean([compute_mean(result["per_class"][name]["table"][corruption]) for name in classes])


def _collect_block_values(result: Mapping[str, Any], blocks: Sequence[str], classes: Sequence[str]) -> dict[str, Any]:
    """Collect what each block contributes to the means over these classes, ``(blocks,)`` for each metric."""
    collected: dict[str, Any] = {}
    for metric in COMPARED_METRICS:
        rows = []
        for block in blocks:
            rows.append([result["blocks"][block][f"{metric}:{name}"] for name in classes])
        collected[metric] = np.array(rows, dtype=float).mean(axis=1)  # None becomes NaN
    return collected


def describe_comparison(result: Mapping[str, Any]) -> str:
    """Say in a sentence which model keeps more under corruption.

    Args:
        result: what :func:`compare_results` returns.
    """
    parts = []
    for row in sorted(result["models"], key=lambda row: -(row["mpc"] or 0)):
        parts.append(f"{row['folder']} {format_percent(row['mpc'])} (clean {format_percent(row['clean'])})")
    metric = METRIC_NAMES[result["metric"]]
    sentence = f"{metric} on {', '.join(result['classes'])} under corruption: {', '.join(parts)}"
    if result["blocks"] < MIN_BLOCKS:
        blocks = "1 block" if result["blocks"] == 1 else f"{result['blocks']} blocks"
        return f"{sentence}; {blocks} of frames are too few to say whether other frames would show the same"
    differences = []
    for folder, row in result["differences"].items():
        low, high = row["mpc"]["ci"]
        if low is not None and high is not None:
            interval = f"{100 * low:+.1f} to {100 * high:+.1f}"
            differences.append(f"{folder} {100 * row['mpc']['mean']:+.1f} ({interval})")
    if differences:
        sentence += f"; against {result['models'][0]['folder']}: {', '.join(differences)}"
    return sentence


def build_model_rows(result: Mapping[str, Any]) -> list[Row]:
    """Build a row for each model: clean, each corruption, mPC, rPC, in percent; the first row names the columns."""
    rows: list[Row] = [["model", "clean", *result["table"], "mPC", "rPC"]]
    for row in result["models"]:
        cells = [format_percent(values[row["folder"]]) for values in result["table"].values()]
        clean = format_percent(row["clean"])
        rows.append([row["folder"], clean, *cells, format_percent(row["mpc"]), format_percent(row["rpc"])])
    return rows


def write_comparison(out: Path, result: Mapping[str, Any]) -> None:
    """Write ``result.json``, ``table.csv`` and ``table.md``.

    Args:
        out: the folder of the comparison.
        result: what :func:`compare_results` returns.
    """
    write_json(out / "result.json", result)
    rows = build_model_rows(result)
    write_rows(out / "table.csv", rows)
    with write_file_atomically(out / "table.md") as temporary:
        temporary.write_text(f"{describe_comparison(result)}\n\n{format_markdown(rows)}\n", encoding="utf-8")
