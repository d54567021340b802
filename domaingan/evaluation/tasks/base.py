"""What every task of an evaluation offers: it trains a baseline, scores it and draws its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.score_tables import Scores


class Task(Protocol):
    """What every task offers."""

    def check(self, config: EvaluationConfig, schema: Schema) -> None:
        """Refuse what cannot be trained, before anything is trained.

        Raises:
            DataError: there is no such network for these samples.
        """

    def check_samples(self, train: Dataset, test: Dataset) -> None:
        """Refuse a fold whose training or test samples have nothing to learn or to score.

        Raises:
            DataError: one of them has none.
        """

    def describe_baseline(self, config: EvaluationConfig, schema: Schema) -> list[str]:
        """Describe the network and what it is trained on, in sentences for a report."""

    def train(
        self,
        samples: list[Sample],
        schema: Schema,
        augment: TrainingAugmentation,
        config: EvaluationConfig,
        seed: int,
        callback: ProgressCallback,
    ) -> Any:
        """Train a baseline on the augmented samples."""

    def load_ensemble(self, paths: Sequence[Path], config: EvaluationConfig) -> Any:
        """Load what :meth:`train` made with several seeds as one model, which :meth:`score` takes."""

    def score(self, model: Any, test: Dataset, original_test: Dataset, config: EvaluationConfig) -> Scores:
        """Score a baseline on the data's own grid: its metrics for each unit of the test samples."""

    def draw_prediction(self, model: Any, sample: Sample) -> NDArray[Any]:
        """Draw what a baseline predicts for a sample, as a mask."""

    def draw_truth(self, sample: Sample) -> NDArray[Any]:
        """Draw what is true, as a mask."""

    def has_labels(self, sample: Sample) -> bool:
        """Return whether a sample can be trained on."""


def describe_backbone(config: EvaluationConfig) -> list[str]:
    """Describe the backbone that a config names, in a sentence; no sentence where it names none."""
    backbone = parse_backbone(config)
    return [] if backbone is None else [backbone.describe()]


def parse_backbone(config: EvaluationConfig) -> Backbone | None:
    """Parse the backbone that a config names; None where it names none."""
    return None if config.backbone is None else Backbone.parse(config.backbone)
