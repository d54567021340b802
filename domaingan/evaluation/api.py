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
from domaingan.evaluation.arms import Arm, parse_arms
from domaingan.evaluation.evaluation_config import EvaluationConfig, build_config
from domaingan.evaluation.leaks import refuse_copies
from domaingan.evaluation.requirements import check_arms
from domaingan.evaluation.runner import run_evaluation
from domaingan.evaluation.split import Fold, Limit, make_folds, refuse_leak, select_labelled
from domaingan.evaluation.summary import REFERENCE_ARM, STRONG_BASELINE
from domaingan.evaluation.tasks import TASKS
from domaingan.imaging.near_duplicates import collect_datasets
from domaingan.views.regrid import view

DEFAULT_BACKBONE = "timm:tf_efficientnet_lite0"
"""Encoder of the baselines for frames, unless another is named."""

Where = Mapping[str, str | int | float | Sequence[str]]
"""Columns, and the value or values that are meant."""

DEFAULT_GENERATIVE_ARM = "refine+classic"
"""The arm with a generator that is compared unless others are named: on faint lesions as good as any and quick to
train, on tumours and cyclists ahead of pasting real crops (benchmarks/results)."""


def evaluate(
    data: DatasetSource,
    task: str = "segmentation",
    arms: str | Sequence[str] | None = None,
    seeds: int = 3,
    out: str | Path = "runs/evaluation",
    *,
    dims: int | None = None,
    k: int = 1,
    test: DatasetSource | None = None,
    train_where: Where | None = None,
    test_where: Where | None = None,
    limits: Sequence[Limit] = (),
    bank: Bank | str | Path | None = None,
    spacing: float | None = None,
    resize: tuple[int, int] | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Train a baseline with each arm and seed, test it on subjects that nothing was trained on, and compare.

    Args:
        data: labelled samples, or their folder.
        task: ``segmentation`` or, for frames, ``detection``.
        arms: see :mod:`domaingan.evaluation.arms`; differences are taken to ``classic``. Unless given ``classic``,
            ``copy-paste+classic`` and :data:`DEFAULT_GENERATIVE_ARM`, or in place of that what the bank is for.
        seeds: trainings an arm.
        out: the run folder: ``result.json``, ``config.json``, ``pictures.npz``, and a file for every training.
        dims: 2 to work on slices; the data's own unless given.
        k: folds by subject; 1 for a single split.
        test: test samples from elsewhere, or their folder.
        train_where: columns and values that name the training samples.
        test_where: the same for the test samples. Of drives that both name the first half is trained on and the
            others tested; of a single one the earlier half, with a gap before what is tested.
        limits: columns, values and how many samples of them may be trained on, drawn by the seed.
        bank: a bank that was saved, or its folder, for the ``gan`` part; of entries bound to hosts, for ``inpaint`` or
            ``refine``; of scenes, for ``relight``. Else a GAN is fitted inside each fold.
        spacing: work at this coarser spacing, in mm.
        resize: work at this frame size.
        seed: the first seed; also draws splits.
        resume: go on with an interrupted run.
        overwrite: replace an existing run.
        progress: told how it goes.
        **settings: further fields of :class:`domaingan.evaluation.evaluation_config.EvaluationConfig`, such as
            ``steps``.

    Returns:
        The content of ``result.json``.

    Raises:
        DataError: an unknown task, arm or setting, a split that shares or lacks subjects, a test image that is trained
            on under another name, a bank that knows a test subject or was made from a test image, or that no arm uses.
    """
    if task not in TASKS:
        raise DataError(f"no task {task!r}", expected=f"one of {', '.join(TASKS)}")
    given = None if bank is None else resolve_bank(bank)
    if given is not None and given.path is None:
        raise DataError("a bank in memory", expected="one that was saved: bank.save(folder)")
    parsed = parse_arms(_choose_default_arms(given) if arms is None else _split_arm_names(arms))
    if isinstance(seeds, bool) or not isinstance(seeds, int | np.integer) or seeds < 1:
        raise DataError(f"{seeds!r} seeds", expected="a whole number of at least 1")
    data, test = open_dataset(data), None if test is None else open_dataset(test)
    originals = [select_labelled(data) if task == "segmentation" else data]
    originals += [] if test is None else [select_labelled(test)]
    data = view(originals[0], dims=dims)
    warn_about_thin_volumes(data)
    dims, frames = data.schema.spatial_dims, data.schema.domain.is_rgb
    if task == "detection" and not (frames and data.schema.objects):
        raise DataError(f"{task} on {data.schema.domain}s", path=data.root, expected="frames whose objects are named")
    settings["backbone"] = (settings.get("backbone") or DEFAULT_BACKBONE) if frames else None
    tested, trained = _normalise_filter(test_where), _normalise_filter(train_where)
    size = settings.pop("size", None) or (64 if dims == 2 else 32)
    config = build_config(
        settings,
        data=data.root,
        task=task,
        arms=[arm.name for arm in parsed],
        seeds=seeds,
        seed=seed,
        dims=dims,
        folds=k,
        size=size,
        spacing=spacing,
        resize=resize,
        bank=None if given is None else str(given.path),
        train=trained,
        test=tested,
        limits=[(name, str(value), n) for name, value, n in limits],
        looks={name: values for name, values in tested.items() if name in data.schema.conditions},
    )
    TASKS[task].check(config)
    _check_class_values(data, task, parsed)
    chosen = _make_folds(data, config, test)
    if given is not None:
        _check_bank(given, config.arms, data, chosen)
    check_arms(parsed, chosen, config, given)
    tell = progress or SilentProgress()
    tell.start("comparing the images")
    notes = refuse_copies(collect_datasets(originals), chosen, given)
    for note in notes:
        warnings.warn(note, AssumptionWarning, stacklevel=2)
    regrid = partial(view, spacing=spacing, resize=resize)
    return run_evaluation(
        config, chosen, regrid, Path(out), resume=resume, overwrite=overwrite, progress=tell, notes=notes
    )


def _split_arm_names(arms: str | Sequence[str]) -> list[str]:
    """The arms as the command line takes them too: in one text, with commas between."""
    return arms.split(",") if isinstance(arms, str) else read_names(arms, "arms")


def _normalise_filter(where: Where | None) -> dict[str, list[str]]:
    """Columns and the values that are meant, each a text; one value needs no list."""
    meant: dict[str, list[str]] = {}
    for name, values in (where or {}).items():
        meant[name] = [str(values)] if isinstance(values, str | int | float) else [str(value) for value in values]
    return meant


def _choose_default_arms(bank: Bank | None) -> list[str]:
    """The arms that are compared unless others are named."""
    return [
        REFERENCE_ARM,
        STRONG_BASELINE,
        DEFAULT_GENERATIVE_ARM if bank is None else f"{list_supported_sources(bank)[0]}+classic",
    ]


def _make_folds(data: Dataset, config: EvaluationConfig, test: Dataset | None) -> list[Fold]:
    if test is not None:
        test = view(select_labelled(test), dims=config.dims)
        if test.schema.channels != data.schema.channels or test.schema.classes != data.schema.classes:
            raise DataError("other channels or classes", path=test.root, expected=f"those of {data.root}")
    train = data.where(**config.train) if config.train else (data if test is not None else None)
    if config.test:
        test = (data if test is None else test).where(**config.test)
    rng = np.random.default_rng(config.seed)
    return make_folds(data, rng, train=train, test=test, k=config.folds, limits=config.limits)


def _check_class_values(data: Dataset, task: str, arms: Sequence[Arm]) -> None:
    """Refuse class values that networks or banks cannot hold, before anything is read."""
    if task == "segmentation":
        check_class_values(data.schema, data.root)
    pasting = [arm.name for arm in arms if arm.paste_sources]
    if pasting:
        check_crop_classes(data, f", or arms without crops (here {', '.join(pasting)})")


def _check_bank(bank: Bank, arms: list[str], data: Dataset, folds: list[Fold]) -> None:
    """Refuse a bank that does not fit, that no arm uses, or that knows a test subject, before anything is written."""
    blender = Paste(bank, schema=data.schema) if bank.info.kind == "crops" else Relight(bank)
    blender.check_schema(data.schema)
    usable = {*list_supported_sources(bank)}
    if is_real_bank(bank) and all(has_no_masks(fold.train) for fold in folds):
        usable |= {"copy-paste", "deform-paste"}
    if not any({*arm.paste_sources, *arm.relight_sources} & usable for arm in parse_arms(arms)):
        found = f"a bank that none of {', '.join(arms)} uses"
        raise DataError(found, path=bank.path, expected=f"arms with {' or '.join(list_supported_sources(bank))}")
    for fold in folds:
        refuse_leak(bank, fold.test)
