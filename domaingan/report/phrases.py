"""Metrics, sizes, counts and settings in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domaingan.metrics.measures import get_measure, split_metric
from domaingan.report.number_formats import DASH, format_difference, format_p, format_value


def state_p(p: float | None) -> str:
    """State a p value.

    >>> state_p(0.03125), state_p(0.00005)
    ('p = 0.031', 'p below 0.001')
    """
    text = format_p(p)
    return f"p {text}" if text.startswith("below") else f"p = {text}"


def state_size(metric: str, size: float) -> str:
    """State how large a difference is, without its sign.

    >>> state_size("dice:rare", 0.063), state_size("hd95:rare", 1.5)
    ('6.3 points', '1.5 mm')
    """
    text = format_value(metric, size)
    return f"{text} points" if get_measure(metric).is_share else text


def state_difference(metric: str, difference: float) -> str:
    """State a difference with its sign.

    >>> state_difference("dice:rare", -0.063), state_difference("hd95:rare", 1.5)
    ('−6.3 points', '+1.5 mm')
    """
    text = format_difference(metric, difference)
    return f"{text} points" if get_measure(metric).is_share else text


def format_metric(metric: str) -> str:
    """Format a metric's name for readers.

    >>> format_metric("dice:enhancing"), format_metric("false:whole_tumour")
    ('Dice, enhancing', 'False alarms, whole tumour')
    """
    words = get_measure(metric).words
    _, target = split_metric(metric)
    return f"{words}, {target.replace('_', ' ')}" if target else words


def format_setting(value: Any) -> str:
    """Format a setting as a short text."""
    if isinstance(value, dict):
        entries = [f"{name}: {format_setting(entry)}" for name, entry in value.items()]
        return "; ".join(entries) or DASH
    if isinstance(value, (list, tuple)):
        return ", ".join(map(format_setting, value)) or DASH
    return DASH if value is None else str(value)


def list_settings(config: dict[str, Any], hidden: Sequence[str] = ()) -> list[tuple[str, str]]:
    """List the settings of a run for its page.

    Args:
        config: the content of its ``config.json``.
        hidden: names that are left out; the command always is, since the page shows it by itself.

    Returns:
        Pairs of a name and a text.
    """
    settings = []
    for name, value in config.items():
        if name != "command" and name not in hidden:
            settings.append((name, format_setting(value)))
    return settings


def read_unit(difference: dict[str, Any]) -> str:
    """Read what a difference was measured over: subjects, unless it says otherwise."""
    return str(difference.get("unit") or "subject")


def format_count(n: int, noun: str) -> str:
    """Format a number with its noun.

    >>> format_count(1, "seed"), format_count(3, "test subject")
    ('1 seed', '3 test subjects')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
