"""Models that a user's own function trained: what they predict is checked, and is then scored as any baseline's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset as TorchDataset

from domaingan.baselines.batches import list_class_values
from domaingan.baselines.detection_frames import list_label_values, select_object_classes
from domaingan.baselines.segmenter_model import decide_mask, resample_probabilities, scale_image
from domaingan.core.errors import DataError
from domaingan.core.user_functions import describe_user_error
from domaingan.data import Sample, Schema
from domaingan.imaging.resample import resize
from domaingan.metrics.detections import Detections, rescale_boxes

PredictFunction = Callable[[NDArray[np.float32]], Any]
"""What a user's trainer returns: it predicts for one image ``(C, *spatial)`` in scaled units."""

EXPECTED_MASK = "(classes, *spatial) probabilities, or (*spatial) class indices"

EXPECTED_BOXES = '{"boxes": (N, 4) xyxy in pixels, "scores": (N,) from 0 to 1, "labels": (N,) from 1 on}'


@dataclass(frozen=True)
class TrainingData:
    """What a user's trainer gets.

    Attributes:
        items: a torch dataset of ``steps * batch_size`` items, augmented as the arm does, in the order in which they
            are to be used; item ``i`` is the same in whichever worker it is made. For segmentation an item is a
            scaled image ``(C, *patch)`` float32 and its class indices ``(*patch)`` int64, 255 where nothing counts. For
            detection it is an image ``(3, H, W)`` in [0, 1], boxes ``(N, 4)`` and labels ``(N,)`` from 1 on.
        classes: names of the classes in the order of their indices or labels.
        channels: names of the image's channels.
        spatial_dims: 2 or 3.
        steps: number of optimiser steps.
        batch_size: items a step.
        seed: seeds the training.
        device: where to train.
        report: called with the step, the number of steps and ``{"loss": …}``.
    """

    items: TorchDataset[Any]
    classes: list[str]
    channels: tuple[str, ...]
    spatial_dims: int
    steps: int
    batch_size: int
    seed: int
    device: str
    report: Callable[[int, int, dict[str, float]], None]


def train_user_model(function: Callable[..., Any], name: str, data: TrainingData) -> PredictFunction:
    """Let a user's function train.

    Args:
        function: takes a :class:`TrainingData` and returns a function that predicts.
        name: of the function, for messages.
        data: what it gets.

    Raises:
        DataError: it fails, or does not return a function.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(data.seed)
        try:
            predict = function(data)
        except DataError:
            raise
        except Exception as error:  # whatever the user's function raises
            raise DataError(f"{name} failed while it trained ({describe_user_error(error)})") from error
    if not callable(predict):
        raise DataError(f"{name} returned {type(predict).__name__}", expected="a function that predicts for one image")
    trained: PredictFunction = predict
    return trained


@dataclass(frozen=True)
class UserModel:
    """A model that a user's function trained.

    Attributes:
        function: predicts for one image.
        name: of the trainer, for messages.
        schema: of the data.
        losses: there are none.
    """

    function: PredictFunction
    name: str
    schema: Schema
    losses: list[tuple[int, float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Save nothing: what a function holds cannot be stored without running code."""

    def call(self, image: NDArray[np.float32]) -> Any:
        """Call the function with a copy of an image, which it may change.

        Raises:
            DataError: it fails.
        """
        try:
            with torch.inference_mode():
                return self.function(image.copy())
        except Exception as error:  # whatever the user's function raises
            reason = describe_user_error(error)
            raise DataError(f"the model of {self.name} failed on an image {image.shape} ({reason})") from error

    def make_error(self, found: str, expected: str) -> DataError:
        """Make the error about an answer that cannot be used."""
        return DataError(f"the model of {self.name} returned {found}", expected=expected)


@dataclass(frozen=True)
class UserSegmenter(UserModel):
    """A segmenter that a user's function trained."""

    def predict(self, sample: Sample, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Predict the mask of a sample, in mask values."""
        probabilities = next(self.predict_probability_batch([sample], [shape or sample.shape]))
        return decide_mask(probabilities, self.schema)

    def predict_probability_batch(
        self, samples: Sequence[Sample], shapes: Sequence[tuple[int, ...]]
    ) -> Iterator[Tensor]:
        """Predict class probabilities one sample after the other, and resample them.

        Args:
            samples: at the grid that the model was trained on.
            shapes: spatial shape of each result.

        Yields:
            For each sample ``(classes, *shape)`` float32.

        Raises:
            DataError: the function fails, or its answer has another shape or values.
        """
        for sample, shape in zip(samples, shapes, strict=True):
            answer = self.call(scale_image(sample, self.schema))
            probabilities = self._read_answer(answer, sample.shape)
            yield from resample_probabilities(probabilities[None], [shape])

    def _read_answer(self, answer: Any, shape: tuple[int, ...]) -> Tensor:
        n_classes = len(list_class_values(self.schema))
        tensor = torch.as_tensor(answer).detach().cpu()
        if tuple(tensor.shape) == shape and not tensor.is_floating_point():
            if tensor.numel() and not 0 <= int(tensor.min()) <= int(tensor.max()) < n_classes:
                raise self.make_error(f"index {int(tensor.max())}", f"class indices below {n_classes}")
            indices = functional.one_hot(tensor.long(), n_classes)
            return indices.movedim(-1, 0).float()
        if tuple(tensor.shape) != (n_classes, *shape) or not tensor.is_floating_point():
            found = f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
            raise self.make_error(found, f"{EXPECTED_MASK}, here of {n_classes} classes and {shape}")
        probabilities = tensor.float()
        if not bool(torch.isfinite(probabilities).all()) or float(probabilities.min()) < 0:
            raise self.make_error("numbers below 0 or none at all", EXPECTED_MASK)
        return probabilities


@dataclass(frozen=True)
class UserDetector(UserModel):
    """A detector that a user's function trained.

    Attributes:
        size: height and width of the images that it is called with.
    """

    size: tuple[int, int] = (0, 0)

    def predict_batch(self, samples: Sequence[Sample]) -> list[Detections]:
        """Detect the objects of samples, one after the other."""
        return [self.predict(sample) for sample in samples]

    def predict(self, sample: Sample) -> Detections:
        """Detect the objects of a sample.

        Raises:
            DataError: the function fails, or its answer is not as expected.
        """
        image = np.ascontiguousarray(resize(sample.image, self.size).clip(0, 1), dtype=np.float32)
        answer = self.call(image)
        if not isinstance(answer, dict) or not {"boxes", "scores", "labels"} <= set(answer):
            raise self.make_error(type(answer).__name__, EXPECTED_BOXES)
        boxes = np.asarray(answer["boxes"], np.float32).reshape(-1, 4)
        scores = np.asarray(answer["scores"], np.float32).ravel()
        labels = np.asarray(answer["labels"]).ravel().astype(np.int64)
        if not len(boxes) == len(scores) == len(labels):
            raise self.make_error(f"{len(boxes)} boxes, {len(scores)} scores, {len(labels)} labels", EXPECTED_BOXES)
        values = np.array(list_label_values(select_object_classes(self.schema)))
        if len(labels) and not 1 <= labels.min() <= labels.max() <= len(values):
            raise self.make_error(f"label {labels.max()}", f"labels from 1 to {len(values)}")
        if not np.isfinite(boxes).all() or not ((scores >= 0) & (scores <= 1)).all():
            raise self.make_error("boxes or scores out of range", EXPECTED_BOXES)
        order = np.argsort(-scores, kind="stable")
        in_pixels = rescale_boxes(boxes[order], self.size, sample.shape)
        return Detections(in_pixels, scores[order], values[labels[order] - 1].astype(np.int64))
