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
"""Frames are kept in memory up to so many bytes; beyond, each is read anew for every corruption and severity."""


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """A labelled frame.

    Attributes:
        name: its name in the dataset.
        picture: what the model is shown, at the size worked at.
        shape: the data's own (height, width), which the truth is in.
        truth: the true boxes, or the true mask.
    """

    name: str
    picture: Picture
    shape: tuple[int, int]
    truth: Any

    @property
    def nbytes(self) -> int:
        """Bytes it takes in memory."""
        if not isinstance(self.truth, Truth):
            return self.picture.nbytes + int(self.truth.nbytes)
        return self.picture.nbytes + (0 if self.truth.ignored_mask is None else self.truth.ignored_mask.nbytes)


def to_picture(image: NDArray[np.float32]) -> Picture:
    """A ``(3, H, W)`` frame in [0, 1] as a ``(H, W, 3)`` picture of 8 bits: what was read from 8 bits, exactly."""
    planes: Picture = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


class LabelledFrames:
    """The frames of a dataset that have a truth for a task.

    Args:
        dataset: frames.
        task: ``detection`` needs boxes, ``segmentation`` a mask.
        size: height and width of the pictures; their own unless given.

    Raises:
        DataError: it holds no frames, none has that truth, or their objects are not named.
    """

    def __init__(self, dataset: Dataset, task: ModelTask, size: tuple[int, int] | None = None) -> None:
        schema = dataset.schema
        if not schema.domain.is_rgb or schema.spatial_dims != 2:
            raise DataError(f"{schema.domain}s", path=dataset.root, expected="frames")
        self.dataset, self.task, self.size = dataset, task, size
        self.unlabelled: list[str] = []
        self._frames: list[LabelledFrame | int] = []
        self.truths: list[Truth | None] = []
        self.units: list[str] = []
        kept = 0
        for index in range(len(dataset)):
            frame = self._read(index)
            if frame is None:
                self.unlabelled.append(dataset.records[index].name)
                continue
            kept += frame.nbytes
            self.truths.append(frame.truth if isinstance(frame.truth, Truth) else None)
            self.units.append(dataset.records[index].statistical_unit)
            self._frames.append(frame if kept < MAX_CACHED_BYTES else index)
        if not self._frames:
            wanted = "objects named in it" if task == "detection" else "masks"
            raise DataError("no labelled frame", path=dataset.root, expected=f"frames with {wanted}")

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, number: int) -> LabelledFrame:
        frame = self._frames[number]
        if isinstance(frame, LabelledFrame):
            return frame
        read = self._read(frame)
        assert read is not None  # it was labelled when it was read first
        return read

    def __iter__(self) -> Iterator[LabelledFrame]:
        return (self[number] for number in range(len(self)))

    @property
    def names(self) -> list[str]:
        """Names of the frames."""
        return [self.dataset.records[f].name if isinstance(f, int) else f.name for f in self._frames]

    def count_objects(self, classes: dict[str, int]) -> dict[str, int]:
        """True objects of each class; in segmentation the frames that show it."""
        found = dict.fromkeys(classes, 0)
        for frame in self:
            seen = frame.truth.labels if isinstance(frame.truth, Detections) else np.unique(frame.truth)
            for name, value in classes.items():
                found[name] += int((seen == value).sum())
        return found

    def count_left_out(self) -> tuple[int, int]:
        """Crowds or objects too small to count, and frames with an ignored area: what is found there does not count."""
        crowds = regions = 0
        for truth in self.truths:
            if truth is not None:
                crowds += len(truth.crowds)
                regions += truth.ignored_mask is not None
        return crowds, regions

    def _read(self, index: int) -> LabelledFrame | None:
        sample = self.dataset[index]
        truth = _read_truth(sample, self.task, self.dataset.schema)
        if truth is None:
            return None
        image = sample.image if self.size is None else resize(sample.image, self.size)
        return LabelledFrame(
            self.dataset.records[index].name, to_picture(image), (sample.shape[0], sample.shape[1]), truth
        )


def _read_truth(sample: Sample, task: ModelTask, schema: Schema) -> Truth | NDArray[Any] | None:
    if task == "segmentation":
        return sample.mask
    if sample.boxes is None or sample.labels is None:
        return None
    return collect_truth(sample, schema, select_scorable(schema, task))


def select_scorable(schema: Schema, task: ModelTask) -> dict[str, int]:
    """The classes of a dataset that a task can be scored on: those that are objects, or all that are not ignored."""
    named = schema.objects or tuple(schema.classes) if task == "detection" else tuple(schema.classes)
    return {name: schema.classes[name] for name in named if schema.classes[name] not in schema.ignore}
