"""The labelled frames of a dataset as 8-bit pictures with their truth, each decoded once where memory allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.baselines.true_boxes import collect_truth
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.imaging.resample import resize
from domaingan.metrics.detections import Detections, Truth
from domaingan.robustness_eval.model_under_test import ModelTask, Picture

MAX_CACHED_BYTES = 2e9
"""Frames are kept in memory up to this many bytes; the others are read again for every corruption and severity."""


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """A labelled frame.

    Attributes:
        name: its name in the dataset.
        picture: what the model is shown, ``(H, W, 3)`` uint8.
        shape: the data's own (height, width), which the truth has.
        truth: the true boxes, or the true mask.
    """

    name: str
    picture: Picture
    shape: tuple[int, int]
    truth: Any

    @property
    def nbytes(self) -> int:
        """The bytes it takes in memory."""
        truth_bytes = 0
        if not isinstance(self.truth, Truth):
            truth_bytes = int(self.truth.nbytes)
        elif self.truth.ignored_mask is not None:
            truth_bytes = self.truth.ignored_mask.nbytes
        return self.picture.nbytes + truth_bytes


def to_picture(image: NDArray[np.float32]) -> Picture:
    """Convert a frame to a picture of 8 bits; what was read from 8 bits comes back exactly.

    Args:
        image: ``(3, H, W)`` in [0, 1].

    Returns:
        ``(H, W, 3)`` uint8.
    """
    planes: Picture = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


class LabelledFrames:
    """The frames of a dataset that have a truth for a task.

    Args:
        dataset: frames.
        task: ``detection`` needs boxes, ``segmentation`` a mask.
        size: height and width of the pictures; None leaves them at their own.

    Attributes:
        unlabelled: names of the frames without a truth, which are left out.
        truths: the true boxes of each frame; None where the truth is a mask.
        units: the test unit (drive, or block of one) of each frame.

    Raises:
        DataError: the dataset holds no frames, none has a truth, or its objects have no names.
    """

    def __init__(self, dataset: Dataset, task: ModelTask, size: tuple[int, int] | None = None) -> None:
        schema = dataset.schema
        if not schema.domain.is_rgb or schema.spatial_dims != 2:
            raise DataError(f"{schema.domain}s", path=dataset.root, expected="frames")
        self.dataset = dataset
        self.task = task
        self.size = size
        self.unlabelled: list[str] = []
        self.truths: list[Truth | None] = []
        self.units: list[str] = []
        self._frames: list[LabelledFrame | int] = []  # a frame that is not kept is its index in the dataset
        self._read_all()
        if not self._frames:
            expected = "objects named in it" if task == "detection" else "masks"
            raise DataError("no labelled frame", path=dataset.root, expected=f"frames with {expected}")

    def _read_all(self) -> None:
        cached_bytes = 0
        for index, record in enumerate(self.dataset.records):
            frame = self._read(index)
            if frame is None:
                self.unlabelled.append(record.name)
                continue
            cached_bytes += frame.nbytes
            self.truths.append(frame.truth if isinstance(frame.truth, Truth) else None)
            self.units.append(record.statistical_unit)
            self._frames.append(frame if cached_bytes < MAX_CACHED_BYTES else index)

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, number: int) -> LabelledFrame:
        frame = self._frames[number]
        if isinstance(frame, LabelledFrame):
            return frame
        frame_again = self._read(frame)
        assert frame_again is not None  # it was labelled when it was read first
        return frame_again

    def __iter__(self) -> Iterator[LabelledFrame]:
        for number in range(len(self)):
            yield self[number]

    @property
    def names(self) -> list[str]:
        """Names of the frames."""
        names = []
        for frame in self._frames:
            names.append(frame.name if isinstance(frame, LabelledFrame) else self.dataset.records[frame].name)
        return names

    def count_objects(self, classes: dict[str, int]) -> dict[str, int]:
        """Count the true objects of each class; for segmentation, the frames that show the class.

        Args:
            classes: values by name.
        """
        counts = dict.fromkeys(classes, 0)
        for frame in self:
            is_boxes = isinstance(frame.truth, Detections)
            values = frame.truth.labels if is_boxes else np.unique(frame.truth)
            for name, value in classes.items():
                counts[name] += int((values == value).sum())
        return counts

    def count_left_out(self) -> tuple[int, int]:
        """Count what is neither right nor wrong to find.

        Returns:
            The number of crowds and objects too small to count, and of frames with an ignored area.
        """
        crowd_count = 0
        ignored_count = 0
        for truth in self.truths:
            if truth is None:
                continue
            crowd_count += len(truth.crowds)
            if truth.ignored_mask is not None:
                ignored_count += 1
        return crowd_count, ignored_count

    def _read(self, index: int) -> LabelledFrame | None:
        """Read a frame of the dataset; None if it has no truth for the task."""
        sample = self.dataset[index]
        truth = _read_truth(sample, self.task, self.dataset.schema)
        if truth is None:
            return None
        image = sample.image if self.size is None else resize(sample.image, self.size)
        shape = (sample.shape[0], sample.shape[1])
        return LabelledFrame(self.dataset.records[index].name, to_picture(image), shape, truth)


def _read_truth(sample: Sample, task: ModelTask, schema: Schema) -> Truth | NDArray[Any] | None:
    """Return the mask or the true boxes of a sample; None if it has none."""
    if task == "segmentation":
        return sample.mask
    if sample.boxes is None or sample.labels is None:
        return None
    return collect_truth(sample, schema, select_scorable(schema, task))


def select_scorable(schema: Schema, task: ModelTask) -> dict[str, int]:
    """Select the classes of a dataset that a task can be scored on.

    Args:
        schema: the data's schema.
        task: for ``detection`` only classes of objects count, where the data names them.

    Returns:
        Values by name, without the ignored ones.
    """
    names = tuple(schema.classes)
    if task == "detection" and schema.objects:
        names = tuple(schema.objects)
    return {name: schema.classes[name] for name in names if schema.classes[name] not in schema.ignore}
