"""The arms of an evaluation as rows: what each is, its difference, its time, its dots in the forest plot."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from domaingan.core.durations import describe_duration
from domaingan.evaluation.arms import CONTROLS
from domaingan.evaluation.comparisons import STRONG_BASELINE, name_repeated_arm, parse_row
from domaingan.evaluation.person_effects import LOSS_THRESHOLD
from domaingan.metrics.measures import get_measure
from domaingan.report.evaluation_tables import MISSING_SCORE, Differences, read_values
from domaingan.report.forest_figure import ForestRow, draw_forest
from domaingan.report.number_formats import DASH, format_difference, format_metric_interval, format_p, format_value
from domaingan.report.phrases import format_metric
from domaingan.report.verdict_phrases import choose_interval, mark_difference


def describe_arm_role(arm: str, reference: str) -> str:
    """Describe what an arm is in the study; empty for a candidate.

    >>> describe_arm_role("gan+classic@repeat=1", "classic")
    'A/A: gan+classic again with other seeds, so chance alone'
    >>> describe_arm_role("blur-paste+classic", "classic"), describe_arm_role("classic@people=0.5", "classic")
    ('control', 'a share of the data')
    """
    repeated = name_repeated_arm(arm)
    if repeated is not None:
        return f"A/A: {repeated} again with other seeds, so chance alone"
    parsed, is_ensemble = parse_row(arm)
    modifiers = parsed.modifiers
    if is_ensemble:
        return "its trainings predict together"
    if (modifiers.people, modifiers.crop_share, modifiers.host_share) != (1, 1, 1):
        return "a share of the data"
    if not set(parsed.paste_sources).isdisjoint(CONTROLS):
        return "control"
    if modifiers.ratio == 0:
        return "control: pastes nothing"
    if arm == reference:
        return "the reference"
    return "strong baseline, needs no GAN" if arm == STRONG_BASELINE else ""


def build_arm_table(result: dict[str, Any], differences: Differences, metric: str) -> dict[str, Any]:
    """Build the first table: every arm with its score, its difference to the reference, and what that shows.

    Args:
        result: the content of ``result.json``.
        differences: to the reference, with numbers of subjects.
        metric: the metric of the verdict.

    Returns:
        ``metric``, ``rows``, and ``has_seconds``.
    """
    reference = result.get("reference", "classic")
    all_seconds = result.get("arm_seconds") or {}
    rows = []
    for arm, scores in result["arms"].items():
        score = scores.get(metric) or MISSING_SCORE
        repeated = name_repeated_arm(arm)
        difference = differences.get(arm, {}).get(metric)
        against = reference
        if repeated in result["arms"] and metric in (result.get("repeats") or {}).get(arm, {}):
            difference, against = result["repeats"][arm][metric], str(repeated)
        rows.append(
            {
                "arm": arm,
                "role": describe_arm_role(arm, reference),
                "score": format_value(metric, score["mean"]),
                "score_interval": format_metric_interval(metric, choose_interval(score)),
                "against": against,
                **_format_difference_cells(metric, difference, result),
                "seconds": describe_arm_seconds(all_seconds.get(arm)),
            }
        )
    return {"metric": format_metric(metric), "rows": rows, "has_seconds": bool(all_seconds)}


def _format_difference_cells(metric: str, difference: dict[str, Any] | None, result: dict[str, Any]) -> dict[str, Any]:
    """Format what the table says of a difference; dashes where there is none."""
    if difference is None:
        return {"mean": DASH, "ci": "", "p": DASH, "p_holm": "", "mark": None}
    unit = {"unit": result.get("unit", "subject")}
    p_holm = difference.get("p_holm")
    ends = format_metric_interval(metric, choose_interval(difference), signed=True)
    return {
        "mean": format_difference(metric, difference["mean"]),
        "ci": "" if ends == DASH else ends,
        "p": format_p(difference.get("p")),
        "p_holm": "" if p_holm is None else format_p(p_holm),
        "mark": mark_difference(metric, unit | difference),
    }


def describe_arm_seconds(seconds: dict[str, Any] | None) -> str:
    """Describe how long the trainings of an arm took, each, and predicting.

    >>> describe_arm_seconds({"trainings": 5, "train": 500.0, "score": 60.0})
    '1 min 40 s training and 12 s predicting, 5 times'
    """
    if not seconds or not seconds["trainings"]:
        return DASH
    n = seconds["trainings"]
    train, score = (describe_duration(seconds[name] / n) for name in ("train", "score"))
    times = "once" if n == 1 else f"{n} times"
    return f"{train} training and {score} predicting, {times}"


def draw_arm_forest(result: dict[str, Any], differences: Differences, metric: str) -> Markup | None:
    """Draw the forest plot of a metric: every arm against the reference, repeats against the arm that they repeat.

    Args:
        result: the content of ``result.json``.
        differences: to the reference, with numbers of subjects.
        metric: the metric.
    """
    measure = get_measure(metric)
    factor = 100.0 if measure.is_share else 1.0
    reference = result.get("reference", "classic")
    rows = []
    for arm, row in differences.items():
        difference, against = row.get(metric), reference
        repeated = name_repeated_arm(arm)
        name = arm
        if repeated in result["arms"] and metric in (result.get("repeats") or {}).get(arm, {}):
            difference, against = result["repeats"][arm][metric], str(repeated)
            name = f"{arm} (against itself)"
        if difference is not None and difference["mean"] is not None:
            rows.append(_build_forest_row(result, name, (arm, against), metric, difference, factor))
    unit = "points" if measure.is_share else measure.unit
    words = f"difference to {reference}, {format_metric(metric)}" + (f", {unit}" if unit else "")
    return draw_forest(
        rows,
        title=f"{words}: every arm with its interval, every {result.get('unit', 'subject')} as a dot",
        unit=words,
        threshold=factor * LOSS_THRESHOLD if measure.is_share else 0.0,
        is_lower_better=measure.is_lower_better,
    )


def _build_forest_row(
    result: dict[str, Any],
    name: str,
    arms: tuple[str, str],
    metric: str,
    difference: dict[str, Any],
    factor: float,
) -> ForestRow:
    """Build a row of the plot: the difference, its interval and the people."""
    arm, against = arms
    after, before = read_values(result, arm, metric), read_values(result, against, metric)
    people = []
    for subject, first, second in zip(result["subjects"], before, after, strict=True):
        if first is not None and second is not None:
            people.append((str(subject), factor * (second - first)))
    low, high = choose_interval(difference)
    ends = None if low is None or high is None else (factor * low, factor * high)
    text = format_difference(metric, difference["mean"])
    if ends is not None:
        text += f" ({format_metric_interval(metric, (low, high), signed=True)})"
    mark = mark_difference(metric, {"unit": result.get("unit", "subject"), "n": len(people)} | difference)
    return ForestRow(name, text, factor * difference["mean"], ends, mark.kind, people)
