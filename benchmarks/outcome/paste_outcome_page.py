"""The page of :mod:`paste_outcome`: its trainings as one JSON file, and tables in Markdown.

python -m benchmarks.outcome.paste_outcome_page runs/paste-outcome [--steps 500]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.lib.pages import update_page
from benchmarks.lib.timing import RESULTS, format_table  # sets the number of threads, so before NumPy
from benchmarks.outcome.paste_cells import BASE_CELL, CELLS

# isort: split
import numpy as np
from numpy.typing import NDArray

from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.evaluation.comparisons import summarise_table
from domaingan.metrics.verdict import can_be_shown

Training = dict[str, Any]

CELL_DESCRIPTIONS = {
    "classic": "nothing is pasted",
    "base": "feather, anywhere below the surface, contrast as it is, 1 to 3 crops an image, half of the images",
    "poisson": "Poisson",
    "feather-noise": "feather, the grain matched",
    "poisson-noise": "Poisson, the grain matched",
    "contrast": "contrast × 0.5 to 1.5",
    "one": "1 crop an image",
    "one-to-five": "1 to 5 crops an image",
    "prior": "placed by the learned prior",
    "elastic": "elastic deformation 0.3",
    "every-image": "every image is pasted into",
    "width": "blended over 1 to 5 pixels, drawn for each crop",
}
"""What a cell changes."""


def collect_dice(trainings: list[Training]) -> NDArray[np.float64]:
    """Dice of each training and person, ``(trainings, people)``; people in one order."""
    people = sorted(trainings[0]["scores"])
    rows = [[one["scores"][person][f"dice:{one['class']}"] for person in people] for one in trainings]
    return np.array(rows, dtype=float)  # None becomes NaN


def format_percent(found: dict[str, Any], sign: str = "") -> str:
    """Mean and interval in points."""
    low, high = found["ci"]
    interval = "" if low is None else f" ({100 * low:{sign}.1f} to {100 * high:{sign}.1f})"
    return f"{100 * found['mean']:{sign}.1f}{interval}"


def group_by_cell(trainings: list[Training]) -> dict[str, list[Training]]:
    """Trainings of each cell in the table's order, by seed."""
    rows = {name: [one for one in trainings if one["cell"] == name] for name in CELLS}
    return {name: sorted(found, key=lambda one: one["seed"]) for name, found in rows.items() if found}


def summarise_cells(rows: dict[str, list[Training]]) -> dict[str, Any]:
    """For each cell its mean over people by seed and over all, its difference to the base over the seeds both have."""
    found: dict[str, Any] = {}
    base = {one["seed"]: one for one in rows.get("base", [])}
    for name, own in rows.items():
        values = collect_dice(own)
        row: dict[str, Any] = {
            "settings": own[0]["settings"],
            "seeds": [one["seed"] for one in own],
            "per_seed": np.nanmean(values, axis=1).tolist(),
            "dice": summarise_table(values),
            "cpu_seconds": float(np.mean([sum(one["cpu_seconds"].values()) for one in own])),
        }
        shared = [one for one in own if one["seed"] in base]
        if name != "base" and shared:
            against = collect_dice([base[one["seed"]] for one in shared])
            row["to_base"] = summarise_table(collect_dice(shared) - against)
            row["to_base"]["seeds"] = [one["seed"] for one in shared]
            row["to_base"]["per_seed"] = (collect_dice(shared) - against).mean(axis=1).tolist()
        found[name] = row
    return found


def format_cells_table(found: dict[str, Any]) -> str:
    """A row a cell."""
    lines = []
    for name, row in found.items():
        to_base = row.get("to_base")
        lines.append(
            [
                f"`{name}`",
                CELL_DESCRIPTIONS.get(name, ""),
                format_percent(row["dice"]),
                ", ".join(
                    f"{100 * value:.1f} ({seed})" for seed, value in zip(row["seeds"], row["per_seed"], strict=True)
                ),
                format_to_base(to_base),
                ", ".join(f"{100 * value:+.1f}" for value in to_base["per_seed"]) if to_base else "–",
                f"{row['cpu_seconds']:.0f}",
            ]
        )
    return format_table(["cell", "differs in", "Dice", "by seed", "minus base", "by seed", "CPU s"], lines)


def format_to_base(to_base: dict[str, Any] | None) -> str:
    """A difference with its interval, and p where there are enough trainings to show anything."""
    if not to_base:
        return "–"
    text = format_percent(to_base, "+")
    return f"{text}, p = {to_base['p']:.2g}" if can_be_shown(to_base) else text


def format_curve_table(trainings: list[Training]) -> str:
    """A row a length: mean over the people kept out, each of which was kept out of its own group's trainings."""
    lines = []
    for steps in sorted({one["steps"] for one in trainings}):
        own = [one for one in trainings if one["steps"] == steps]
        groups = {(one["held_out"], one["seed"]): one["dice"] for one in own}
        said = ", ".join(f"{100 * value:.1f} ({group}/{seed})" for (group, seed), value in sorted(groups.items()))
        loss = np.mean([one["losses"][-1][1] for one in own])
        lines.append([f"{steps:,}", f"{100 * np.mean(list(groups.values())):.1f}", said, f"{loss:.2f}"])
    return format_table(["steps", "Dice", "by group of three / seed", "training loss at the end"], lines)


def read_trainings(folder: Path) -> list[Training]:
    """The trainings of a folder."""
    return [read_json(path) for path in sorted(folder.glob("*.json"))]


def main() -> None:
    """Collect the trainings there are; the longest ones unless a length is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    lengths = sorted(int(path.name.partition("-")[2]) for path in asked.work.glob("steps-*"))
    steps = asked.steps or (lengths[-1] if lengths else 0)
    trainings, curve = read_trainings(asked.work / f"steps-{steps}"), read_trainings(asked.work / "curve")
    if not trainings and not curve:
        parser.error(f"no trainings in {asked.work}")
    found = summarise_cells(group_by_cell(trainings))
    facts = {
        "base": {**BASE_CELL.paste, **BASE_CELL.variation, "share": BASE_CELL.share},
        "steps": steps,
        "cells": found,
    }
    write_json(asked.out / "paste-outcome.json", facts | {"trainings": trainings, "curve": curve})
    blocks = {"cells": format_cells_table(found)} if trainings else {}
    update_page(asked.out / "paste-outcome.md", blocks)
    if curve:
        print(format_curve_table(curve))


if __name__ == "__main__":
    main()
