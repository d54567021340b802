"""Updates the pages of how fast pasting and its solver are, and of how near a look comes.

    python -m benchmarks.speed.blending_pages

Reads poisson.json, paste.json, paste-volume.json and relight.json of ``benchmarks/results``.
"""

from __future__ import annotations

from typing import Any

from benchmarks.lib.pages import update_page
from benchmarks.lib.timing import RESULTS, format_table
from domaingan.core.reading import read_json

Row = dict[str, Any]


def format_poisson(kept: Row) -> dict[str, str]:
    """Format the tables of the solver."""
    rows = []
    for row in kept["frames"]:
        ms, residual, outside = row["ms"], row["residual"], row["changed_outside_mask"]
        changed = (f"{outside[side]['mean']:.1f}, {outside[side]['max']:.0f}" for side in outside)
        rows.append(
            [
                f"{row['edge']}²",
                *(f"{ms[side]:.2f}" for side in ms),
                f"{row['faster']:.1f} ×",
                f"{row['faster_on_mask']:.2f} ×",
                " / ".join(f"{value:.2g}" if value < 0.1 else f"{value:.3f}" for value in residual.values()),
                *changed,
            ]
        )
    sides = ["seamlessClone", "rectangle", "mask"]
    head = ["patch", *sides, "rectangle faster", "mask faster", "residual: theirs / ours in 8 bits / in float32"]
    frames = format_table([*head, *(f"changed outside: {side}" for side in sides)], rows)
    solids = [
        [
            name,
            f"{row['unknowns']:,}",
            *(f"{row['ms'][side]:.1f}" for side in ("cg", "ours")),
            f"{row['faster']:.1f} ×",
            f"{row['residual_cg']:.1e} / {row['residual_ours']:.1e}",
        ]
        for name, row in kept["volumes"].items()
    ]
    volumes = format_table(["domain", "unknowns", "cg, ms", "ours, ms", "faster", "residual: theirs / ours"], solids)
    at_once = [[f"{row['edge']}²", *(f"{value:.2f}" for value in row["ms"].values())] for row in kept["workers"]]
    workers = format_table(["patch", "seamlessClone", "mask"], at_once)
    return {"frames": frames, "workers": workers, "volumes": volumes}


def format_paste(kept: Row) -> dict[str, str]:
    """Format images a second, what pasting adds to a step, and memory."""
    rates = [[name, *rate.values()] for name, rate in kept["speed"].items()]
    step, memory = kept["training"], kept["memory"]
    sizes = [[way, memory[way]["private_dirty"], memory[way]["private_clean"]] for way in ("fork", "spawn")]
    sizes_table = format_table(["workers started by", "its own", "pages of files"], sizes)
    added = (
        f"{step['seconds_a_step']['without']} s a step without, {step['seconds_a_step']['with']} s with, "
        f"{step['added_percent']} % more; in CPU seconds of the workers beside those of the step "
        f"{step['added_percent_of_cpu']} % more."
    )
    return {
        "transforms": format_table(["transform", "fastest", "median"], rates),
        "training": added,
        "memory": f"{sizes_table}\n\nThe bank opens in {memory['seconds_to_open']} s.",
    }


def format_volumes(kept: Row) -> dict[str, str]:
    """Format each transform on whole volumes and on patches."""
    rows = [[row["size"], row["transform"], f"{row['new']:.2f}", f"{row['again']:.2f}"] for row in kept["rows"]]
    return {"paste-volumes": format_table(["scan", "transform", "a new scan", "again"], rows)}


def format_looks(kept: Row) -> dict[str, str]:
    """Format every look at every strength."""
    rows: dict[str, dict[float, Row]] = {}
    for row in kept["rows"]:
        if row["strength"]:
            rows.setdefault(row["method"], {})[row["strength"]] = row
    strengths = sorted({strength for row in rows.values() for strength in row})
    lines = [[f"`{name}`", *(f"{100 * row[s]['closed']:.0f} %" for s in strengths)] for name, row in rows.items()]
    return {"looks": format_table(["closed, by strength", *map(str, strengths)], lines)}


def main() -> None:
    """Update the pages."""
    update_page(RESULTS / "poisson-speed.md", format_poisson(read_json(RESULTS / "poisson.json")))
    blocks = format_paste(read_json(RESULTS / "paste.json")) | format_volumes(read_json(RESULTS / "paste-volume.json"))
    update_page(RESULTS / "paste-speed.md", blocks)
    update_page(RESULTS / "looks.md", format_looks(read_json(RESULTS / "relight.json")))


if __name__ == "__main__":
    main()
