"""Tasks whose models a function of the user's own trains, ``python:MODULE:FUNCTION``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domaingan.baselines.batches import Patches, list_class_values
from domaingan.baselines.detection_frames import DetectionFrames, resize_samples, select_object_classes
from domaingan.baselines.segmentation import BATCH_SIZES, choose_patch_shape
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_progress import ProgressCallback
from domaingan.baselines.unlabelled_hosts import list_labelled
from domaingan.baselines.user_models import PredictFunction, TrainingData, UserDetector, UserSegmenter, train_user_model
from domaingan.core.devices import choose_device
from domaingan.core.errors import DataError
from domaingan.core.user_functions import FUNCTION_PREFIX, import_function
from domaingan.data import Sample, Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.tasks.detection_task import DetectionTask
from domaingan.evaluation.tasks.segmentation_task import SegmentationTask
from domaingan.metrics.measures import parse_groups

DETECTION_BATCH_SIZE = 8

UNHEEDED_SETTINGS = ("network", "width", "backbone", "detector", "ensemble")
"""Settings of the built-in baselines. A trainer of one's own chooses its network, and its models are not stored."""


def import_trainer(config: EvaluationConfig) -> Callable[..., Any]:
    """Import the function that a config names as its trainer.

    Raises:
        DataError: it has another form, or cannot be imported, or a setting would go unheeded.
    """
    for name in UNHEEDED_SETTINGS:
        if getattr(config, name) != EvaluationConfig.model_fields[name].default:
            raise DataError(f"{name} {getattr(config, name)!r} beside a trainer of your own", expected="one of the two")
    spec = config.trainer or ""
    if not spec.startswith(FUNCTION_PREFIX):
        raise DataError(f"trainer {spec!r}", expected="python:MODULE:FUNCTION")
    return import_function(spec.removeprefix(FUNCTION_PREFIX))


def describe_trainer(config: EvaluationConfig) -> list[str]:
    """Describe the trainer, in a sentence for a report."""
    return [
        f"The networks are trained by {config.trainer}, which also chooses them. Averages of weights, flips and "
        "precision are its own affair; the models are not stored."
    ]


class UserSegmentationTask(SegmentationTask):
    """Masks, predicted by a model that a user's function trains."""

    def check(self, config: EvaluationConfig, schema: Schema) -> None:
        """Refuse a trainer that cannot be imported, before anything is trained."""
        parse_groups(config.measures)
        import_trainer(config)

    def describe_baseline(self, config: EvaluationConfig, schema: Schema) -> list[str]:
        """Describe the trainer, in a sentence for a report."""
        return describe_trainer(config)

    def train(  # type: ignore[override]
        self,
        samples: list[Sample],
        schema: Schema,
        augment: TrainingAugmentation,
        config: EvaluationConfig,
        seed: int,
        callback: ProgressCallback,
    ) -> UserSegmenter:
        """Let the function train on the patches that a built-in segmenter would get."""
        batch_size = BATCH_SIZES[schema.spatial_dims]
        patch = choose_patch_shape([sample.shape for sample in list_labelled(samples)], schema.domain.patch_divisor)
        length = config.steps * batch_size
        items = Patches(samples, schema, augment, patch, length, seed, config.target_conditions)
        names = {value: name for name, value in schema.classes.items()}
        classes = [names.get(value, "background") for value in list_class_values(schema)]
        predict = train_with_function(items, classes, schema, batch_size, config, seed, callback)
        return UserSegmenter(predict, config.trainer or "", schema)


class UserDetectionTask(DetectionTask):
    """Boxes, predicted by a model that a user's function trains."""

    def check(self, config: EvaluationConfig, schema: Schema) -> None:
        """Refuse a trainer that cannot be imported, before anything is trained."""
        import_trainer(config)

    def describe_baseline(self, config: EvaluationConfig, schema: Schema) -> list[str]:
        """Describe the trainer, in a sentence for a report."""
        return describe_trainer(config)

    def train(  # type: ignore[override]
        self,
        samples: list[Sample],
        schema: Schema,
        augment: TrainingAugmentation,
        config: EvaluationConfig,
        seed: int,
        callback: ProgressCallback,
    ) -> UserDetector:
        """Let the function train on the frames that a built-in detector would get."""
        from domaingan.baselines.detection import choose_input_size

        classes = select_object_classes(schema)
        size = choose_input_size([sample.shape for sample in list_labelled(samples)])
        length = config.steps * DETECTION_BATCH_SIZE
        resized = resize_samples(samples, size)
        items = DetectionFrames(resized, classes, augment, length, seed, config.target_conditions)
        predict = train_with_function(items, list(classes), schema, DETECTION_BATCH_SIZE, config, seed, callback)
        return UserDetector(predict, config.trainer or "", schema, size=size)


def train_with_function(
    items: Any,
    classes: list[str],
    schema: Schema,
    batch_size: int,
    config: EvaluationConfig,
    seed: int,
    callback: ProgressCallback,
) -> PredictFunction:
    """Let the user's function train on items, see :class:`domaingan.baselines.user_models.TrainingData`.

    Raises:
        DataError: it cannot be imported, fails, or returns no function.
    """
    device = choose_device(config.device)
    channels, dims = schema.channels, schema.spatial_dims
    data = TrainingData(items, classes, channels, dims, config.steps, batch_size, seed, device, callback)
    return train_user_model(import_trainer(config), config.trainer or "", data)
