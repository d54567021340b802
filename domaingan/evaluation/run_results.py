"""Writing what a run found: ``result.json`` and the arrays of its pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.crop_conditions import sort_classes_by_rarity
from domaingan.core.files import to_json_types, write_arrays, write_json
from domaingan.core.progress import Progress
from domaingan.data import Sample, Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.headroom import TrainingPeople
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.evaluation.result_schema import find_schema_faults
from domaingan.evaluation.run_notes import name_unit
from domaingan.evaluation.score_tables import Scores, TrainingKey
from domaingan.evaluation.split import Fold
from domaingan.evaluation.summary import summarise, warn_of_missed
from domaingan.evaluation.tasks import open_task
from domaingan.imaging.padded_crops import count_voxels
from domaingan.metrics.measures import find_absent_classes


def write_results(
    out: Path,
    config: EvaluationConfig,
    folds: Sequence[Fold],
    scores: dict[str, dict[TrainingKey, Scores]],
    further: Mapping[str, Any],
    pictures: Mapping[str, NDArray[Any]],
    rarest_class: str | None,
    progress: Progress,
    draw_people: Callable[[Mapping[str, Any]], Mapping[str, NDArray[Any]]] | None = None,
) -> dict[str, Any]:
    """Summarise the scores of all trainings, and write ``result.json`` and ``pictures.npz``.

    Args:
        out: the run folder.
        config: the settings.
        folds: training and test samples.
        scores: of every arm and training.
        further: what else ``result.json`` holds.
        pictures: arrays for the report.
        rarest_class: the class of the primary metric, where there is one.
        progress: receives the warnings.
        draw_people: draws arrays for the report that depend on the result.

    Returns:
        The content of ``result.json``.
    """
    test = folds[0].test
    summary = summarise(
        scores,
        config,
        rarest_class,
        training_people=_count_training_people(folds, config.seed, further.get("hosts") or []),
        has_person_scores=not test.schema.domain.is_rgb,
    )
    result = summary | {
        "unit": name_unit(test),
        "classes": open_task(config, test.schema).list_drawn_classes(test.schema),
        "domain": test.schema.domain.name,
        "train_subjects": [list(fold.train.subjects) for fold in folds],
        **further,
    }
    _say_what_is_absent(result, scores, progress)
    warn_of_missed(result, None if "predictions" in further else config.steps)
    for warning in result["warnings"]:
        progress.say(f"warning: {warning}")
    for fault in find_schema_faults(to_json_types(result)):  # what was trained is worth more than its schema
        progress.say(f"warning: result.json is not as documented: {fault}")
    if draw_people is not None:
        pictures = {**pictures, **draw_people(result)}
    write_arrays(out / "pictures.npz", pictures)
    write_json(out / "result.json", result)
    return result


def _count_training_people(folds: Sequence[Fold], seed: int, hosts: Sequence[Mapping[str, Any]]) -> TrainingPeople:
    """Count the people that shares are drawn from, and those of the further hosts, in the mean over folds."""
    shares = [PeopleShares.draw(fold.train.records, seed) for fold in folds]
    n_people = round(np.mean([len(of_fold.people) for of_fold in shares]))
    n_hosts = round(np.mean([counts["people"] for counts in hosts])) if hosts else 0
    return TrainingPeople(n_people, n_hosts, shares[0].unit)


def _say_what_is_absent(
    result: dict[str, Any], scores: Mapping[str, Mapping[TrainingKey, Scores]], progress: Progress
) -> None:
    """Say which classes nobody in the test has: they have no score, and are in no mean."""
    runs: list[Scores] = []
    for trainings in scores.values():
        runs += trainings.values()
    result["absent"] = find_absent_classes(runs)
    if not result["absent"]:
        return
    names = ", ".join(name.replace("_", " ") for name in result["absent"])
    note = f"No test {result['unit']} has {names}: there is no score of it, and it is in no mean"
    result["notes"] = [*result.get("notes", []), note]
    progress.say(note)


def find_rarest_class(samples: Iterable[Sample], schema: Schema) -> str | None:
    """Find the rarest class of the training samples, by the rule that names a crop's condition.

    Args:
        samples: the training samples.
        schema: names the classes.

    Returns:
        Its name; None where no sample has a mask with a class.
    """
    names = {value: name for name, value in schema.classes.items()}
    counts = []
    for sample in samples:
        if sample.mask is not None:
            counts.append((sample.statistical_unit, count_voxels(np.asarray(sample.mask))))
    for value in sort_classes_by_rarity(counts):
        if value in names:
            return names[value]
    return None
