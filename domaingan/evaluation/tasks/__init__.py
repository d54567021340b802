"""The tasks that can be evaluated: how each trains its baseline, scores it and draws its predictions."""

from domaingan.core.errors import DataError
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.tasks.base import Task, parse_backbone
from domaingan.evaluation.tasks.detection_task import DetectionTask
from domaingan.evaluation.tasks.segmentation_task import SegmentationTask
from domaingan.evaluation.tasks.user_tasks import UserDetectionTask, UserSegmentationTask

TASKS: dict[str, type[SegmentationTask] | type[DetectionTask]] = {
    "segmentation": SegmentationTask,
    "detection": DetectionTask,
}
"""The tasks by name."""

USER_TASKS: dict[str, type[UserSegmentationTask] | type[UserDetectionTask]] = {
    "segmentation": UserSegmentationTask,
    "detection": UserDetectionTask,
}
"""The tasks whose models a function of the user's own can train, by name."""


def open_task(config: EvaluationConfig) -> Task:
    """Open the task of an evaluation, with its built-in baseline or the user's own trainer.

    Raises:
        DataError: the user's own trainer cannot serve this task.
    """
    if config.trainer is None:
        return TASKS[config.task]()
    if config.task not in USER_TASKS:
        raise DataError(f"trainer {config.trainer!r} for {config.task}", expected=f"{' or '.join(USER_TASKS)}")
    return USER_TASKS[config.task]()


__all__ = ["TASKS", "USER_TASKS", "DetectionTask", "SegmentationTask", "Task", "open_task", "parse_backbone"]
