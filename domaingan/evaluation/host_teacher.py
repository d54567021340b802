"""The teacher of a fold: a network that guesses what lies in unlabelled hosts, so that nobody takes it for background.

It is trained by ``classic`` on the training samples alone. Where the training samples have masks it is a segmenter, for
detection, too; else it is the detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domaingan.baselines.segmenter_model import Segmenter, decide_mask
from domaingan.core.devices import choose_compute
from domaingan.core.progress import Progress
from domaingan.data import Sample, Schema
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.tasks import DetectionTask, SegmentationTask

MIN_SUSPICION = 0.2
"""Pixels that the teacher gives at least this probability of anything but background are suspected."""

TEACHER_FILE = "hosts-teacher.safetensors"
"""Name of the stored teacher in the folder of its fold."""


@dataclass(frozen=True)
class HostGuess:
    """What a teacher takes a host to hold.

    Attributes:
        mask: ``(*spatial)`` in mask values; None of a teacher that finds boxes.
        suspected: ``(*spatial)`` bool, where something other than background may be.
    """

    mask: NDArray[Any] | None
    suspected: NDArray[np.bool_]


class Teacher(Protocol):
    """Guesses what lies in a host."""

    def guess(self, sample: Sample) -> HostGuess:
        """Guess what lies in a host with measured foreground and intensity range."""


@dataclass(frozen=True)
class SegmenterTeacher:
    """A segmenter that guesses masks."""

    model: Segmenter

    def guess(self, sample: Sample) -> HostGuess:
        """Guess the mask; suspected is what has a probability of at least :data:`MIN_SUSPICION`."""
        probabilities = next(self.model.predict_probability_batch([sample], [sample.shape]))
        background = probabilities[0].cpu().numpy()  # the value 0 is the first
        return HostGuess(decide_mask(probabilities, self.model.schema), 1 - background >= MIN_SUSPICION)


@dataclass(frozen=True)
class DetectorTeacher:
    """A detector that guesses boxes, drawn from a score of :data:`MIN_DRAWN_SCORE` on."""

    task: DetectionTask
    model: Any

    def guess(self, sample: Sample) -> HostGuess:
        """Guess where objects are."""
        return HostGuess(None, self.task.draw_prediction(self.model, sample) > 0)


def make_teacher_config(config: EvaluationConfig) -> EvaluationConfig:
    """Make the settings of a teacher that segments: the built-in network, whatever the task is."""
    return config.model_copy(update={"task": "segmentation", "trainer": None})


def check_teacher(config: EvaluationConfig, schema: Schema) -> None:
    """Refuse a teacher that cannot be trained, before anything is.

    Raises:
        DataError: the built-in network cannot be built for these samples.
    """
    SegmentationTask().check(make_teacher_config(config), schema)


def train_teacher(
    samples: list[Sample], schema: Schema, config: EvaluationConfig, folder: Path, progress: Progress
) -> Teacher:
    """Train the teacher of a fold, or load the one that is stored in its folder.

    Args:
        samples: the training samples, with measured foregrounds and ranges.
        schema: names the classes.
        config: steps, network and the first seed.
        folder: of the fold.
        progress: receives the progress.

    Raises:
        DataError: the loss is no finite number, or what is stored is damaged.
    """
    path = folder / TEACHER_FILE
    augment = build_augmentation(Arm.parse("classic"), {}, schema, config.target_conditions)
    has_masks = all(sample.mask is not None for sample in samples)
    if not path.is_file():
        progress.start("training the teacher of the hosts")
        task = SegmentationTask() if has_masks else DetectionTask()
        teacher_config = make_teacher_config(config) if has_masks else config
        task.train(samples, schema, augment, teacher_config, config.seed, progress.update).save(path)
    if has_masks:
        return SegmenterTeacher(Segmenter.load(path, choose_compute(config.device, config.precision)))
    from domaingan.baselines.detection import Detector  # torchvision's detectors take a second to import

    compute = choose_compute(config.device, config.precision, is_float32_on_cpu=True)
    return DetectorTeacher(DetectionTask(), Detector.load(path, compute))
