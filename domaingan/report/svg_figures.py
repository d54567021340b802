"""The report's figures: inline SVG whose ink follows the page's light or dark style, and pictures as data URIs."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from domaingan.report.number_formats import IntervalEnds

INK, FAINT, PAPER = "#010203", "#010204", "#010205"
"""Placeholders, replaced by the page's own colours once the figure is drawn."""

ARM_COLOURS = ("#2f7fc1", "#d9762b", "#2f9a6b", "#a65fb0", "#b08900", "#c2496d")
"""One for each arm; most colour-blind readers can distinguish them, and they are legible on white and on black."""

FIGURE_WIDTH = 4.8
"""Width of a figure in inches: its text stays readable when a phone shrinks it."""


BETTER_COLOUR = ARM_COLOURS[2]
WORSE_COLOUR = ARM_COLOURS[5]

MARKERS = "osD^v"
"""One for each group of corruptions."""

MAX_NAMED_SUBJECTS = 40
"""With more subjects the figure does not name them."""


def encode_png(picture: NDArray[np.uint8]) -> str:
    """Encode an ``(H, W, 3)`` picture as a PNG in a ``data:`` address."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def draw_subjects(
    names: Sequence[str], before: Sequence[float], after: Sequence[float], arms: tuple[str, str]
) -> Markup:
    """Draw each subject's score with two arms, joined by a line; the lowest with the first arm is at the top.

    Args:
        names: of the subjects.
        before: scores with the first arm, 0 to 1.
        after: scores with the second arm, 0 to 1.
        arms: their names.
    """
    order = np.argsort(before, kind="stable")
    has_names = len(names) <= MAX_NAMED_SUBJECTS
    row_height = 0.22 if has_names else 0.07
    figure = Figure(figsize=(FIGURE_WIDTH, 1.2 + row_height * len(names)), layout="constrained")
    axes = figure.add_subplot()
    rows = np.arange(len(names))
    first = 100 * np.asarray(before, dtype=float)[order]
    second = 100 * np.asarray(after, dtype=float)[order]
    for row, x, y in zip(rows, first, second, strict=True):
        colour = BETTER_COLOUR if y >= x else WORSE_COLOUR
        axes.plot([x, y], [row, row], color=colour, linewidth=1.4, zorder=1)
    axes.scatter(first, rows, s=30, facecolor=PAPER, edgecolor=INK, label=arms[0], zorder=2)
    axes.scatter(second, rows, s=30, facecolor=ARM_COLOURS[0], edgecolor=ARM_COLOURS[0], label=arms[1], zorder=3)
    if has_names:
        axes.set_yticks(rows, [names[number] for number in order])
    else:
        axes.set_yticks([], [])
    axes.set_xlim(-3, 103)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("percent")
    figure.legend(loc="outside upper right", ncols=2, frameon=False, labelcolor=INK)
    return to_svg(figure, "subjects", f"Scores of every test subject with {arms[0]} and with {arms[1]}")


def draw_learning_curve(
    points: Sequence[tuple[int, float, IntervalEnds]], *, arm: str, unit: str, metric: str, is_share: bool
) -> Markup:
    """Draw a score over the number of training people, each doubling as wide as the other.

    Args:
        points: numbers of people, each with the mean and its interval.
        arm: what was trained.
        unit: what each of the people is.
        metric: its name for readers.
        is_share: whether it is shown in percent.
    """
    factor = 100.0 if is_share else 1.0
    figure = Figure(figsize=(FIGURE_WIDTH, 2.6), layout="constrained")
    axes = figure.add_subplot()
    people = [number for number, _, _ in points]
    means = [factor * mean for _, mean, _ in points]
    axes.plot(people, means, color=ARM_COLOURS[0], marker="o", linewidth=1.6)
    for number, _, (low, high) in points:
        if low is not None and high is not None:
            axes.plot([number, number], [factor * low, factor * high], color=ARM_COLOURS[0], linewidth=1.2, alpha=0.7)
    axes.set_xscale("log", base=2)
    axes.set_xticks(people, list(map(str, people)))
    axes.set_xticks([], minor=True)
    axes.set_xlabel(f"training {unit}s")
    axes.set_ylabel(f"{metric}, percent" if is_share else metric)
    return to_svg(figure, "learning", f"Learning curve of {arm}: {metric} over the number of training {unit}s", "y")


def draw_losses(curves: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]]) -> Markup:
    """Draw training loss over steps: a colour for each arm, a line for each training.

    Args:
        curves: for each arm the steps and losses of its trainings.
    """
    figure = Figure(figsize=(FIGURE_WIDTH, 2.8), layout="constrained")
    axes = figure.add_subplot()
    for number, (arm, lines) in enumerate(curves.items()):
        colour = ARM_COLOURS[number % len(ARM_COLOURS)]
        for index, (steps, values) in enumerate(lines):
            label = arm if index == 0 else None
            axes.plot(steps, values, color=colour, linewidth=1.2, alpha=0.8, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("training loss")
    figure.legend(loc="outside upper left", ncols=2, frameon=False, labelcolor=INK)
    return to_svg(figure, "losses", "Training loss of every arm over the steps")


def draw_severities(
    curves: Mapping[str, Sequence[float | None]], clean: float, severities: Sequence[int], metric: str
) -> Markup:
    """Draw a metric over severity, a line for each group of corruptions, starting at the clean score.

    Args:
        curves: for each group its score at each severity, 0 to 1.
        clean: the score on clean pictures.
        severities: of the columns.
        metric: its name for readers.
    """
    figure = Figure(figsize=(FIGURE_WIDTH, 3.0), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(100 * clean, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    for number, (group, values) in enumerate(curves.items()):
        points = [100 * clean]
        for value in values:
            points.append(float("nan") if value is None else 100 * value)
        colour = ARM_COLOURS[number % len(ARM_COLOURS)]
        marker = MARKERS[number % len(MARKERS)]
        axes.plot([0, *severities], points, color=colour, marker=marker, markersize=5, linewidth=1.6, label=group)
    axes.set_xticks([0, *severities], ["clean", *map(str, severities)])
    axes.set_ylim(0, 100 * clean * 1.08)
    axes.set_xlabel("severity")
    axes.set_ylabel(f"{metric}, percent")
    figure.legend(loc="outside upper left", ncols=4, frameon=False, labelcolor=INK)
    title = f"{metric} by severity for each group of corruptions; the table has the numbers"
    return to_svg(figure, "curves", title, grid="y")


def to_svg(figure: Figure, name: str, title: str, grid: Literal["x", "y"] = "x") -> Markup:
    """Write a figure as an ``<svg>`` element that loads nothing, in the page's colours and font.

    Args:
        figure: the figure.
        name: makes the identifiers in it unique on the page.
        title: the text for those who do not see it.
        grid: the axis with grid lines.
    """
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
