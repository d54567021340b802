"""Runs an evaluation: trains every arm with every seed on every fold, then writes one result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from domaingan.core.locks import lock_folder
from domaingan.core.progress import Progress, SilentProgress
from domaingan.core.run_folder import RunFolder
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arm_banks import BankBuilder, build_banks
from domaingan.evaluation.ensembles import score_ensembles
from domaingan.evaluation.evaluation_config import EvaluationConfig, list_default_settings
from domaingan.evaluation.figures import collect_figures
from domaingan.evaluation.fold import FoldContext, Regrid, load_test_samples, select_training_samples
from domaingan.evaluation.generated import evaluate_generated
from domaingan.evaluation.host_notes import count_hosts, describe_hosts
from domaingan.evaluation.host_reading import read_further_hosts
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.evaluation.person_pictures import collect_person_pictures
from domaingan.evaluation.plan import Plan, TrainingCounter, report_plan
from domaingan.evaluation.run_notes import collect_notes
from domaingan.evaluation.run_results import find_rarest_class, write_results
from domaingan.evaluation.run_times import add_seconds, describe_environment, sum_seconds
from domaingan.evaluation.run_trainings import run_trainings
from domaingan.evaluation.score_tables import Scores, TrainingKey
from domaingan.evaluation.split import Fold
from domaingan.evaluation.tasks import open_task

CHANGEABLE_SETTINGS = ("arms", "seeds", "ensemble", "device", "workers", "jobs", "command")
"""Settings that a resumed run may change: what was trained before stays valid, and the table grows."""


def run_evaluation(
    config: EvaluationConfig,
    folds: list[Fold],
    regrid: Regrid,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Run an evaluation. Every training that ended is stored, so that ``resume`` continues an interrupted run.

    Args:
        config: the settings.
        folds: training and test samples, at the data's own grid.
        regrid: brings samples to the grid worked in (identity for the data's own).
        out: the run folder.
        resume: continue a run that was interrupted; its config must be the same but for :data:`CHANGEABLE_SETTINGS`.
        overwrite: replace an existing run.
        progress: receives the progress.
        notes: what a reader must know of the data; they come before the run's own notes.

    Returns:
        The content of ``result.json``.

    Raises:
        DataError: the folder is taken, another process writes there, the configs differ, or a bank was made from a
            test subject.
    """
    with lock_folder(out):
        settings = config.model_dump(mode="json")
        changeable: tuple[str, ...] = CHANGEABLE_SETTINGS
        if config.task != "detection":
            changeable += ("detector",)  # it says nothing here; an earlier version stored one all the same
        defaults = list_default_settings()
        RunFolder(out).prepare(settings, changeable, resume=resume, overwrite=overwrite, defaults=defaults)
        return _run_in_folder(config, folds, regrid, out, progress or SilentProgress(), notes)


def _run_in_folder(
    config: EvaluationConfig,
    folds: list[Fold],
    regrid: Regrid,
    out: Path,
    progress: Progress,
    data_notes: Sequence[str],
) -> dict[str, Any]:
    """Run an evaluation in a folder that is prepared and locked."""
    arms = config.parsed_arms
    scores: dict[str, dict[TrainingKey, Scores]] = {arm.name: {} for arm in arms}
    losses: dict[str, dict[str, Any]] = {arm.name: {} for arm in arms}
    pictures: dict[str, NDArray[Any]] = {}
    notes: list[str] = []
    generated: dict[str, Any] = {}
    rarest_class = None
    seconds: dict[str, dict[str, float]] = {}
    host_counts: list[dict[str, Any]] = []
    plan = Plan.from_folds(config, folds, out)
    counter = TrainingCounter(plan, progress)
    for number, fold in enumerate(folds):
        is_first = number == 0
        context = _prepare_fold(fold, config, regrid, out / f"fold-{number}", progress, plan if is_first else None)
        rarest_class = rarest_class or find_rarest_class(context.train_samples, fold.test.schema)
        for arm, trainings in run_trainings(context, config, counter).items():
            for seed, training in zip(config.all_seeds, trainings, strict=True):
                scores[arm.name][number, seed] = training.scores
                losses[arm.name][f"{number}/{seed}"] = training.losses
                add_seconds(seconds, arm.name, training.seconds)
        if config.ensemble:
            for name, ensemble_scores in score_ensembles(context, config, progress).items():
                scores.setdefault(name, {})[number, config.seed] = ensemble_scores
        counts = count_hosts(fold, context.further_hosts)
        if counts is not None:
            host_counts.append(counts)
        if is_first:
            generated, pictures = evaluate_generated(
                context.banks, context.hosts, context.test, config, context.folder, progress
            )
            pictures |= collect_figures(context, config)
            notes = [*data_notes, *collect_notes(context, folds, config)]
    further: dict[str, Any] = {"training": losses, "notes": notes, **sum_seconds(seconds)}
    further["environment"] = describe_environment(config.device)
    if host_counts:
        further["hosts"] = host_counts
        notes += describe_hosts(host_counts, config, folds[0].train.schema)
    if generated:
        further["generated"] = generated
    draw_people = partial(collect_person_pictures, config=config, folds=folds, regrid=regrid, out=out)
    return write_results(out, config, folds, scores, further, pictures, rarest_class, progress, draw_people)


def _prepare_fold(
    fold: Fold,
    config: EvaluationConfig,
    regrid: Regrid,
    folder: Path,
    progress: Progress,
    plan: Plan | None,
) -> FoldContext:
    """Read a fold's samples and build its banks; a plan is reported before the banks are built."""
    folder.mkdir(parents=True, exist_ok=True)
    task = open_task(config, fold.test.schema)
    progress.start("reading the samples")
    hosts = regrid(fold.train).load_into_memory()
    samples = select_training_samples(hosts, task)
    test, original_test = load_test_samples(fold.test, regrid)
    builder = BankBuilder(hosts, config, folder, progress)
    if plan is not None:
        report_plan(plan, task, samples, test, builder, progress)
    further = read_further_hosts(fold, samples, config, regrid, folder, progress)
    builder = replace(builder, further_hosts=further)
    progress.start("making the banks")
    banks = build_banks(config.parsed_arms, fold.test, builder)
    for arm in config.parsed_arms:  # what does not fit is refused before the first training
        build_augmentation(arm, banks, test.schema, config.target_conditions)
    shares = PeopleShares.draw(hosts.records, config.seed)
    return FoldContext(task, samples, hosts, test, original_test, banks, folder, shares=shares, further_hosts=further)
