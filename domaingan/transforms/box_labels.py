"""The label fields of albumentations' boxes: read as classes, and filled in for what is pasted.

Albumentations carries each field as a column of floats behind the boxes' corners: numbers as they are, all else through
an encoder that its ``BboxProcessor`` keeps from the first image on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.errors import DataError

CORNERS = 4
UNKNOWN = -1
"""The class value of a box whose class is not known."""


@dataclass(frozen=True)
class BoxLabels:
    """How label fields and classes go together.

    Attributes:
        classes: class values by name.
        given: for a field the label of each class by name, or one label for everything that is pasted. A lone field
            that is not listed holds classes: their names where it holds texts, else their values.
    """

    classes: Mapping[str, int]
    given: Mapping[str, Any]

    def values(self, processor: Any, data: Mapping[str, Any]) -> NDArray[np.int64] | None:
        """Class values of an image's boxes, :data:`UNKNOWN` where a label is none; None where no field tells them.

        Raises:
            DataError: the lone field holds numbers that are no class values.
        """
        boxes, fields = data["bboxes"], self._fields(processor)
        if not boxes.size:
            return np.zeros(0, dtype=np.int64)
        if not fields:
            return _checked(boxes[:, CORNERS], self.classes) if boxes.shape[1] == CORNERS + 1 else None
        for number, field in enumerate(fields):
            if field in self.given and not isinstance(self.given[field], Mapping):
                continue
            column = boxes[:, boxes.shape[1] - len(fields) + number]
            if field not in self.given and processor.label_manager.get_encoder("bboxes", field) is None:
                return _checked(column, self.classes)
            known = {label: self.classes[name] for name, label in self.given.get(field, _names(self.classes)).items()}
            labels = processor.label_manager.restore_field("bboxes", field, column)
            return np.array([known.get(_plain(label), UNKNOWN) for label in labels], dtype=np.int64)
        return None

    def columns(self, processor: Any, data: Mapping[str, Any], pasted: Sequence[int]) -> NDArray[np.float32]:
        """``(N, columns)`` what stands behind the corners of the boxes of ``N`` pasted objects.

        Args:
            processor: albumentations' ``BboxProcessor``; its encoders learn labels that they have not seen.
            data: the image's boxes and label fields.
            pasted: the objects' class values.

        Raises:
            DataError: a field's label is not known, or of another kind than the host's.
        """
        names = {value: name for name, value in self.classes.items()}
        fields, boxes = self._fields(processor), data["bboxes"]
        if not fields:
            extra = boxes.shape[1] - CORNERS if boxes.size else 0
            if extra > 1:
                raise DataError(f"boxes of {boxes.shape[1]} columns", expected="4 or 5, or label_fields in BboxParams")
            return np.array(pasted, dtype=np.float32).reshape(-1, 1)[:, :extra]
        columns = [self._column(processor, data, field, [names[value] for value in pasted]) for field in fields]
        return np.hstack(columns).astype(np.float32)

    def _fields(self, processor: Any) -> list[str]:
        fields = list(processor.params.label_fields or ())
        unknown = [field for field in fields if field not in self.given]
        if len(fields) > 1 and unknown:
            expected = f"labels={{{unknown[0]!r}: {{class: label}}}}, or one label for all that is pasted"
            raise DataError(f"label field {unknown[0]!r} of several", expected=expected)
        return fields

    def _column(self, processor: Any, data: Mapping[str, Any], field: str, pasted: list[str]) -> NDArray[np.float32]:
        manager = processor.label_manager
        known = manager.metadata["bboxes"].get(field)
        numbers = _holds_numbers(data.get(field)) if known is None else known.is_numerical
        labels = self._labels(field, pasted, numbers)
        if numbers is not None and any(isinstance(label, str) == numbers for label in labels):
            kind = "numbers" if numbers else "texts"
            raise DataError(f"label {labels[0]!r} for {field!r}, which holds {kind}", expected=f"labels= of {kind}")
        host = data.get(field)
        array = known is None and isinstance(host, np.ndarray)
        column = manager.process_field("bboxes", field, np.array(labels) if array else labels)
        if known is not None and known.dtype is not None and known.dtype.kind == "U":  # longer names are not cut off
            known.dtype = np.result_type(known.dtype, np.array(labels).dtype)
        return column

    def _labels(self, field: str, pasted: list[str], numbers: bool | None) -> list[Any]:
        """What a field says of pasted objects of these classes; ``numbers``: what it holds, None if not known."""
        if field in self.given:
            given = self.given[field]
            if not isinstance(given, Mapping):
                return [given] * len(pasted)
            missing = [name for name in pasted if name not in given]
            if missing:
                raise DataError(f"no label for class {missing[0]!r}", expected=f"one in labels[{field!r}]")
            return [given[name] for name in pasted]
        if numbers is None:
            found = f"an image without boxes before any with: what {field!r} holds is not known"
            raise DataError(found, expected=f"labels={{{field!r}: {{class: label}}}}")
        return [self.classes[name] for name in pasted] if numbers else list(pasted)


def _holds_numbers(labels: Any) -> bool | None:
    """Whether an empty field is one of numbers, as far as its type tells."""
    kind = labels.dtype.kind if isinstance(labels, np.ndarray) else ""
    return True if kind in ("i", "u") else False if kind == "U" else None


def _checked(column: NDArray[Any], classes: Mapping[str, int]) -> NDArray[np.int64]:
    values = column.astype(np.int64)
    strangers = sorted(set(values.tolist()) - set(classes.values()))
    if strangers:
        expected = "class values of the mask, or labels={field: {class: label}}"
        raise DataError(f"label {strangers[0]} of a box", expected=expected)
    return values


def _names(classes: Mapping[str, int]) -> dict[str, str]:
    return {name: name for name in classes}


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
