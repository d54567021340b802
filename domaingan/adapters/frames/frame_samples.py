"""From a frame's record to its sample, and from a sample back to picture files; drives told by the frames' names."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.frames.picture_io import (
    PictureHeader,
    choose_suffix,
    read_mask_picture,
    read_picture_with_header,
    write_mask_picture,
    write_picture,
)
from domaingan.adapters.tables import ClassDefinitions
from domaingan.adapters.values import list_allowed_values, make_unknown_values_error
from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.data import FRAME, Record, Sample, Schema
from domaingan.imaging.instances import Objects, find_instance_objects, find_mask_objects

FRAME_CHANNELS = ("red", "green", "blue")

DEFAULT_FRAME_RATE = 30.0
"""Frames a second, where ``classes.json`` does not say."""

_DRIVE_PATTERN = re.compile(r"(.+)[_-][A-Za-z]?(\d{4,})")


def make_frame_schema(layout: str, classes: ClassDefinitions, conditions: tuple[str, ...]) -> Schema:
    """The schema of frames with these classes."""
    return Schema(
        layout=layout,
        domain=FRAME,
        spatial_dims=2,
        channels=FRAME_CHANNELS,
        classes=classes.foreground_classes,
        ignore=tuple(classes.ignore),
        objects=tuple(classes.objects),
        regions={name: tuple(values) for name, values in classes.regions.items()},
        conditions=conditions,
        min_area=classes.min_area,
        ground=classes.supporting_classes,
        region=classes.region,
    )


@dataclass(frozen=True)
class FrameHeader:
    """Hold how the files of a frame were stored, and in which folders: the ``Sample.header`` of frames.

    Attributes:
        image: of the frame's file.
        mask: of its mask's file, None where it has none.
        style: which folders, in the words of the layout that read it.
    """

    image: PictureHeader
    mask: PictureHeader | None = None
    layout_style: str = ""


@dataclass(frozen=True)
class FrameReader:
    """Reads the files of a record into a sample; masks are uint8 where the dataset's values allow, else int32.

    Objects are the connected components of the schema's ``objects``, those under its ``min_area`` counted in
    ``Sample.dropped``; where the record has a picture of instances, they are what it says.
    """

    schema: Schema
    layout_style: str = ""
    known: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", list_allowed_values(self.schema))

    def __call__(self, record: Record) -> Sample:
        """Read a sample.

        Raises:
            DataError: a file is missing, damaged or of another size, or a mask value has no class.
        """
        image, header = read_picture_with_header(record.files["image"], record.shape)
        _check_shape(image.shape[1:], record, "image")
        condition = dict(record.condition)
        if "mask" not in record.files:
            frame_header = FrameHeader(header, layout_style=self.layout_style)
            return Sample(
                image, condition=condition, source=record.source, geometry=record.geometry, header=frame_header
            )
        mask, mask_header = self._read_mask(record)
        sample = Sample(
            image,
            mask,
            condition=condition,
            source=record.source,
            geometry=record.geometry,
            header=FrameHeader(header, mask_header, self.layout_style),
        )
        if not self.schema.objects:
            return sample
        found = self._find_objects(record, mask)
        return replace(sample, boxes=found.boxes, labels=found.labels, instances=found.instances, dropped=found.dropped)

    def _read_mask(self, record: Record) -> tuple[NDArray[Any], PictureHeader]:
        path = record.files["mask"]
        mask, header = read_mask_picture(path, record.shape)
        _check_shape(mask.shape, record, "mask")
        if strangers := [value for value in list_mask_values(mask) if value not in self.known]:
            raise make_unknown_values_error(strangers, path, self.schema)
        small = self.known[0] >= 0 and self.known[-1] < 256
        return np.ascontiguousarray(mask, np.uint8 if small else np.int32), header

    def _find_objects(self, record: Record, mask: NDArray[Any]) -> Objects:
        if "instances" not in record.files:
            return find_object_components(mask, self.schema)
        path = record.files["instances"]
        instances, _ = read_mask_picture(path, record.shape)
        _check_shape(instances.shape, record, "instances")
        return find_instance_objects(instances.astype(np.int32), mask)


def find_object_components(mask: NDArray[Any], schema: Schema) -> Objects:
    """The objects of a mask as a dataset without pictures of instances tells them."""
    return find_mask_objects(mask, [schema.classes[name] for name in schema.objects], schema.min_area)


def list_mask_values(mask: NDArray[Any]) -> list[int]:
    """The different values in a mask of at most 16 bits, in order."""
    if mask.dtype.itemsize > 2:
        return [int(value) for value in np.unique(mask)]
    return [int(value) for value in np.flatnonzero(np.bincount(mask.ravel()))]


def _check_shape(shape: tuple[int, ...], record: Record, file_key: str) -> None:
    if shape != record.shape:
        raise DataError(
            f"shape {shape}", path=record.files[file_key], expected=f"{record.shape}, as the frame when it was opened"
        )


# -------------------------------------------------------------- sample to files


def get_frame_header(sample: Sample) -> FrameHeader | None:
    """How the sample's files were stored, None where it was made and not read."""
    return sample.header if isinstance(sample.header, FrameHeader) else None


def write_frame(sample: Sample, stem: Path) -> Path:
    """Write the frame's picture at ``stem`` with an ending that keeps its pixels; returns the file.

    A picture that is still that of its file is a copy of the file, whatever its kind.
    """
    header = get_frame_header(sample)
    source = header.image.path if header else None
    if source is not None and _is_unchanged(sample.image, source, read_picture_with_header):
        return _copy_file(source, stem)
    path = add_suffix(stem, choose_suffix(header.image if header else None))
    write_picture(path, sample.image, header.image if header else None)
    return path


def write_mask(sample: Sample, stem: Path) -> None:
    """Write the mask's picture at ``stem``, of the kind that it was: a copy of its file if it is still the same."""
    header = get_frame_header(sample)
    stored = header.mask if header else None
    source = stored.path if stored is not None and not stored.is_lossy else None
    if source is not None and _is_unchanged(np.asarray(sample.mask), source, read_mask_picture):
        _copy_file(source, stem)
        return
    suffix = choose_suffix(stored)
    write_mask_picture(
        add_suffix(stem, ".png" if suffix == ".webp" else suffix), np.asarray(sample.mask), stored
    )  # WebP is RGB


def _is_unchanged(
    pixels: NDArray[Any],
    source: Path,
    read: Callable[[Path, tuple[int, ...]], tuple[NDArray[Any], PictureHeader]],
) -> bool:
    """Whether a file, if it can still be read, has these pixels ``(…, H, W)``."""
    try:
        return np.array_equal(read(source, pixels.shape[-2:])[0], pixels)
    except DataError:
        return False


def _copy_file(source: Path, stem: Path) -> Path:
    path = add_suffix(stem, source.suffix)
    with write_file_atomically(path) as temporary:
        shutil.copyfile(source, temporary)
    return path


def add_suffix(stem: Path, suffix: str) -> Path:
    """The path with an ending; names may have dots in them."""
    return stem.with_name(stem.name + suffix)


# ------------------------------------------------------------------- drives


def assign_drives(records: Sequence[Record]) -> list[Record]:
    """The records with their drives as ``sequence``, where all names end in a frame's number and tell two apart.

    ``0001TP_006690``, ``0006R0_f01080`` and ``Seq05VD_f00000`` are frames of the drives 0001TP, 0006R0 and Seq05VD.
    """
    found = [_DRIVE_PATTERN.fullmatch(_get_last_part(record)) for record in records]
    drives = [match[1] for match in found if match]
    if len(drives) < len(records) or len(set(drives)) < 2:
        return list(records)
    return [replace(record, sequence=record.sequence or drive) for record, drive in zip(records, drives, strict=True)]


def assign_times(records: Sequence[Record], frame_rate: float) -> list[Record]:
    """The records of drives with the second at which they were filmed, by the number at the end of their names."""
    return [_assign_time(record, frame_rate) for record in records]


def _assign_time(record: Record, frame_rate: float) -> Record:
    number = re.search(r"\d+$", _get_last_part(record))
    if record.time is not None or not record.sequence or not number:
        return record
    return replace(record, time=int(number[0]) / frame_rate)


def _get_last_part(record: Record) -> str:
    return record.name.rpartition("/")[2]
