"""Exporting the training data of every arm, fold and seed as datasets in the data's own layout.

``DIR`` then holds ``train/`` with a dataset for each training, ``test/`` with the images of each fold's test samples
without their labels, ``manifest.json``, and ``README.md`` that says what to do with them. What the trainer predicts is
expected under ``predictions/``.
"""

from __future__ import annotations

import re
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
from domaingan.core.locks import lock_folder
from domaingan.core.progress import Progress, SilentProgress
from domaingan.core.reading import read_json_object
from domaingan.core.run_folder import RunFolder
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arm_banks import BankBuilder, add_samples, build_banks
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.external_trainer.export_checks import (
    refuse_equal_arms,
    refuse_hidden_labels,
    refuse_other_grid,
    refuse_other_tasks,
)
from domaingan.evaluation.external_trainer.export_guide import write_guide
from domaingan.evaluation.external_trainer.export_manifest import ExportedDataset, ExportedTest, ExportManifest
from domaingan.evaluation.external_trainer.exported_hosts import add_ignored_value
from domaingan.evaluation.external_trainer.exported_samples import TestSetWriter, TrainingSetWriter
from domaingan.evaluation.fold import select_training_samples
from domaingan.evaluation.further_hosts import prepare_hosts
from domaingan.evaluation.host_notes import count_hosts, describe_hosts
from domaingan.evaluation.host_reading import read_further_hosts
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.evaluation.split import Fold
from domaingan.evaluation.tasks import open_task

DEFAULT_COPIES = 4
"""How often each training sample is in a dataset, each time with another paste."""

FIRST_NNUNET_ID = 501
"""Number of the first exported dataset of nnU-Net. Numbers from 500 on are free for a user's own."""

EXPORT_FILE = "export.json"
"""The settings of an export, in its folder."""

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
        arm_name = re.sub(r"[^A-Za-z0-9.-]", "_", self.arm.name)
        name = f"{arm_name}_fold{self.fold}_seed{self.seed}"
        return f"Dataset{FIRST_NNUNET_ID + self.number}_{name}" if layout == "nnunet" else name


def export_datasets(
    config: EvaluationConfig,
    folds: Sequence[Fold],
    out: Path,
    work: Path,
    *,
    copies: int = DEFAULT_COPIES,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    notes: Sequence[str] = (),
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
        resume: continue an interrupted export.
        overwrite: replace an earlier export.
        progress: receives the progress.
        notes: what a reader must know of the data.

    Returns:
        The manifest, as ``manifest.json`` holds it.

    Raises:
        DataError: two arms would be the same without ``classic``, the grid is not the data's own, or a bank was made
            from a test subject.
    """
    refuse_other_grid(config, folds)
    refuse_other_tasks(config, folds)
    refuse_equal_arms(config.parsed_arms)
    refuse_hidden_labels(config.parsed_arms, folds[0].train.schema)
    if copies < 1:
        raise DataError(f"{copies} copies", expected="at least 1")
    progress = progress or SilentProgress()
    settings = config.model_dump(mode="json") | {"copies": copies}
    with lock_folder(work), lock_folder(out):
        RunFolder(work).prepare(config.model_dump(mode="json"), ("command",), resume=resume, overwrite=overwrite)
        RunFolder(out, EXPORT_FILE).prepare(settings, ("command",), resume=resume, overwrite=overwrite)
        manifest = _export(config, folds, out, work, copies, progress, notes)
    return manifest


def _export(
    config: EvaluationConfig,
    folds: Sequence[Fold],
    out: Path,
    work: Path,
    copies: int,
    progress: Progress,
    notes: Sequence[str],
) -> ExportManifest:
    """Export into folders that are prepared and locked."""
    layout = folds[0].train.schema.layout
    trainings: list[_Training] = []
    for number in range(len(folds)):
        for seed in config.all_seeds:
            for arm in config.parsed_arms:
                trainings.append(_Training(len(trainings), arm, number, seed))
    datasets: list[ExportedDataset] = []
    tests: list[ExportedTest] = []
    host_counts: list[dict[str, Any]] = []
    for number, fold in enumerate(folds):
        exporter = _FoldExporter(config, fold, number, out, copies, progress)
        exporter.build_banks(work / f"fold-{number}")
        for training in trainings:
            if training.fold == number:
                datasets.append(exporter.write_training(training))
        tests.append(exporter.write_test())
        counts = exporter.count_hosts()
        if counts is not None:
            host_counts.append(counts)
    manifest = ExportManifest(
        config=config,
        layout=layout,
        copies=copies,
        datasets=datasets,
        tests=tests,
        notes=[*notes, *list_notes(datasets), *describe_hosts(host_counts, config, folds[0].train.schema)],
    )
    with write_file_atomically(out / "README.md") as temporary:
        temporary.write_text(write_guide(manifest), encoding="utf-8")
    manifest.write(out)
    return manifest


@dataclass
class _FoldExporter:
    """Writes the datasets of one fold."""

    config: EvaluationConfig
    fold: Fold
    number: int
    out: Path
    copies: int
    progress: Progress

    def build_banks(self, folder: Path) -> None:
        """Read the training samples, and build the banks of the arms in a folder."""
        self.progress.start(f"fold {self.number + 1}: reading the training samples")
        folder.mkdir(parents=True, exist_ok=True)
        hosts = self.fold.train.load_into_memory()
        task = open_task(self.config, self.fold.train.schema)
        samples = select_training_samples(hosts, task)
        trained_names = {sample.name for sample in samples}
        records = self.fold.train.records
        # The writers read the samples again, so that none of them is sent to worker processes.
        self.trained = self.fold.train.select(i for i, record in enumerate(records) if record.name in trained_names)
        further = read_further_hosts(self.fold, samples, self.config, lambda data: data, folder, self.progress)
        self.further_hosts = further
        self.unlabelled = self._hide_labels(samples)
        self.schema = add_ignored_value(self.trained.schema, [*further.samples, *self.unlabelled])
        self.progress.start("making the banks")
        builder = BankBuilder(hosts, self.config, folder, self.progress, further_hosts=further)
        self.banks = build_banks(self.config.parsed_arms, self.fold.test, builder)
        self.shares = PeopleShares.draw(records, self.config.seed)

    def _hide_labels(self, samples: list[Sample]) -> list[Sample]:
        """Make hosts without labels of the training samples, for arms in which some of them are; else none."""
        if not any(arm.has_unlabelled_people for arm in self.config.parsed_arms):
            return []
        return prepare_hosts(samples, self.trained.schema, None, is_detection=False).samples

    def write_training(self, training: _Training) -> ExportedDataset:
        """Write the dataset of one training."""
        config, schema = self.config, self.schema
        modifiers = training.arm.modifiers
        trained = self._select_samples(training.arm)
        paste_hosts = self._name_paste_hosts(training.arm)
        augment = build_augmentation(
            training.arm, self.banks, self.trained.schema, config.target_conditions, paste_hosts
        )
        name = training.name_folder(schema.layout)
        seed = (config.seed, self.number, training.seed + modifiers.seed_shift)
        # Fewer samples are copied more often: trainers that count epochs then take as many steps for every arm.
        n_written = max(self.copies * len(self.trained), len(self.trained) + len(self.further_hosts.samples))
        copies = max(1, round(n_written / len(trained)))
        writer = TrainingSetWriter(trained, augment, self.out / "train" / name, copies, seed)
        self.progress.start(f"writing {name}")
        changed = _write_dataset(writer, schema, self.progress, has_splits=schema.layout == "nnunet")
        return ExportedDataset(
            arm=training.arm.name,
            fold=self.number,
            seed=training.seed,
            folder=f"train/{name}",
            predictions=f"predictions/{name}",
            samples=len(writer),
            changed_samples=changed,
        )

    def _select_samples(self, arm: Arm) -> Dataset:
        """Select the samples that an arm is trained on, with further hosts for an arm that pastes."""
        modifiers = arm.modifiers
        selected = self.shares.select(self.trained, modifiers.people)
        names = {record.name for record in selected.records}
        if arm.paste_sources:
            selected = add_samples(selected, self.further_hosts.select_share(modifiers.host_share))
        if arm.has_unlabelled_people:
            hosts = self.shares.select_owned(self.unlabelled, modifiers.host_share)
            selected = add_samples(selected, [host for host in hosts if host.name not in names])
        return Dataset(selected.records, selected.read, self.schema, selected.root, selected.problems)

    def _name_paste_hosts(self, arm: Arm) -> frozenset[str] | None:
        """Name the samples that an arm pastes into; None for all that it is trained on."""
        share = arm.modifiers.host_share
        if share >= arm.modifiers.people:
            return None
        names = [record.name for record in self.shares.select(self.trained, share).records]
        return frozenset([*names, *(sample.name for sample in self.further_hosts.select_share(share))])

    def count_hosts(self) -> dict[str, Any] | None:
        """Count the further hosts; None where there are none."""
        return count_hosts(self.fold, self.further_hosts)

    def write_test(self) -> ExportedTest:
        """Write the test images of the fold."""
        folder = f"test/fold-{self.number}"
        self.progress.start(f"writing the test images of fold {self.number + 1}")
        test = self.fold.test
        _write_dataset(TestSetWriter(test, self.out / folder), test.schema, self.progress, has_splits=False)
        names = [record.name for record in test.records]
        return ExportedTest(fold=self.number, folder=folder, samples=names)


def list_notes(datasets: Sequence[ExportedDataset]) -> list[str]:
    """List what a reader of the manifest must know."""
    notes = ["Classic augmentation is left to the trainer: the datasets hold what is pasted and relit alone."]
    for dataset in datasets:
        if not dataset.changed_samples and Arm.parse(dataset.arm).sources:
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
