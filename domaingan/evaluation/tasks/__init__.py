"""The tasks that can be evaluated: how each trains its baseline, scores it and draws its predictions."""

from __future__ import annotations

from collections.abc import Callable

from domaingan.core.errors import DataError
from domaingan.data import Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.tasks.base import Task, parse_backbone
from domaingan.evaluation.tasks.classification_task import ClassificationTask
from domaingan.evaluation.tasks.detection_task import DetectionTask
from domaingan.evaluation.tasks.lesion_detection_task import LesionDetectionTask
from domaingan.evaluation.tasks.segmentation_task import SegmentationTask
from domaingan.evaluation.tasks.user_tasks import UserDetectionTask, UserSegmentationTask


def make_segmentation(config: EvaluationConfig, schema: Schema) -> Task:
    """Make the task of segmentation, see :data:`TASKS`."""
    return SegmentationTask() if config.trainer is None else UserSegmentationTask()


def make_detection(config: EvaluationConfig, schema: Schema) -> Task:
    """Make the task of detection: of objects in frames, of lesions in scans; see :data:`TASKS`.

    Raises:
        DataError: the user's own trainer is to detect in scans.
    """
    if not schema.domain.is_rgb:
        if config.trainer is not None:
            found = f"trainer {config.trainer!r} for detection in {schema.domain}s"
            raise DataError(found, expected="frames, or --task segmentation")
        return LesionDetectionTask()
    return DetectionTask() if config.trainer is None else UserDetectionTask()


def make_classification(config: EvaluationConfig, schema: Schema) -> Task:
    """Make the task of classification, see :data:`TASKS`.

    Raises:
        DataError: there is no such label, or the user's own trainer is to classify.
    """
    if config.trainer is not None:
        raise DataError(f"trainer {config.trainer!r} for classification", expected="--task segmentation or detection")
    return ClassificationTask(config, schema)


TASKS: dict[str, Callable[[EvaluationConfig, Schema], Task]] = {
    "segmentation": make_segmentation,
    "detection": make_detection,
    "classification": make_classification,
}
"""For each task by its name the function that makes it, from the settings and the schema of the samples."""


def open_task(config: EvaluationConfig, schema: Schema) -> Task:
    """Open the task of an evaluation, with its built-in baseline or the user's own trainer.

    Args:
        config: names the task and the trainer.
        schema: of the samples.

    Raises:
        DataError: the user's own trainer cannot serve this task.
    """
    return TASKS[config.task](config, schema)


__all__ = [
    "TASKS",
    "ClassificationTask",
    "DetectionTask",
    "LesionDetectionTask",
    "SegmentationTask",
    "Task",
    "open_task",
    "parse_backbone",
]
