"""From a model's answers, in its own numbers and pixels, to the data's class values on the data's own grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.data import Schema
from domaingan.imaging.resample import resize
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.class_mapping import ClassMapping
from domaingan.robustness_eval.model_under_test import Answer, Model
from domaingan.robustness_eval.robustness_scores import UNMAPPED_VALUE


@dataclass(frozen=True)
class PredictionMapper:
    """Brings a model's answers to the data's classes and grid.

    Attributes:
        model: the model that answers.
        class_mapping: which of its classes is which of the data.
        schema: the data's schema.
    """

    model: Model
    class_mapping: ClassMapping
    schema: Schema

    def __call__(
        self, answer: Answer, input_shape: tuple[int, ...], shape: tuple[int, int]
    ) -> Detections | NDArray[Any]:
        """Bring an answer to the data's grid and class values.

        Boxes of classes that the data does not have are left out; such pixels of a mask get
        :data:`~domaingan.robustness_eval.robustness_scores.UNMAPPED_VALUE`.

        Args:
            answer: the model's answer, in pixels of the picture it was given.
            input_shape: height and width of that picture.
            shape: height and width of the data's own grid.
        """
        return self.map_labels(resize_answer(answer, input_shape, shape), self.model.classes)

    def map_labels(self, answer: Answer, classes: Mapping[str, int]) -> Detections | NDArray[Any]:
        """Translate an answer's labels, or mask values, to the data's values.

        Args:
            answer: in the model's numbers.
            classes: the model's numbers by class name.
        """
        values = self.class_mapping.map_values(classes)
        if isinstance(answer, Detections):
            is_mapped = np.isin(answer.labels, list(values))
            labels = [values[number] for number in answer.labels[is_mapped].tolist()]
            return Detections(answer.boxes[is_mapped], answer.scores[is_mapped], np.array(labels, dtype=np.int64))
        if not self.model.has_fixed_classes:
            return answer
        return _map_mask_values(answer, values)

    def check_values(self, answer: NDArray[Any]) -> None:
        """Refuse a mask with values that the data does not have, where the model claims to answer in the data's values.

        Raises:
            DataError: it has a value that no class of the data has.
        """
        known = {0, *self.schema.classes.values(), *self.schema.ignore}
        unknown = sorted(set(np.unique(answer).tolist()) - known)
        if unknown:
            values = ", ".join(f"{name} {value}" for name, value in self.schema.classes.items())
            expected = f"the data's values ({values}), or an attribute `classes` of the function that names its own"
            raise DataError(f"{self.model.name} returned a mask with the value {unknown[0]}", expected=expected)


def resize_answer(answer: Answer, input_shape: tuple[int, ...], shape: tuple[int, int]) -> Answer:
    """Bring an answer to the data's own grid, still in the model's own numbers.

    Args:
        answer: in pixels of a picture of ``input_shape`` (height, width).
        input_shape: height and width of that picture.
        shape: height and width of the data's own grid.
    """
    if isinstance(answer, Detections):
        height_factor = shape[0] / input_shape[0]
        width_factor = shape[1] / input_shape[1]
        factors = np.array([width_factor, height_factor, width_factor, height_factor], dtype=np.float32)
        boxes = (answer.boxes * factors).astype(np.float32)
        return Detections(boxes, answer.scores, answer.labels)
    mask: NDArray[Any] = resize(answer, shape, is_mask=True)
    return mask


def _map_mask_values(mask: NDArray[Any], values: dict[int, int]) -> NDArray[Any]:
    """Replace each value of a mask; a value without a partner becomes ``UNMAPPED_VALUE``."""
    mapped = np.full(mask.shape, UNMAPPED_VALUE, dtype=np.int64)
    for model_value, data_value in values.items():
        mapped[mask == model_value] = data_value
    return mapped
