"""The tables and figures of an evaluation's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from domaingan.evaluation.comparisons import STRONG_BASELINE
from domaingan.metrics.measures import get_measure
from domaingan.report import svg_figures
from domaingan.report.number_formats import format_difference, format_metric_interval, format_p, format_value
from domaingan.report.phrases import format_metric, read_unit
from domaingan.report.verdict_phrases import choose_interval, mark_difference

Differences = dict[str, dict[str, dict[str, Any]]]
"""By arm and metric: ``mean``, ``ci``, ``p``, ``n``, ``unit``."""

MISSING_SCORE: dict[str, Any] = {"mean": None, "ci": [None, None]}


def count_subjects(result: dict[str, Any], reference: str) -> Differences:
    """Return the differences, each with its number of subjects.

    Args:
        result: the content of ``result.json``.
        reference: the arm that the others are compared with.
    """
    counted: Differences = {}
    for arm, row in result["differences"].items():
        counted[arm] = {}
        for metric, difference in row.items():
            n = difference.get("n")
            if n is None:
                n = len(_pair_values(result, reference, arm, metric))
            counted[arm][metric] = difference | {"n": n, "unit": result.get("unit", "subject")}
    return counted


def _pair_values(result: dict[str, Any], reference: str, arm: str, metric: str) -> list[tuple[str, float, float]]:
    """Pair the values of two arms: subject, reference, arm; subjects without both are left out."""
    pairs = []
    before = read_values(result, reference, metric)
    after = read_values(result, arm, metric)
    for subject, first, second in zip(result["subjects"], before, after, strict=True):
        if first is not None and second is not None:
            pairs.append((subject, first, second))
    return pairs


def read_values(result: dict[str, Any], arm: str, metric: str) -> list[float | None]:
    """Read an arm's value for each subject; None where it has none.

    Args:
        result: the content of ``result.json``.
        arm: its name.
        metric: the metric.
    """
    values = result["arms"].get(arm, {}).get(metric, {}).get("values") or [None] * len(result["subjects"])
    return [None if value is None or np.isnan(value) else float(value) for value in values]


def build_baseline_table(result: dict[str, Any], primary: dict[str, Any] | None) -> dict[str, Any] | None:
    """Build the table of differences to pasting real crops, which needs no GAN: the strong baseline.

    Returns:
        ``arm``, ``metric`` and ``rows``; None where that was not measured.
    """
    if primary is None:
        return None
    metric = primary["metric"]
    rows = []
    for arm, differences in (result.get("versus_strong_baseline") or {}).items():
        difference = differences.get(metric)
        if difference is None or difference["mean"] is None:
            continue
        mark = mark_difference(metric, difference | {"unit": read_unit(primary)})
        over_both = format_metric_interval(metric, difference["ci"], signed=True)
        over_subjects = format_metric_interval(metric, difference.get("ci_people") or [None, None], signed=True)
        points = format_difference(metric, difference["mean"])
        rows.append((arm, points, over_both, over_subjects, format_p(difference["p"]), mark))
    if not rows:
        return None
    return {"arm": STRONG_BASELINE, "metric": format_metric(metric), "rows": rows}


def build_score_table(arms: dict[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """Build the table of arms × metrics: each cell a mean, its interval, and whether it is the best of its metric."""
    best = {metric: _find_best_mean(arms, metric) for metric in metrics}
    rows = []
    for arm, row in arms.items():
        cells = []
        for metric in metrics:
            score = row.get(metric) or MISSING_SCORE
            is_best = score["mean"] is not None and score["mean"] == best[metric]
            cells.append(
                (format_value(metric, score["mean"]), format_metric_interval(metric, choose_interval(score)), is_best)
            )
        rows.append((arm, cells))
    return {"heads": [format_metric(metric) for metric in metrics], "rows": rows}


def _find_best_mean(arms: dict[str, Any], metric: str) -> float | None:
    """Find the best mean of a metric; None where all arms have the same."""
    means = set()
    for row in arms.values():
        mean = row.get(metric, {}).get("mean")
        if mean is not None:
            means.add(mean)
    if len(means) < 2:
        return None
    best: float = min(means) if get_measure(metric).is_lower_better else max(means)
    return best


def select_headline_metrics(metrics: Sequence[str]) -> list[str]:
    """Select the metrics of the first tables; the others are details, see :class:`Measure`."""
    return [metric for metric in metrics if get_measure(metric).is_headline]


def build_detail_table(arms: dict[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """Build the table of the metrics that are no headlines: a row a metric, a column an arm, means alone."""
    rows = []
    for metric in metrics:
        if get_measure(metric).is_headline:
            continue
        means = [(row.get(metric) or MISSING_SCORE)["mean"] for row in arms.values()]
        rows.append((format_metric(metric), [format_value(metric, mean) for mean in means]))
    return {"heads": list(arms), "rows": rows}


def build_difference_table(differences: Differences, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Build the table of differences, grouped by metric."""
    groups = []
    for metric in metrics:
        rows = []
        for arm, row in differences.items():
            if metric in row:
                rows.append(_build_difference_row(arm, metric, row[metric]))
        if rows:
            groups.append({"metric": format_metric(metric), "rows": rows})
    return groups


def _build_difference_row(arm: str, metric: str, difference: dict[str, Any]) -> dict[str, Any]:
    return {
        "arm": arm,
        "mean": format_difference(metric, difference["mean"]),
        "ci": format_metric_interval(metric, choose_interval(difference), signed=True),
        "p": format_p(difference.get("p")),
        "n": difference["n"],
        "mark": mark_difference(metric, difference),
    }


def describe_chance(differences: Differences, reference: str) -> list[str]:
    """Say for each arm, in a sentence, which of its differences in headline metrics are more than chance."""
    sentences = []
    for arm, all_differences in differences.items():
        significant = []
        headlines = select_headline_metrics(list(all_differences))
        row = {metric: all_differences[metric] for metric in headlines}
        for metric, difference in row.items():
            if mark_difference(metric, difference).kind in ("better", "worse"):
                significant.append(f"{format_metric(metric)} {format_difference(metric, difference['mean'])}")
        if not significant:
            text = "every difference could be chance"
        else:
            text = f"more than chance: {'; '.join(significant)}"
            if len(significant) < len(row):
                text += "; every other difference could be chance"
        sentences.append(f"{arm} against {reference}: {text}.")
    return sentences


def build_subject_table(result: dict[str, Any], primary: dict[str, Any] | None) -> dict[str, Any] | None:
    """Build the table of every subject's score with the reference and with the arm of the verdict."""
    if primary is None:
        return None
    arms = (primary["against"], primary["arm"])
    pairs = _pair_values(result, *arms, primary["metric"])
    if not pairs:
        return None
    rows = []
    metric = primary["metric"]
    for subject, before, after in pairs:
        difference = format_difference(metric, after - before)
        rows.append((subject, format_value(metric, before), format_value(metric, after), difference))
    subjects = [subject for subject, _, _ in pairs]
    before_values = [before for _, before, _ in pairs]
    after_values = [after for _, _, after in pairs]
    return {
        "metric": format_metric(primary["metric"]),
        "arms": arms,
        "figure": svg_figures.draw_subjects(subjects, before_values, after_values, arms),
        "rows": rows,
        "left_out": len(result["subjects"]) - len(rows),
        "better": sum(after > before for _, before, after in pairs),
    }


def draw_curve_figure(result: dict[str, Any]) -> Markup | None:
    """Draw the learning curve: the mean of each share of the people, with its interval; None where there is none."""
    curve = result.get("learning_curve")
    if not curve:
        return None
    points = []
    for share in curve["shares"]:
        score = result["arms"].get(share["arm"], {}).get(curve["metric"]) or MISSING_SCORE
        if share["mean"] is not None:
            points.append((share["people"], share["mean"], choose_interval(score)))
    if len(points) < 2:
        return None
    metric = curve["metric"]
    return svg_figures.draw_learning_curve(
        points,
        arm=curve["arm"],
        unit=curve.get("unit", "subject"),
        metric=format_metric(metric),
        is_share=get_measure(metric).is_share,
    )


def draw_loss_figure(training: dict[str, Any]) -> Markup | None:
    """Draw the training loss of every arm; None if it was not recorded."""
    curves: dict[str, list[tuple[list[float], list[float]]]] = {}
    for arm, runs in training.items():
        lines = [_read_curve(run) for run in runs.values()]
        curves[arm] = [line for line in lines if line[0]]
    return svg_figures.draw_losses(curves) if any(curves.values()) else None


def _read_curve(run: Any) -> tuple[list[float], list[float]]:
    """Read steps and losses, from ``{"step": […], "loss": […]}`` or ``[[step, loss], …]``."""
    if isinstance(run, dict):
        losses = list(run["loss"])
        steps = list(run.get("step") or range(1, len(losses) + 1))
        return steps, losses
    return [pair[0] for pair in run], [pair[1] for pair in run]


def build_seed_table(result: dict[str, Any], primary: dict[str, Any] | None, first_seed: int) -> dict[str, Any] | None:
    """Build the table of every seed's mean: a column a seed, numbered as in the names of the run's files."""
    table = result.get("per_seed")
    if not table or primary is None:
        return None
    rows = []
    metric = primary["metric"]
    for arm, row in table.items():
        rows.append((arm, [format_value(metric, mean) for mean in row.get(metric, [])]))
    column_count = max(len(means) for _, means in rows)
    seeds = [first_seed + number for number in range(column_count)]
    return {"metric": format_metric(primary["metric"]), "rows": rows, "seeds": seeds}
