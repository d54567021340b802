"""Run the trainings of a fold that are not stored yet, one after the other or side by side."""

from __future__ import annotations

import time

from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.fold import FoldContext
from domaingan.evaluation.plan import TrainingCounter, name_training
from domaingan.evaluation.training_jobs import train_side_by_side
from domaingan.evaluation.trainings import Training, choose_example_positions, read_training, train_and_score


def run_trainings(fold: FoldContext, config: EvaluationConfig, counter: TrainingCounter) -> dict[Arm, list[Training]]:
    """Train and score every arm with every seed; what is stored from before is read.

    Args:
        fold: samples and banks.
        config: arms, seeds and the number of jobs.
        counter: counts the trainings.

    Returns:
        For each arm its trainings, in the order of the seeds.

    Raises:
        DataError: what is stored cannot be read, a loss is no finite number, or a training's process was ended.
    """
    pending: list[tuple[Arm, int]] = []
    for seed in config.all_seeds:
        for arm in config.parsed_arms:
            path = fold.folder / f"{name_training(arm, seed)}.json"
            if path.is_file():
                read_training(path)  # what is damaged is refused before anything is trained
                counter.count_reused()
            else:
                pending.append((arm, seed))
    if pending and not fold.example_positions:
        fold.example_positions = choose_example_positions(fold)
    if config.jobs > 1 and len(pending) > 1:
        train_side_by_side(pending, fold, config, counter)
    else:
        for arm, seed in pending:
            counter.start(f"{arm.name}, seed {seed}")
            started = time.monotonic()
            train_and_score(arm, seed, fold, config, counter.progress)
            counter.count_done(time.monotonic() - started)
    trainings: dict[Arm, list[Training]] = {}
    for arm in config.parsed_arms:
        paths = [fold.folder / f"{name_training(arm, seed)}.json" for seed in config.all_seeds]
        trainings[arm] = [read_training(path) for path in paths]
    return trainings
