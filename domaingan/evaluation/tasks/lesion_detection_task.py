"""The task of detecting lesions in scans: in slices or volumes, with boxes that are made from masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.find_objects import MIN_OBJECT_PIXELS
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.core.devices import choose_compute
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.score_tables import Scores
from domaingan.evaluation.tasks.detection_task import draw_boxes
from domaingan.imaging.padded_crops import count_voxels
from domaingan.metrics.detections import Detections

if TYPE_CHECKING:
    from domaingan.baselines.lesion_detection.lesion_detector import LesionDetector, LesionDetectorEnsemble

LESION_DETECTOR = "retinanet"
"""The one detector of lesions in scans: MONAI's RetinaNet."""


class LesionDetectionTask:
    """Boxes of lesions: MONAI's RetinaNet, scored by average precision at an IoU of 0.1."""

    def check(self, config: EvaluationConfig, schema: Schema) -> None:
        """Refuse what cannot be trained, before anything is trained.

        Raises:
            DataError: the detector is another one or is to have a backbone, or no class is named.
        """
        if config.detector not in (None, LESION_DETECTOR):
            found = f"detector {config.detector!r} for {schema.domain}s"
            raise DataError(found, expected=f"{LESION_DETECTOR}, which works in slices and volumes")
        if config.backbone is not None:
            raise DataError(f"backbone {config.backbone!r} for {schema.domain}s", expected="a width")
        if config.width is not None and config.width % 2:
            raise DataError(f"width {config.width} for detector {LESION_DETECTOR!r}", expected="an even width")
        if not schema.classes:
            raise DataError(
                "no classes", path=config.data, expected="masks with named classes, whose lesions get boxes"
            )

    def check_samples(self, train: Dataset, test: Dataset) -> None:
        """Refuse a fold whose training or test samples have no lesion that is large enough.

        Raises:
            DataError: one of them has none.
        """
        from domaingan.baselines.lesion_detection.lesion_boxes import find_lesion_boxes, sort_lesion_values

        values = sort_lesion_values(train, train.schema)
        for part, name in ((train, "training"), (test, "test")):
            if not any(find_lesion_boxes(s.mask, values).is_large.any() for s in part if s.mask is not None):
                expected = f"some of {', '.join(part.schema.classes)}"
                raise DataError(f"no lesion in any {name} mask", path=part.root, expected=expected)

    def describe_baseline(self, config: EvaluationConfig, schema: Schema) -> list[str]:
        """Describe the detector and how boxes are made, in sentences for a report."""
        smallest = MIN_OBJECT_PIXELS[schema.spatial_dims]
        unit = "pixels" if schema.spatial_dims == 2 else "voxels"
        return [
            "The baseline is MONAI's RetinaNet, trained on patches and applied by a sliding window. Its anchors are "
            "planned from the lesions of the training samples.",
            "Boxes are made from the masks: one around each connected component of all classes together, with the "
            f"rarest class that it holds. Components under {smallest} {unit} do not count, whether they are found or "
            "not.",
        ]

    def train(
        self,
        samples: list[Sample],
        schema: Schema,
        augment: TrainingAugmentation,
        config: EvaluationConfig,
        seed: int,
        callback: ProgressCallback,
    ) -> LesionDetector:
        """Train, see :func:`domaingan.baselines.lesion_detection.lesion_training.train_lesion_detector`."""
        from domaingan.baselines.lesion_detection import lesion_training  # takes a second to import

        return lesion_training.train_lesion_detector(
            samples,
            schema,
            augment,
            steps=config.steps,
            seed=seed,
            width=config.width,
            oversampled=config.target_conditions,
            compute=choose_compute(config.device, config.precision, config.workers, is_float32_on_cpu=True),
            has_average=config.ema,
            progress=callback,
        )

    def load_ensemble(self, paths: Sequence[Path], config: EvaluationConfig) -> LesionDetectorEnsemble:
        """Load the detectors of several seeds, whose boxes are fused."""
        from domaingan.baselines.lesion_detection.lesion_detector import LesionDetectorEnsemble

        return LesionDetectorEnsemble.load(
            paths, choose_compute(config.device, config.precision, is_float32_on_cpu=True)
        )

    def score(
        self,
        model: LesionDetector | LesionDetectorEnsemble,
        test: Dataset,
        original_test: Dataset,
        config: EvaluationConfig,
    ) -> Scores:
        """Score, see :func:`domaingan.baselines.lesion_detection.lesion_training.score_lesion_detector`."""
        from domaingan.baselines.lesion_detection import lesion_training

        return lesion_training.score_lesion_detector(model, test, original_test)

    def draw_prediction(self, model: LesionDetector, sample: Sample) -> NDArray[Any]:
        """Draw the boxes with a score of at least :data:`MIN_DRAWN_SCORE`."""
        return draw_boxes(model.predict(sample), sample.shape)

    def draw_truth(self, sample: Sample) -> NDArray[Any]:
        """Draw the true boxes."""
        from domaingan.baselines.lesion_detection.lesion_boxes import find_lesion_boxes, to_box_order

        if sample.mask is None:
            return np.zeros(sample.shape, dtype=np.uint8)
        counts = count_voxels(sample.mask)
        values = sorted(counts, key=lambda value: (counts[value], value))  # the rarest in this scan on top
        lesions = find_lesion_boxes(sample.mask, values)
        boxes, labels = lesions.boxes[lesions.is_large], lesions.labels[lesions.is_large]
        return draw_boxes(Detections.from_true_boxes(to_box_order(boxes), labels), sample.shape)

    def list_drawn_classes(self, schema: Schema) -> dict[str, int]:
        """Return the classes of the masks."""
        return dict(schema.classes)

    def has_labels(self, sample: Sample) -> bool:
        """Return whether there is a mask; a scan without a lesion has labels too."""
        return sample.mask is not None
