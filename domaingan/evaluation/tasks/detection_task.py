"""The task of detection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.core.devices import choose_compute
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.score_tables import Scores
from domaingan.evaluation.tasks.base import describe_backbone, parse_backbone
from domaingan.metrics.detections import Detections

if TYPE_CHECKING:
    from domaingan.baselines import detection

MIN_DRAWN_SCORE = 0.3
"""Detections from this score on are drawn."""


class DetectionTask:
    """Boxes: a torchvision detector, scored by average precision."""

    @staticmethod
    def check(config: EvaluationConfig, schema: Schema) -> None:
        """Refuse what cannot be trained, before anything is trained.

        Raises:
            DataError: there is no such network.
        """
        from domaingan.baselines.detectors import check_detector_name

        parse_backbone(config)
        check_detector_name(config.detector.partition("=")[0])

    def describe_baseline(self, config: EvaluationConfig, schema: Schema) -> list[str]:
        """Describe the detector, in sentences for a report."""
        return [f"The baseline is {config.detector.partition('=')[0]}.", *describe_backbone(config)]

    def train(
        self,
        samples: list[Sample],
        schema: Schema,
        augment: TrainingAugmentation,
        config: EvaluationConfig,
        seed: int,
        callback: ProgressCallback,
    ) -> detection.Detector:
        """Train, see :func:`domaingan.baselines.detection.train_detector`."""
        from domaingan.baselines import detection  # torchvision's detectors take a second to import

        return detection.train_detector(
            samples,
            schema,
            augment,
            steps=config.steps,
            seed=seed,
            detector=config.detector,
            backbone=parse_backbone(config),
            oversampled=config.target_conditions,
            compute=choose_compute(config.device, config.precision, config.workers, is_float32_on_cpu=True),
            has_average=config.ema,
            progress=callback,
        )

    def load_ensemble(self, paths: Sequence[Path], config: EvaluationConfig) -> detection.DetectorEnsemble:
        """Load the detectors of several seeds, whose boxes are fused."""
        from domaingan.baselines import detection

        compute = choose_compute(config.device, config.precision, is_float32_on_cpu=True)
        return detection.DetectorEnsemble([detection.Detector.load(path, compute) for path in paths])

    def score(
        self,
        model: detection.Detector | detection.DetectorEnsemble,
        test: Dataset,
        original_test: Dataset,
        config: EvaluationConfig,
    ) -> Scores:
        """Score, see :func:`domaingan.baselines.detection.score_detector`."""
        from domaingan.baselines import detection

        return detection.score_detector(model, test, original_test)

    def draw_prediction(self, model: detection.Detector, sample: Sample) -> NDArray[Any]:
        """Draw the boxes with a score of at least :data:`MIN_DRAWN_SCORE`."""
        return draw_boxes(model.predict(sample), sample.shape)

    def draw_truth(self, sample: Sample) -> NDArray[Any]:
        """Draw the true boxes."""
        boxes, labels = sample.boxes, sample.labels
        if boxes is None or labels is None:
            return np.zeros(sample.shape, dtype=np.uint8)
        return draw_boxes(Detections.from_true_boxes(boxes, labels), sample.shape)

    def has_labels(self, sample: Sample) -> bool:
        """Return whether boxes are annotated; a frame without an object has labels too."""
        return sample.boxes is not None


def draw_boxes(found: Detections, shape: tuple[int, ...]) -> NDArray[Any]:
    """Draw boxes as a mask in which each box is filled with its class value, smaller boxes on top.

    Args:
        found: the boxes; those with a score below :data:`MIN_DRAWN_SCORE` are left out.
        shape: height and width of the mask.
    """
    mask = np.zeros(shape, dtype=np.min_scalar_type(int(max(found.labels, default=0))))
    areas = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    for i in np.argsort(-areas, kind="stable"):
        if found.scores[i] < MIN_DRAWN_SCORE:
            continue
        x0, y0, x1, y1 = np.rint(found.boxes[i]).astype(int).tolist()
        mask[max(0, y0) : y1, max(0, x0) : x1] = found.labels[i]
    return mask
