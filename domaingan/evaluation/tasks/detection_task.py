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
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.score_tables import Scores
from domaingan.evaluation.tasks.base import describe_backbone, parse_backbone
from domaingan.imaging.instances import get_box_axes
from domaingan.metrics.detections import Detections

if TYPE_CHECKING:
    from domaingan.baselines import detection

MIN_DRAWN_SCORE = 0.3
"""Detections from this score on are drawn."""


DEFAULT_DETECTOR = "ssdlite"
"""Detector of objects in frames, unless another is named."""


def choose_detector(config: EvaluationConfig) -> str:
    """Choose the detector for frames, ``NAME[=WEIGHTS_FILE]``: as the config names it, else the default."""
    return config.detector or DEFAULT_DETECTOR


class DetectionTask:
    """Boxes: a torchvision detector, scored by average precision."""

    def check(self, config: EvaluationConfig, schema: Schema) -> None:
        """Refuse what cannot be trained, before anything is trained.

        Raises:
            DataError: there is no such detector, it has no width, or the frames name no objects.
        """
        from domaingan.baselines.detectors import check_detector_name

        if not schema.objects:
            raise DataError("detection in frames", path=config.data, expected="frames whose objects are named")
        if config.width is not None:
            raise DataError(f"width {config.width} for a detector in frames", expected="a backbone decides its width")
        parse_backbone(config)
        check_detector_name(choose_detector(config).partition("=")[0])

    def check_samples(self, train: Dataset, test: Dataset) -> None:
        """Refuse a fold whose training or test samples have no box.

        Raises:
            DataError: one of them has none.
        """
        for part, name in ((train, "training"), (test, "test")):
            if not any(sample.boxes is not None and len(sample.boxes) for sample in part):
                objects = ", ".join(part.schema.objects)
                raise DataError(f"no object in any {name} sample", path=part.root, expected=f"some of {objects}")

    def describe_baseline(self, config: EvaluationConfig, schema: Schema) -> list[str]:
        """Describe the detector, in sentences for a report."""
        return [f"The baseline is {choose_detector(config).partition('=')[0]}.", *describe_backbone(config)]

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
            detector=choose_detector(config),
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

    def list_drawn_classes(self, schema: Schema) -> dict[str, int]:
        """Return the classes of the masks."""
        return dict(schema.classes)

    def has_labels(self, sample: Sample) -> bool:
        """Return whether boxes are annotated; a frame without an object has labels too."""
        return sample.boxes is not None


def draw_boxes(found: Detections, shape: tuple[int, ...]) -> NDArray[Any]:
    """Draw boxes as a mask in which each box is filled with its class value, smaller boxes on top.

    Args:
        found: the boxes; those with a score below :data:`MIN_DRAWN_SCORE` are left out.
        shape: spatial shape of the mask.
    """
    dims = len(shape)
    mask = np.zeros(shape, dtype=np.min_scalar_type(int(max(found.labels, default=0))))
    low, high = found.boxes[:, :dims], found.boxes[:, dims:]
    areas = np.prod(high - low, axis=1)
    axes = get_box_axes(dims)
    for i in np.argsort(-areas, kind="stable"):
        if found.scores[i] < MIN_DRAWN_SCORE:
            continue
        starts = np.rint(low[i]).astype(int).clip(0)[list(axes)]
        stops = np.rint(high[i]).astype(int)[list(axes)]
        mask[tuple(map(slice, starts.tolist(), stops.tolist()))] = found.labels[i]
    return mask
