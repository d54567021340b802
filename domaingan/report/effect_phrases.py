"""What a difference means for people, in words: who loses, how much is chance, how many more patients it is worth."""

from __future__ import annotations

from typing import Any

from domaingan.report.number_formats import DASH, format_metric_interval, format_percent
from domaingan.report.phrases import format_count, state_difference, state_size
from domaingan.report.verdict_phrases import choose_interval


def describe_people(primary: dict[str, Any]) -> list[str]:
    """Say how many people lose, who loses most, and what is left without the person who gains most.

    >>> people = {"threshold": 0.03, "losing": 0.1, "losing_by_chance": 0.08, "worst": {"subject": "s3", "mean": -0.2}}
    >>> people["best"] = {"subject": "s7", "mean": 0.4}
    >>> people["without_best"] = {"mean": 0.01, "ci": [-0.02, 0.04]}
    >>> for sentence in describe_people({"metric": "dice:rare", "people": people}):
    ...     print(sentence)
    10.0 % of the people lose more than 3.0 points (8.0 % would by chance if all gained alike), s3 most: −20.0 points.
    Without s7, who gains most, the difference is +1.0 points (95 % interval −2.0 to +4.0).
    """
    people = primary.get("people")
    if not people or people["losing"] is None:
        return []
    metric = primary["metric"]
    chance = ""
    if people["losing_by_chance"] is not None:
        chance = f" ({format_percent(people['losing_by_chance'])} % would by chance if all gained alike)"
    worst, remainder = people["worst"], people["without_best"]
    threshold = state_size(metric, people["threshold"])
    losing = f"{format_percent(people['losing'])} % of the people lose more than {threshold}{chance}"
    sentences = [f"{losing}, {worst['subject']} most: {state_difference(metric, worst['mean'])}."]
    if worst["mean"] >= 0:
        sentences = [f"{losing}; {worst['subject']} gains least: {state_difference(metric, worst['mean'])}."]
    if remainder["mean"] is not None:
        ends = format_metric_interval(metric, remainder["ci"], signed=True)
        interval = "" if ends == DASH else f" (95 % interval {ends})"
        difference = state_difference(metric, remainder["mean"])
        sentences.append(
            f"Without {people['best']['subject']}, who gains most, the difference is {difference}{interval}."
        )
    return sentences


def describe_worth(result: dict[str, Any]) -> str:
    """Say how many more training people the difference is worth; empty where no learning curve was measured.

    >>> worth = {"more_people": 12.3, "more_people_ci": [3.0, None], "is_extrapolated": False}
    >>> row = {"arm": "gan", "against": "classic", "worth": worth}
    >>> curve = {"arm": "classic", "people": 20, "is_shown": True, "worth": [row]}
    >>> describe_worth({"primary": {"arm": "gan", "against": "classic"}, "learning_curve": curve})
    'By the learning curve of classic that is worth 12 more training subjects than the 20 there are (3 or more).'
    """
    curve, primary = result.get("learning_curve"), result["primary"]
    if not curve:
        return ""
    if not curve["is_shown"]:
        return (
            f"The learning curve of {curve['arm']} does not show that more training data bring more, so nothing "
            "can be said of how many the difference is worth."
        )
    for row in curve["worth"]:
        if (row["arm"], row["against"]) == (primary["arm"], primary["against"]) and row["worth"]:
            return _state_worth(curve, row["worth"])
    return ""


def _state_worth(curve: dict[str, Any], worth: dict[str, Any]) -> str:
    """State how many more or fewer people a difference is worth, with its interval."""
    more = round(worth["more_people"])
    low, high = worth["more_people_ci"]
    unit = curve.get("unit", "subject")
    number = format_count(abs(more), f"{'more' if more >= 0 else 'fewer'} training {unit}")
    if low is None:
        interval = "with no lower end"
    elif high is None:
        interval = f"{low:.0f} or more"
    else:
        interval = f"{low:.0f} to {high:.0f}"
    text = f"By the learning curve of {curve['arm']} that is worth {number} than the {curve['people']} there are"
    if worth["is_extrapolated"]:
        interval += ", which goes beyond what was measured"
    return f"{text} ({interval})."


def describe_repeats(result: dict[str, Any]) -> list[str]:
    """Say how far an arm lies from itself when it is trained with other seeds: so much is chance.

    >>> found = {"gan@repeat=1": {"dice:a": {"mean": 0.004, "ci": [-0.02, 0.03]}}}
    >>> describe_repeats({"primary": {"metric": "dice:a"}, "repeats": found})
    ['gan@repeat=1, the same arm with other seeds, differs from it by +0.4 points (−2.0 to +3.0): so much is chance.']
    """
    metric = result["primary"]["metric"]
    sentences = []
    for arm, row in (result.get("repeats") or {}).items():
        difference = row.get(metric)
        if difference and difference["mean"] is not None:
            ends = format_metric_interval(metric, choose_interval(difference), signed=True)
            size = state_difference(metric, difference["mean"])
            interval = "" if ends == DASH else f" ({ends})"
            sentences.append(
                f"{arm}, the same arm with other seeds, differs from it by {size}{interval}: so much is chance."
            )
    return sentences
