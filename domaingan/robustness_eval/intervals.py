"""How sure the numbers are: 95 % intervals by the jackknife over blocks of the drives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domaingan.metrics.statistics import compute_jackknife_pseudovalues, compute_mean_interval
from domaingan.robustness_eval.cells import Cell
from domaingan.robustness_eval.robustness_scores import FrameScorer
from domaingan.robustness_eval.robustness_summary import summarise

MAX_BLOCKS = 20
"""More blocks are joined with their neighbours: each is left out once, and all is scored again without it."""

MIN_BLOCKS = 4
"""With fewer blocks an interval says nothing: Student's t with two of them is 13 standard errors wide."""

HEADLINE_METRICS = ("clean", "mpc", "rpc")


def assign_blocks(units: Sequence[str]) -> list[str]:
    """Assign each frame to a block: its unit, or several units in a row where there are many.

    Args:
        units: the unit (a drive, or a few seconds of one) of each frame.

    >>> assign_blocks(["a", "a", "b"])
    ['a', 'a', 'b']
    """
    order = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    if len(order) <= MAX_BLOCKS:
        return list(units)
    blocks = []
    for unit in units:
        block = order[unit] * MAX_BLOCKS // len(order)
        blocks.append(f"block {block + 1}")
    return blocks


def compute_block_values(
    scorers: Mapping[Cell, FrameScorer], units: Sequence[str], task: str, scored: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Compute what each block contributes to the headline's numbers (the jackknife's pseudovalues).

    Args:
        scorers: of the clean frames and of each corruption and severity.
        units: the unit of each frame.
        task: ``detection`` or ``segmentation``.
        scored: names of the classes that count.

    Returns:
        For each block ``clean``, ``mpc``, ``rpc`` and, for each class, ``clean:NAME`` and ``mpc:NAME``.
    """
    blocks = assign_blocks(units)

    def score_blocks(chosen: Sequence[str]) -> dict[str, float]:
        frames = [number for number, block in enumerate(blocks) if block in chosen]
        clean, corrupted_scores = tabulate(scorers, frames)
        summary = summarise(task, clean, corrupted_scores, scored)
        values = {name: float(summary[name]) for name in HEADLINE_METRICS}
        for name, row in summary["per_class"].items():
            values[f"clean:{name}"] = float(row["clean"])
            values[f"mpc:{name}"] = float(row["mpc"])
        return values

    return compute_jackknife_pseudovalues(list(dict.fromkeys(blocks)), score_blocks)


def tabulate(
    scorers: Mapping[Cell, FrameScorer], frames: Sequence[int] | None = None
) -> tuple[dict[str, float], dict[str, dict[int, dict[str, float]]]]:
    """Compute the scores of every cell.

    Args:
        scorers: of the clean frames and of each corruption and severity.
        frames: numbers of the frames that count, all if None.

    Returns:
        Scores of the clean frames, and scores by corruption and severity.
    """
    corrupted_scores: dict[str, dict[int, dict[str, float]]] = {}
    for cell, scorer in scorers.items():
        if cell.corruption is not None:
            row = corrupted_scores.setdefault(cell.corruption, {})
            row[cell.severity] = scorer.compute_scores(frames)
    return scorers[Cell()].compute_scores(frames), corrupted_scores


def compute_interval(blocks: Mapping[str, Mapping[str, float]], name: str) -> list[float | None]:
    """Compute the 95 % interval of one number.

    Args:
        blocks: what :func:`compute_block_values` returns.
        name: of the number.

    Returns:
        Its ends, cut to the possible range; None where there are too few blocks.
    """
    if len(blocks) < MIN_BLOCKS:
        return [None, None]
    low, high = compute_mean_interval([block[name] for block in blocks.values()])["ci"]
    if low is None or high is None:
        return [None, None]
    largest = float("inf") if name == "rpc" else 1.0  # a model may do better on corrupted frames
    return [max(0.0, low), min(largest, high)]


def compute_intervals(blocks: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Compute the 95 % intervals of the headline's numbers and of each class."""
    first_block = next(iter(blocks.values()))
    return {name: compute_interval(blocks, name) for name in first_block}
