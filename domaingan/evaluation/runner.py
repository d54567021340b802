"""The protocol: every arm with every seed on every fold, each training kept in a file, then one result."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.crop_conditions import sort_classes_by_rarity
from domaingan.blend import Paste
from domaingan.core.files import prepare_run_folder, write_arrays, write_json
from domaingan.core.locks import lock_folder
from domaingan.core.progress import Progress, SilentProgress
from domaingan.core.reading import read_json_object, refuse_malformed
from domaingan.data import BLOCK_SECONDS, Dataset
from domaingan.evaluation.arm_banks import BankBuilder, build_banks
from domaingan.evaluation.arms import Arm, build_augmentation, parse_arms
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.example_images import choose_largest_samples
from domaingan.evaluation.figures import collect_figures
from domaingan.evaluation.fold import FoldContext
from domaingan.evaluation.generated import evaluate_generated
from domaingan.evaluation.plan import Plan, TrainingCounter, name_training, report_plan
from domaingan.evaluation.split import Fold
from domaingan.evaluation.summary import Scores, summarise, warn_of_missed
from domaingan.evaluation.tasks import TASKS, parse_backbone
from domaingan.imaging.intensity import get_foreground, with_measurements
from domaingan.imaging.padded_crops import count_voxels

CHANGEABLE_SETTINGS = ("arms", "seeds", "command")
"""Settings that a resumed run may change: what was trained before stays true, and the table grows."""

MIN_BODY_SHARE = 0.02
"""Slices that show less of the body than this share are not trained on."""

MAX_BYTES_IN_MEMORY = 2e9
"""Frames tested are kept in memory up to so many bytes, so that they are not decoded anew for every arm."""


def run_evaluation(
    config: EvaluationConfig,
    folds: list[Fold],
    regrid: Callable[[Dataset], Dataset],
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Run an evaluation; every training that ended is kept, so that an interrupted run goes on with ``resume``.

    Args:
        config: what to do.
        folds: training and test samples, at the data's own grid.
        regrid: brings samples to the grid worked in (identity for the data's own).
        out: the run folder.
        resume: go on with a run that was interrupted; its config must be the same.
        overwrite: replace an existing run.
        progress: told how it goes.
        notes: what a reader must know of the data; they go before the run's own.

    Returns:
        The content of ``result.json``.

    Raises:
        DataError: the folder is taken, another process writes there, the configs differ, or a bank knows a test
            subject.
    """
    with lock_folder(out):
        prepare_run_folder(out, config.model_dump(mode="json"), CHANGEABLE_SETTINGS, resume=resume, overwrite=overwrite)
        return _run_in_folder(config, folds, regrid, out, progress or SilentProgress(), notes)


def _run_in_folder(
    config: EvaluationConfig,
    folds: list[Fold],
    regrid: Callable[[Dataset], Dataset],
    out: Path,
    progress: Progress,
    data_notes: Sequence[str],
) -> dict[str, Any]:
    """The run in a folder that is ours."""
    arms, seconds = parse_arms(config.arms), 0.0
    scores: dict[str, dict[int, Scores]] = {arm.name: {} for arm in arms}
    losses: dict[str, dict[str, Any]] = {arm.name: {} for arm in arms}
    pictures: dict[str, NDArray[Any]] = {}
    notes: list[str] = []
    made: dict[str, Any] = {}
    rarest = None
    plan = Plan.from_folds(config, arms, folds, out)
    counter = TrainingCounter(plan, progress)
    for number, fold in enumerate(folds):
        ready = _prepare_fold(
            fold, arms, config, regrid, out / f"fold-{number}", progress, plan if number == 0 else None
        )
        rarest = rarest or _find_rarest_class(ready)
        for seed in range(config.seed, config.seed + config.seeds):
            for arm in arms:
                kept = _train_and_score(arm, seed, ready, config, counter)
                scores[arm.name].setdefault(seed, {}).update(kept["scores"])
                losses[arm.name][f"{number}/{seed}"] = kept["losses"]
                seconds += sum(kept["seconds"].values())
        if number == 0:
            made, pictures = evaluate_generated(ready.banks, ready.hosts, ready.test, config, ready.folder, progress)
            pictures |= collect_figures(ready, arms, config)
            notes = [*data_notes, *_collect_notes(ready, folds, config)]
    result = summarise(scores, config, rarest) | {
        "unit": _name_unit(folds[0].test),
        "classes": folds[0].test.schema.classes,
        "domain": folds[0].test.schema.domain.name,
        "training": losses,
        "notes": notes,
        "train_subjects": [list(fold.train.subjects) for fold in folds],
        "seconds": round(seconds, 1),
    }
    warn_of_missed(result, config.steps)
    for warning in result["warnings"]:
        progress.say(f"warning: {warning}")
    if made:
        result["painted"] = made
    write_arrays(out / "pictures.npz", pictures)
    write_json(out / "result.json", result)
    return result


def _prepare_fold(
    fold: Fold,
    arms: list[Arm],
    config: EvaluationConfig,
    regrid: Callable[[Dataset], Dataset],
    folder: Path,
    progress: Progress,
    plan: Plan | None,
) -> FoldContext:
    """Read a fold's samples and make its banks; a plan is told before the banks are made."""
    folder.mkdir(parents=True, exist_ok=True)
    task = TASKS[config.task]()
    progress.start("reading the training samples")
    train = regrid(fold.train).load_into_memory()
    samples = [with_measurements(sample, train.schema.domain) for sample in train if task.has_labels(sample)]
    samples = [s for s in samples if get_foreground(s).mean() >= MIN_BODY_SHARE or (np.asarray(s.mask) > 0).any()]
    test, own_grid = regrid(fold.test), fold.test
    maker = BankBuilder(train, config, folder, progress)
    if plan is not None:
        report_plan(plan, task, samples, test, maker, progress)
    progress.start("making the banks")
    banks = build_banks(arms, fold.test, maker)
    for arm in arms:  # what does not fit is refused before the first training
        build_augmentation(arm, banks, test.schema, config.looks)
    if test.schema.domain.is_rgb and sum(12 * np.prod(r.shape) for r in own_grid.records) < MAX_BYTES_IN_MEMORY:
        own_grid = own_grid.load_into_memory()
        test = regrid(own_grid).load_into_memory()
    return FoldContext(task, samples, train, test, own_grid, banks, folder)


def _train_and_score(
    arm: Arm, seed: int, fold: FoldContext, config: EvaluationConfig, counter: TrainingCounter
) -> dict[str, Any]:
    """One training of one arm, or what is kept of it."""
    tell = counter.progress
    path = fold.folder / f"{name_training(arm, seed)}.json"
    if path.is_file():
        counter.count_reused()
        return _read_training(path)
    counter.start(f"{arm.name}, seed {seed}")
    started = time.monotonic()
    augment = build_augmentation(arm, fold.banks, fold.test.schema, config.looks)
    model = fold.task.train(fold.train_samples, fold.test.schema, augment, config, seed, tell.update)
    trained = time.monotonic()
    model.save(path.with_suffix(".safetensors"))
    tell.start(f"scoring {len(fold.test)} samples")
    if not fold.example_positions:
        fold.example_positions = choose_largest_samples(
            [(r.statistical_unit, fold.task.draw_truth(s)) for r, s in zip(fold.test.records, fold.test, strict=True)]
        )
    scores = fold.task.score(model, fold.test, fold.original_test)
    arrays = {f"p{n}": fold.task.draw_prediction(model, fold.test[i]) for n, i in enumerate(fold.example_positions)}
    write_arrays(path.with_suffix(".npz"), {"shown": np.array(fold.example_positions), **arrays})
    timing = {"train": round(trained - started, 1), "score": round(time.monotonic() - trained, 1)}
    write_json(path, {"scores": scores, "losses": model.losses, "seconds": timing})
    counter.count_done(time.monotonic() - started)
    return {"scores": scores, "losses": model.losses, "seconds": timing}


def _read_training(path: Path) -> dict[str, Any]:
    """What a training that ended wrote: scores by unit and metric, losses, seconds.

    Raises:
        DataError: it was cut short, or changed.
    """
    kept = read_json_object(path)
    with refuse_malformed(path, "what a training wrote: remove it, and --resume trains that arm again"):
        scores: dict[str, dict[str, float]] = {}
        for unit, row in kept["scores"].items():
            scores[unit] = {metric: np.nan if value is None else float(value) for metric, value in row.items()}
        if not scores:
            raise ValueError("no scores")
        losses = [[int(step), None if loss is None else float(loss)] for step, loss in kept["losses"]]
        seconds = {name: float(value) for name, value in kept["seconds"].items()}
    return {"scores": scores, "losses": losses, "seconds": seconds}


def _find_rarest_class(fold: FoldContext) -> str | None:
    """The rarest class of the training samples, by the rule that names a crop's condition."""
    names = {value: name for name, value in fold.test.schema.classes.items()}
    held = [(s.statistical_unit, count_voxels(np.asarray(s.mask))) for s in fold.train_samples if s.mask is not None]
    order = [value for value in sort_classes_by_rarity(held) if value in names]
    return names[order[0]] if order else None


def _name_unit(test: Dataset) -> str:
    """What one value of a metric belongs to."""
    units = {record.statistical_unit for record in test.records}
    if units == {record.group for record in test.records}:
        return "subject" if any(record.subject for record in test.records) else "sample"
    return f"{BLOCK_SECONDS:g}-second block"


def _describe_guesses(fold: FoldContext) -> list[str]:
    """What pasting into the training samples had to guess."""
    schema = fold.test.schema
    pasted = [bank for bank in fold.banks.values() if bank.info.kind == "crops" and bank.info.domain.has_ground]
    said = dict.fromkeys(note for bank in pasted for note in Paste(bank, schema=schema).notes)
    return [note[0].upper() + note[1:] + "." for note in said]


def _collect_notes(fold: FoldContext, folds: list[Fold], config: EvaluationConfig) -> list[str]:
    """What a reader must know to trust the numbers."""
    unit = _name_unit(fold.test)
    trained, tested = ({record.statistical_unit for record in part.records} for part in (folds[0].train, folds[0].test))
    frames = fold.test.schema.domain.is_rgb
    notes = [
        f"{len(trained)} training and {len(tested)} test {unit}s"
        + (f" ({len(folds[0].train)} and {len(folds[0].test)} frames)" if frames else "")
        + (f" in the first of {len(folds)} folds" if len(folds) > 1 else ""),
        "The primary comparison (the first arm with a GAN, else the last arm, against classic, on "
        + ("the mean over classes" if frames else "the rarest class")
        + ") was fixed before any score was seen.",
        f"Intervals are Student's t over test {unit}s after averaging over seeds; p is a paired sign-flip test. "
        "Chance from drawing the training data is not in them.",
    ]
    if frames:
        notes.append(
            "Scores are pooled over all test frames; each unit's value is what leaving it out changes (jackknife), "
            "and their mean is the pooled score."
        )
        backbone = parse_backbone(config)
        notes += [] if backbone is None else [backbone.describe()]
    if "gan" in fold.banks:
        notes.append("One GAN is fitted a fold, to the training subjects alone, and serves every seed.")
    for source, bank in fold.banks.items():
        for why, n in bank.info.left_out.items():
            notes.append(f"Left out of the {source} bank: {n} {why}")
    notes += _describe_guesses(fold)
    problems = folds[0].train.problems
    if problems:
        notes.append(f"{len(problems)} samples were left out when the data was read, first {problems[0].path}")
    return notes
