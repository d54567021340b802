"""What a difference between arms shows, in words: marks, verdicts, and why nothing can be shown."""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

from domaingan.evaluation.comparisons import STRONG_BASELINE
from domaingan.metrics.measures import get_measure
from domaingan.metrics.verdict import (
    MIN_PEOPLE,
    MIN_TRAININGS,
    can_be_shown,
    has_enough_people,
    has_enough_trainings,
    is_shown,
)
from domaingan.report.number_formats import DASH, IntervalEnds, format_metric_interval
from domaingan.report.phrases import format_count, format_metric, read_unit, state_difference, state_p, state_size


class Mark(NamedTuple):
    """What a difference shows: a symbol, a word for the page's style, and a few words for its reader."""

    symbol: str
    kind: str
    text: str


def mark_difference(metric: str, difference: dict[str, Any]) -> Mark:
    """Say what a paired difference shows.

    Args:
        metric: its name tells whether less is better.
        difference: ``mean``, ``ci``, ``p`` and ``n``; ``n_trainings`` if it is between trainings; ``unit`` if it is not
            of subjects; ``p_holm`` if it was declared.

    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.01, "n": 8}).text
    'better'
    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [-0.05, 0.25], "p": 0.2, "n": 8}).text
    'could be chance'
    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.25, "n": 3}).text
    'cannot be shown: 3 subjects'
    >>> mark_difference("dice:lesion", {"mean": 0.1, "ci": [0.05, 0.15], "p": 0.01, "n": 8, "n_trainings": 3}).text
    'cannot be shown: 3 trainings'
    """
    n = difference["n"]
    unit = read_unit(difference)
    if n == 0:
        return Mark(DASH, "few", f"no {unit} to compare")
    if difference.get("is_repeat"):
        return Mark("○", "chance", "the same arm: chance alone")
    if not can_be_shown(difference):
        too_few = format_count(n, unit)
        if has_enough_people(difference) and "n_trainings" in difference:
            too_few = format_count(difference["n_trainings"], "training")
        return Mark("?", "few", f"cannot be shown: {too_few}")
    if not is_shown(difference):
        return Mark("○", "chance", "could be chance")
    is_better = (difference["mean"] > 0) != get_measure(metric).is_lower_better
    if "n_trainings" in difference and "p_holm" not in difference:
        return Mark("△" if is_better else "▽", "chance", f"{'better' if is_better else 'worse'}, but not declared")
    return Mark("▲", "better", "better") if is_better else Mark("▼", "worse", "worse")


def choose_interval(difference: dict[str, Any]) -> IntervalEnds:
    """Choose the interval to show: over subjects and trainings, or over subjects alone where there is no other."""
    ends: IntervalEnds = difference["ci"]
    if ends[0] is None:
        ends = difference.get("ci_people") or ends
    return ends


def describe_interval(metric: str, difference: dict[str, Any]) -> str:
    """Describe the interval of a difference, and what it is over.

    >>> describe_interval("dice:a", {"ci": [-0.01, 0.03], "n_trainings": 6})
    '95 % interval −1.0 to +3.0 over subjects and trainings'
    >>> describe_interval("dice:a", {"ci": [None, None], "ci_people": [0.01, 0.03], "n_trainings": 1})
    '95 % interval +1.0 to +3.0 over subjects alone'
    """
    ends = format_metric_interval(metric, choose_interval(difference), signed=True)
    if ends == DASH:
        return "no interval"
    text = f"95 % interval {ends}"
    if "n_trainings" not in difference:
        return text
    unit = read_unit(difference)
    return f"{text} over {unit}s {'alone' if difference['ci'][0] is None else 'and trainings'}"


def describe_sample(difference: dict[str, Any]) -> str:
    """Say how many subjects were compared, with how many trainings of each arm.

    >>> describe_sample({"n": 3}), describe_sample({"n": 30, "n_trainings": 5})
    ('n = 3 test subjects', 'n = 30 test subjects and 5 trainings of each arm')
    """
    text = f"n = {format_count(difference['n'], 'test ' + read_unit(difference))}"
    if "n_trainings" in difference:
        text += f" and {format_count(difference['n_trainings'], 'training')} of each arm"
    return text


def describe_statistics(difference: dict[str, Any]) -> str:
    """Describe a difference by its interval, p and numbers of subjects and trainings, for use in brackets."""
    parts = [describe_interval(difference.get("metric", ""), difference)]
    if can_be_shown(difference):
        parts.append(describe_p(difference))
    parts.append(describe_sample(difference))
    return ", ".join(parts)


def describe_p(difference: dict[str, Any]) -> str:
    """State the p of a difference, and that after correction where several comparisons were declared.

    >>> describe_p({"p": 0.02, "p_holm": 0.06})
    'p = 0.02 (p = 0.06 corrected for all declared comparisons)'
    """
    p, p_holm = difference["p"], difference.get("p_holm")
    if p_holm is None or p_holm == p:
        return state_p(p)
    return f"{state_p(p)} ({state_p(p_holm)} corrected for all declared comparisons)"


def describe_smallest_effect(difference: dict[str, Any]) -> str:
    """Say how large a true difference would have had to be; empty where that is not known.

    >>> describe_smallest_effect({"metric": "dice:a", "smallest_effect": 0.053})
    'A true difference of 5.3 points is the smallest that such a study would show in four of five cases'
    """
    effect = difference.get("smallest_effect")
    if effect is None:
        return ""
    size = state_size(difference["metric"], effect)
    return f"A true difference of {size} is the smallest that such a study would show in four of five cases"


def describe_shortage(difference: dict[str, Any]) -> str:
    """Say of what there is too little to show anything, and how much is needed; empty if there is enough.

    >>> describe_shortage({"n": 8, "n_trainings": 3})
    '3 trainings of each arm (5 are needed)'
    >>> describe_shortage({"n": 3, "n_trainings": 1})
    '3 test subjects (6 are needed) and 1 training of each arm (5 are needed)'
    """
    shortages = []
    if not has_enough_people(difference):
        sample = format_count(difference["n"], f"test {read_unit(difference)}")
        shortages.append(f"{sample} ({MIN_PEOPLE} are needed)")
    if not has_enough_trainings(difference):
        trainings = format_count(difference["n_trainings"], "training")
        shortages.append(f"{trainings} of each arm ({MIN_TRAININGS} are needed)")
    return " and ".join(shortages)


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
    shortage = describe_shortage(primary)
    if not shortage and mean == 0:
        return f"Whether {arm} helps cannot be shown: {metric} is the same with {against}"
    sample = shortage or format_count(primary["n"], f"test {read_unit(primary)}")
    difference = f"{metric} differs by {size} from {against}"
    return f"Whether {arm} helps cannot be shown with {sample}: {difference}"


def advise_more_trainings(result: dict[str, Any]) -> str:
    """Advise what to run so that something can be shown; empty where there are enough trainings.

    Args:
        result: the content of an evaluation's ``result.json``.

    >>> advise_more_trainings({"primary": {"n_trainings": 3}, "trainings": [{"seed": 0}, {"seed": 1}, {"seed": 2}]})
    'To have enough trainings, run the same command with --seeds 5 --resume: what is trained is kept'
    """
    primary = result["primary"]
    if primary is None or has_enough_trainings(primary):
        return ""
    if not result.get("trainings"):  # of an earlier version: one training a seed, and they are not continued
        return f"To have enough trainings, run it again with --seeds {MIN_TRAININGS}"
    seeds = {training["seed"] for training in result["trainings"]}
    trainings_per_seed = max(1, primary["n_trainings"] // len(seeds))
    needed_seeds = ceil(MIN_TRAININGS / trainings_per_seed)
    if result.get("predictions"):  # of the user's own trainer
        return f"To have enough trainings, export with --seeds {needed_seeds} and train on each dataset"
    return (
        f"To have enough trainings, run the same command with --seeds {needed_seeds} --resume: what is trained is kept"
    )


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


def compare_to_strong_baseline(result: dict[str, Any]) -> str | None:
    """Compare the arm of the verdict with pasting real crops, which needs no GAN; None where that was not measured.

    Args:
        result: the content of an evaluation's ``result.json``.

    >>> found = {"mean": -0.034, "ci": [-0.067, -0.001], "p": 0.049, "n": 20}
    >>> primary = {"arm": "gan", "against": "classic", "metric": "dice:a"}
    >>> result = {"primary": primary, "versus_strong_baseline": {"gan": {"dice:a": found}}}
    >>> compare_to_strong_baseline(result)
    'Compared with copy-paste+classic, which needs no GAN: −3.4 points (95 % interval −6.7 to −0.1, p = 0.049), worse'
    """
    primary = result["primary"]
    if not primary:
        return None
    metric = primary["metric"]
    difference = (result.get("versus_strong_baseline") or {}).get(primary["arm"], {}).get(metric)
    if not difference or difference["mean"] is None or primary["against"] == STRONG_BASELINE:
        return None
    mark = mark_difference(metric, difference | {"unit": result.get("unit")})
    numbers = describe_interval(metric, difference)
    if can_be_shown(difference):
        numbers += f", {describe_p(difference)}"
    size = state_difference(metric, difference["mean"])
    return f"Compared with {STRONG_BASELINE}, which needs no GAN: {size} ({numbers}), {mark.text}"


def list_result_lines(result: dict[str, Any]) -> list[str]:
    """List what a command prints of an evaluation: the verdict, the strong baseline, and what to do next.

    Args:
        result: the content of its ``result.json``.
    """
    lines = [describe_result(result), compare_to_strong_baseline(result), advise_more_trainings(result)]
    if result["verdict"] == "no difference":
        lines.insert(1, describe_smallest_effect(result["primary"]))
    return [line for line in lines if line]
