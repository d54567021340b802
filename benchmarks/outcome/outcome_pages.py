"""Takes finished runs into ``benchmarks/results``, and updates the pages that show them.

    python -m benchmarks.outcome.outcome_pages brats=runs/brats fcd-10=runs/fcd-10 camvid-yolox=runs/camvid-yolox

Each run leaves NAME.json there (its result without the loss curves, and its config), the data's folder called by its
name alone. The block NAME of the page that has one is made from it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.lib.pages import update_page
from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.evaluation.result_versions import upgrade_result
from domaingan.metrics.verdict import can_be_shown
from domaingan.report.verdict_phrases import describe_verdict

OUTSIDE_FOLDERS = re.compile(r"(?:\.\./)+(?:[\w-]+/)*")
"""Folders beside the repository, whose names mean nothing elsewhere."""

RESULTS_FOLDER = Path(__file__).parents[1] / "results"
REPLACED_NOTES = ("Intervals are Student's t over", "Intervals are over test")
"""Beginnings of notes in whose place a page says for each table what its intervals are over."""

SHOWN_METRICS = ("dice:", "found:", "miou", "iou:", "ap")
"""Metrics that a table shows."""


def take_run(name: str, run: Path) -> None:
    """Keep a run's numbers as ``NAME.json``."""
    result, config = read_json(run / "result.json"), read_json(run / "config.json")
    result.pop("training", None)
    config = {key: OUTSIDE_FOLDERS.sub("", value) if isinstance(value, str) else value for key, value in config.items()}
    write_json(RESULTS_FOLDER / f"{name}.json", {"config": config, "result": result})


def format_score(score: dict[str, Any] | None) -> str:
    """Mean and interval over people and trainings in percent; over people alone, and marked so, without another."""
    if not score or score["mean"] is None:
        return "–"
    mean = f"{100 * score['mean']:.1f}"
    if score["ci"][0] is not None:
        return f"{mean} ({format_ends(score['ci'])})"
    if score["ci_people"][0] is not None:
        return f"{mean} ({format_ends(score['ci_people'])})*"
    return mean


def format_ends(ends: Sequence[float]) -> str:
    """The ends of an interval, in percent."""
    low, high = ends
    return f"{100 * low:.0f} to {100 * high:.0f}"


def format_signed_ends(ends: Sequence[float | None]) -> str:
    """The ends of an interval of a difference, in points."""
    low, high = ends
    return "–" if low is None or high is None else f"{100 * low:+.1f} to {100 * high:+.1f}"


def format_robustness(kept: dict[str, Any]) -> list[str]:
    """A robustness run as a Markdown table of corruptions and severities, in percent."""
    result, config = kept["result"], kept["config"]
    seconds = result["seconds"]
    lines = ["| corruption | 1 | 2 | 3 | 4 | 5 |", "| --- |" + " --- |" * 5]
    for name, row in result["table"].items():
        lines.append(f"| {name} | " + " | ".join("–" if v is None else f"{100 * v:.1f}" for v in row) + " |")
    lines += ["", f"Clean {100 * result['clean']:.1f}, mPC {100 * result['mpc']:.1f}, rPC {100 * result['rpc']:.1f} %; "
              f"{seconds['total'] / 60:.1f} minutes, {seconds['model'] / 60:.1f} of them the model's own."]  # fmt: skip
    return [*lines, "", "```", config.get("command", ""), "```"]


def format_run(kept: dict[str, Any]) -> list[str]:
    """A run as a Markdown table of arms, with its command and verdict."""
    config = kept["config"]
    if kept["result"].get("kind") == "robustness":
        return format_robustness(kept)
    result = upgrade_result(kept["result"])
    unit = result.get("unit") or "subject"
    shown = [m for m in next(iter(result["arms"].values())) if m.startswith(SHOWN_METRICS)]
    if len(shown) > 4 and any(m.startswith("dice:") for m in shown):
        shown = [m for m in shown if m.startswith("dice:")]
    lines = ["| arm | " + " | ".join(shown) + " | per seed |", "| --- |" + " --- |" * (len(shown) + 1)]
    first = next(iter(shown))
    for arm, scores in result["arms"].items():
        seeds = " / ".join("–" if v is None else f"{100 * v:.1f}" for v in result["per_seed"][arm].get(first, []))
        lines.append(f"| {arm} | " + " | ".join(format_score(scores.get(m)) for m in shown) + f" | {seeds} |")
    if result["differences"]:
        lines += ["", f"Differences to {result['reference']}, in points, paired over test {unit}s and trainings:", ""]
        lines += ["| arm | " + " | ".join(shown) + " |", "| --- |" + " --- |" * len(shown)]
    for arm, rows in result["differences"].items():
        lines.append(f"| {arm} | " + " | ".join(format_difference(rows.get(m)) for m in shown) + " |")
    lines += format_comparisons(result, shown) + format_generated(
        result.get("generated") or result.get("painted") or {}
    )
    if primary := result["primary"]:  # of one arm alone there is no comparison
        verdict = describe_verdict(result["verdict"], {"unit": unit, **primary})
        lines += ["", f"Verdict: **{result['verdict']}**. {verdict}."]
    intervals = f"Intervals are over test {unit}s and trainings."
    if len(next(iter(result["per_seed"].values()))[first]) == 1:
        intervals = f"Intervals with * are over test {unit}s alone: another training can turn them around."
    lines += ["", intervals]
    lines += [f"- {note}" for note in result["notes"] if not note.startswith(REPLACED_NOTES)]
    return [*lines, "", f"`{config['command']}`", ""]


def format_difference(difference: dict[str, Any] | None) -> str:
    """A difference with its interval, and p where it could show anything."""
    text = format_score(difference)
    if difference and can_be_shown(difference):
        text += f", p = {difference['p']:.2g}"
    return text


def format_comparisons(result: dict[str, Any], shown: list[str]) -> list[str]:
    """How arms that paste compare with pasting real crops."""
    versus = result["versus_strong_baseline"]
    if not versus:
        return []
    unit, lines = result.get("unit") or "subject", []
    for arm, rows in versus.items():
        for metric in shown:
            row = rows.get(metric)
            if not row or row["mean"] is None:
                continue
            means = row.get("per_training") or row.get("per_seed") or []
            trainings = " / ".join("–" if v is None else f"{100 * v:+.1f}" for v in means)
            both, people = format_signed_ends(row["ci"]), format_signed_ends(row["ci_people"])
            p = f"{row['p']:.2g}" if can_be_shown(row) else "–"
            lines.append(f"| {arm} | {metric} | {100 * row['mean']:+.1f} | {both} | {people} | {p} | {trainings} |")
    intervals = f"over {unit}s and trainings | over {unit}s alone"
    head = f"| arm | metric | minus copy-paste+classic | {intervals} | p | per training |"
    return ["", head, "| --- |" + " --- |" * 6, *lines]


def format_generated(columns: dict[str, Any]) -> list[str]:
    """Spread of what was painted beside real crops, and how often a network tells them apart at unseen places."""
    if not columns:
        return []
    lines = ["", "| crops | n | contrast | radius, mm | texture | real-vs-fake accuracy |", "| --- |" + " --- |" * 5]
    for name, row in columns.items():
        cells = [f"{row[m]['mean']:.3g} ± {row[m]['sd']:.2g}" for m in ("contrast", "radius_mm", "texture")]
        told = row.get("real_vs_fake_accuracy") or row.get("told")
        said = "–" if not told else f"{100 * told['accuracy']:.0f} % ({told['pairs']} pairs)"
        lines.append(f"| {name} | {row['n']} | " + " | ".join(cells) + f" | {said} |")
    return lines


def update_pages() -> None:
    """Update the block of every run on the page that has it.

    Raises:
        KeyError: no page has a block for a run.
    """
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(RESULTS_FOLDER.glob("*.md"))}
    for path in sorted(RESULTS_FOLDER.glob("*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        if "result" not in kept:
            continue
        mark = f"<!-- numbers: {path.stem} -->"
        shown_on = [page for page, text in pages.items() if mark in text]
        if not shown_on:
            raise KeyError(f"no page has a block for {path.stem}: put {mark} and <!-- end --> where it belongs")
        for page in shown_on:
            update_page(page, {path.stem: "\n".join(format_run(kept))})


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        named, _, folder = argument.partition("=")
        take_run(named, Path(folder))
    update_pages()
