"""The label fields of albumentations' boxes: read as classes, and filled in for what is pasted.

Albumentations carries each field as a column of floats behind the boxes' corners: numbers as they are, all else through
an encoder that its ``BboxProcessor`` keeps from the first image on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.integrations.host_info import OneTimeWarnings

CORNER_COLUMNS = 4
UNKNOWN_CLASS = -1
"""The class value of a box whose class is not known."""


@dataclass(frozen=True)
class BoxLabels:
    """How label fields and classes go together.

    Attributes:
        classes: class values by name.
        given: for a field the label of each class by name, or one label for everything that is pasted. A lone field
            that is not listed holds classes: their names where it holds texts, else their values. Other masks may be
            listed, too, see :func:`domaingan.integrations.albumentations.targets.other_mask`.
        objects: the classes that boxes may be of; all of them unless given.
        notices: what was said once.
    """

    classes: Mapping[str, int]
    label_tables: Mapping[str, Any]
    objects: Sequence[str] = ()
    warnings_once: OneTimeWarnings = dataclasses.field(default_factory=OneTimeWarnings)

    def read_class_values(self, processor: Any, data: Mapping[str, Any]) -> NDArray[np.int64] | None:
        """Class values of an image's boxes, :data:`UNKNOWN` where a label is none; None where no field tells them.

        Raises:
            DataError: the lone field holds numbers that are no class values.
        """
        boxes, fields = data["bboxes"], self._list_fields(processor)
        if not boxes.size:
            return np.zeros(0, dtype=np.int64)
        if not fields:
            return self._check_class_values(boxes[:, CORNER_COLUMNS]) if boxes.shape[1] == CORNER_COLUMNS + 1 else None
        for number, field in enumerate(fields):
            if field in self.label_tables and not isinstance(self.label_tables[field], Mapping):
                continue
            column = boxes[:, boxes.shape[1] - len(fields) + number]
            if field not in self.label_tables and _find_field_type(processor, field) == NUMBERS:
                return self._check_class_values(column)
            known = {
                label: self.classes[name]
                for name, label in self.label_tables.get(field, _map_names(self.classes)).items()
            }
            labels = processor.label_manager.restore_field("bboxes", field, column)
            return np.array([known.get(_convert_to_python(label), UNKNOWN_CLASS) for label in labels], dtype=np.int64)
        return None

    def is_numeric(self, processor: Any) -> bool:
        """Whether classes are told by numbers that nothing but the mask gives a meaning."""
        fields = self._list_fields(processor)
        return not fields or (fields[0] not in self.label_tables and _find_field_type(processor, fields[0]) == NUMBERS)

    def make_columns(self, processor: Any, data: Mapping[str, Any], pasted: Sequence[str]) -> NDArray[np.float32]:
        """``(N, columns)`` what stands behind the corners of the boxes of ``N`` pasted objects.

        Args:
            processor: albumentations' ``BboxProcessor``; its encoders learn labels that they have not seen.
            data: the image's boxes and label fields.
            pasted: the objects' classes by name.

        Raises:
            DataError: a field's label is not known, or of another kind than the host's.
        """
        fields, boxes = self._list_fields(processor), data["bboxes"]
        if not fields:
            extra = boxes.shape[1] - CORNER_COLUMNS if boxes.size else 0
            if extra > 1:
                raise DataError(f"boxes of {boxes.shape[1]} columns", expected="4 or 5, or label_fields in BboxParams")
            values = [self.classes[name] for name in pasted]
            return np.array(values, dtype=np.float32).reshape(-1, 1)[:, :extra]
        columns = [self._make_column(processor, data, field, list(pasted)) for field in fields]
        return np.hstack(columns).astype(np.float32)

    def _list_fields(self, processor: Any) -> list[str]:
        fields = list(processor.params.label_fields or ())
        unknown = [field for field in fields if field not in self.label_tables]
        if len(fields) > 1 and unknown:
            expected = f"labels={{{unknown[0]!r}: {{class: label}}}}, or one label for all that is pasted"
            raise DataError(f"label field {unknown[0]!r} of several", expected=expected)
        return fields

    def _make_column(
        self, processor: Any, data: Mapping[str, Any], field: str, pasted: list[str]
    ) -> NDArray[np.float32]:
        manager = processor.label_manager
        known = manager.metadata["bboxes"].get(field)
        holds = _find_empty_field_type(data.get(field)) if known is None else _find_field_type(processor, field)
        labels = self._choose_labels(field, pasted, holds)
        strangers = [label for label in labels if holds in FIELD_TYPES and not isinstance(label, FIELD_TYPES[holds])]
        if strangers:
            found = f"label {strangers[0]!r} for {field!r}, which holds {holds}"
            raise DataError(found, expected=f"labels={{{field!r}: {{class: label}}}} of {holds}")
        if known is None or known.is_numerical or known.encoder.is_numerical:
            is_array = known is None and isinstance(data.get(field), np.ndarray)
            return np.asarray(manager.process_field("bboxes", field, np.array(labels) if is_array else labels))
        if known.dtype is not None and known.dtype.kind == "U":  # longer names are not cut off
            known.dtype = np.result_type(known.dtype, np.array(labels).dtype)
        known.encoder.update(labels)  # not fitted to them: that would forget that the host's were no numbers
        return np.array([[known.encoder.classes_[label]] for label in labels], dtype=np.float32)

    def _choose_labels(self, field: str, pasted: list[str], field_type: str) -> list[Any]:
        """What a field says of pasted objects of these classes; ``holds``: see :func:`_find_field_type`."""
        if field in self.label_tables:
            given = self.label_tables[field]
            if not isinstance(given, Mapping):
                return [given] * len(pasted)
            missing = [name for name in pasted if name not in given]
            if missing:
                raise DataError(f"no label for class {missing[0]!r}", expected=f"one in labels[{field!r}]")
            return [given[name] for name in pasted]
        if not field_type:
            what = f"an image without boxes before any with does not tell what {field!r} holds: class names are written"
            self.warnings_once.warn(f"{what}; labels={{{field!r}: {{class: label}}}} says otherwise")
        return [self.classes[name] for name in pasted] if field_type == NUMBERS else list(pasted)

    def _check_class_values(self, column: NDArray[Any]) -> NDArray[np.int64]:
        """Numbers as class values of objects.

        Raises:
            DataError: there are others.
        """
        values = column.astype(np.int64)
        names = {value: name for name, value in self.classes.items()}
        known = {self.classes[name] for name in self.objects or self.classes}
        strangers = sorted(set(values.tolist()) - known)
        if not strangers:
            return values
        found = f"label {strangers[0]} of a box"
        if strangers[0] in names:
            found += f", which is {names[strangers[0]]} in the mask, no object"
        raise DataError(found, expected="class values of the mask, or labels={field: {class: label}}")


NUMBERS, TEXTS, TRUTH = "numbers", "texts", "truth values"
FIELD_TYPES: dict[str, tuple[type, ...]] = {
    NUMBERS: (int, float, np.number, np.bool_),
    TEXTS: (str,),
    TRUTH: (bool, np.bool_),
}
"""What label fields hold, and the types of what may be written into them."""


def _find_field_type(processor: Any, field: str) -> str:
    """What a field holds that albumentations has met: one of :data:`KINDS`, or something else; empty if not known."""
    known = processor.label_manager.metadata["bboxes"].get(field)
    if known is None:
        return ""
    encoder = known.encoder
    if known.is_numerical or encoder is None or encoder.is_numerical:
        return NUMBERS
    labels = list(encoder.classes_)
    if labels and all(isinstance(label, bool | np.bool_) for label in labels):
        return TRUTH
    return TEXTS if all(isinstance(label, str) for label in labels) else "labels of other types"


def _find_empty_field_type(labels: Any) -> str:
    """What an empty field holds, as far as its type tells."""
    kind = labels.dtype.kind if isinstance(labels, np.ndarray) else ""
    return {"i": NUMBERS, "u": NUMBERS, "U": TEXTS, "b": TRUTH}.get(kind, "")


def _map_names(classes: Mapping[str, int]) -> dict[str, str]:
    return {name: name for name in classes}


def _convert_to_python(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
