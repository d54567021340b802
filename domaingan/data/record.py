"""What is known of a sample before it is read, and of what could not be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from domaingan.data.geometry import Geometry
from domaingan.data.sample import ConditionValue, Sample
from domaingan.data.source import Source


@dataclass(frozen=True)
class Record:
    """Hold what is known of a sample without reading it: enough to split, filter and read it.

    Attributes:
        name: the sample's name, unique in its dataset.
        subject: the person.
        sequence: the drive.
        split: the named split, such as ``train``.
        condition: what is known about the whole sample, such as ``{"lighting": "dusk"}``.
        shape: the spatial shape. Empty where it is not known before the sample is read.
        spacing: size of a pixel or voxel along each axis, in mm. Empty where it is not known.
        affine: of volumes the rows of the ``(4, 4)`` affine into RAS coordinates. Empty where it is not known.
        files: paths by what they hold, such as ``image`` and ``mask``.
        time: seconds since its sequence began (or any other moment, the same for the whole sequence).
        index: of a slice its number in its volume, see :func:`domaingan.views.slices.slice_volumes`.
        parent: of a slice the name of its volume.
    """

    name: str
    subject: str = ""
    sequence: str = ""
    split: str = ""
    condition: Mapping[str, ConditionValue] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    affine: tuple[tuple[float, ...], ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    time: float | None = None
    index: int | None = None
    parent: str = ""

    @property
    def source(self) -> Source:
        """Which sample it is, and whom it belongs to."""
        return Source(self.name, self.subject, self.sequence, self.split, self.time, self.parent, self.index)

    @property
    def geometry(self) -> Geometry:
        """How the axes lie in space."""
        affine = np.array(self.affine) if self.affine else None
        return Geometry(self.spacing, affine)

    @property
    def group(self) -> str:
        """What a split must never tear apart: the subject, else the sequence, else the sample."""
        return self.source.group

    @property
    def statistical_unit(self) -> str:
        """What counts as one in statistics: the subject; of a drive a block of seconds; else the sample.

        >>> Record("b7", sequence="b", time=7.0).statistical_unit
        'b@5s'
        """
        return self.source.statistical_unit

    def get_value(self, column: str) -> ConditionValue | None:
        """Get the record's value in a column of ``samples.csv``.

        Args:
            column: name of a condition, or of one of the record's own fields. The table calls the name ``sample``.

        Returns:
            The value, None where the record has no such column.
        """
        if column in self.condition:
            return self.condition[column]
        if column == "sample":
            return self.name
        return getattr(self, column) if column in ("name", "subject", "sequence", "split", "time") else None


@dataclass(frozen=True)
class Problem:
    """Name a file that could not be used, and say why."""

    path: str
    reason: str


Reader = Callable[[Record], Sample]
"""Turns a record into its sample."""
