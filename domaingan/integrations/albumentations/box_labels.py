"""Read the label fields of albumentations' boxes as classes, and fill them in for pasted objects.

Albumentations keeps each field as a column of floats behind the boxes' corners. It stores numbers as they are. Other
labels go through an encoder, which its ``BboxProcessor`` keeps from the first image on.
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
    """Map label fields to classes.

    Attributes:
        classes: class values by name.
        label_tables: for each field the label of each class by name, or one label for everything that is pasted. A
            single field that is not listed holds classes: their names if it holds texts, else their values. Further
            masks may be listed, too, see
            :func:`domaingan.integrations.albumentations.further_targets.write_further_mask`.
        objects: the classes that boxes may have; by default all classes.
        warnings_once: the warnings that were already given.
    """

    classes: Mapping[str, int]
    label_tables: Mapping[str, Any]
    objects: Sequence[str] = ()
    warnings_once: OneTimeWarnings = dataclasses.field(default_factory=OneTimeWarnings)

    def read_class_values(self, processor: Any, data: Mapping[str, Any]) -> NDArray[np.int64] | None:
        """Read the class values of an image's boxes.

        Args:
            processor: albumentations' ``BboxProcessor``.
            data: the image's boxes, with the label columns behind the corners.

        Returns:
            ``(N,)`` class values, :data:`UNKNOWN_CLASS` where a label is no class; None if no field holds classes.

        Raises:
            DataError: the only field holds numbers that are no class values, or a field is missing in the tables.
        """
        boxes = data["bboxes"]
        fields = self._list_fields(processor)
        if not boxes.size:
            return np.zeros(0, dtype=np.int64)
        if not fields:
            if boxes.shape[1] != CORNER_COLUMNS + 1:
                return None
            return self._check_class_values(boxes[:, CORNER_COLUMNS])
        for number, field in enumerate(fields):
            if field in self.label_tables and not isinstance(self.label_tables[field], Mapping):
                continue
            column = boxes[:, boxes.shape[1] - len(fields) + number]
            if field not in self.label_tables and _find_field_type(processor, field) == NUMBERS:
                return self._check_class_values(column)
            labels = processor.label_manager.restore_field("bboxes", field, column)
            return self._convert_labels(field, labels)
        return None

    def _convert_labels(self, field: str, labels: Any) -> NDArray[np.int64]:
        """Convert a field's labels to class values; labels of no class become :data:`UNKNOWN_CLASS`."""
        table = self.label_tables.get(field, _map_names(self.classes))
        value_by_label = {label: self.classes[name] for name, label in table.items()}
        values = [value_by_label.get(_convert_to_python(label), UNKNOWN_CLASS) for label in labels]
        return np.array(values, dtype=np.int64)

    def is_numeric(self, processor: Any) -> bool:
        """Tell whether the boxes' labels are numbers that only the mask can explain.

        Args:
            processor: albumentations' ``BboxProcessor``.
        """
        fields = self._list_fields(processor)
        if not fields:
            return True
        if fields[0] in self.label_tables:
            return False
        return _find_field_type(processor, fields[0]) == NUMBERS

    def make_columns(self, processor: Any, data: Mapping[str, Any], pasted: Sequence[str]) -> NDArray[np.float32]:
        """Make the label columns of the boxes of pasted objects.

        Args:
            processor: albumentations' ``BboxProcessor``; its encoders learn labels that they have not seen.
            data: the image's boxes and label fields.
            pasted: the class name of each object.

        Returns:
            ``(N, columns)`` for ``N`` pasted objects: what follows the corners of their boxes.

        Raises:
            DataError: a field has no label for a class, or its label has another type than the host's labels.
        """
        fields = self._list_fields(processor)
        boxes = data["bboxes"]
        if not fields:
            extra = boxes.shape[1] - CORNER_COLUMNS if boxes.size else 0
            if extra > 1:
                raise DataError(f"boxes of {boxes.shape[1]} columns", expected="4 or 5, or label_fields in BboxParams")
            values = [self.classes[name] for name in pasted]
            return np.array(values, dtype=np.float32).reshape(-1, 1)[:, :extra]
        columns = [self._make_column(processor, data, field, list(pasted)) for field in fields]
        return np.hstack(columns).astype(np.float32)

    def _list_fields(self, processor: Any) -> list[str]:
        """List the names of the label fields; of several fields each needs its table."""
        fields = list(processor.params.label_fields or ())
        unknown = [field for field in fields if field not in self.label_tables]
        if len(fields) > 1 and unknown:
            expected = f"labels={{{unknown[0]!r}: {{class: label}}}}, or one label for all that is pasted"
            raise DataError(f"label field {unknown[0]!r} of several", expected=expected)
        return fields

    def _make_column(
        self, processor: Any, data: Mapping[str, Any], field: str, pasted: list[str]
    ) -> NDArray[np.float32]:
        """Make the ``(N, 1)`` column of one field, encoded as albumentations encodes it."""
        manager = processor.label_manager
        metadata = manager.metadata["bboxes"].get(field)
        field_type = _find_field_type(processor, field)
        if metadata is None:
            field_type = _find_empty_field_type(data.get(field))
        labels = self._choose_labels(field, pasted, field_type)
        _check_label_types(field, field_type, labels)
        if metadata is None and isinstance(data.get(field), np.ndarray):
            return np.asarray(manager.process_field("bboxes", field, np.array(labels)))
        if metadata is None or metadata.is_numerical or metadata.encoder.is_numerical:
            return np.asarray(manager.process_field("bboxes", field, labels))
        if metadata.dtype is not None and metadata.dtype.kind == "U":
            # Without a wider type, albumentations would cut off longer names.
            metadata.dtype = np.result_type(metadata.dtype, np.array(labels).dtype)
        # The encoder is updated, not fitted again: it would forget that the host's labels are no numbers.
        metadata.encoder.update(labels)
        rows = [[metadata.encoder.classes_[label]] for label in labels]
        return np.array(rows, dtype=np.float32)

    def _choose_labels(self, field: str, pasted: list[str], field_type: str) -> list[Any]:
        """Choose a field's label for each pasted object.

        Args:
            field: name of the field.
            pasted: the class name of each object.
            field_type: see :func:`_find_field_type`.
        """
        if field in self.label_tables:
            table = self.label_tables[field]
            if not isinstance(table, Mapping):
                return [table] * len(pasted)
            missing = [name for name in pasted if name not in table]
            if missing:
                raise DataError(f"no label for class {missing[0]!r}", expected=f"one in labels[{field!r}]")
            return [table[name] for name in pasted]
        if not field_type:
            what = f"an image without boxes before any with does not tell what {field!r} holds: class names are written"
            self.warnings_once.warn(f"{what}; labels={{{field!r}: {{class: label}}}} says otherwise")
        if field_type == NUMBERS:
            return [self.classes[name] for name in pasted]
        return list(pasted)

    def _check_class_values(self, column: NDArray[Any]) -> NDArray[np.int64]:
        """Convert numbers to class values of objects.

        Raises:
            DataError: a number is no class value of an object.
        """
        values = column.astype(np.int64)
        name_by_value = {value: name for name, value in self.classes.items()}
        object_values = {self.classes[name] for name in self.objects or self.classes}
        unknown = sorted(set(values.tolist()) - object_values)
        if not unknown:
            return values
        found = f"label {unknown[0]} of a box"
        if unknown[0] in name_by_value:
            found += f", which is {name_by_value[unknown[0]]} in the mask, no object"
        raise DataError(found, expected="class values of the mask, or labels={field: {class: label}}")


NUMBERS = "numbers"
TEXTS = "texts"
TRUTH = "truth values"
FIELD_TYPES: dict[str, tuple[type, ...]] = {
    NUMBERS: (int, float, np.number, np.bool_),
    TEXTS: (str,),
    TRUTH: (bool, np.bool_),
}
"""The types of the labels that may be written into a field, by what the field holds."""


def _check_label_types(field: str, field_type: str, labels: Sequence[Any]) -> None:
    """Refuse labels of another type than the field holds."""
    if field_type not in FIELD_TYPES:
        return
    for label in labels:
        if not isinstance(label, FIELD_TYPES[field_type]):
            found = f"label {label!r} for {field!r}, which holds {field_type}"
            raise DataError(found, expected=f"labels={{{field!r}: {{class: label}}}} of {field_type}")


def _find_field_type(processor: Any, field: str) -> str:
    """Find what a field holds: a key of :data:`FIELD_TYPES`, or other labels; empty if it is not known yet."""
    metadata = processor.label_manager.metadata["bboxes"].get(field)
    if metadata is None:
        return ""
    encoder = metadata.encoder
    if metadata.is_numerical or encoder is None or encoder.is_numerical:
        return NUMBERS
    labels = list(encoder.classes_)
    if labels and all(isinstance(label, bool | np.bool_) for label in labels):
        return TRUTH
    if all(isinstance(label, str) for label in labels):
        return TEXTS
    return "labels of other types"


def _find_empty_field_type(labels: Any) -> str:
    """Find what an empty field holds, from its array type; empty if the type does not tell."""
    kind = labels.dtype.kind if isinstance(labels, np.ndarray) else ""
    return {"i": NUMBERS, "u": NUMBERS, "U": TEXTS, "b": TRUTH}.get(kind, "")


def _map_names(classes: Mapping[str, int]) -> dict[str, str]:
    """Map each class name to itself."""
    return {name: name for name in classes}


def _convert_to_python(label: Any) -> Any:
    """Convert a NumPy scalar to a Python value."""
    return label.item() if isinstance(label, np.generic) else label
