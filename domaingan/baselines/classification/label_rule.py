"""What a classifier learns: a column, whether a class is present, or the class of an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from domaingan.core.errors import DataError
from domaingan.data import Sample, Schema

PRESENCE_PREFIX = "presence:"
"""``presence:CLASS`` asks whether a sample's mask holds a class."""

ABSENT, PRESENT = "absent", "present"
"""The labels of such a sample."""

LabelKind = Literal["column", "presence", "object"]


@dataclass(frozen=True)
class LabelRule:
    """Says what the label of a sample, or of an object in it, is.

    Attributes:
        kind: ``column``: a condition of the whole sample. ``presence``: whether the mask holds a class, which follows
            every paste. ``object``: the class of each object, whose crop is classified.
        name: of the column, the class, or the condition that holds the class of a crop.
        value: mask value of the class of ``presence``.
    """

    kind: LabelKind
    name: str
    value: int = 0

    @classmethod
    def parse(cls, text: str | None, schema: Schema) -> LabelRule:
        """Parse what a person named.

        Args:
            text: a column, ``presence:CLASS``, or ``lesion`` (scans) or ``object`` (frames) for the class of each crop.
            schema: of the samples.

        Raises:
            DataError: nothing is named, or there is no such column or class.
        """
        expected = f"one of {', '.join(list_labels(schema))}"
        if not text:
            raise DataError("no label to classify by", expected=expected)
        if text.startswith(PRESENCE_PREFIX):
            name = text.removeprefix(PRESENCE_PREFIX)
            if name not in schema.classes or schema.classes[name] == 0:
                raise DataError(f"label {text!r}", expected=expected)
            return cls("presence", name, schema.classes[name])
        if text in schema.conditions:
            return cls("column", text)
        if text == schema.domain.class_condition:
            return cls("object", text)
        raise DataError(f"label {text!r}", expected=expected)

    @property
    def text(self) -> str:
        """How a person names it."""
        return f"{PRESENCE_PREFIX}{self.name}" if self.kind == "presence" else self.name

    def read(self, sample: Sample) -> str:
        """Read the label of a whole sample; empty where it is not known."""
        if self.kind == "column":
            return str(sample.condition.get(self.name, ""))
        if sample.mask is None:
            return ""
        return PRESENT if bool(np.any(np.asarray(sample.mask) == self.value)) else ABSENT


def list_labels(schema: Schema) -> list[str]:
    """List what samples of a schema can be classified by.

    Args:
        schema: names columns and classes.

    >>> list_labels(Schema("nifti", "scan", 3, ("t1",), {"enhancing": 1}, conditions=("sex",)))
    ['sex', 'presence:enhancing', 'lesion']
    """
    labels = list(schema.conditions)
    for name, value in schema.classes.items():
        if value not in schema.ignore and value != 0:
            labels.append(f"{PRESENCE_PREFIX}{name}")
    return [*labels, schema.domain.class_condition]
