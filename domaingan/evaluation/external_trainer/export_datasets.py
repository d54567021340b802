"""Exporting the training data of every arm, fold and seed as datasets in the data's own layout.

``DIR`` then holds ``train/`` with a dataset for each training, ``test/`` with the images of each fold's test samples
without their labels, ``manifest.json``, and ``README.md`` that says what to do with them. What the trainer predicts is
expected under ``predictions/``.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from domaingan.adapters import get_adapter
from domaingan.augmentation.offline.nnunet_folds import SPLITS_JSON, make_splits
from domaingan.augmentation.offline.sample_workers import run_jobs
from domaingan.augmentation.offline.unfinished_folder import NOTES_FOLDER, read_note
from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically, write_folder_atomically, write_json
from domaingan.core.progress import Progress, SilentProgress
from domaingan.core.reading import read_json_object
from domaingan.data import Schema
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arm_banks import BankBuilder, build_banks
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.external_trainer.export_guide import write_guide
from domaingan.evaluation.external_trainer.export_manifest import ExportedDataset, ExportedTest, ExportManifest
from domaingan.evaluation.external_trainer.exported_samples import TestSetWriter, TrainingSetWriter
from domaingan.evaluation.fold import select_training_samples
from domaingan.evaluation.split import Fold
from domaingan.evaluation.tasks import TASKS

DEFAULT_COPIES = 4
"""How often each training sample is in a dataset, each time with another paste."""

FIRST_NNUNET_ID = 501
"""Number of the first exported dataset of nnU-Net. Numbers from 500 on are free for a user's own."""

COUNTS_FILE = "export.json"
"""Beside a dataset's files: how many samples it has, and how many of them the arm changed."""


@dataclass(frozen=True)
class _Training:
    """Name one training of the export."""

    number: int
    arm: Arm
    fold: int
    seed: int

    def name_folder(self, layout: str) -> str:
        """Name its folder; nnU-Net wants a number first."""
        name = f"{self.arm.name.replace('+', '_')}_fold{self.fold}_seed{self.seed}"
        return f"Dataset{FIRST_NNUNET_ID + self.number}_{name}" if layout == "nnunet" else name


def export_datasets(
    config: EvaluationConfig,
    folds: Sequence[Fold],
    out: Path,
    work: Path,
    *,
    copies: int = DEFAULT_COPIES,
    progress: Progress | None = None,
) -> ExportManifest:
    """Export the training data of every arm, fold and seed, and the test images of every fold.

    The part ``classic`` of an arm is left to the trainer, which has its own. Every dataset of an evaluation has the
    same number of samples, so that trainers which count epochs take the same number of steps for every arm. What is
    written already is kept, so that an interrupted export continues.

    Args:
        config: the settings of the evaluation.
        folds: training and test samples at the data's own grid.
        out: the folder that is written.
        work: where banks and GANs of the folds are kept.
        copies: how often each training sample is in a dataset, each time blended anew.
        progress: receives the progress.

    Returns:
        The manifest, as ``manifest.json`` holds it.

    Raises:
        DataError: two arms would be the same without ``classic``, the grid is not the data's own, or a bank was made
            from a test subject.
    """
    refuse_other_grid(config, folds)
    refuse_equal_arms(config.parsed_arms)
    progress = progress or SilentProgress()
    layout = folds[0].train.schema.layout
    datasets: list[ExportedDataset] = []
    tests: list[ExportedTest] = []
    number = 0
    for fold_number, fold in enumerate(folds):
        progress.start(f"fold {fold_number + 1} of {len(folds)}: reading the training samples")
        task = TASKS[config.task]()
        hosts = fold.train.load_into_memory()
        trained_names = {sample.name for sample in select_training_samples(hosts, task)}
        trained = fold.train.select(i for i, record in enumerate(fold.train.records) if record.name in trained_names)
        folder = work / f"fold-{fold_number}"
        folder.mkdir(parents=True, exist_ok=True)
        banks = build_banks(config.parsed_arms, fold.test, BankBuilder(hosts, config, folder, progress))
        for seed in config.all_seeds:
            for arm in config.parsed_arms:
                training = _Training(number, arm, fold_number, seed)
                number += 1
                augment = build_augmentation(arm, banks, hosts.schema, config.target_conditions)
                name = training.name_folder(layout)
                writer = TrainingSetWriter(
                    trained, augment, out / "train" / name, copies, (config.seed, fold_number, seed)
                )
                progress.start(f"writing {name}")
                changed = _write_dataset(writer, hosts.schema, progress, has_splits=layout == "nnunet")
                datasets.append(
                    ExportedDataset(
                        arm=arm.name,
                        fold=fold_number,
                        seed=seed,
                        folder=f"train/{name}",
                        predictions=f"predictions/{name}",
                        samples=len(writer),
                        changed_samples=changed,
                    )
                )
        test_writer = TestSetWriter(fold.test, out / "test" / f"fold-{fold_number}")
        progress.start(f"writing the test images of fold {fold_number + 1}")
        _write_dataset(test_writer, fold.test.schema, progress, has_splits=False)
        tested_names = [record.name for record in fold.test.records]
        tests.append(ExportedTest(fold=fold_number, folder=f"test/fold-{fold_number}", samples=tested_names))
    notes = list_notes(datasets)
    manifest = ExportManifest(config=config, layout=layout, copies=copies, datasets=datasets, tests=tests, notes=notes)
    with write_file_atomically(out / "README.md") as temporary:
        temporary.write_text(write_guide(manifest), encoding="utf-8")
    manifest.write(out)
    return manifest


def refuse_other_grid(config: EvaluationConfig, folds: Sequence[Fold]) -> None:
    """Refuse an export at another grid than the data's own.

    Raises:
        DataError: ``spacing`` or ``resize`` is set, or volumes are worked on as slices.
    """
    expected = "the data's own grid: the trainer resamples by itself"
    if config.spacing is not None or config.resize is not None:
        raise DataError("an export at another grid", expected=expected)
    if folds[0].train.records[0].parent:
        raise DataError("an export of slices of volumes", path=folds[0].train.root, expected=expected)


def refuse_equal_arms(arms: Sequence[Arm]) -> None:
    """Refuse arms that are the same without their part ``classic``, which is left to the trainer.

    Raises:
        DataError: two arms are the same.
    """
    arms_by_data: dict[str, str] = {}
    for arm in arms:
        parts = [part for part in arm.name.split("+") if part not in ("classic", "none")]
        name = "+".join(parts)
        if name in arms_by_data:
            found = f"arms {arms_by_data[name]} and {arm.name}, which are the same data"
            raise DataError(found, expected="one of them: classic augmentation is left to the trainer")
        arms_by_data[name] = arm.name


def list_notes(datasets: Sequence[ExportedDataset]) -> list[str]:
    """List what a reader of the manifest must know."""
    notes = ["Classic augmentation is left to the trainer: the datasets hold what is pasted and relit alone."]
    for dataset in datasets:
        changes_nothing = not dataset.changed_samples and dataset.arm not in ("classic", "none")
        if changes_nothing:
            notes.append(f"Nothing was pasted or relit in {dataset.folder}: its arm {dataset.arm} did nothing.")
    return notes


def _write_dataset(
    writer: TrainingSetWriter | TestSetWriter, schema: Schema, progress: Progress, *, has_splits: bool
) -> int:
    """Write a dataset, unless it is written already.

    Args:
        writer: writes its items.
        schema: of the data.
        progress: receives the progress.
        has_splits: whether nnU-Net's folds are written too.

    Returns:
        The number of samples that the arm changed.
    """
    folder = writer.folder
    if not folder.is_dir():
        with write_folder_atomically(folder) as temporary:
            _write_items(writer, temporary, schema, progress, has_splits=has_splits)
    return int(_read_counts(folder)["changed"])


def _write_items(
    writer: TrainingSetWriter | TestSetWriter, folder: Path, schema: Schema, progress: Progress, *, has_splits: bool
) -> None:
    total = len(writer)
    for done, _ in enumerate(run_jobs(replace(writer, folder=folder), range(total), None), start=1):
        progress.update(done, total, {})
    records = []
    changed = 0
    for item in range(total):
        record, notes = read_note(folder, item)
        records.append(record)
        changed += sum(bool(note["is_changed"]) for note in notes)
    get_adapter(schema.layout).finish_dataset(folder, schema, records)
    if has_splits:
        write_json(folder / SPLITS_JSON, make_splits(records))
    shutil.rmtree(folder / NOTES_FOLDER)
    write_json(folder / COUNTS_FILE, {"samples": total, "changed": changed})


def _read_counts(folder: Path) -> dict[str, Any]:
    return read_json_object(folder / COUNTS_FILE)
