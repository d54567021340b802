"""From what a model says, in its own numbers and pixels, to the data's class values on the data's own grid."""

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
from domaingan.robustness_eval.class_names import ClassMapping
from domaingan.robustness_eval.model_under_test import Answer, Model
from domaingan.robustness_eval.robustness_scores import UNMAPPED_VALUE


@dataclass(frozen=True)
class PredictionMapper:
    """Translates a model's answers.

    Attributes:
        model: whose answers.
        matching: which of its classes is which of the data.
        schema: of the data.
    """

    model: Model
    class_mapping: ClassMapping
    schema: Schema

    def __call__(
        self, answer: Answer, input_shape: tuple[int, ...], shape: tuple[int, int]
    ) -> Detections | NDArray[Any]:
        """The answer for a picture of shape ``seen`` on the data's own grid of ``shape``, in the data's values.

        Boxes of classes that the data does not have are left out; such pixels of a mask are
        :data:`domaingan.robustness_eval.robustness_scores.NOTHING`.
        """
        return self.map_labels(resize_answer(answer, input_shape, shape), self.model.classes)

    def map_labels(self, answer: Answer, classes: Mapping[str, int]) -> Detections | NDArray[Any]:
        """The same answer in the data's values; ``classes`` are the model's numbers by name."""
        values = self.class_mapping.map_values(classes)
        if isinstance(answer, Detections):
            kept = np.isin(answer.labels, list(values))
            labels = np.array([values[n] for n in answer.labels[kept].tolist()], dtype=np.int64)
            return Detections(answer.boxes[kept], answer.scores[kept], labels)
        return answer if not self.model.has_fixed_classes else _map_mask_values(answer, values)

    def check_values(self, answer: NDArray[Any]) -> None:
        """Refuse a mask in the data's own values, as it claims, that has others.

        Raises:
            DataError: it has a value that no class of the data has.
        """
        known = [*self.schema.classes.values(), *self.schema.ignore]
        strange = sorted(set(np.unique(answer).tolist()) - set(known) - {0})
        if strange:
            values = ", ".join(f"{name} {value}" for name, value in self.schema.classes.items())
            expected = f"the data's values ({values}), or an attribute `classes` of the function that names its own"
            raise DataError(f"{self.model.name} returned a mask with the value {strange[0]}", expected=expected)


def resize_answer(answer: Answer, input_shape: tuple[int, ...], shape: tuple[int, int]) -> Answer:
    """An answer for a picture of shape ``seen`` on the data's own grid of ``shape``, in the model's own numbers."""
    if isinstance(answer, Detections):
        factors = np.array([shape[1] / input_shape[1], shape[0] / input_shape[0]] * 2, dtype=np.float32)
        return Detections((answer.boxes * factors).astype(np.float32), answer.scores, answer.labels)
    own: NDArray[Any] = resize(answer, shape, is_mask=True)
    return own


def _map_mask_values(mask: NDArray[Any], values: dict[int, int]) -> NDArray[Any]:
    own = np.full(mask.shape, UNMAPPED_VALUE, dtype=np.int64)
    for theirs, ours in values.items():
        own[mask == theirs] = ours
    return own
