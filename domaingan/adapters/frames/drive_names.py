"""Drives and times of frames, by the frames' names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from domaingan.data import Record

_DRIVE_PATTERN = re.compile(r"(.+)[_-][A-Za-z]?(\d{4,})")
_FRAME_NUMBER_PATTERN = re.compile(r"\d+$")


def assign_drives(records: Sequence[Record]) -> list[Record]:
    """Assign frames to their drives: what stands before the frame's number in a name becomes the ``sequence``.

    ``0001TP_006690``, ``0006R0_f01080`` and ``Seq05VD_f00000`` are frames of the drives 0001TP, 0006R0 and Seq05VD.

    Args:
        records: of all frames of a dataset.

    Returns:
        The records. They are unchanged where the name of any has no number, or all names are of one drive. A record
        that has a sequence keeps it.
    """
    drives = []
    for record in records:
        match = _DRIVE_PATTERN.fullmatch(_get_last_part(record.name))
        if match is None:
            return list(records)
        drives.append(match[1])
    if len(set(drives)) < 2:
        return list(records)
    assigned = []
    for record, drive in zip(records, drives, strict=True):
        assigned.append(replace(record, sequence=record.sequence or drive))
    return assigned


def assign_times(records: Sequence[Record], frame_rate: float) -> list[Record]:
    """Assign the seconds at which frames were filmed, by the numbers at the end of their names.

    Args:
        records: of frames. Those of no drive, and those that have a time, stay as they are.
        frame_rate: frames per second.
    """
    return [_assign_time(record, frame_rate) for record in records]


def _assign_time(record: Record, frame_rate: float) -> Record:
    number = _FRAME_NUMBER_PATTERN.search(_get_last_part(record.name))
    if record.time is not None or not record.sequence or number is None:
        return record
    return replace(record, time=int(number[0]) / frame_rate)


def _get_last_part(name: str) -> str:
    return name.rpartition("/")[2]
