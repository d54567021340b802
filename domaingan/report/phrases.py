"""Numbers and differences in words: percent, intervals, p, and what a difference says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from domaingan.evaluation.summary import STRONG_BASELINE
from domaingan.metrics.statistics import can_be_significant, is_significant

MINUS, DASH = "−", "–"

IntervalEnds = Sequence[float | None]

_MEASURE_NAMES = {
    "dice": "Dice",
    "found": "Found",
    "false": "False alarms",
    "miou": "Mean IoU",
    "iou": "IoU",
    "ap": "AP",
    "ap50": "AP50",
}

LOWER_IS_BETTER = ("false",)
"""Measures of which less is better."""


class Mark(NamedTuple):
    """What a difference says: a symbol, a word for the page's style, and a few words for its reader."""

    symbol: str
    kind: str
    text: str


def format_percent(share: float | None) -> str:
    """A share as percent with one decimal.

    >>> format_percent(0.6125), format_percent(None)
    ('61.3', '–')
    """
    return DASH if share is None else _format_decimal(100 * share)


def format_points(difference: float | None) -> str:
    """A difference of shares in percentage points, signed.

    >>> format_points(0.0631), format_points(-0.02), format_points(0.0)
    ('+6.3', '−2.0', '0.0')
    """
    if difference is None:
        return DASH
    text = _format_decimal(100 * difference)
    return text if text.startswith(MINUS) or not float(text) else f"+{text}"


def _format_decimal(value: float) -> str:
    text = f"{value + 1e-9:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", MINUS)


def format_interval(ends: IntervalEnds, *, signed: bool = False) -> str:
    """An interval, ``low to high``.

    >>> format_interval([0.021, 0.105], signed=True), format_interval([None, None])
    ('+2.1 to +10.5', '–')
    """
    low, high = ends
    if low is None or high is None:
        return DASH
    show = format_points if signed else format_percent
    return f"{show(low)} to {show(high)}"


def format_p(p: float | None) -> str:
    """A p value, two significant digits.

    >>> format_p(0.03125), format_p(0.00005), format_p(None)
    ('0.031', 'below 0.001', '–')
    """
    if p is None:
        return DASH
    return "below 0.001" if p < 0.001 else f"{p:.2g}"


def format_metric(metric: str) -> str:
    """A metric for readers.

    >>> format_metric("dice:enhancing"), format_metric("false:whole_tumour")
    ('Dice, enhancing', 'False alarms, whole tumour')
    """
    measure, _, target = metric.partition(":")
    name = _MEASURE_NAMES.get(measure, measure)
    return f"{name}, {target.replace('_', ' ')}" if target else name


def format_setting(value: Any) -> str:
    """A setting as a short text."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {format_setting(entry)}" for name, entry in value.items()) or DASH
    if isinstance(value, (list, tuple)):
        return ", ".join(map(format_setting, value)) or DASH
    return DASH if value is None else str(value)


def mark_difference(metric: str, difference: dict[str, Any]) -> Mark:
    """What a paired difference says.

    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.01, "n": 8}).text
    'better'
    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [-0.05, 0.25], "p": 0.2, "n": 8}).text
    'could be chance'
    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.25, "n": 3}).text
    'cannot be shown: 3 subjects'
    """
    n = difference["n"]
    if n == 0:
        return Mark(DASH, "few", f"no {read_unit(difference)} to compare")
    if not can_be_significant(n) or difference["ci"][0] is None:
        return Mark("?", "few", f"cannot be shown: {format_count(n, read_unit(difference))}")
    if not is_significant(difference):
        return Mark("○", "chance", "could be chance")
    good = (difference["mean"] > 0) != (metric.partition(":")[0] in LOWER_IS_BETTER)
    return Mark("▲", "better", "better") if good else Mark("▼", "worse", "worse")


def read_unit(difference: dict[str, Any]) -> str:
    """What a difference was measured over: subjects, unless it says otherwise."""
    return str(difference.get("unit") or "subject")


def format_count(n: int, noun: str) -> str:
    """A number with its noun.

    >>> format_count(1, "seed"), format_count(3, "test subject")
    ('1 seed', '3 test subjects')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def describe_sample(difference: dict[str, Any]) -> str:
    """How many there were to compare.

    >>> describe_sample({"n": 3})
    'n = 3 test subjects'
    """
    return f"n = {format_count(difference['n'], 'test ' + read_unit(difference))}"


def describe_statistics(difference: dict[str, Any]) -> str:
    """A difference's interval, p and n, for use in brackets."""
    ends = format_interval(difference["ci"], signed=True)
    said = "no interval" if ends == DASH else f"95 % interval {ends}"
    return f"{said}, p = {format_p(difference.get('p'))}, {describe_sample(difference)}".replace("p = below", "p below")


def describe_verdict(verdict: str, primary: dict[str, Any] | None) -> str:
    """The verdict in one sentence of plain words.

    >>> found = {"arm": "gan+classic", "against": "classic", "metric": "dice:rare", "n": 8, "p": 0.0078}
    >>> describe_verdict("helps", found | {"mean": 0.063, "ci": [0.021, 0.105]})
    'gan+classic helps: Dice, rare is 6.3 points higher than with classic'
    """
    if primary is None:
        return "Nothing was compared: a verdict needs a second arm beside the reference"
    arm, against, metric, mean = primary["arm"], primary["against"], format_metric(primary["metric"]), primary["mean"]
    if mean is None:
        return f"Whether {arm} helps cannot be shown: no test {read_unit(primary)} has {metric}"
    if verdict in ("helps", "hurts"):
        way = "higher" if mean > 0 else "lower"
        return f"{arm} {verdict}: {metric} is {format_percent(abs(mean))} points {way} than with {against}"
    if verdict == "no difference":
        return f"No difference was shown between {arm} and {against}: {metric} differs by {format_points(mean)} points"
    few = format_count(primary["n"], f"test {read_unit(primary)}")
    if mean == 0 and primary["n"] > 1 and can_be_significant(primary["n"]):
        return f"Whether {arm} helps cannot be shown: {metric} is the same with {against}"
    differs = f"{metric} differs by {format_points(mean)} points from {against}"
    return f"Whether {arm} helps cannot be shown with {few}: {differs}"


def describe_result(result: dict[str, Any]) -> str:
    """The headline of a result with its numbers, in one line."""
    primary = result["primary"]
    if primary is not None:
        primary = {"unit": result.get("unit"), **primary}
    said = describe_verdict(result["verdict"], primary)
    return said if primary is None or primary["mean"] is None else f"{said} ({describe_statistics(primary)})"


def compare_to_strong_baseline(result: dict[str, Any]) -> str | None:
    """How the arm of the verdict compares with pasting real crops, which needs no GAN; None where that is not known.

    >>> found = {"mean": -0.034, "ci": [-0.067, -0.001], "p": 0.049, "n": 20}
    >>> result = {"primary": {"arm": "gan", "metric": "dice:a"}, "to_rival": {"gan": {"dice:a": found}}}
    >>> compare_to_strong_baseline(result)
    'Beside copy-paste+classic, which needs no GAN: −3.4 points (95 % interval −6.7 to −0.1, p = 0.049), worse'
    """
    primary = result["primary"]
    change = primary and result.get("to_rival", {}).get(primary["arm"], {}).get(primary["metric"])
    if not change or change["mean"] is None:
        return None
    said = mark_difference(primary["metric"], change | {"unit": result.get("unit")}).text
    numbers = f"95 % interval {format_interval(change['ci'], signed=True)}, p = {format_p(change['p'])}"
    numbers = numbers.replace("p = below", "p below")
    return f"Beside {STRONG_BASELINE}, which needs no GAN: {format_points(change['mean'])} points ({numbers}), {said}"
