"""What every task of an evaluation offers: it trains a baseline, scores it and draws its predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.baselines.validation import exclude_donors, hold_out_people
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

    def list_drawn_classes(self, schema: Schema) -> dict[str, int]:
        """List what the values of drawn masks mean, by name."""

    def has_labels(self, sample: Sample) -> bool:
        """Return whether a sample can be trained on."""


@dataclass(frozen=True)
class HeldOut:
    """What is trained on, and the samples that decide when a training stops.

    Attributes:
        samples: training samples.
        validation: samples of held-out people; none where nothing is held out.
        augment: what the arm does, without crops of the held-out people.
    """

    samples: list[Sample]
    validation: list[Sample]
    augment: TrainingAugmentation


def hold_out_validation(
    samples: list[Sample],
    augment: TrainingAugmentation,
    config: EvaluationConfig,
    seed: int,
    read_labels: Callable[[Sample], set[Any]] | None = None,
) -> HeldOut:
    """Hold out the validation people that a config asks for, drawn from the training part by the seed.

    Args:
        samples: training samples.
        augment: what the arm does.
        config: names the share of people.
        seed: of the training.
        read_labels: reads the labels of a sample; all of them stay among the training samples.

    Raises:
        DataError: there are too few people.
    """
    if not config.validation_share:
        return HeldOut(samples, [], augment)
    trained, validation = hold_out_people(samples, config.validation_share, seed, read_labels)
    return HeldOut(trained, validation, exclude_donors(augment, validation))


def describe_validation(config: EvaluationConfig) -> list[str]:
    """Describe who decides when a training stops, in a sentence; no sentence where nobody does."""
    if not config.validation_share:
        return []
    return [
        f"{config.validation_share:.0%} of the training people are held out in each training, drawn by its seed and "
        "the same for every arm: the weights with the smallest loss on them are taken. Their real crops are not "
        "pasted; generators have learned from all training people."
    ]


def describe_backbone(config: EvaluationConfig) -> list[str]:
    """Describe the backbone that a config names, in a sentence; no sentence where it names none."""
    backbone = parse_backbone(config)
    return [] if backbone is None else [backbone.describe()]


def parse_backbone(config: EvaluationConfig) -> Backbone | None:
    """Parse the backbone that a config names; None where it names none."""
    return None if config.backbone is None else Backbone.parse(config.backbone)
