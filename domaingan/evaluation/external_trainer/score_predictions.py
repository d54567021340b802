"""Scoring what a trainer of the user's own predicted, with the statistics and the report of every evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from domaingan.baselines.detection import score_detector
from domaingan.baselines.detection_frames import select_object_classes
from domaingan.core.errors import DataError
from domaingan.core.files import write_json
from domaingan.core.locks import lock_folder
from domaingan.core.progress import Progress, SilentProgress
from domaingan.core.run_folder import RunFolder
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.example_images import choose_largest_samples, collect_prediction_examples
from domaingan.evaluation.external_trainer.export_manifest import ExportedDataset, ExportedTest, ExportManifest
from domaingan.evaluation.external_trainer.predicted_boxes import PredictedBoxes
from domaingan.evaluation.external_trainer.predicted_masks import PredictedMasks
from domaingan.evaluation.run_results import find_rarest_class, write_results
from domaingan.evaluation.score_tables import Scores, TrainingKey
from domaingan.evaluation.split import Fold
from domaingan.evaluation.tasks import Task, open_task
from domaingan.metrics.mask_counters import make_counter
from domaingan.metrics.measures import MeasureGroup, parse_groups

Masks = list[NDArray[Any]]


@dataclass(frozen=True)
class _FoldExamples:
    """The test samples of a fold that the report shows."""

    task: Task
    fold: Fold
    positions: list[int]

    @classmethod
    def choose(cls, task: Task, fold: Fold) -> _FoldExamples:
        masks = []
        for record, sample in zip(fold.test.records, fold.test, strict=True):
            masks.append((record.statistical_unit, task.draw_truth(sample)))
        return cls(task, fold, choose_largest_samples(masks))

    def collect(self, predictions: dict[str, Masks]) -> dict[str, NDArray[Any]]:
        """Collect the samples, their truth and what each arm predicted."""
        samples = [self.fold.test[position] for position in self.positions]
        truths = [self.task.draw_truth(sample) for sample in samples]
        return collect_prediction_examples(samples, self.fold.test.schema, truths, predictions)


def score_predictions(
    manifest: ExportManifest,
    folder: Path,
    folds: Sequence[Fold],
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Score the predictions for every exported dataset.

    Args:
        manifest: what was exported.
        folder: the exported folder, with ``predictions/`` in it.
        folds: the folds of the exported evaluation, at the data's own grid.
        out: the run folder.
        resume: write the results of this run again.
        overwrite: replace an existing run.
        progress: receives the progress.
        notes: what a reader must know of the data.

    Returns:
        The content of ``result.json``.

    Raises:
        DataError: the data changed since the export, or a prediction is missing, of no test sample, or does not fit.
            Nothing is written then.
    """
    progress = progress or SilentProgress()
    config = manifest.config
    check_same_tests(manifest.tests, folds)
    scores: dict[str, dict[TrainingKey, Scores]] = {arm.name: {} for arm in config.parsed_arms}
    examples: _FoldExamples | None = None
    shown: dict[str, Masks] = {}
    for done, dataset in enumerate(manifest.datasets):
        progress.start(f"{done + 1} of {len(manifest.datasets)}: scoring {dataset.predictions}")
        fold, test = folds[dataset.fold], manifest.tests[dataset.fold]
        task = open_task(config, fold.test.schema)
        if examples is None:
            examples = _FoldExamples.choose(task, fold)
        is_shown = dataset.fold == 0 and dataset.seed == config.seed
        positions = examples.positions if is_shown else []
        scored, drawn = _score_dataset(dataset, test, folder, fold, config, positions)
        scores[dataset.arm][dataset.fold, dataset.seed] = scored
        if is_shown:
            shown[dataset.arm] = drawn
    assert examples is not None
    rarest_class = find_rarest_class(folds[0].train, folds[0].train.schema)
    further = {
        "training": {},
        "notes": [*notes, *describe_scoring(manifest, folder)],
        "seconds": 0.0,
        "predictions": str(folder),
    }
    with lock_folder(out):
        settings = config.model_dump(mode="json")
        RunFolder(out).prepare(settings, ("command",), resume=resume, overwrite=overwrite)
        for dataset in manifest.datasets:
            stored = {"scores": scores[dataset.arm][dataset.fold, dataset.seed], "losses": [], "seconds": {}}
            write_json(out / f"fold-{dataset.fold}" / f"{dataset.arm}-seed{dataset.seed}.json", stored)
        return write_results(out, config, folds, scores, further, examples.collect(shown), rarest_class, progress)


def check_same_tests(tests: Sequence[ExportedTest], folds: Sequence[Fold]) -> None:
    """Refuse folds that are not those of the export.

    Raises:
        DataError: the data, or what selects of them, changed since.
    """
    if len(tests) != len(folds):
        raise DataError(f"{len(folds)} folds", expected=f"{len(tests)}, as exported")
    for exported, fold in zip(tests, folds, strict=True):
        names = [record.name for record in fold.test.records]
        if names != exported.samples:
            found = f"other test samples in fold {exported.fold} than were exported"
            raise DataError(found, path=fold.test.root, expected="the data as they were exported, and the same options")


def describe_scoring(manifest: ExportManifest, folder: Path) -> list[str]:
    """Describe where the predictions come from, in sentences for the report."""
    return [
        f"The networks were trained by the user on datasets that evaluate exported ({folder}); what they predicted "
        "was scored here.",
        *manifest.notes,
    ]


def _score_dataset(
    dataset: ExportedDataset,
    test: ExportedTest,
    folder: Path,
    fold: Fold,
    config: EvaluationConfig,
    positions: Sequence[int],
) -> tuple[Scores, Masks]:
    """Score the predictions of one training, and draw those of the samples at some positions."""
    predictions = folder / dataset.predictions
    if config.task == "detection":
        return _score_boxes(predictions, test, folder, fold, positions)
    return _score_masks(predictions, test, fold, parse_groups(config.measures), positions)


def _score_masks(
    predictions: Path, test: ExportedTest, fold: Fold, groups: Sequence[MeasureGroup], positions: Sequence[int]
) -> tuple[Scores, Masks]:
    stored = PredictedMasks(predictions, test.samples, fold.test.schema)
    counter = make_counter(fold.test.schema, groups)
    drawn = []
    for position, record in enumerate(fold.test.records):
        sample = fold.test[position]
        mask = stored.read_mask(sample)
        if sample.mask is not None:
            counter.add(record.statistical_unit, sample, mask)
        if position in positions:
            drawn.append(mask)
    return counter.compute_scores(), drawn


def _score_boxes(
    predictions: Path, test: ExportedTest, folder: Path, fold: Fold, positions: Sequence[int]
) -> tuple[Scores, Masks]:
    from domaingan.evaluation.tasks.detection_task import draw_boxes

    classes = select_object_classes(fold.test.schema)
    stored = PredictedBoxes(predictions, test.samples, classes, folder / test.folder)
    drawn = []
    for position in positions:
        sample = fold.test[position]
        drawn.append(draw_boxes(stored.predict(sample), sample.shape))
    return score_detector(stored, fold.test, fold.test), drawn
