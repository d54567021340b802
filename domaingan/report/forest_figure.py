"""The forest plot: for each arm its difference with the interval, and every person as a dot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from domaingan.report.number_formats import MINUS

WIDTH = 380.0
"""Width of the drawing's own units; on a phone one unit is a little less than a pixel."""

SIDE = 12.0
"""Free space on both sides."""

DOT_RADIUS = 2.6

MAX_SPREAD = 34.0
"""Height in which the dots of an arm are spread."""

TEXT_HEIGHT = 17.0
"""Height of a line of text."""

LETTER_WIDTH = 6.6
"""Width of a letter, on the safe side: names and numbers share a line only where both fit."""

MAX_TICKS = 6


@dataclass(frozen=True)
class ForestRow:
    """An arm of the plot.

    Attributes:
        name: what is compared.
        text: the difference and its interval, as numbers.
        mean: the difference; None where there is none.
        ends: of its interval; None where there is none.
        kind: ``better``, ``worse``, ``chance`` or ``few``: the style.
        people: the names and the differences of the people.
    """

    name: str
    text: str
    mean: float | None
    ends: tuple[float, float] | None
    kind: str
    people: Sequence[tuple[str, float]]


def draw_forest(
    rows: Sequence[ForestRow], *, title: str, unit: str, threshold: float, is_lower_better: bool = False
) -> Markup | None:
    """Draw the plot as inline SVG in the page's colours.

    Args:
        rows: the arms; their values are in the unit of the axis.
        title: the text for those who do not see it.
        unit: of the axis, in words.
        threshold: a dot that loses more than this has the style of a loss, one that gains more that of a gain.
        is_lower_better: whether lower values gain.

    Returns:
        The ``<svg>`` element; None where no arm has a difference.
    """
    low, high = _find_range(rows)
    if low == high:
        return None
    scale = (WIDTH - 2 * SIDE) / (high - low)
    ticks = choose_ticks(low, high)
    top = TEXT_HEIGHT + 4
    parts: list[str] = []
    for row in rows:
        drawn, top = _draw_row(row, top, low, scale, threshold, is_lower_better)
        parts.append(drawn)
    bottom = top
    zero = SIDE - low * scale
    lines = []
    for tick in ticks:
        x = SIDE + (tick - low) * scale
        style = "zero" if tick == 0 else "grid"
        lines.append(f'<line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="{TEXT_HEIGHT:.0f}" y2="{bottom:.1f}"/>')
        label = format_tick(tick)
        lines.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 14:.1f}" text-anchor="middle">{label}</text>')
    left, right = ("better", "worse") if is_lower_better else ("worse", "better")
    heads = f'<text class="tick" x="{zero - 6:.1f}" y="12" text-anchor="end">← {left}</text>'
    heads += f'<text class="tick" x="{zero + 6:.1f}" y="12">{right} →</text>'
    axis = f'<text class="tick" x="{WIDTH / 2:.0f}" y="{bottom + 31:.1f}" text-anchor="middle">{escape(unit)}</text>'
    head = f'<svg class="forest" role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH:.0f} {bottom + 38:.0f}">'
    return Markup(f"{head}{''.join(lines)}{heads}{''.join(parts)}{axis}</svg>")


def _find_range(rows: Sequence[ForestRow]) -> tuple[float, float]:
    """Find the range of the axis: every dot, every interval, zero, and room for a word on both sides of it."""
    values = [0.0]
    for row in rows:
        values += [value for _, value in row.people]
        values += row.ends or ()
        if row.mean is not None:
            values.append(row.mean)
    low, high = min(values), max(values)
    room = 0.14 * (high - low)
    return min(low - 0.02 * (high - low), -room), max(high + 0.02 * (high - low), room)


def _draw_row(
    row: ForestRow, top: float, low: float, scale: float, threshold: float, is_lower_better: bool
) -> tuple[str, float]:
    """Draw an arm below ``top``: its name and numbers, its dots, its interval.

    Returns:
        The elements, and where the next arm begins.
    """
    baseline = top + 13
    text = f'<text class="name" x="0" y="{baseline:.1f}">{escape(row.name)}</text>'
    if (len(row.name) + len(row.text) + 2) * LETTER_WIDTH > WIDTH:
        baseline += TEXT_HEIGHT
    text += f'<text class="{row.kind}" x="{WIDTH:.0f}" y="{baseline:.1f}" text-anchor="end">{escape(row.text)}</text>'
    values = np.array([value for _, value in row.people])
    positions = SIDE + (values - low) * scale
    shifts = spread_dots(positions.tolist())
    spread = max(shifts, default=0.0) - min(shifts, default=0.0)
    middle = baseline + 9 + spread / 2 + DOT_RADIUS
    dots = []
    for (person, value), x, shift in zip(row.people, positions, shifts, strict=True):
        gain = -value if is_lower_better else value
        kind = "even"
        if abs(gain) > threshold:
            kind = "gain" if gain > 0 else "loss"
        words = f"{escape(person)}: {format_tick(round(value, 1))}"
        place = f'cx="{x:.1f}" cy="{middle + shift:.1f}" r="{DOT_RADIUS}"'
        dots.append(f'<circle class="{kind}" {place}><title>{words}</title></circle>')
    line = middle + spread / 2 + DOT_RADIUS + 7
    interval = ""
    if row.ends is not None:
        start, end = (SIDE + (value - low) * scale for value in row.ends)
        interval = (
            f'<line class="interval {row.kind}" x1="{start:.1f}" x2="{end:.1f}" y1="{line:.1f}" y2="{line:.1f}"/>'
        )
    if row.mean is not None:
        x = SIDE + (row.mean - low) * scale
        corners = f"{x - 5:.1f},{line:.1f} {x:.1f},{line - 5:.1f} {x + 5:.1f},{line:.1f} {x:.1f},{line + 5:.1f}"
        interval += f'<polygon class="mean {row.kind}" points="{corners}"/>'
    return text + "".join(dots) + interval, line + 16


def spread_dots(positions: Sequence[float]) -> list[float]:
    """Spread dots up and down so that they do not cover each other, as far as :data:`MAX_SPREAD` allows.

    Args:
        positions: where they lie on the axis.

    Returns:
        How far each is shifted.

    >>> spread_dots([10.0, 50.0, 10.0])
    [0.0, 0.0, 5.6]
    """
    step = 2 * DOT_RADIUS + 0.4
    n_steps = int(MAX_SPREAD / 2 / step)
    candidates = [0.0]
    for number in range(1, n_steps + 1):
        candidates += [number * step, -number * step]
    shifts = [0.0] * len(positions)
    placed: list[tuple[float, float]] = []
    for index in np.argsort(positions, kind="stable").tolist():
        position = positions[index]
        near = [shift for x, shift in placed if abs(x - position) < step]
        free = [shift for shift in candidates if shift not in near]
        shift = free[0] if free else candidates[index % len(candidates)]
        shifts[index] = round(shift, 1)
        placed.append((position, shift))
    return shifts


def choose_ticks(low: float, high: float) -> list[float]:
    """Choose round numbers for an axis, 0 among them where it is inside.

    >>> choose_ticks(-12.0, 31.0)
    [-10.0, 0.0, 10.0, 20.0, 30.0]
    """
    raw = (high - low) / MAX_TICKS
    magnitude = 10.0 ** np.floor(np.log10(raw))
    step = next(float(factor * magnitude) for factor in (1, 2, 5, 10) if factor * magnitude >= raw)
    numbers = range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)
    return [round(number * step, 10) for number in numbers]


def format_tick(value: float) -> str:
    """Format a number of the axis with its sign.

    >>> format_tick(-10.0), format_tick(2.5), format_tick(0.0)
    ('−10', '+2.5', '0')
    """
    if value == 0:
        return "0"
    return f"{value:+g}".replace("-", MINUS)
