"""What the page of an evaluation shows: verdict, tables, figures, pictures, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domaingan.core.durations import describe_duration
from domaingan.core.errors import DataError
from domaingan.evaluation.result_versions import upgrade_result
from domaingan.metrics.statistics import ALPHA
from domaingan.metrics.verdict import MIN_PEOPLE, MIN_TRAININGS, has_enough_people, has_enough_trainings
from domaingan.report import evaluation_tables, gallery, generated_section, phrases, verdict_phrases
from domaingan.report.arm_rows import build_arm_table, draw_arm_forest
from domaingan.report.effect_phrases import describe_repeats
from domaingan.report.first_lines import list_first_lines
from domaingan.report.headroom_phrases import describe_headroom, list_headroom_sentences
from domaingan.report.number_formats import format_p
from domaingan.report.person_gallery import build_person_galleries
from domaingan.report.phrases import format_setting

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
    result = upgrade_result(result)
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
    metric = choose_metric(result, headlines)
    left_out, notes = split_notes(result)
    return {
        "title": _choose_title(result, primary),
        "verdict": result["verdict"],
        "first_lines": list_first_lines(result, primary),
        "explanation": [
            *_list_headroom_lines(result),
            *_explain_verdict(result, primary),
            *([] if primary is None else describe_repeats(result)),
        ],
        "beside": verdict_phrases.compare_to_strong_baseline(result),
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
        "arms": None if metric is None else build_arm_table(result, differences, metric),
        "forest": None if metric is None else draw_arm_forest(result, differences, metric),
        "curve": evaluation_tables.draw_curve_figure(result),
        "left_out": left_out,
        "subjects": evaluation_tables.build_subject_table(result, primary),
        "losses": evaluation_tables.draw_loss_figure(result.get("training") or {}),
        "per_seed": evaluation_tables.build_seed_table(result, primary, first_seed),
        "galleries": [
            *build_person_galleries(run, result),
            *generated_section.build_generated_galleries(run, result),
            *gallery.build_galleries(run, result),
        ],
        "notes": notes,
        "settings": phrases.list_settings(config),
        "command": config.get("command") or "",
        "text": phrases,
    }


def choose_metric(result: dict[str, Any], headlines: list[str]) -> str | None:
    """Choose the metric of the first table and of the forest plot: that of the verdict, else the first headline.

    Args:
        result: the content of ``result.json``.
        headlines: the headline metrics.
    """
    chosen = result.get("primary") or result.get("headroom")
    if chosen:
        return str(chosen["metric"])
    return headlines[0] if headlines else None


def split_notes(result: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Split the notes into what was left out, and everything else.

    Args:
        result: the content of ``result.json``.

    >>> split_notes({"notes": ["12 training and 30 test subjects", "Left out of the gan bank: 3 objects"]})
    (['Left out of the gan bank: 3 objects'], ['12 training and 30 test subjects'])
    """
    left_out: list[str] = []
    others: list[str] = []
    for note in result.get("notes") or []:
        is_about_omission = "left out" in note.lower() or "there is no score of it" in note
        (left_out if is_about_omission else others).append(note)
    return left_out, others


def _list_headroom_lines(result: dict[str, Any]) -> list[str]:
    """List what is short; the first sentence is left out, since it is the title or one of the first lines."""
    return list_headroom_sentences(result)[1:]


def _choose_title(result: dict[str, Any], primary: dict[str, Any] | None) -> str:
    """Choose the first line: the verdict, or what is short where no arm was compared for its own sake."""
    if primary is None and result.get("headroom"):
        return describe_headroom(result)
    return verdict_phrases.describe_verdict(result["verdict"], primary)


def _explain_verdict(result: dict[str, Any], primary: dict[str, Any] | None) -> list[str]:
    """Explain the verdict, in sentences, to a reader who does not know the statistics."""
    if primary is None:
        return []
    unit = phrases.read_unit(primary)
    if result["verdict"] == "cannot be shown":
        return _explain_missing_proof(result, primary)
    if result["verdict"] == "no difference":
        sentences = [
            f"A difference of this size could be chance: with other {unit}s, or trained again, it could have the "
            "opposite sign. This does not show that there is no difference.",
        ]
        if primary["p"] < ALPHA:
            sentences.append(
                "Its interval by itself excludes 0. But several comparisons were declared, and among so many one such "
                "interval comes up by chance more often than once in twenty studies."
            )
        return sentences
    p = primary["p"] if primary.get("p_holm") is None else primary["p_holm"]
    chance = f"would come up by chance with a probability of {format_p(p)}"
    return [f"If there were no difference, one as large as this {chance}."]


def _explain_missing_proof(result: dict[str, Any], primary: dict[str, Any]) -> list[str]:
    """Explain why nothing can be shown: no score, no interval, or too few subjects or trainings."""
    if result.get("warnings") and primary["mean"] == 0:
        return ["The network of no arm finds it: scores of 0 say nothing about the arms."]
    sentences = []
    if not has_enough_people(primary):
        sentences.append(
            f"With so few {phrases.read_unit(primary)}s no p below {format_p(result.get('smallest_p'))} is possible, "
            f"even if every one of them gained. At least {MIN_PEOPLE} are needed for p below {ALPHA}."
        )
    if not has_enough_trainings(primary):
        sentences.append(
            f"Trained again with another seed, the same arm gives other scores. With fewer than {MIN_TRAININGS} "
            "trainings of each arm it is not known how much of a difference comes from that."
        )
        advice = verdict_phrases.advise_more_trainings(result)
        sentences.append(f"{advice}.")
    if not sentences:
        sentences.append("The measured difference has no interval, so chance cannot be ruled out.")
    return sentences


def _list_facts(result: dict[str, Any], config: dict[str, Any]) -> list[tuple[str, str]]:
    """List what stands under the verdict: data, task, seeds, versions and device, time."""
    facts = [
        ("Data", str(config.get("data", ""))),
        ("Task", str(result.get("task", ""))),
    ]
    if "seeds" in config:
        facts.append(("Seeds", format_setting(config["seeds"])))
    environment = result.get("environment")
    if environment:
        versions = f"domaingan {environment['domaingan']}, PyTorch {environment['torch']}"
        facts.append(("Computed with", f"{versions}, Python {environment['python']}, {environment['device']}"))
    if result.get("seconds") is not None:
        facts.append(("Time taken", describe_duration(float(result["seconds"]))))
    return [(name, text) for name, text in facts if text]
