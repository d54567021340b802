"""What keeps evaluations from being compared: other people, other data, other settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domaingan.report.phrases import format_count, format_metric, format_setting

NEUTRAL_SETTINGS = ("format", "arms", "seeds", "ensemble", "device", "workers", "jobs", "command", "data")
"""Settings that change no score of an arm and training; data are compared by themselves."""

PRESENT_FORMAT = 3
"""Version of the keys from which on intervals are over people and trainings."""


@dataclass(frozen=True)
class RunFiles:
    """An evaluation's files.

    Attributes:
        name: how the page names it.
        result: the content of its ``result.json``, in the present format.
        config: the content of its ``config.json``; empty where there is none.
        stored_format: version of its keys as they were written.
    """

    name: str
    result: dict[str, Any]
    config: dict[str, Any]
    stored_format: int = PRESENT_FORMAT


@dataclass(frozen=True)
class Comparability:
    """What differs between runs.

    Attributes:
        faults: sentences on what makes the scores those of different tests: they must not be set against each other.
        cautions: sentences on what else differs: a difference may come from it.
    """

    faults: list[str]
    cautions: list[str]


def check_comparability(runs: Sequence[RunFiles]) -> Comparability:
    """Check what differs between every run and the first.

    Args:
        runs: at least two.
    """
    faults: list[str] = []
    cautions: list[str] = []
    first = runs[0]
    for run in runs[1:]:
        pair = f"{run.name} and {first.name}"
        faults += [f"{pair}: {text}." for text in _list_faults(first, run)]
        cautions += [f"{pair}: {text}." for text in _list_cautions(first, run)]
    return Comparability(faults, cautions)


def _list_faults(first: RunFiles, run: RunFiles) -> list[str]:
    """List what makes the scores of two runs those of different tests."""
    faults = []
    for key, words in (("task", "task"), ("domain", "kind of data"), ("unit", "unit of the test")):
        values = [other.result.get(key) for other in (first, run)]
        if values[0] != values[1]:
            faults.append(f"another {words} ({format_setting(values[1])} and {format_setting(values[0])})")
    people = describe_other_people(first.result, run.result)
    if people:
        faults.append(people)
    data = [other.config.get("data") for other in (first, run)]
    if data[0] != data[1]:
        faults.append(f"other data ({format_setting(data[1])} and {format_setting(data[0])})")
    elif data[0] is None:
        faults.append("it is not known whether the data are the same: config.json is missing or does not name them")
    if first.result.get("classes") != run.result.get("classes"):
        faults.append("other classes")
    metrics = [str((other.result.get("primary") or {}).get("metric", "")) for other in (first, run)]
    if all(metrics) and metrics[0] != metrics[1]:
        faults.append(f"another measure ({format_metric(metrics[1])} and {format_metric(metrics[0])})")
    return faults


def describe_other_people(first: dict[str, Any], result: dict[str, Any]) -> str:
    """Describe how the test people of two runs differ; empty where they are the same.

    Args:
        first: the content of a ``result.json``.
        result: that of another.

    >>> describe_other_people({"subjects": ["a", "b"]}, {"subjects": ["b", "c", "d"]})
    'other test subjects: 1 of them in both, 2 and 1 in one alone'
    """
    before, after = set(map(str, first["subjects"])), set(map(str, result["subjects"]))
    if before == after:
        return ""
    unit = result.get("unit") or "subject"
    counts = f"{len(after - before)} and {len(before - after)} in one alone"
    return f"other test {unit}s: {len(before & after)} of them in both, {counts}"


def _list_cautions(first: RunFiles, run: RunFiles) -> list[str]:
    """List what else differs between two runs."""
    cautions = []
    for key in dict.fromkeys([*first.config, *run.config]):
        values = [other.config.get(key) for other in (first, run)]
        if key not in NEUTRAL_SETTINGS and values[0] != values[1]:
            words = key.replace("_", " ")
            cautions.append(f"another setting of {words} ({format_setting(values[1])} and {format_setting(values[0])})")
    if first.result.get("train_subjects") != run.result.get("train_subjects"):
        cautions.append("trained on other people, or on other groups of them")
    counts = [len(other.result.get("trainings") or []) for other in (first, run)]
    if counts[0] != counts[1]:
        texts = [format_count(count, "training") if count else "an unknown number of trainings" for count in counts]
        cautions.append(f"{texts[1]} and {texts[0]} of each arm")
    versions = [(other.result.get("environment") or {}).get("domaingan") for other in (first, run)]
    if versions[0] != versions[1]:
        cautions.append(f"domaingan {format_setting(versions[1])} and {format_setting(versions[0])}")
    if first.stored_format != run.stored_format:
        cautions.append("results of different versions: earlier than 3, intervals were over people alone")
    return cautions
