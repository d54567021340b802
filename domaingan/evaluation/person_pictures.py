"""Pictures of the person who gains most, the one in the middle and the one who loses most, with both arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.data import Dataset, Sample
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.example_images import collect_prediction_examples
from domaingan.evaluation.fold import Regrid
from domaingan.evaluation.plan import name_training
from domaingan.evaluation.split import Fold
from domaingan.evaluation.tasks import Task, open_task
from domaingan.imaging.intensity import with_measurements
from domaingan.metrics.measures import get_measure, split_metric

Arrays = dict[str, NDArray[Any]]

PREFIX = "person:"
"""Of the names of the arrays."""

ROLES = ("best", "median", "worst")


@dataclass(frozen=True)
class ShownPerson:
    """A person whose pictures are shown.

    Attributes:
        subject: the name.
        role: ``best``, ``median`` or ``worst``.
        mean: the difference between both arms, in the mean over trainings.
        fold: of the training whose predictions are shown.
        seed: of that training.
        shown: the difference in that training.
    """

    subject: str
    role: str
    mean: float
    fold: int
    seed: int
    shown: float


def choose_people(result: Mapping[str, Any]) -> list[ShownPerson]:
    """Choose the best, the median and the worst person of the verdict's comparison.

    Of each the training is taken whose difference is nearest to the person's mean, so that the picture is not that of
    an unusual training.

    Args:
        result: the content of ``result.json``.

    Returns:
        At most three people; none without a comparison.
    """
    primary = result.get("primary")
    if not primary or primary["mean"] is None:
        return []
    metric = primary["metric"]
    after, before = (_read_table(result, primary[key], metric) for key in ("arm", "against"))
    differences = after - before
    is_tested = ~np.isnan(differences)
    columns = np.flatnonzero(is_tested.any(axis=0))
    if not len(columns):
        return []
    means = np.array([differences[is_tested[:, column], column].mean() for column in columns])
    order = columns[np.argsort(means if get_measure(metric).is_lower_better else -means, kind="stable")]
    positions = {"best": 0, "worst": len(order) - 1, "median": len(order) // 2}  # of two people none is in the middle
    people: list[ShownPerson] = []
    for role, position in positions.items():
        column = int(order[position])
        subject = str(result["subjects"][column])
        if subject in [person.subject for person in people]:
            continue
        mean = float(differences[is_tested[:, column], column].mean())
        row = int(np.nanargmin(np.abs(differences[:, column] - mean)))
        training = result["trainings"][row]
        shown = float(differences[row, column])
        people.append(ShownPerson(subject, role, mean, training["fold"], training["seed"], shown))
    return sorted(people, key=lambda person: ROLES.index(person.role))


def _read_table(result: Mapping[str, Any], arm: str, metric: str) -> NDArray[np.float64]:
    """Read the scores of an arm, ``(trainings, people)``; NaN where there is none."""
    return np.array(result["scores"][arm][metric], dtype=np.float64)


def collect_person_pictures(
    result: Mapping[str, Any], config: EvaluationConfig, folds: Sequence[Fold], regrid: Regrid, out: Path
) -> Arrays:
    """Predict the sample with the largest objects of each chosen person again, with the stored networks of both arms.

    Args:
        result: the content of ``result.json``.
        config: the settings.
        folds: the test samples, at the data's own grid.
        regrid: brings samples to the grid worked in.
        out: the run folder, with the networks.

    Returns:
        Arrays that begin with :data:`PREFIX`: ``images``, ``truth``, ``after``, ``before`` (predictions of the arm and
        of the reference), and of every picture its ``names``, ``roles``, ``means``, ``trainings`` and ``differences``.
        None where networks are not stored, or where whole samples or crops are classified.
    """
    people = choose_people(result)
    if not people or config.task == "classification":  # a class is no picture
        return {}
    metric = result["primary"]["metric"]
    schema = folds[0].test.schema
    task = open_task(config, schema)
    value = schema.classes.get(split_metric(metric)[1])
    samples: list[Sample] = []
    truths: list[NDArray[Any]] = []
    predictions: dict[str, list[NDArray[Any]]] = {"after": [], "before": []}
    shown: list[ShownPerson] = []
    for person in people:
        paths = {}
        for name, key in (("after", "arm"), ("before", "against")):
            training = name_training(Arm.parse(result["primary"][key]), person.seed)
            paths[name] = out / f"fold-{person.fold}" / f"{training}.safetensors"
        sample = _find_sample(regrid(folds[person.fold].test), person.subject, task, value)
        if sample is None or not all(path.is_file() for path in paths.values()):
            continue
        for name, path in paths.items():
            model = task.load_ensemble([path], config).members[0]
            predictions[name].append(task.draw_prediction(model, sample))
        samples.append(sample)
        truths.append(task.draw_truth(sample))
        shown.append(person)
    if not shown:
        return {}
    arrays = collect_prediction_examples(samples, schema, truths, predictions)
    renamed = {name.removeprefix("prediction:"): array for name, array in arrays.items()}
    renamed |= {
        "names": np.array(
            [_name_sample(person.subject, sample) for person, sample in zip(shown, samples, strict=True)]
        ),
        "roles": np.array([person.role for person in shown]),
        "means": np.array([person.mean for person in shown]),
        "differences": np.array([person.shown for person in shown]),
        "trainings": np.array([[person.fold, person.seed] for person in shown]),
    }
    return {f"{PREFIX}{name}": array for name, array in renamed.items()}


def _name_sample(subject: str, sample: Sample) -> str:
    """Name a person's sample; the person is not named twice."""
    return sample.name if sample.name.startswith(subject) else f"{subject}: {sample.name}"


def _find_sample(test: Dataset, subject: str, task: Task, value: int | None) -> Sample | None:
    """Find a person's sample with most pixels of a class; of any class where there is no such class.

    Args:
        test: the test samples.
        subject: the person, or the block of time.
        task: draws what is true.
        value: of the class; None for all.
    """
    best: Sample | None = None
    most = -1
    for number, record in enumerate(test.records):
        if str(record.statistical_unit) != subject:
            continue
        sample = test[number]
        truth = task.draw_truth(sample)
        is_object = truth > 0 if value is None else truth == value
        n_pixels = int(is_object.sum())
        if n_pixels > most:
            best, most = sample, n_pixels
    return None if best is None else with_measurements(best, test.schema.domain)
