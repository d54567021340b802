"""The report's figures: inline SVG whose ink follows the page's light or dark style, and pictures as data URIs."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from domaingan.report.phrases import Mark

INK, FAINT, PAPER = "#010203", "#010204", "#010205"
"""Stand-ins that become the page's own colours once the figure is drawn."""

ARM_COLOURS = ("#2f7fc1", "#d9762b", "#2f9a6b", "#a65fb0", "#b08900", "#c2496d")
"""One an arm; told apart by most colour-blind readers, legible on white and on black."""

FIGURE_WIDTH = 4.8
"""Width of a figure in inches: its text stays readable when a phone shrinks it."""


def encode_png(picture: NDArray[np.uint8]) -> str:
    """An ``(h, w, 3)`` picture as a PNG in a ``data:`` address."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def draw_differences(groups: Mapping[str, Sequence[tuple[str, dict[str, Any], Mark]]], against: str) -> Markup:
    """Dots with intervals: for each metric the arms' differences to the reference, in points.

    Args:
        groups: for each metric's name the arms with their difference and what it says.
        against: the reference.
    """
    rows = sum(len(group) for group in groups.values()) + len(groups)
    figure = Figure(figsize=(FIGURE_WIDTH, 0.9 + 0.3 * rows), layout="constrained")
    axes = figure.add_subplot()
    labels: list[str] = []
    for metric, group in groups.items():
        labels.append(metric)
        for arm, difference, mark in group:
            _draw_interval(axes, len(labels), difference, mark)
            labels.append(arm)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(rows), labels)
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in groups else "normal")
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xlabel(f"difference to {against}, points (95 % interval)")
    return to_svg(figure, "differences", f"Differences to {against} with their intervals; the table has the numbers")


def _draw_interval(axes: Any, row: int, difference: dict[str, Any], mark: Mark) -> None:
    low, high = difference["ci"]
    colour = {"better": ARM_COLOURS[2], "worse": ARM_COLOURS[5]}.get(mark.kind, INK)
    if low is not None and high is not None:
        axes.plot([100 * low, 100 * high], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt")
    if difference["mean"] is not None:
        filled = colour if mark.kind in ("better", "worse") else PAPER
        axes.plot([100 * difference["mean"]], [row], "o", color=colour, markerfacecolor=filled, markersize=6)


def draw_subjects(
    names: Sequence[str], before: Sequence[float], after: Sequence[float], arms: tuple[str, str]
) -> Markup:
    """Each subject's score with both arms, joined by a line, worst with the first arm at the top."""
    order = np.argsort(before, kind="stable")
    named = len(names) <= 40
    figure = Figure(figsize=(FIGURE_WIDTH, 1.2 + (0.22 if named else 0.07) * len(names)), layout="constrained")
    axes = figure.add_subplot()
    rows = np.arange(len(names))
    first, second = (100 * np.asarray(values, dtype=float)[order] for values in (before, after))
    for row, x, y in zip(rows, first, second, strict=True):
        axes.plot([x, y], [row, row], color=ARM_COLOURS[2] if y >= x else ARM_COLOURS[5], linewidth=1.4, zorder=1)
    axes.scatter(first, rows, s=30, facecolor=PAPER, edgecolor=INK, label=arms[0], zorder=2)
    axes.scatter(second, rows, s=30, facecolor=ARM_COLOURS[0], edgecolor=ARM_COLOURS[0], label=arms[1], zorder=3)
    axes.set_yticks(rows if named else [], [names[i] for i in order] if named else [])
    axes.set_xlim(-3, 103)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("percent")
    figure.legend(loc="outside upper right", ncols=2, frameon=False, labelcolor=INK)
    return to_svg(figure, "subjects", f"Scores of every test subject with {arms[0]} and with {arms[1]}")


def draw_losses(curves: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]]) -> Markup:
    """Training loss over steps: one colour an arm, one line a training."""
    figure = Figure(figsize=(FIGURE_WIDTH, 2.8), layout="constrained")
    axes = figure.add_subplot()
    for number, (arm, lines) in enumerate(curves.items()):
        for index, (steps, values) in enumerate(lines):
            label = arm if index == 0 else None
            axes.plot(
                steps, values, color=ARM_COLOURS[number % len(ARM_COLOURS)], linewidth=1.2, alpha=0.8, label=label
            )
    axes.set_xlabel("step")
    axes.set_ylabel("training loss")
    figure.legend(loc="outside upper left", ncols=2, frameon=False, labelcolor=INK)
    return to_svg(figure, "losses", "Training loss of every arm over the steps")


def to_svg(figure: Figure, name: str, title: str, grid: Literal["x", "y"] = "x") -> Markup:
    """The figure as an ``<svg>`` element without any address in it, in the page's colours and font."""
    for axes in figure.axes:
        axes.set_facecolor("none")
        axes.tick_params(colors=INK, labelsize=9, length=0)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        axes.grid(axis=grid, color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_visible(False)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9.5}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    for stand_in, variable in ((INK, "--ink"), (FAINT, "--line"), (PAPER, "--paper")):
        text = text.replace(stand_in, f"var({variable})")
    text = re.sub(r'font-family: [^;"]*', "font-family: var(--font)", text)
    head = f'<svg role="img" aria-label="{escape(title)}"'
    return Markup(text.replace("<svg", head, 1))
