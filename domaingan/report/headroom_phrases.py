"""What is short, in words: crops, hosts, or objects in their own places."""

from __future__ import annotations

from typing import Any

from domaingan.report.effect_phrases import describe_repeats
from domaingan.report.phrases import format_count, state_difference
from domaingan.report.verdict_phrases import advise_more_trainings, describe_interval, describe_shortage

OBJECT_NOUNS = {"scan": "lesions", "frame": "objects"}
"""What is pasted, by domain."""


def list_headroom_sentences(result: dict[str, Any]) -> list[str]:
    """List what an evaluation found to be short: the answer first, then a sentence for each doubling.

    Args:
        result: the content of its ``result.json``.

    Returns:
        The sentences; none where it was not asked.
    """
    headroom = result.get("headroom")
    if not headroom:
        return []
    noun = OBJECT_NOUNS.get(result.get("domain", ""), "objects")
    sentences = [f"{describe_headroom(result)}."]
    for row in headroom["doublings"]:
        sentences.append(_describe_doubling(row, headroom, noun, result.get("unit", "subject")))
    advice = ""
    if result.get("primary") is None and result.get("trainings"):
        sentences += describe_repeats({**result, "primary": {"metric": headroom["metric"]}})
        advice = advise_more_trainings({**result, "primary": headroom["doublings"][0]["difference"]})
    return [*sentences, f"{advice}."] if advice else sentences


def describe_headroom(result: dict[str, Any]) -> str:
    """Say in one sentence what is short.

    Args:
        result: the content of an evaluation's ``result.json``, with ``headroom``.

    >>> rows = [{"quantity": "crops", "answer": "does not help"}, {"quantity": "places", "answer": "helps"}]
    >>> describe_headroom({"domain": "scan", "headroom": {"doublings": rows}})
    'More lesions pasted anywhere will not help here; lesions that fit their surroundings would'
    """
    noun = OBJECT_NOUNS.get(result.get("domain", ""), "objects")
    names = {
        "crops": f"more {noun} pasted anywhere",
        "hosts": "more images to paste into",
        "places": f"{noun} that fit their surroundings",
    }
    by_answer: dict[str, list[str]] = {"does not help": [], "helps": [], "cannot be shown": []}
    rows = [row for row in result["headroom"]["doublings"] if row["quantity"] in names]
    for row in rows:
        by_answer[row["answer"]].append(names[row["quantity"]])
    useless, useful, unknown = by_answer.values()
    clauses = []
    if useless:
        clauses.append(f"{_join(useless, 'and')} will not help here")
    if useful:
        clauses.append(f"{_join(useful, 'and')} would{'' if useless else ' help'}")
    if unknown and not clauses:
        shortage = describe_shortage(rows[0]["difference"]) if "difference" in rows[0] else ""
        clauses.append("what is short cannot be shown" + (f" with {shortage}" if shortage else ""))
    elif unknown:
        clauses.append(f"whether {_join(unknown, 'or')} would cannot be shown")
    text = "; ".join(clauses)
    return text[0].upper() + text[1:]


def _join(names: list[str], word: str) -> str:
    """Join names by commas, the last by a word."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def _describe_doubling(row: dict[str, Any], headroom: dict[str, Any], noun: str, test_unit: str) -> str:
    """Describe what twice as much of something brings, with its interval over the units of the test."""
    half, metric = row["half"], headroom["metric"]
    people = format_count(row["all"], headroom.get("unit", "subject"))
    contents = {
        "crops": f"{noun.capitalize()} of {people} instead of {half}, pasted into the same images",
        "hosts": f"The same {noun}, pasted into images of {people} instead of {half}",
        "places": f"The same {noun} of {people}, in their own places instead of pasted anywhere",
        "people": f"Labels of {people} instead of {half}, with their images and {noun}",
    }
    difference = row["per_doubling"]
    interval = describe_interval(metric, difference | {"unit": test_unit})
    size = state_difference(metric, difference["mean"]) if difference["mean"] is not None else "no score"
    return f"{contents[row['quantity']]}: {size} a doubling ({interval})."
