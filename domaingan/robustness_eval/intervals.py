"""How sure the numbers are: intervals over blocks of the drives, by leaving each out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domaingan.metrics.statistics import compute_jackknife_pseudovalues, compute_mean_interval
from domaingan.robustness_eval.cells import Cell
from domaingan.robustness_eval.robustness_scores import Scorer
from domaingan.robustness_eval.robustness_summary import summarise

MAX_BLOCKS = 20
"""More blocks are joined, neighbours with neighbours: each is left out once, and all is scored anew without it."""

MIN_BLOCKS = 4
"""Of fewer blocks an interval says nothing: Student's t of two is 13 standard errors wide."""

HEADLINE_METRICS = ("clean", "mpc", "rpc")


def assign_blocks(units: Sequence[str]) -> list[str]:
    """Name the block of each frame: its unit, or several units in a row where there are many.

    >>> assign_blocks(["a", "a", "b"])
    ['a', 'a', 'b']
    """
    order = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    if len(order) <= MAX_BLOCKS:
        return list(units)
    return [f"block {order[unit] * MAX_BLOCKS // len(order) + 1}" for unit in units]


def compute_block_values(
    scorers: Mapping[Cell, Scorer], units: Sequence[str], task: str, scored: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Compute what each block contributes to the headline: :func:`compute_jackknife_pseudovalues`.

    Args:
        scorers: of the clean frames and of each corruption and severity.
        units: of each frame.
        task: ``detection`` or ``segmentation``.
        scored: names of the classes that count.

    Returns:
        For each block ``clean``, ``mpc``, ``rpc`` and, for each class, ``clean:NAME`` and ``mpc:NAME``.
    """
    blocks = assign_blocks(units)

    def pooled(chosen: Sequence[str]) -> dict[str, float]:
        kept = set(chosen)
        frames = [number for number, block in enumerate(blocks) if block in kept]
        clean, table = tabulate(scorers, frames)
        summary = summarise(task, clean, table, scored)
        values = {name: float(summary[name]) for name in HEADLINE_METRICS}
        for name, row in summary["per_class"].items():
            values |= {f"clean:{name}": float(row["clean"]), f"mpc:{name}": float(row["mpc"])}
        return values

    return compute_jackknife_pseudovalues(list(dict.fromkeys(blocks)), pooled)


def tabulate(
    scorers: Mapping[Cell, Scorer], frames: Sequence[int] | None = None
) -> tuple[dict[str, float], dict[str, dict[int, dict[str, float]]]]:
    """Scores of the clean frames, and by corruption and severity; over some frames, or all."""
    table: dict[str, dict[int, dict[str, float]]] = {}
    for cell, scorer in scorers.items():
        if cell.corruption is not None:
            table.setdefault(cell.corruption, {})[cell.severity] = scorer.compute_scores(frames)
    return scorers[Cell()].compute_scores(frames), table


def compute_interval(blocks: Mapping[str, Mapping[str, float]], name: str) -> list[float | None]:
    """The 95 % interval of one of the numbers, 0 at least; None where it cannot be said."""
    values = [block[name] for block in blocks.values()]
    low, high = compute_mean_interval(values)["ci"] if len(blocks) >= MIN_BLOCKS else (None, None)
    if low is None or high is None:
        return [None, None]
    most = float("inf") if name == "rpc" else 1.0  # a model may do better on corrupted frames
    return [max(0.0, low), min(most, high)]


def compute_intervals(blocks: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Intervals of the headline's numbers, and of each class."""
    names = list(next(iter(blocks.values())))
    return {name: compute_interval(blocks, name) for name in names}
