"""Numbers as readers see them: percent, points, millimetres, intervals and p values."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.metrics.measures import get_measure

MINUS, DASH = "−", "–"

IntervalEnds = Sequence[float | None]

MIN_WHOLE_AMOUNT = 100.0
"""Volumes, distances and counts from this on are written without decimals."""

SMALLEST_SHOWN_P = 0.001
"""Smaller p values are shown as ``below 0.001``."""


def format_percent(share: float | None) -> str:
    """Format a share as percent with one decimal.

    >>> format_percent(0.6125), format_percent(None)
    ('61.3', '–')
    """
    return DASH if share is None else _format_decimal(100 * share)


def format_points(difference: float | None) -> str:
    """Format a difference of shares in percentage points, with its sign.

    >>> format_points(0.0631), format_points(-0.02), format_points(0.0)
    ('+6.3', '−2.0', '0.0')
    """
    if difference is None:
        return DASH
    text = _format_decimal(100 * difference)
    if text.startswith(MINUS) or not float(text):
        return text
    return f"+{text}"


def _format_decimal(value: float) -> str:
    """Format a number with one decimal; the small addend rounds 0.25 to 0.3 as readers expect."""
    text = f"{value + 1e-9:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", MINUS)


def format_value(metric: str, value: float | None) -> str:
    """Format a value of a metric: shares in percent, other values with their unit.

    >>> format_value("dice:rare", 0.6125), format_value("hd95:rare", 4.26), format_value("brier", 0.1234)
    ('61.3', '4.3 mm', '0.123')
    >>> format_value("fp_mm3:rare", 12345.6), format_value("fp_lesions:rare", 0.25)
    ('12,346 mm³', '0.3 lesions')
    """
    measure = get_measure(metric)
    if measure.is_share:
        return format_percent(value)
    if value is None:
        return DASH
    return _join_unit(_format_amount(value, measure.unit), measure.unit)


def format_difference(metric: str, difference: float | None) -> str:
    """Format a difference of a metric with its sign: shares in percentage points, other values with their unit.

    >>> format_difference("dice:rare", 0.0631), format_difference("hd95:rare", -1.52), format_difference("brier", 0.0)
    ('+6.3', '−1.5 mm', '0.000')
    """
    measure = get_measure(metric)
    if measure.is_share:
        return format_points(difference)
    if difference is None:
        return DASH
    return _join_unit(_add_plus(_format_amount(difference, measure.unit)), measure.unit)


def format_metric_interval(metric: str, ends: IntervalEnds, *, signed: bool = False) -> str:
    """Format an interval of a metric as ``low to high``, in its unit.

    Args:
        metric: its name tells the unit.
        ends: of the interval.
        signed: write both ends with their sign, as of a difference.

    >>> format_metric_interval("hd95:rare", [-3.0, 1.5], signed=True), format_metric_interval("dice", [0.5, 0.6])
    ('−3.0 to +1.5 mm', '50.0 to 60.0')
    """
    measure = get_measure(metric)
    low, high = ends
    if measure.is_share or low is None or high is None:
        return format_interval(ends, signed=signed)
    amounts = [_format_amount(end, measure.unit) for end in (low, high)]
    if signed:
        amounts = [_add_plus(amount) for amount in amounts]
    return _join_unit(" to ".join(amounts), measure.unit)


def _format_amount(value: float, unit: str) -> str:
    """Format a number that is no share: large ones without decimals, those without a unit with three."""
    if not unit:
        text = f"{value:.3f}"
    elif abs(value) >= MIN_WHOLE_AMOUNT:
        text = f"{value:,.0f}"
    else:
        return _format_decimal(value)
    return text.replace("-", MINUS)


def _add_plus(text: str) -> str:
    is_zero = not text.strip("0.")
    return text if is_zero or text.startswith(MINUS) else f"+{text}"


def _join_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit else text


def format_interval(ends: IntervalEnds, *, signed: bool = False) -> str:
    """Format an interval of shares as ``low to high``, in percent.

    Args:
        ends: of the interval, shares.
        signed: write both ends with their sign, as of a difference.

    >>> format_interval([0.021, 0.105], signed=True), format_interval([None, None])
    ('+2.1 to +10.5', '–')
    """
    low, high = ends
    if low is None or high is None:
        return DASH
    if signed:
        return f"{format_points(low)} to {format_points(high)}"
    return f"{format_percent(low)} to {format_percent(high)}"


def format_p(p: float | None) -> str:
    """Format a p value with two significant digits.

    >>> format_p(0.03125), format_p(0.00005), format_p(None)
    ('0.031', 'below 0.001', '–')
    """
    if p is None:
        return DASH
    return "below 0.001" if p < SMALLEST_SHOWN_P else f"{p:.2g}"
