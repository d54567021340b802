"""The page of :mod:`gan_quality`: its cells as one JSON file, a table in Markdown, and the ratio to the plain DCGAN.

python -m benchmarks.quality.gan_quality_page runs/gan-quality --out benchmarks/results
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.machine import describe_machine
from benchmarks.lib.pages import update_page
from benchmarks.quality.gan_quality import CONFIGS

BEST, PLAIN, FRESH = "relativistic", "plain", (1, 2, 3)
SET_TITLES = {"brats": "lesions (four channels)", "camvid": "objects (RGB)"}

Cell = dict[str, Any]


def compute_kid_ratio(cells: list[Cell], name: str) -> dict[str, float]:
    """KID of the best configuration over the plain one's, over the seeds that chose neither, with its 95 % interval.

    By the delta method: the standard error of each mean holds the spread over the seeds and the error of KID itself,
    which all seeds share as they are compared with the same real crops.
    """
    found = {}
    for config in (BEST, PLAIN):
        rows = [cell for cell in cells if (cell["set"], cell["config"]) == (name, config) and cell["seed"] in FRESH]
        values = np.array([row["kid"] for row in rows])
        if len(values) < len(FRESH):
            return {}
        shared = float(np.mean([row["kid_error"] for row in rows]))
        found[config] = values.mean(), np.hypot(values.std(ddof=1) / len(values) ** 0.5, shared)
    (best, best_error), (plain, plain_error) = found[BEST], found[PLAIN]
    value = best / plain
    error = value * np.hypot(best_error / best, plain_error / plain)
    return {"ratio": value, "low": value - 1.96 * error, "high": value + 1.96 * error}


def compute_coverage_ratio(cells: list[Cell], name: str) -> float:
    """Coverage by the best configuration as a share of real crops', the mean over the seeds that did not choose it."""
    rows = [cell for cell in cells if (cell["set"], cell["config"]) == (name, BEST) and cell["seed"] in FRESH]
    return float(np.mean([row["coverage"] / row["floor"]["coverage"] for row in rows]))


def format_set_table(cells: list[Cell], name: str) -> list[str]:
    """The rows of a set, seeds side by side."""
    rows: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell["set"] == name:
            rows[cell["config"]].append(cell)
    floor = next(cell["floor"] for cell in cells if cell["set"] == name)
    lines = ["| configuration | KID by seed | coverage | precision | density |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for config in CONFIGS:
        own = sorted(rows[config], key=lambda cell: cell["seed"])
        if own:
            kids = ", ".join(f"{cell['kid']:.2f} ± {cell['kid_error']:.2f} ({cell['seed']})" for cell in own)
            means = (np.mean([cell[key] for cell in own]) for key in ("coverage", "precision", "density"))
            lines.append(f"| {config} | {kids} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")
    lines.append(
        f"| real crops | {floor['kid']:.2f} ± {floor['kid_error']:.2f} | {floor['coverage']:.2f} | "
        f"{floor['precision']:.2f} | {floor['density']:.2f} |"
    )
    return [*lines, ""]


def format_set_block(cells: list[Cell], name: str, r: dict[str, float]) -> str:
    """Format the table of a set, and what it says of the aims."""
    lines = format_set_table(cells, name)
    if r:
        said = "reached" if r["ratio"] <= 0.3 and r["high"] < 0.5 else "not reached"
        share = compute_coverage_ratio(cells, name)
        lines += [
            f"KID of `{BEST}` over that of `{PLAIN}`, seeds 1 to 3: **{r['ratio']:.2f}** "
            f"({r['low']:.2f} to {r['high']:.2f}); at most 0.30 with an upper end below 0.50 was the aim: {said}.",
            "",
            f"Coverage of `{BEST}` over that of real crops, seeds 1 to 3: **{share:.2f}**; at least "
            f"0.70 was the aim: {'reached' if share >= 0.7 else 'not reached'}.",
        ]
    return "\n".join(lines)


def main() -> None:
    """Collect the cells there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    cells = [json.loads(path.read_text()) for path in sorted(asked.cells.glob("*.json"))]
    for cell in cells:
        cell.pop("seconds")  # cells run beside others, and may be paused
    ratios = {name: compute_kid_ratio(cells, name) for name in SET_TITLES}
    result = {"machine": describe_machine("torch", "timm"), "ratios": ratios, "cells": cells}
    (asked.out / "gan-quality.json").write_text(json.dumps(result, indent=1) + "\n")
    blocks = {f"quality-{name}": format_set_block(cells, name, ratios[name]) for name in SET_TITLES}
    update_page(asked.out / "gan-quality.md", blocks)


if __name__ == "__main__":
    main()
