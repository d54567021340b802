"""What the page of an evaluation shows: verdict, tables, figures, pictures, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domaingan.core.durations import describe_duration
from domaingan.core.errors import DataError
from domaingan.metrics.statistics import ALPHA
from domaingan.report import evaluation_tables, gallery, generated_section, phrases
from domaingan.report.number_formats import format_p
from domaingan.report.phrases import format_count, format_setting

REQUIRED_KEYS = ("arms", "differences", "subjects", "verdict")


def build_evaluation_page(run: Path, result: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Build the values of ``templates/evaluation.html``.

    Args:
        run: the run folder.
        result: the content of its ``result.json``.
        config: the content of its ``config.json``.

    Raises:
        DataError: the result lacks what every evaluation has.
    """
    missing = [name for name in REQUIRED_KEYS if name not in result]
    if missing:
        raise DataError(f"no {missing[0]!r}", path=run / "result.json", expected="the result of an evaluation")
    reference = result.get("reference", "classic")
    differences = evaluation_tables.count_subjects(result, reference)
    primary = result.get("primary")
    if primary is not None:
        primary = differences[primary["arm"]][primary["metric"]] | primary
    metrics: dict[str, None] = {}
    for row in result["arms"].values():
        metrics |= dict.fromkeys(row)
    headlines = evaluation_tables.select_headline_metrics(list(metrics))
    first_seed = int(config.get("seed") or 0)
    return {
        "title": phrases.describe_verdict(result["verdict"], primary),
        "verdict": result["verdict"],
        "primary": None if primary is None else phrases.describe_statistics(primary),
        "explanation": _explain_verdict(result, primary),
        "beside": phrases.compare_to_strong_baseline(result),
        "warnings": result.get("warnings") or [],
        "rivals": evaluation_tables.build_baseline_table(result, primary),
        "against": reference,
        "unit": result.get("unit", "subject"),
        "alpha": ALPHA,
        "facts": _list_facts(result, config),
        "scores": evaluation_tables.build_score_table(result["arms"], headlines),
        "details": evaluation_tables.build_detail_table(result["arms"], list(metrics)),
        "differences": evaluation_tables.build_difference_table(differences, headlines),
        "chance": evaluation_tables.describe_chance(differences, reference),
        "figure": evaluation_tables.draw_difference_figure(differences, headlines, reference),
        "subjects": evaluation_tables.build_subject_table(result, primary),
        "losses": evaluation_tables.draw_loss_figure(result.get("training") or {}),
        "per_seed": evaluation_tables.build_seed_table(result, primary, first_seed),
        "galleries": [
            *generated_section.build_generated_galleries(run, result),
            *gallery.build_galleries(run, result),
        ],
        "notes": result.get("notes") or [],
        "settings": phrases.list_settings(config),
        "command": config.get("command") or "",
        "text": phrases,
    }


def _explain_verdict(result: dict[str, Any], primary: dict[str, Any] | None) -> str:
    """Explain the verdict to a reader who does not know the statistics."""
    if primary is None:
        return ""
    unit = phrases.read_unit(primary)
    if result["verdict"] == "cannot be shown":
        return _explain_missing_proof(result, primary)
    if result["verdict"] == "no difference":
        return (
            f"A difference of this size could be chance: with other test {unit}s it could have the opposite sign. "
            "This does not show that there is no difference."
        )
    return (
        "If there were no difference, one as large as this would come up by chance with a probability of "
        f"{format_p(primary['p'])}."
    )


def _explain_missing_proof(result: dict[str, Any], primary: dict[str, Any]) -> str:
    """Explain why nothing can be shown: no score, no interval, or too few subjects."""
    if result.get("warnings") and primary["mean"] == 0:
        return "The network of no arm finds it: scores of 0 say nothing about the arms."
    smallest_p = result.get("smallest_p")
    if smallest_p is None or smallest_p < ALPHA:
        return "The measured difference has no interval, so chance cannot be ruled out."
    sample = format_count(primary["n"], f"test {phrases.read_unit(primary)}")
    return (
        f"With {sample} that can be compared, no p below {format_p(smallest_p)} is possible, however large the "
        f"difference. At least six are needed for p below {ALPHA}."
    )


def _list_facts(result: dict[str, Any], config: dict[str, Any]) -> list[tuple[str, str]]:
    """List what stands under the verdict: data, task, numbers of subjects and seeds, time."""
    unit = result.get("unit", "subject")
    facts = [
        ("Data", str(config.get("data", ""))),
        ("Task", str(result.get("task", ""))),
        (f"Test {unit}s", str(len(result["subjects"]))),
    ]
    if "seeds" in config:
        facts.append(("Seeds", format_setting(config["seeds"])))
    if result.get("smallest_p") is not None:
        facts.append(("Smallest p possible", format_p(result["smallest_p"])))
    if result.get("seconds") is not None:
        facts.append(("Time taken", describe_duration(float(result["seconds"]))))
    return [(name, text) for name, text in facts if text]
