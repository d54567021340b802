"""The numbers of ``gan_speed.py`` as blocks of its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.lib.turns import format_table

LOOPS = "loop, our networks", "loop, its own networks"

ABOUT = (
    "`python -m benchmarks.speed.gan_speed` makes this page and `gan-speed.json` beside it. On {cpu} ({instructions}; "
    "{cores} cores), PyTorch {torch}, no GPU. The sides of a table ran in turns in one process: medians of {repeat} "
    "turns, in brackets the least and the most; ratios are those of the same turn. While they ran, other processes "
    "kept {others} of a core busy on average, at most {most}."
)


def format_blocks(result: Mapping[str, Any]) -> dict[str, str]:
    """Format the blocks of the page, of all cells that there are."""
    cells, machine = result["cells"], result["machine"]
    busy = [cell["cores_others_used"] for cell in cells.values()]
    about = {
        "repeat": max(cell["repeat"] for cell in cells.values()),
        "instructions": ", ".join(machine["instructions"]),
        "others": f"{sum(busy) / len(busy):.2f}",
        "most": f"{max(busy):.2f}",
    }
    found = {"about": ABOUT.format(**{**machine, **about})}
    sampled: dict[str, Any] = {}
    for name, cell in cells.items():
        shape, _, rest = name.partition(", ")
        if shape == "sample":
            sampled[rest] = cell["sides"]
        elif rest:
            found[f"{shape}-{rest.partition(' ')[0]}"] = _format_training(cell["sides"])
    if sampled:
        found["sample"] = _format_sampling(sampled)
    for name, what, first in (
        ("losses", "loss", "nonsaturating"),
        ("size", "size", "32"),
        ("crops", "crops", "100, in memory"),
    ):
        if name in cells:
            found[name] = _format_sides(cells[name]["sides"], what, first)
    return found


def _format_training(sides: Mapping[str, Any]) -> str:
    head = ["", "images/s", "× loop, our networks", "× loop, its own", "GFLOP/image", "share of peak"]
    weighed = any("gib" in side for side in sides.values())
    rows = []
    for name, side in sides.items():
        if name.startswith("matmul"):
            continue
        peak = "matmul, bf16" if name.endswith("bf16") else "matmul, float32"
        row = [name, _format_rate(side), *(_format_ratio(side, sides[loop]) for loop in LOOPS)]
        row += [
            f"{side['flop'] / side['images'] / 1e9:.2f}",
            f"{_compute_flops(side) / _compute_flops(sides[peak]):.0%}",
        ]
        rows.append(row + ([f"{side['gib']['peak']:.2f}"] if weighed else []))
    peaks = [
        f"{name.partition(', ')[2]} {_compute_flops(sides[name]) / 1e9:,.0f}"
        for name in sides
        if name.startswith("matmul")
    ]
    return format_table(head + ["peak GiB"] * weighed, rows) + f"\n\nPeak, GFLOP/s: {'; '.join(peaks)}.\n"


def _format_sides(sides: Mapping[str, Any], what: str, first: str) -> str:
    head = [what, "ms/step", f"time, {first} = 1", "images/s"]
    weighed = any("gib" in side for side in sides.values())
    rows = []
    for name, side in sides.items():
        milliseconds = [1e3 * seconds for seconds in side["seconds"]]
        row = [name, _format_spread(milliseconds, ".0f"), _format_ratio(sides[first], side), _format_rate(side)]
        rows.append(row + ([f"{side['gib']['own']:.2f}", f"{side['gib']['files']:.2f}"] if weighed else []))
    return format_table(head + ["own GiB", "files GiB"] * weighed, rows)


def _format_sampling(cells: Mapping[str, Any]) -> str:
    head = ["generator", "sample, images/s", "forward, images/s", "share", "sampled again"]
    rows = [
        [
            name,
            _format_rate(sides["sample"]),
            _format_rate(sides["forward"]),
            _format_ratio(sides["sample"], sides["forward"]),
            again,
        ]
        for name, sides in cells.items()
        for again in [str(sum(sides["sample"]["notes"].values()))]
    ]
    return format_table(head, rows)


def _compute_flops(side: Mapping[str, Any]) -> float:
    return side["flop"] / median(side["seconds"])


def _format_rate(side: Mapping[str, Any]) -> str:
    return _format_spread([side["images"] / seconds for seconds in side["seconds"]])


def _format_ratio(side: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """How many times faster a side is than another one."""
    if side is other:
        return "1"
    return _format_spread([b / a for a, b in zip(side["seconds"], other["seconds"], strict=True)], ".2f")


def _format_spread(values: Sequence[float], digits: str = "") -> str:
    digits = digits or (".1f" if median(values) < 100 else ".0f")
    return f"{median(values):{digits}} ({min(values):{digits}}–{max(values):{digits}})"
