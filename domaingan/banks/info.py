"""What all entries of a bank share, and the columns that describe each entry."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from domaingan.data import DOMAINS, SCAN, Sample, StoredDomain

BANK_FORMAT = 3
"""Version of the bank folder's format."""

BankKind = Literal["crops", "scenes"]
"""Crops are objects with their masks. Scenes are whole frames or scans, kept for their style."""

CLASS_CONDITIONS = tuple(domain.class_condition for domain in DOMAINS.values())
"""The conditions that hold the class of a crop, one for each domain."""

MAX_CLASS_VALUE = 255
"""The largest class value that the masks of a bank can hold: they are of bytes."""

HEALTHY_VALUE = "healthy"
"""Value of such a condition for a healthy crop. Its mask marks where it was painted, but no object, so that pasting it
changes no label. In any other condition this value means nothing in particular."""

UNLABELLED_NAME = "(unlabelled)"
"""Name in ``BankInfo.supporting_classes`` for pixels without a class."""

BOUND_REACH_PIXELS = 3
"""A bound entry may differ from its host up to this many of its own pixels around its mask; a diagonal step is one."""


class BankInfo(BaseModel):
    """What all entries of a bank share. It is stored as ``bank.json``.

    Attributes:
        format: version of the folder's format.
        kind: ``crops`` (objects with their masks) or ``scenes`` (whole frames or scans, for their style).
        domain: ``scan`` or ``frame``, as in :class:`domaingan.data.Schema`.
        spatial_dims: 2 or 3.
        channels: a name for each image channel.
        classes: the masks' values by name.
        conditions: the values of each class condition. An entry's column holds the position in this list.
        numbers: names of the number conditions. An entry's column ``number:NAME`` holds its value.
        subjects: all subjects the entries were made from. Generated entries name all subjects the GAN was trained on.
        hosts: names of the samples that bound entries belong to.
        supporting_classes: for each class of objects, how often each other class was found right below one of them
            (frames). This is what the objects stand on. :data:`UNLABELLED_NAME` counts pixels without a class.
        ranges: for channels of absolute units the values that are 0 and 1 in scaled units, such as -1000 and 1000 of a
            CT. The range of a host is then the same. For other channels it is given by the host's own percentiles.
        percentiles: for the same channels the median of the donors' percentiles, for hosts that are in other units.
        generated: whether the entries were sampled from a GAN.
        source: the folder or model the entries came from.
        left_out: how often something was not taken into the bank, by reason.
        checksums: checksums of the images the entries were made from, and the subject of each; see
            :mod:`domaingan.imaging.near_duplicates`. Banks of earlier versions have none.
    """

    model_config = ConfigDict(extra="forbid")

    format: int = BANK_FORMAT
    kind: BankKind = "crops"
    domain: StoredDomain = SCAN
    spatial_dims: int
    channels: list[str]
    classes: dict[str, int]
    conditions: dict[str, list[str]] = {}
    numbers: list[str] = []
    subjects: list[str] = []
    hosts: list[str] = []
    supporting_classes: dict[str, dict[str, int]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    percentiles: dict[str, tuple[float, float]] = {}
    generated: bool = False
    source: str = ""
    left_out: dict[str, int] = {}
    checksums: dict[str, str] = {}


def entry_dtype(info: BankInfo) -> np.dtype[Any]:
    """Return the type of a row of ``entries.npy``. Lengths are in mm; of frames they are in the frame's own pixels.

    - ``subject``: position in ``info.subjects``; -1 if the entry is of no particular subject.
    - ``host``, ``place``: position in ``info.hosts``, and the corner in that host where a bound entry belongs; -1 if
      the entry is free.
    - ``spacing``: length of a pixel along each axis.
    - ``source_size``: size of the sample that the entry was cut from.
    - ``centre``: centre of the object relative to the box around the body, 0 to 1 to the right, the front and the head
      (see :mod:`domaingan.imaging.body_axes`); of frames relative to the whole frame.
    - ``radius_mm``: radius of a disc or ball as large as the object.
    - ``contrast``: mean of the object minus mean of the ring around it, in scaled units, first channel.
    - ``depth``: how far the shallowest part of the object lay below the body's surface; of frames how far below the
      horizon the object touched the ground. 0 if it is not known.
    - ``condition:NAME``: position in ``info.conditions[NAME]``; -1 if it is not known.
    - ``number:NAME``: value of a number condition; NaN if it is not known.

    Args:
        info: of the bank.

    Returns:
        A structured type with these columns.
    """
    dims = (info.spatial_dims,)
    columns: list[Any] = [
        ("subject", "<i4"),
        ("host", "<i4"),
        ("place", "<i4", dims),
        ("spacing", "<f4", dims),
        ("source_size", "<i4", dims),
        ("centre", "<f4", dims),
        ("radius_mm", "<f4"),
        ("contrast", "<f4"),
        ("depth", "<f4"),
    ]
    columns += [(f"condition:{name}", "<i4") for name in info.conditions]
    columns += [(f"number:{name}", "<f4") for name in info.numbers]
    return np.dtype(columns)


def measure_source_size(sample: Sample) -> list[int]:
    """Measure the size of a sample for the column ``source_size``.

    Args:
        sample: what entries are cut from.

    Returns:
        Shape times spacing along each axis, rounded: mm, or pixels of a frame.
    """
    return [round(length * step) for length, step in zip(sample.shape, sample.spacing, strict=True)]


def create_entries(info: BankInfo, n: int) -> NDArray[Any]:
    """Create entries that are free, of no particular subject, of spacing 1 and without any known condition.

    Args:
        info: of the bank.
        n: number of entries.

    Returns:
        ``(n,)`` rows of :func:`entry_dtype`.
    """
    entries = np.zeros(n, dtype=entry_dtype(info))
    conditions = [f"condition:{name}" for name in info.conditions]
    for column in ("subject", "host", "place", *conditions):
        entries[column] = -1
    for name in info.numbers:
        entries[f"number:{name}"] = np.nan
    entries["spacing"] = 1
    return entries
