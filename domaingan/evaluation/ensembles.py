"""The networks of all seeds of an arm, scored together: the mean of what they predict."""

from __future__ import annotations

from pathlib import Path

from domaingan.core.files import write_json
from domaingan.core.progress import Progress
from domaingan.core.reading import read_json_object
from domaingan.evaluation.comparisons import ENSEMBLE
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.fold import FoldContext
from domaingan.evaluation.plan import name_training
from domaingan.evaluation.score_tables import Scores
from domaingan.evaluation.trainings import read_training


def score_ensembles(fold: FoldContext, config: EvaluationConfig, progress: Progress) -> dict[str, Scores]:
    """Score the ensemble of each arm on the fold's test samples; what is stored from before is read.

    Args:
        fold: its trainings are done.
        config: arms and seeds.
        progress: receives the progress.

    Returns:
        The scores by the name of the ensemble, ``ARM@ensemble``.

    Raises:
        DataError: what is stored cannot be read.
    """
    scores: dict[str, Scores] = {}
    for arm in config.parsed_arms:
        name = f"{arm.name}@{ENSEMBLE}"
        path = fold.folder / f"{name}.json"
        seeds = list(config.all_seeds)
        if not _is_stored(path, seeds):
            progress.start(f"scoring {name}")
            models = [fold.folder / f"{name_training(arm, seed)}.safetensors" for seed in seeds]
            model = fold.task.load_ensemble(models, config)
            found = fold.task.score(model, fold.test, fold.original_test, config)
            write_json(path, {"scores": found, "losses": [], "seconds": {}, "seeds": seeds})
        scores[name] = read_training(path).scores
    return scores


def _is_stored(path: Path, seeds: list[int]) -> bool:
    """Return whether the ensemble of these seeds was scored before; a run may have got more seeds since."""
    return path.is_file() and read_json_object(path).get("seeds") == seeds
