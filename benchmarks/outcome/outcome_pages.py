"""Takes finished runs into ``benchmarks/results``, and updates the pages that show them.

    python -m benchmarks.outcome.outcome_pages brats=runs/brats fcd-10=runs/fcd-10 camvid-yolox=runs/camvid-yolox

Each run leaves NAME.json there (its result without the loss curves, and its config), the data's folder called by its
name alone. The block NAME of the page that has one is made from it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from benchmarks.lib.pages import update_page
from domaingan.core.files import write_json
from domaingan.core.reading import read_json

OUTSIDE_FOLDERS = re.compile(r"(?:\.\./)+(?:[\w-]+/)*")
"""Folders beside the repository, whose names mean nothing elsewhere."""

RESULTS_FOLDER = Path(__file__).parents[1] / "results"
SHOWN_METRICS = ("dice:", "found:", "miou", "iou:", "ap")
"""Metrics that a table shows."""


def take_run(name: str, run: Path) -> None:
    """Keep a run's numbers as ``NAME.json``."""
    result, config = read_json(run / "result.json"), read_json(run / "config.json")
    result.pop("training", None)
    config = {key: OUTSIDE_FOLDERS.sub("", value) if isinstance(value, str) else value for key, value in config.items()}
    write_json(RESULTS_FOLDER / f"{name}.json", {"config": config, "result": result})


def format_score(score: dict[str, Any] | None) -> str:
    """Mean and interval in percent."""
    if not score or score["mean"] is None:
        return "–"
    low, high = score["ci"]
    interval = "" if low is None else f" ({100 * low:.0f} to {100 * high:.0f})"
    return f"{100 * score['mean']:.1f}{interval}"


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
    result, config = kept["result"], kept["config"]
    if result.get("kind") == "robustness":
        return format_robustness(kept)
    shown = [m for m in next(iter(result["arms"].values())) if m.startswith(SHOWN_METRICS)]
    if len(shown) > 4 and any(m.startswith("dice:") for m in shown):
        shown = [m for m in shown if m.startswith("dice:")]
    lines = ["| arm | " + " | ".join(shown) + " | per seed |", "| --- |" + " --- |" * (len(shown) + 1)]
    first = next(iter(shown))
    for arm, scores in result["arms"].items():
        seeds = " / ".join("–" if v is None else f"{100 * v:.1f}" for v in result["per_seed"][arm].get(first, []))
        lines.append(f"| {arm} | " + " | ".join(format_score(scores.get(m)) for m in shown) + f" | {seeds} |")
    if result["differences"]:
        unit = result.get("unit", "subject")
        lines += ["", f"Differences to {result['reference']}, in points, paired over test {unit}s:", ""]
        lines += ["| arm | " + " | ".join(shown) + " |", "| --- |" + " --- |" * len(shown)]
    for arm, rows in result["differences"].items():
        cells = [
            f"{format_score(rows.get(m))}, p = {rows[m]['p']:.2g}" if rows.get(m, {}).get("p") else "–" for m in shown
        ]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    generated = result.get("generated") or result.get("painted") or {}  # version 0.1 called it painted
    lines += format_comparisons(result, shown) + format_generated(generated)
    if primary := result["primary"]:  # of one arm alone there is no comparison
        lines += ["", f"Verdict on {primary['arm']} ({primary['metric']}): **{result['verdict']}**, "
                  f"n = {primary['n']}, smallest possible p = {result['smallest_p']:.2g}."]  # fmt: skip
    lines += [f"- {note}" for note in result["notes"]]
    return [*lines, "", f"`{config['command']}`", ""]


def format_comparisons(result: dict[str, Any], shown: list[str]) -> list[str]:
    """How arms that paste compare with pasting real crops; the wider interval holds what other seeds would change."""
    versus = result.get("versus_strong_baseline") or result.get("to_rival")
    if not versus:
        return []
    unit, lines = result.get("unit", "subject"), []
    for arm, rows in versus.items():
        for metric in shown:
            row = rows.get(metric)
            if not row or row["mean"] is None:
                continue
            wide = "–" if row["crossed"][0] is None else " to ".join(f"{100 * end:+.1f}" for end in row["crossed"])
            seeds = " / ".join("–" if v is None else f"{100 * v:+.1f}" for v in row["per_seed"])
            ends = "–" if row["ci"][0] is None else " to ".join(f"{100 * end:+.1f}" for end in row["ci"])
            p = "–" if row["p"] is None else f"{row['p']:.2g}"
            lines.append(f"| {arm} | {metric} | {100 * row['mean']:+.1f} | {ends} | {wide} | {p} | {seeds} |")
    head = f"| arm | metric | minus copy-paste+classic | over {unit}s | over {unit}s and seeds | p | per seed |"
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
