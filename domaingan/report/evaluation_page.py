"""What the page of an evaluation shows: verdict, tables, figures, pictures, settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from domaingan.core.durations import describe_duration
from domaingan.core.errors import DataError
from domaingan.evaluation.summary import STRONG_BASELINE
from domaingan.metrics.statistics import ALPHA, is_significant
from domaingan.report import gallery, generated_section, phrases, svg_figures
from domaingan.report.phrases import (
    format_count,
    format_interval,
    format_metric,
    format_p,
    format_percent,
    format_points,
    format_setting,
)

MAX_FIGURE_METRICS = 8
"""Of more metrics than this the figure of differences shows those over all classes alone."""

REQUIRED_KEYS = ("arms", "differences", "subjects", "verdict")


def build_evaluation_page(run: Path, result: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The values of ``templates/evaluation.html``.

    Raises:
        DataError: the result lacks what every evaluation has.
    """
    missing = [name for name in REQUIRED_KEYS if name not in result]
    if missing:
        raise DataError(f"no {missing[0]!r}", path=run / "result.json", expected="the result of an evaluation")
    against = result.get("reference", "classic")
    primary = result.get("primary")
    changes = _count_subjects(result, against)
    if primary is not None:
        primary = changes[primary["arm"]][primary["metric"]] | primary
    metrics = list(dict.fromkeys(metric for row in result["arms"].values() for metric in row))
    return {
        "title": phrases.describe_verdict(result["verdict"], primary),
        "verdict": result["verdict"],
        "primary": None if primary is None else phrases.describe_statistics(primary),
        "explanation": _explain_verdict(result, primary),
        "beside": phrases.compare_to_strong_baseline(result),
        "warnings": result.get("warnings") or [],
        "rivals": _compare_to_baseline(result, primary),
        "against": against,
        "unit": result.get("unit", "subject"),
        "facts": _list_facts(result, config),
        "scores": _build_score_table(result["arms"], metrics),
        "differences": _build_difference_table(changes, metrics),
        "chance": _describe_chance(changes, against),
        "figure": _draw_differences(changes, metrics, against),
        "subjects": _build_subject_table(result, primary),
        "losses": _draw_losses(result.get("training") or {}),
        "per_seed": _build_seed_table(result, primary, int(config.get("seed") or 0)),
        "galleries": [*generated_section.build_generated_galleries(run, result), *gallery.build_galleries(run, result)],
        "notes": result.get("notes") or [],
        "settings": [(name, format_setting(value)) for name, value in config.items() if name != "command"],
        "command": config.get("command") or "",
        "text": phrases,
    }


def _count_subjects(result: dict[str, Any], against: str) -> dict[str, dict[str, dict[str, Any]]]:
    """The differences, each with its number of subjects."""
    counted: dict[str, dict[str, dict[str, Any]]] = {}
    for arm, row in result["differences"].items():
        counted[arm] = {}
        for metric, change in row.items():
            pairs = zip(_read_values(result, arm, metric), _read_values(result, against, metric), strict=True)
            n = change.get("n", sum(a is not None and b is not None for a, b in pairs))
            counted[arm][metric] = change | {"n": n, "unit": result.get("unit", "subject")}
    return counted


def _read_values(result: dict[str, Any], arm: str, metric: str) -> list[float | None]:
    values = result["arms"].get(arm, {}).get(metric, {}).get("values") or [None] * len(result["subjects"])
    return [None if value is None or np.isnan(value) else float(value) for value in values]


def _explain_verdict(result: dict[str, Any], primary: dict[str, Any] | None) -> str:
    """What the verdict means, for someone who does not know the statistics."""
    if primary is None:
        return ""
    n, smallest = primary["n"], result.get("smallest_p")
    if result["verdict"] == "cannot be shown":
        if result.get("warnings") and primary["mean"] == 0:
            return "No arm's network finds it: scores of 0 say nothing about the arms."
        if smallest is None or smallest < ALPHA:
            return "The measured difference has no interval, so that it cannot be told from chance."
        return (
            f"With {format_count(n, 'test ' + phrases.read_unit(primary))} that can be compared, "
            f"no p below {format_p(smallest)} is possible, however large the difference. "
            f"At least six are needed for p below {ALPHA}."
        )
    if result["verdict"] == "no difference":
        return (
            f"A difference of this size could be chance: drawing other {phrases.read_unit(primary)}s to test could "
            "turn it round. That does not show that there is none."
        )
    return (
        f"Were there no difference, one as large as this would come up by chance with probability "
        f"{format_p(primary['p'])}."
    )


def _compare_to_baseline(result: dict[str, Any], primary: dict[str, Any] | None) -> dict[str, Any] | None:
    """How the other arms that paste compare with pasting real crops, which needs no GAN: the arm to beat."""
    if primary is None or not result.get("to_rival"):
        return None
    rows = []
    for arm, metrics in result["to_rival"].items():
        change = metrics.get(primary["metric"])
        if change is None or change["mean"] is None:
            continue
        said = phrases.mark_difference(primary["metric"], change | {"unit": phrases.read_unit(primary)})
        ends = (format_interval(change[which], signed=True) for which in ("ci", "crossed"))
        rows.append((arm, format_points(change["mean"]), *ends, format_p(change["p"]), said))
    return {"arm": STRONG_BASELINE, "metric": format_metric(primary["metric"]), "rows": rows} if rows else None


def _list_facts(result: dict[str, Any], config: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [("Data", str(config.get("data", ""))), ("Task", str(result.get("task", "")))]
    facts.append((f"Test {result.get('unit', 'subject')}s", str(len(result["subjects"]))))
    if "seeds" in config:
        facts.append(("Seeds", format_setting(config["seeds"])))
    if result.get("smallest_p") is not None:
        facts.append(("Smallest p possible", format_p(result["smallest_p"])))
    if result.get("seconds") is not None:
        facts.append(("Time taken", describe_duration(float(result["seconds"]))))
    return [(name, text) for name, text in facts if text]


def _build_score_table(arms: dict[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """The table of arms × metrics: each cell a mean and its interval; the best mean of a metric is marked."""
    best = {}
    for metric in metrics:
        means = {row[metric]["mean"] for row in arms.values() if row.get(metric, {}).get("mean") is not None}
        lower = metric.partition(":")[0] in phrases.LOWER_IS_BETTER
        best[metric] = None if len(means) < 2 else min(means) if lower else max(means)
    rows = []
    for arm, row in arms.items():
        cells = []
        for metric in metrics:
            cell = row.get(metric) or {"mean": None, "ci": [None, None]}
            is_best = cell["mean"] is not None and cell["mean"] == best[metric]
            cells.append((format_percent(cell["mean"]), format_interval(cell["ci"]), is_best))
        rows.append((arm, cells))
    return {"heads": [format_metric(metric) for metric in metrics], "rows": rows}


def _build_difference_table(changes: dict[str, Any], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """The table of differences, grouped by metric."""
    groups = []
    for metric in metrics:
        rows = [
            {
                "arm": arm,
                "mean": format_points(row[metric]["mean"]),
                "ci": format_interval(row[metric]["ci"], signed=True),
                "p": format_p(row[metric].get("p")),
                "n": row[metric]["n"],
                "mark": phrases.mark_difference(metric, row[metric]),
            }
            for arm, row in changes.items()
            if metric in row
        ]
        if rows:
            groups.append({"metric": format_metric(metric), "rows": rows})
    return groups


def _describe_chance(changes: dict[str, Any], against: str) -> list[str]:
    """One sentence an arm: which of its differences are more than chance."""
    sentences = []
    for arm, row in changes.items():
        shown = [m for m, change in row.items() if is_significant(change)]
        said = [f"{format_metric(m)} {format_points(row[m]['mean'])}" for m in shown]
        rest = "every difference could be chance" if not shown else f"beyond chance: {'; '.join(said)}"
        others = "; every other difference could be chance" if shown and len(shown) < len(row) else ""
        sentences.append(f"{arm} against {against}: {rest}{others}.")
    return sentences


def _draw_differences(changes: dict[str, Any], metrics: Sequence[str], against: str) -> Markup | None:
    dice = [metric for metric in metrics if metric.startswith("dice")] or list(metrics)
    if len(dice) > MAX_FIGURE_METRICS:
        dice = [metric for metric in dice if ":" not in metric] or dice
    groups = {
        format_metric(m): [
            (arm, row[m], phrases.mark_difference(m, row[m])) for arm, row in changes.items() if m in row
        ]
        for m in dice
    }
    groups = {name: rows for name, rows in groups.items() if any(row[1]["mean"] is not None for row in rows)}
    return svg_figures.draw_differences(groups, against) if groups else None


def _build_subject_table(result: dict[str, Any], primary: dict[str, Any] | None) -> dict[str, Any] | None:
    """Every subject's score with the reference and with the primary arm."""
    if primary is None:
        return None
    arms = (primary["against"], primary["arm"])
    before, after = (_read_values(result, arm, primary["metric"]) for arm in arms)
    table = zip(result["subjects"], before, after, strict=True)
    rows = [(name, b, a) for name, b, a in table if b is not None and a is not None]
    if not rows:
        return None
    names, first, second = zip(*rows, strict=True)
    return {
        "metric": format_metric(primary["metric"]),
        "arms": arms,
        "figure": svg_figures.draw_subjects(names, first, second, arms),
        "rows": [(name, format_percent(b), format_percent(a), format_points(a - b)) for name, b, a in rows],
        "left_out": len(result["subjects"]) - len(rows),
        "better": sum(a > b for _, b, a in rows),
    }


def _draw_losses(training: dict[str, Any]) -> Markup | None:
    curves = {arm: [_read_curve(run) for run in runs.values()] for arm, runs in training.items()}
    curves = {arm: [line for line in lines if line[0]] for arm, lines in curves.items()}
    return svg_figures.draw_losses(curves) if any(curves.values()) else None


def _read_curve(run: Any) -> tuple[list[float], list[float]]:
    """Steps and losses, from ``{"step": […], "loss": […]}`` or ``[[step, loss], …]``."""
    if isinstance(run, dict):
        return list(run.get("step") or range(1, len(run["loss"]) + 1)), list(run["loss"])
    return [pair[0] for pair in run], [pair[1] for pair in run]


def _build_seed_table(result: dict[str, Any], primary: dict[str, Any] | None, first: int) -> dict[str, Any] | None:
    """A column a seed, numbered as in the names of the run's files."""
    table = result.get("per_seed")
    if not table or primary is None:
        return None
    rows = [(arm, [format_percent(mean) for mean in row.get(primary["metric"], [])]) for arm, row in table.items()]
    columns = max(len(row[1]) for row in rows)
    seeds = [first + number for number in range(columns)]
    return {"metric": format_metric(primary["metric"]), "rows": rows, "seeds": seeds}
