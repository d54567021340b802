"""The tasks that can be evaluated: how each trains its baseline, scores it and draws its predictions."""

from domaingan.evaluation.tasks.base import Task, parse_backbone
from domaingan.evaluation.tasks.detection_task import DetectionTask
from domaingan.evaluation.tasks.segmentation_task import SegmentationTask

TASKS: dict[str, type[SegmentationTask] | type[DetectionTask]] = {
    "segmentation": SegmentationTask,
    "detection": DetectionTask,
}
"""The tasks by name."""

__all__ = ["TASKS", "DetectionTask", "SegmentationTask", "Task", "parse_backbone"]
