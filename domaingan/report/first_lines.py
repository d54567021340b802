"""The first lines of an evaluation's page: what stands under the verdict, a label and a text each."""

from __future__ import annotations

from typing import Any

from domaingan.metrics.verdict import can_be_shown
from domaingan.report.effect_phrases import describe_people, describe_worth
from domaingan.report.headroom_phrases import describe_headroom
from domaingan.report.phrases import format_metric, state_difference
from domaingan.report.verdict_phrases import describe_interval, describe_p, describe_sample, describe_smallest_effect

Line = tuple[str, str]
"""A label and a text."""


def list_first_lines(result: dict[str, Any], primary: dict[str, Any] | None) -> list[Line]:
    """List the lines: difference, interval, sample, smallest effect, worth in people, who loses, what is short.

    Args:
        result: the content of an evaluation's ``result.json``.
        primary: the comparison of the verdict with ``n`` and ``unit``; None if nothing was compared.
    """
    lines: list[Line] = []
    if primary is not None and primary["mean"] is not None:
        lines = _list_comparison_lines(result, primary)
    if result.get("headroom") and primary is not None:
        lines.append(("What is short", f"{describe_headroom(result)}."))
    return lines


def _list_comparison_lines(result: dict[str, Any], primary: dict[str, Any]) -> list[Line]:
    """List the lines about the comparison of the verdict."""
    metric = primary["metric"]
    pair = f"{primary['arm']} minus {primary['against']}"
    interval = describe_interval(metric, primary)
    if can_be_shown(primary):
        interval += f", {describe_p(primary)}"
    lines = [
        ("Difference", f"{state_difference(metric, primary['mean'])} ({format_metric(metric)}, {pair})"),
        ("How sure", interval),
        ("Measured on", describe_sample(primary)),
    ]
    smallest = describe_smallest_effect(primary)
    if smallest:
        lines.append(("Could have shown", f"{smallest}."))
    worth = describe_worth(result) if result.get("learning_curve") else ""
    if worth:
        lines.append(("Worth in people", worth))
    elif result.get("format", 1) >= 3:
        lines.append(("Worth in people", "Not measured: --curve turns points into people."))
    people = " ".join(describe_people(primary))
    if people:
        lines.append(("Who gains, who loses", people))
    return lines
