"""What all entries of a bank share, and the columns of what is known of each."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from domaingan.data import DOMAINS, SCAN, Sample, StoredDomain

BANK_FORMAT = 2

CLASS_CONDITIONS = tuple(domain.class_condition for domain in DOMAINS.values())
"""What the class of a crop is called as a condition."""

HEALTHY_VALUE = "healthy"
"""The value of that condition of crops whose masks mark no object, but where what is normal was painted: pasted, they
change no label. A value of this name that another condition has means nothing in particular."""

UNLABELLED_NAME = "(unlabelled)"
"""In ``BankInfo.ground`` the name of what no class is labelled for; a class of it is none."""

BOUND_REACH_PIXELS = 3
"""A bound entry may differ from its host up to so many of its own pixels around its mask, diagonals counting as one."""


class BankInfo(BaseModel):
    """What all entries of a bank share; stored as ``bank.json``.

    Attributes:
        format: version of the folder's format.
        kind: ``crops`` (objects with their masks) or ``scenes`` (whole frames, for their look).
        domain: ``scan`` or ``frame``, as in :class:`domaingan.data.Schema`.
        spatial_dims: 2 or 3.
        channels: a name for each image channel.
        classes: the masks' values by name.
        conditions: for each class condition its values; an entry's column holds the position in this list.
        numbers: the number conditions; an entry's column ``number:NAME`` holds its value.
        subjects: everyone the entries were made from. Generated entries know all subjects that the GAN saw.
        hosts: names of the samples that bound entries belong to.
        ground: for each class of objects how often another class was found right below one (frames): where it stands;
            :data:`UNLABELLED` where nothing is labelled there.
        ranges: for channels of absolute units what is 0 and 1 in scaled units, such as -1000 and 1000 of a CT; a host's
            range is then the same. Of others it is the host's own percentiles.
        percentiles: of those channels the median of the donors' percentiles, for hosts that are in other units.
        generated: whether a GAN drew the entries.
        source: the folder or model the entries came from.
        left_out: why and how often something was not taken into the bank.
        checksums: of the images the entries were made from, whatever they are called, and whose each is; see
            :mod:`domaingan.imaging.near_duplicates`. Banks of earlier versions have none.
    """

    model_config = ConfigDict(extra="forbid")

    format: int = BANK_FORMAT
    kind: Literal["crops", "scenes"] = "crops"
    domain: StoredDomain = SCAN
    spatial_dims: int
    channels: list[str]
    classes: dict[str, int]
    conditions: dict[str, list[str]] = {}
    numbers: list[str] = []
    subjects: list[str] = []
    hosts: list[str] = []
    ground: dict[str, dict[str, int]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    percentiles: dict[str, tuple[float, float]] = {}
    generated: bool = False
    source: str = ""
    left_out: dict[str, int] = {}
    checksums: dict[str, str] = {}


def entry_dtype(info: BankInfo) -> np.dtype[Any]:
    """One row of ``entries.npy``: where an entry comes from, how large its pixels are, what it shows.

    ``subject``: position in ``info.subjects`` (-1: none in particular); ``host`` and ``place``: position in
    ``info.hosts`` and the corner in it where a bound entry belongs (-1: free); ``spacing``: mm a pixel (of frames the
    frame's own pixels); ``extent``: size of the sample it was cut from, in the same unit; ``centre``: where the
    object's centre lay, relative to the foreground's box (0 to 1, to the right, the front and the head, see
    :mod:`domaingan.imaging.body_axes`; of frames to the whole frame); ``radius_mm``,
    ``contrast`` (to the ring, scaled units, first channel); ``depth_mm``: how far below the body's surface the
    shallowest part of the object lay, of frames how far below the horizon its feet stood (0: not known); and one
    column ``condition:NAME`` a class condition and ``number:NAME`` a number condition (NaN: not known).
    """
    dims = (info.spatial_dims,)
    fields: list[Any] = [("subject", "<i4"), ("host", "<i4"), ("place", "<i4", dims), ("spacing", "<f4", dims)]
    fields += [
        ("extent", "<i4", dims),
        ("centre", "<f4", dims),
        ("radius_mm", "<f4"),
        ("contrast", "<f4"),
        ("depth_mm", "<f4"),
    ]
    fields += [(f"condition:{name}", "<i4") for name in info.conditions]
    return np.dtype(fields + [(f"number:{name}", "<f4") for name in info.numbers])


def measure_source_size(sample: Sample) -> list[int]:
    """The column ``extent`` of what is cut from a sample: its shape times its spacing."""
    return [round(n * step) for n, step in zip(sample.shape, sample.spacing, strict=True)]


def create_entries(info: BankInfo, n: int) -> NDArray[Any]:
    """``n`` free entries of no particular subject, spacing 1, condition unknown."""
    entries = np.zeros(n, dtype=entry_dtype(info))
    for name in ("subject", "host", "place", *(f"condition:{name}" for name in info.conditions)):
        entries[name] = -1
    for name in info.numbers:
        entries[f"number:{name}"] = np.nan
    entries["spacing"] = 1
    return entries
