"""``dg.evaluate``: one call from a dataset to a result."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.adapters.open_dataset import DatasetSource, open_dataset
from domaingan.banks import Bank, resolve_bank
from domaingan.banks.crops import check_crop_classes
from domaingan.baselines.batches import check_class_values
from domaingan.blend import Paste, Relight
from domaingan.core.arguments import read_names
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.core.progress import Progress, SilentProgress
from domaingan.data import Dataset
from domaingan.data.slice_axes import warn_about_thin_volumes
from domaingan.evaluation.arm_banks import has_no_masks, is_real_bank, list_supported_sources
from domaingan.evaluation.arm_lists import ArmQuestions, choose_arms
from domaingan.evaluation.arms import CONTROLS, parse_arms
from domaingan.evaluation.baseline_settings import choose_baseline_settings, learns_from_masks
from domaingan.evaluation.comparisons import REFERENCE_ARM
from domaingan.evaluation.evaluation_config import EvaluationConfig, build_config, check_compute
from domaingan.evaluation.external_trainer.export_datasets import DEFAULT_COPIES, export_datasets
from domaingan.evaluation.external_trainer.export_manifest import ExportManifest
from domaingan.evaluation.external_trainer.score_predictions import score_predictions
from domaingan.evaluation.host_selection import add_hosts, check_bound_bank, check_hosts
from domaingan.evaluation.leaks import refuse_copies
from domaingan.evaluation.requirements import check_arms
from domaingan.evaluation.runner import run_evaluation
from domaingan.evaluation.split import Fold, Limit, make_folds, refuse_leak, select_labelled
from domaingan.evaluation.tasks import TASKS, open_task
from domaingan.evaluation.training_sets import SetSizes
from domaingan.imaging.near_duplicates import collect_datasets
from domaingan.views.regrid import view

Where = Mapping[str, str | int | float | Sequence[str]]
"""Columns, and the value or values of each."""


def evaluate(
    data: DatasetSource,
    task: str = "segmentation",
    arms: str | Sequence[str] | None = None,
    seeds: int = 5,
    out: str | Path = "runs/evaluation",
    *,
    dims: int | None = None,
    k: int = 1,
    sets: int = 1,
    set_size: int | None = None,
    test: DatasetSource | None = None,
    train_where: Where | None = None,
    test_where: Where | None = None,
    limits: Sequence[Limit] = (),
    bank: Bank | str | Path | None = None,
    hosts: DatasetSource | None = None,
    sweep: str | Sequence[str] = (),
    curve: bool = False,
    aa: bool = False,
    headroom: bool = False,
    spacing: float | None = None,
    resize: tuple[int, int] | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    export: str | Path | None = None,
    copies: int = DEFAULT_COPIES,
    predictions: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Train a baseline with each arm and seed, test it on subjects that nothing was trained on, and compare.

    Args:
        data: labelled samples, or their folder.
        task: ``segmentation`` or ``detection``: of objects in frames, or of lesions in scans, whose boxes are made from
            masks; or ``classification``, by a ``label``.
        arms: see :mod:`domaingan.evaluation.arms`; the differences are to ``classic``. By default ``classic``,
            ``copy-paste+classic`` and ``refine+classic``, or in its place the arm that the bank is for.
        seeds: trainings of each arm (in each fold or training set); with fewer than five no verdict is possible.
        out: the run folder: ``result.json``, ``config.json``, ``pictures.npz``, and a file for every training.
        dims: 2 to work on slices; the data's own by default.
        k: folds by subject; 1 for a single split.
        sets: disjoint training sets, each of which is tested on everybody else, so that the intervals hold what other
            training subjects would change; 1 for a single split.
        set_size: subjects in each training set; by default as many as there are for all of them.
        test: test samples from elsewhere, or their folder.
        train_where: columns and values that name the training samples, such as ``{"lighting": "day"}``.
        test_where: the same for the test samples. Where both name the same drives, the first half of the drives is
            trained on and the second half is tested. A single drive is divided by time, with a gap before the tested
            half.
        limits: ``(column, value, n)``, such as ``("lighting", "dusk", 20)``: only ``n`` samples with this value are
            trained on, drawn by the seed.
        bank: a saved bank, or its folder: crops for ``gan``, crops bound to hosts for ``inpaint`` or ``refine``, scenes
            for ``relight``. By default a GAN is trained inside each fold.
        hosts: unlabelled samples, or their folder, that arms with a paste also paste into and train on, see
            :mod:`domaingan.evaluation.further_hosts`.
        sweep: ``"KEY=VALUE,VALUE,..."``, or several: arms with each value of a modifier are compared, too.
        curve: measure a learning curve, which tells how many more people a difference is worth.
        aa: train an arm again with other seeds, to see what is chance.
        headroom: measure what more crops, hosts, or objects in their own places would bring, see
            :mod:`domaingan.evaluation.headroom`; unless arms are named, without any generator.
        spacing: coarser spacing to work at, in mm.
        resize: frame height and width to work at.
        seed: the first seed; also draws splits.
        resume: resume an interrupted run.
        overwrite: replace an existing run.
        export: a folder. Nothing is trained; the training data of every arm, fold and seed are written there, as
            datasets for a trainer of your own. ``out`` then keeps the banks.
        copies: how often each training sample is in an exported dataset, each time with another paste.
        predictions: a folder that was exported, with the predictions of your own trainer in it. Nothing is trained;
            they are scored. Task, arms, seeds and splits are those of the export.
        progress: receives the progress.
        **settings: further fields of :class:`domaingan.evaluation.evaluation_config.EvaluationConfig`, such as
            ``steps``.

    Returns:
        The content of ``result.json``; with ``export`` that of ``manifest.json``.

    Raises:
        DataError: an unknown task, arm or setting; a split that shares or lacks subjects; a test image that is trained
            on under another name; or a bank that was made from a test subject or image, or that no arm uses.
    """
    if predictions is not None:
        options = {"sweep": sweep, "curve": curve, "aa": aa, "headroom": headroom}
        _refuse_beside_predictions(export=export, hosts=hosts, bank=bank, **options)
        run = {"resume": resume, "overwrite": overwrite}
        return _score_predictions(data, test, Path(predictions), arms, Path(out), progress or SilentProgress(), **run)
    if task not in TASKS:
        raise DataError(f"no task {task!r}", expected=f"one of {', '.join(TASKS)}")
    user_bank = None if bank is None else _open_user_bank(bank)
    questions = ArmQuestions(tuple(read_names(sweep, "sweep")), curve, aa, headroom)
    chosen_arms = choose_arms(arms, questions, user_bank, task)
    if isinstance(seeds, bool) or not isinstance(seeds, int | np.integer) or seeds < 1:
        raise DataError(f"{seeds!r} seeds", expected="a whole number of at least 1")
    label = settings.get("label")
    original_data = _open_labelled(data, task, label)
    original_test = None if test is None else _open_labelled(test, task, label)
    original_hosts = None if hosts is None else open_dataset(hosts)
    dataset = view(original_data, dims=dims)
    warn_about_thin_volumes(dataset)
    chosen = choose_baseline_settings(settings, task, dataset)
    if arms is None and chosen.get("label_values"):  # no paste may change what a column says
        chosen_arms = choose_arms(["none", REFERENCE_ARM], questions)
    test_filter = _normalise_filter(test_where)
    conditions = dataset.schema.conditions
    config = build_config(
        settings | chosen,
        data=dataset.root,
        task=task,
        arms=[arm.name for arm in chosen_arms],
        seeds=seeds,
        seed=seed,
        dims=dataset.schema.spatial_dims,
        folds=k,
        sets=sets,
        set_size=set_size,
        spacing=spacing,
        resize=resize,
        bank=None if user_bank is None else str(user_bank.path),
        hosts=None if original_hosts is None else original_hosts.root,
        train_where=_normalise_filter(train_where),
        test_where=test_filter,
        limits=_read_limits(limits),
        target_conditions={name: values for name, values in test_filter.items() if name in conditions},
    )
    learned_task = open_task(config, dataset.schema)
    learned_task.check(config, dataset.schema)
    check_compute(config)
    _check_class_values(dataset, config)
    folds = _make_folds(dataset, original_test, config)
    if user_bank is not None:
        _check_bank(user_bank, dataset, folds, config)
    check_arms(folds, config, user_bank)
    check_hosts(original_hosts, original_data, config, is_exported=export is not None)
    viewed_hosts = None if original_hosts is None else view(original_hosts, dims=dims)
    check_bound_bank(viewed_hosts, user_bank, config)
    for fold in folds:
        learned_task.check_samples(fold.train, fold.test)
    progress = progress or SilentProgress()
    progress.start("comparing the images")
    originals = [original_data] if original_test is None else [original_data, original_test]
    survey = collect_datasets(originals)
    notes = refuse_copies(survey, folds, user_bank)
    for note in notes:
        warnings.warn(note, AssumptionWarning, stacklevel=2)
    regrid = partial(view, spacing=spacing, resize=resize)
    if original_hosts is not None and viewed_hosts is not None:
        folds = add_hosts(folds, viewed_hosts, original_hosts, survey, regrid, config.seed)
    if export is not None:
        manifest = export_datasets(
            config,
            folds,
            Path(export),
            Path(out),
            copies=copies,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
            notes=notes,
        )
        return manifest.model_dump(mode="json")
    return run_evaluation(
        config, folds, regrid, Path(out), resume=resume, overwrite=overwrite, progress=progress, notes=notes
    )


def _refuse_beside_predictions(**options: object) -> None:
    """Refuse options that say what is trained on, where nothing is trained."""
    for name, value in options.items():
        is_default = value is None or value is False or value == ()
        if not is_default:
            raise DataError(f"both {name} and predictions", expected="one of them")


def _score_predictions(
    data: DatasetSource,
    test: DatasetSource | None,
    predictions: Path,
    arms: str | Sequence[str] | None,
    out: Path,
    progress: Progress,
    *,
    resume: bool,
    overwrite: bool,
) -> dict[str, Any]:
    """Score the predictions of the user's own trainer on the splits of the export."""
    manifest = ExportManifest.read(predictions)
    config = manifest.config
    if arms is not None and {arm.name for arm in parse_arms(arms)} != {*config.arms}:
        expected = f"the arms of the export: {', '.join(config.arms)}; or no arms"
        raise DataError(f"arms {arms!r}", path=predictions, expected=expected)
    original_data = _open_labelled(data, config.task, config.label)
    original_test = None if test is None else _open_labelled(test, config.task, config.label)
    dataset = view(original_data, dims=config.dims)
    folds = _make_folds(dataset, original_test, config)
    return score_predictions(manifest, predictions, folds, out, resume=resume, overwrite=overwrite, progress=progress)


def _open_user_bank(bank: Bank | str | Path) -> Bank:
    opened = resolve_bank(bank)
    if opened.path is None:
        raise DataError("a bank in memory", expected="one that was saved: bank.save(folder)")
    return opened


def _open_labelled(data: DatasetSource, task: str, label: str | None) -> Dataset:
    """Open a dataset; where the task learns from masks, samples without one are left out."""
    dataset = open_dataset(data)
    return select_labelled(dataset) if learns_from_masks(task, label, dataset) else dataset


def _normalise_filter(where: Where | None) -> dict[str, list[str]]:
    """Make a list of texts of each column's value or values."""
    normalised: dict[str, list[str]] = {}
    for name, values in (where or {}).items():
        if isinstance(values, str | int | float):
            normalised[name] = [str(values)]
        else:
            normalised[name] = [str(value) for value in values]
    return normalised


def _read_limits(limits: Sequence[Limit]) -> list[tuple[str, str, int]]:
    """Read limits, with each value as text.

    Raises:
        DataError: one is not a column, a value and a number.
    """
    read: list[tuple[str, str, int]] = []
    for limit in limits:
        if not isinstance(limit, tuple | list) or len(limit) != 3:
            raise DataError(f"limit {limit!r}", expected="a column, a value and a number")
        name, value, number = limit
        read.append((name, str(value), number))
    return read


def _make_folds(data: Dataset, original_test: Dataset | None, config: EvaluationConfig) -> list[Fold]:
    test = None
    if original_test is not None:
        test = view(original_test, dims=config.dims)
        if test.schema.channels != data.schema.channels or test.schema.classes != data.schema.classes:
            raise DataError("other channels or classes", path=test.root, expected=f"those of {data.root}")
    train = None
    if config.train_where:
        train = data.where(**config.train_where)
    elif test is not None:
        train = data
    if config.test_where:
        candidates = data if test is None else test
        test = candidates.where(**config.test_where)
    rng = np.random.default_rng(config.seed)
    sizes = SetSizes(config.sets, config.set_size)
    return make_folds(data, rng, train=train, test=test, k=config.folds, sets=sizes, limits=config.limits)


def _check_class_values(data: Dataset, config: EvaluationConfig) -> None:
    """Refuse class values that networks or banks cannot hold, before anything is read."""
    if config.task == "segmentation":
        check_class_values(data.schema, data.root)
    pasting = [arm.name for arm in config.parsed_arms if arm.paste_sources]
    if pasting:
        check_crop_classes(data, f", or arms without crops (here {', '.join(pasting)})")


def _check_bank(bank: Bank, data: Dataset, folds: Sequence[Fold], config: EvaluationConfig) -> None:
    """Refuse a bank that does not fit, that no arm uses, or that knows a test subject, before anything is written."""
    blender = Paste(bank, schema=data.schema) if bank.info.kind == "crops" else Relight(bank)
    blender.check_schema(data.schema)
    usable = {*list_supported_sources(bank)}
    if is_real_bank(bank) and all(has_no_masks(fold.train) for fold in folds):
        usable |= {"copy-paste", "deform-paste", *CONTROLS}
    if all(usable.isdisjoint(arm.sources) for arm in config.parsed_arms):
        found = f"a bank that none of {', '.join(config.arms)} uses"
        raise DataError(found, path=bank.path, expected=f"arms with {' or '.join(list_supported_sources(bank))}")
    for fold in folds:
        refuse_leak(bank, fold.test)
