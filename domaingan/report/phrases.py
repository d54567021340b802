"""Numbers and differences in words: percent, intervals, p, and what a difference says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from domaingan.evaluation.summary import RIVAL
from domaingan.metrics.statistics import smallest_p

ALPHA = 0.05
"""The p below which a difference counts as shown."""

MINUS, DASH = "−", "–"

Ends = Sequence[float | None]

_MEASURES = {
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


def percent(share: float | None) -> str:
    """A share as percent with one decimal.

    >>> percent(0.6125), percent(None)
    ('61.3', '–')
    """
    return DASH if share is None else _round(100 * share)


def points(difference: float | None) -> str:
    """A difference of shares in percentage points, signed.

    >>> points(0.0631), points(-0.02), points(0.0)
    ('+6.3', '−2.0', '0.0')
    """
    if difference is None:
        return DASH
    text = _round(100 * difference)
    return text if text.startswith(MINUS) or not float(text) else f"+{text}"


def _round(value: float) -> str:
    text = f"{value + 1e-9:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", MINUS)


def interval(ends: Ends, *, signed: bool = False) -> str:
    """An interval, ``low to high``.

    >>> interval([0.021, 0.105], signed=True), interval([None, None])
    ('+2.1 to +10.5', '–')
    """
    low, high = ends
    if low is None or high is None:
        return DASH
    show = points if signed else percent
    return f"{show(low)} to {show(high)}"


def p_value(p: float | None) -> str:
    """A p value, two significant digits.

    >>> p_value(0.03125), p_value(0.00005), p_value(None)
    ('0.031', 'below 0.001', '–')
    """
    if p is None:
        return DASH
    return "below 0.001" if p < 0.001 else f"{p:.2g}"


def metric_name(metric: str) -> str:
    """A metric for readers.

    >>> metric_name("dice:enhancing"), metric_name("false:whole_tumour")
    ('Dice, enhancing', 'False alarms, whole tumour')
    """
    measure, _, target = metric.partition(":")
    name = _MEASURES.get(measure, measure)
    return f"{name}, {target.replace('_', ' ')}" if target else name


def plain(value: Any) -> str:
    """A setting as a short text."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {plain(entry)}" for name, entry in value.items()) or DASH
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or DASH
    return DASH if value is None else str(value)


def is_shown(difference: dict[str, Any]) -> bool:
    """Whether the interval excludes 0, p is below :data:`ALPHA`, and so many subjects could show it at all."""
    low, high = difference["ci"]
    p = difference.get("p")
    if low is None or high is None or p is None or smallest_p(difference["n"]) >= ALPHA:
        return False
    return bool(p < ALPHA and (low > 0 or high < 0))


def mark(metric: str, difference: dict[str, Any]) -> Mark:
    """What a paired difference says.

    >>> mark("dice:lesion", {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.01, "n": 8}).text
    'better'
    >>> mark("dice:lesion", {"mean": 0.1, "ci": [-0.05, 0.25], "p": 0.2, "n": 8}).text
    'could be chance'
    >>> mark("dice:lesion", {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.25, "n": 3}).text
    'cannot be shown: 3 subjects'
    """
    n = difference["n"]
    if n == 0:
        return Mark(DASH, "few", f"no {unit_of(difference)} to compare")
    if smallest_p(n) >= ALPHA or difference["ci"][0] is None:
        return Mark("?", "few", f"cannot be shown: {count(n, unit_of(difference))}")
    if not is_shown(difference):
        return Mark("○", "chance", "could be chance")
    good = (difference["mean"] > 0) != (metric.partition(":")[0] in LOWER_IS_BETTER)
    return Mark("▲", "better", "better") if good else Mark("▼", "worse", "worse")


def unit_of(difference: dict[str, Any]) -> str:
    """What a difference was measured over: subjects, unless it says otherwise."""
    return str(difference.get("unit") or "subject")


def count(n: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "seed"), count(3, "test subject")
    ('1 seed', '3 test subjects')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def tested(difference: dict[str, Any]) -> str:
    """How many there were to compare.

    >>> tested({"n": 3})
    'n = 3 test subjects'
    """
    return f"n = {count(difference['n'], 'test ' + unit_of(difference))}"


def numbers(difference: dict[str, Any]) -> str:
    """A difference's interval, p and n, for use in brackets."""
    ends = interval(difference["ci"], signed=True)
    said = "no interval" if ends == DASH else f"95 % interval {ends}"
    return f"{said}, p = {p_value(difference.get('p'))}, {tested(difference)}".replace("p = below", "p below")


def headline(verdict: str, primary: dict[str, Any] | None) -> str:
    """The verdict in one sentence of plain words.

    >>> found = {"arm": "gan+classic", "against": "classic", "metric": "dice:rare", "n": 8, "p": 0.0078}
    >>> headline("helps", found | {"mean": 0.063, "ci": [0.021, 0.105]})
    'gan+classic helps: Dice, rare is 6.3 points higher than with classic'
    """
    if primary is None:
        return "Nothing was compared: a verdict needs a second arm beside the reference"
    arm, against, metric, mean = primary["arm"], primary["against"], metric_name(primary["metric"]), primary["mean"]
    if mean is None:
        return f"Whether {arm} helps cannot be shown: no test {unit_of(primary)} has {metric}"
    if verdict in ("helps", "hurts"):
        way = "higher" if mean > 0 else "lower"
        return f"{arm} {verdict}: {metric} is {percent(abs(mean))} points {way} than with {against}"
    if verdict == "no difference":
        return f"No difference was shown between {arm} and {against}: {metric} differs by {points(mean)} points"
    few = count(primary["n"], f"test {unit_of(primary)}")
    if mean == 0 and primary["n"] > 1 and smallest_p(primary["n"]) < ALPHA:
        return f"Whether {arm} helps cannot be shown: {metric} is the same with {against}"
    return f"Whether {arm} helps cannot be shown with {few}: {metric} differs by {points(mean)} points from {against}"


def sentence(result: dict[str, Any]) -> str:
    """The headline of a result with its numbers, in one line."""
    primary = result["primary"]
    if primary is not None:
        primary = {"unit": result.get("unit"), **primary}
    said = headline(result["verdict"], primary)
    return said if primary is None or primary["mean"] is None else f"{said} ({numbers(primary)})"


def beside_rival(result: dict[str, Any]) -> str | None:
    """How the arm of the verdict compares with pasting real crops, which needs no GAN; None where that is not known.

    >>> found = {"mean": -0.034, "ci": [-0.067, -0.001], "p": 0.049, "n": 20}
    >>> beside_rival({"primary": {"arm": "gan", "metric": "dice:a"}, "to_rival": {"gan": {"dice:a": found}}})
    'Beside copy-paste+classic, which needs no GAN: −3.4 points (95 % interval −6.7 to −0.1, p = 0.049), worse'
    """
    primary = result["primary"]
    change = primary and result.get("to_rival", {}).get(primary["arm"], {}).get(primary["metric"])
    if not change or change["mean"] is None:
        return None
    said = mark(primary["metric"], change | {"unit": result.get("unit")}).text
    numbers = f"95 % interval {interval(change['ci'], signed=True)}, p = {p_value(change['p'])}"
    numbers = numbers.replace("p = below", "p below")
    return f"Beside {RIVAL}, which needs no GAN: {points(change['mean'])} points ({numbers}), {said}"
