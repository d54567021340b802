"""The trainings of a fold: each arm and seed is trained and scored once, and stored in a file of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.core.files import write_arrays, write_json
from domaingan.core.progress import Progress
from domaingan.core.reading import read_json_object, refuse_malformed
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.example_images import choose_largest_samples
from domaingan.evaluation.fold import FoldContext
from domaingan.evaluation.plan import name_training
from domaingan.evaluation.score_tables import Scores


@dataclass(frozen=True)
class Training:
    """What is stored of a training that ended.

    Attributes:
        scores: each metric of each unit of the test; NaN where a metric does not apply.
        losses: ``(step, loss)`` of each bin of steps; a loss is None where it was no number.
        seconds: how long ``train`` and ``score`` took.
    """

    scores: Scores
    losses: list[Any]
    seconds: dict[str, float]


def train_and_score(arm: Arm, seed: int, fold: FoldContext, config: EvaluationConfig, progress: Progress) -> None:
    """Train an arm with a seed, score it, and store what came out in the fold's folder.

    Args:
        arm: what is trained.
        seed: its seed; that of a repeat is shifted.
        fold: samples and banks; its ``example_positions`` are chosen.
        config: steps and networks.
        progress: receives the progress.

    Raises:
        DataError: the loss is no finite number.
    """
    path = fold.folder / f"{name_training(arm, seed)}.json"
    schema = fold.test.schema
    started = time.monotonic()
    hosts = fold.name_paste_hosts(arm)
    augment = build_augmentation(arm, fold.banks, schema, config.target_conditions, hosts)
    samples = fold.select_samples(arm)
    shifted_seed = seed + arm.modifiers.seed_shift
    model = fold.task.train(samples, schema, augment, config, shifted_seed, progress.update)
    trained = time.monotonic()
    model.save(path.with_suffix(".safetensors"))
    progress.start(f"scoring {len(fold.test)} samples")
    scores = fold.task.score(model, fold.test, fold.original_test, config)
    arrays = {"shown": np.array(fold.example_positions)}
    for number, position in enumerate(fold.example_positions):
        arrays[f"p{number}"] = fold.task.draw_prediction(model, fold.test[position])
    write_arrays(path.with_suffix(".npz"), arrays)
    seconds = {"train": round(trained - started, 1), "score": round(time.monotonic() - trained, 1)}
    write_json(path, {"scores": scores, "losses": model.losses, "seconds": seconds})


def choose_example_positions(fold: FoldContext) -> list[int]:
    """Choose the positions of the test samples whose predictions are shown: those with the largest objects."""
    masks = []
    for record, sample in zip(fold.test.records, fold.test, strict=True):
        masks.append((record.statistical_unit, fold.task.draw_truth(sample)))
    return choose_largest_samples(masks)


def read_training(path: Path) -> Training:
    """Read what a training that ended wrote.

    Args:
        path: its JSON file.

    Raises:
        DataError: the file was cut short or changed.
    """
    stored = read_json_object(path)
    with refuse_malformed(path, "what a training wrote: remove it, and --resume trains that arm again"):
        scores: Scores = {}
        for unit, row in stored["scores"].items():
            scores[unit] = {metric: np.nan if value is None else float(value) for metric, value in row.items()}
        if not scores:
            raise ValueError("no scores")
        losses = []
        for step, loss in stored["losses"]:
            losses.append([int(step), None if loss is None else float(loss)])
        seconds = {name: float(value) for name, value in stored["seconds"].items()}
    return Training(scores, losses, seconds)
