"""Differences in words: what they show, and the verdict in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from domaingan.evaluation.summary import STRONG_BASELINE
from domaingan.metrics.measures import get_measure, split_metric
from domaingan.metrics.statistics import can_be_significant, is_significant
from domaingan.report.number_formats import (
    DASH,
    format_difference,
    format_metric_interval,
    format_p,
    format_value,
)


class Mark(NamedTuple):
    """What a difference shows: a symbol, a word for the page's style, and a few words for its reader."""

    symbol: str
    kind: str
    text: str


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


def mark_difference(metric: str, difference: dict[str, Any]) -> Mark:
    """Say what a paired difference shows.

    Args:
        metric: its name tells whether less is better.
        difference: ``mean``, ``ci``, ``p`` and ``n``; ``unit`` if it is not of subjects.

    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.01, "n": 8}).text
    'better'
    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [-0.05, 0.25], "p": 0.2, "n": 8}).text
    'could be chance'
    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.25, "n": 3}).text
    'cannot be shown: 3 subjects'
    """
    n = difference["n"]
    unit = read_unit(difference)
    if n == 0:
        return Mark(DASH, "few", f"no {unit} to compare")
    if not can_be_significant(n) or difference["ci"][0] is None:
        return Mark("?", "few", f"cannot be shown: {format_count(n, unit)}")
    if not is_significant(difference):
        return Mark("○", "chance", "could be chance")
    is_better = (difference["mean"] > 0) != get_measure(metric).is_lower_better
    return Mark("▲", "better", "better") if is_better else Mark("▼", "worse", "worse")


def read_unit(difference: dict[str, Any]) -> str:
    """Read what a difference was measured over: subjects, unless it says otherwise."""
    return str(difference.get("unit") or "subject")


def format_count(n: int, noun: str) -> str:
    """Format a number with its noun.

    >>> format_count(1, "seed"), format_count(3, "test subject")
    ('1 seed', '3 test subjects')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def describe_sample(difference: dict[str, Any]) -> str:
    """Say how many subjects were compared.

    >>> describe_sample({"n": 3})
    'n = 3 test subjects'
    """
    return f"n = {format_count(difference['n'], 'test ' + read_unit(difference))}"


def describe_statistics(difference: dict[str, Any]) -> str:
    """Describe a difference by its interval, p and n, for use in brackets."""
    ends = format_metric_interval(difference.get("metric", ""), difference["ci"], signed=True)
    interval = "no interval" if ends == DASH else f"95 % interval {ends}"
    return f"{interval}, {state_p(difference.get('p'))}, {describe_sample(difference)}"


def describe_verdict(verdict: str, primary: dict[str, Any] | None) -> str:
    """Say the verdict in one sentence of plain words.

    Args:
        verdict: ``helps``, ``hurts``, ``no difference`` or ``cannot be shown``.
        primary: the comparison that it rests on; None if nothing was compared.

    >>> found = {"arm": "gan+classic", "against": "classic", "metric": "dice:rare", "n": 8, "p": 0.0078}
    >>> describe_verdict("helps", found | {"mean": 0.063, "ci": [0.021, 0.105]})
    'gan+classic helps: Dice, rare is 6.3 points higher than with classic'
    """
    if primary is None:
        return "Nothing was compared: a verdict needs a second arm beside the reference"
    arm, against, mean = primary["arm"], primary["against"], primary["mean"]
    name = primary["metric"]
    metric = format_metric(name)
    if mean is None:
        return f"Whether {arm} helps cannot be shown: no test {read_unit(primary)} has {metric}"
    if verdict in ("helps", "hurts"):
        direction = "higher" if mean > 0 else "lower"
        return f"{arm} {verdict}: {metric} is {state_size(name, abs(mean))} {direction} than with {against}"
    size = state_difference(name, mean)
    if verdict == "no difference":
        return f"No difference was shown between {arm} and {against}: {metric} differs by {size}"
    if mean == 0 and primary["n"] > 1 and can_be_significant(primary["n"]):
        return f"Whether {arm} helps cannot be shown: {metric} is the same with {against}"
    sample = format_count(primary["n"], f"test {read_unit(primary)}")
    difference = f"{metric} differs by {size} from {against}"
    return f"Whether {arm} helps cannot be shown with {sample}: {difference}"


def describe_result(result: dict[str, Any]) -> str:
    """Say the verdict of an evaluation with its numbers, in one line.

    Args:
        result: the content of its ``result.json``.
    """
    primary = result["primary"]
    if primary is not None:
        primary = {"unit": result.get("unit"), **primary}
    sentence = describe_verdict(result["verdict"], primary)
    if primary is None or primary["mean"] is None:
        return sentence
    return f"{sentence} ({describe_statistics(primary)})"


def read_baseline_differences(result: dict[str, Any]) -> dict[str, Any]:
    """Read the differences to the strong baseline by arm and metric, under today's key or that of older results."""
    differences: dict[str, Any] = result.get("versus_strong_baseline") or result.get("to_rival") or {}
    return differences


def compare_to_strong_baseline(result: dict[str, Any]) -> str | None:
    """Compare the arm of the verdict with pasting real crops, which needs no GAN; None where that was not measured.

    Args:
        result: the content of an evaluation's ``result.json``.

    >>> found = {"mean": -0.034, "ci": [-0.067, -0.001], "p": 0.049, "n": 20}
    >>> result = {"primary": {"arm": "gan", "metric": "dice:a"}, "to_rival": {"gan": {"dice:a": found}}}
    >>> compare_to_strong_baseline(result)
    'Compared with copy-paste+classic, which needs no GAN: −3.4 points (95 % interval −6.7 to −0.1, p = 0.049), worse'
    """
    primary = result["primary"]
    if not primary:
        return None
    metric = primary["metric"]
    difference = read_baseline_differences(result).get(primary["arm"], {}).get(metric)
    if not difference or difference["mean"] is None:
        return None
    mark = mark_difference(metric, difference | {"unit": result.get("unit")})
    interval = format_metric_interval(metric, difference["ci"], signed=True)
    numbers = f"95 % interval {interval}, {state_p(difference['p'])}"
    size = state_difference(metric, difference["mean"])
    return f"Compared with {STRONG_BASELINE}, which needs no GAN: {size} ({numbers}), {mark.text}"
