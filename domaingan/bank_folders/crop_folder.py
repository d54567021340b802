"""A folder of crops with masks as a bank: pictures of single objects, or small scans of single lesions.

What a crop's place was is not known, nor, of scans, the body around it. So no depth and no centre are claimed, an
object keeps its own scale (millimetres, or a frame's pixels), and intensities are those that the folder implies. Of
frames whose size is told a usual view is assumed: objects as tall as the camera hangs high, so that the horizon, in the
middle of the frame, passes their heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.frames.picture_io import PICTURE_SUFFIXES
from domaingan.adapters.tables import SAMPLES_CSV, ClassDefinitions, SampleTable, read_sample_table
from domaingan.bank_folders.crop_files import CropFiles, CropMetadata, read_crop_metadata
from domaingan.bank_folders.crop_pictures import SURROUNDINGS_GREY, open_picture_crops
from domaingan.bank_folders.crop_scans import (
    SubjectRanges,
    find_hounsfield_channels,
    find_without_surroundings,
    get_channel_names,
    get_intensity_ranges,
    open_scan_crops,
)
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.banks.find_objects import find_crop_box
from domaingan.core.errors import DataError
from domaingan.data import Dataset, IntensityRange, Reader, Record, Sample, Schema
from domaingan.imaging.intensity import find_extent

DEFAULT_CLASS = "object"
"""The class of everything labelled, where nothing names any."""

DEFAULT_HORIZON = 0.5
"""The row of the horizon of frames of which nothing else is known, as a share of their height."""

MAX_BANK_BYTES = 1 << 28
"""Bytes that a bank of a folder's crops may take; larger crops are shrunk to fewer pixels."""

CROP_SIZE_LIMITS = {2: (16, 128), 3: (16, 64)}
"""Smallest and largest edge of such crops, by dimensions."""


def build_crop_bank(root: Path, crop_files: Mapping[str, CropFiles]) -> Bank:
    """The bank of a folder's crops, in memory.

    Each file is one object, whatever its number of parts. Its class is what its mask's value means in
    ``classes.json``; where that names no classes, it is what ``samples.csv`` says in the column ``object`` (of frames)
    or ``lesion`` (of scans), or else ``object``. Other columns become conditions. What else ``classes.json`` can say:
    :class:`domaingan.bank_folders.crop_files.Said`. Depths, centres and extents are 0 where they are not known: always
    of scans, and of frames unless it says how large those were.

    A crop's edge is the power of two that holds nine in ten of the files, within :data:`SIZES` and :data:`MOST`.
    Intensities of scans: see :func:`domaingan.bank_folders.crop_scans.measured`.

    Args:
        root: the folder.
        pairs: its files, as of :func:`domaingan.bank_folders.crop_files.find_pairs`.

    Raises:
        DataError: a file cannot be read or does not fit its mask, an empty mask, or a wrong table.
    """
    classes, said = read_crop_metadata(root)
    table = read_sample_table(root, crop_files)
    is_frame = next(iter(crop_files.values())).image.suffix.lower() in PICTURE_SUFFIXES
    found = (open_picture_crops if is_frame else open_scan_crops)(root, crop_files, classes, table)
    schema = _build_schema(found.schema, classes, said, _collect_class_values(found, classes, table), root)
    column = schema.domain.class_condition
    reader = _LabelledReader(
        found.read, schema, not classes.foreground_classes, column in table.conditions, root / SAMPLES_CSV
    )
    plain = Dataset(found.records, reader, schema, root)
    ranges, left_out = SubjectRanges(), dict[str, int]()
    if not is_frame:
        ranges = get_intensity_ranges(plain, said.range)
        without = find_without_surroundings(plain)
        plain = plain.select(i for i, record in enumerate(plain.records) if record.name not in without)
        left_out = {"crops without any surroundings": len(without)} if without else {}
    if not len(plain):
        raise DataError("no crop that shows more than its object", path=root, expected="crops with surroundings")
    size = _choose_size(plain.records, len(schema.channels), schema.spatial_dims)
    canvases = Dataset(plain.records, _PaddedReader(plain.read, size, ranges), schema, root)
    bank = crops(canvases, size, [column, *schema.conditions])
    bank.entries["depth"], bank.entries["centre"], bank.entries["source_size"] = 0, 0, 0
    if is_frame and said.frame:
        _assume_upright(bank, said.frame)
    told = {
        "supporting_classes": said.count_supporting_classes(bank.info.classes),
        "left_out": bank.info.left_out | left_out,
    }
    return Bank(bank.info.model_copy(update=told), bank.images, bank.masks, bank.entries)


# ------------------------------------------------------------------ readers


@dataclass(frozen=True)
class _LabelledReader:
    """Reads a crop with the class values of its object, 0 elsewhere.

    Attributes:
        read: gives image and mask.
        schema: of the crops.
        told: whether each crop has one class, which a column tells, not its mask; so it is without a mask.
        column: whether there is such a column.
        table: where.
    """

    read: Reader
    schema: Schema
    is_class_from_table: bool
    has_class_column: bool
    table_path: Path

    def __call__(self, record: Record) -> Sample:
        """Read a crop.

        Raises:
            DataError: as of ``read``, NaN in the image, or an empty mask.
        """
        sample, classes = self.read(record), self.schema.classes
        image = record.files.get("image", record.files.get("image_0"))
        if not np.isfinite(sample.image).all():
            raise DataError("NaN or infinite values", path=image, expected="finite intensities")
        mask = np.asarray(sample.mask)
        objects = self.schema.objects or tuple(classes)
        if self.is_class_from_table or "mask" not in record.files:
            mask = (mask > 0) * np.int32(classes[self._get_class_name(record, objects)])
        else:
            wanted = {classes[name] for name in objects} - set(self.schema.ignore)
            mask = np.where(np.isin(mask, list(wanted)), mask, 0)
        if not mask.any():
            found = "an empty mask"
            raise DataError(found, path=record.files.get("mask", image), expected=f"some of {', '.join(objects)}")
        return replace(sample, mask=mask)

    def _get_class_name(self, record: Record, objects: Sequence[str]) -> str:
        column = self.schema.domain.class_condition
        sole = objects[0] if len(objects) == 1 and not self.has_class_column else ""
        name = str(record.condition.get(column, sole))
        if name not in objects:
            found = f"{column} {name!r} of {record.name!r}" if name else f"no {column} for {record.name!r}"
            raise DataError(found, path=self.table_path, expected=f"one of {', '.join(objects)}")
        return name


@dataclass(frozen=True)
class _PaddedReader:
    """Puts a crop on a canvas as large as will be cut from it, and says that it is one object.

    Attributes:
        read: gives the crop.
        size: edge of what is cut.
        ranges: of scans what their subjects' intensities are; empty of frames.
    """

    read: Reader
    size: int
    ranges: SubjectRanges = field(default_factory=dict)

    def __call__(self, record: Record) -> Sample:
        """Read a crop."""
        sample = self.read(record)
        assert sample.mask is not None
        where = find_extent(sample.mask > 0) or ()
        low, high = np.array([[side.start, side.stop] for side in where]).T
        margin = -(-find_crop_box(low, high, self.size)[1] // 2)
        mask = np.pad(sample.mask, margin)
        whole = replace(sample, mask=mask, instances=(mask > 0).astype(np.int32))
        if not self.ranges:
            kinds, counts = np.unique(mask[mask > 0], return_counts=True)
            whole.labels = kinds[counts.argmax()].reshape(1).astype(np.int64)
            grey = () if "mask" in record.files else [SURROUNDINGS_GREY] * len(sample.image)
            return replace(whole, image=_pad_image(sample.image, margin, grey))
        ends = self.ranges[record.group]
        inside = np.ones(mask.shape, dtype=bool)
        whole.foreground = inside
        whole.intensity_range = IntensityRange(ends, find_hounsfield_channels(self.ranges))
        nothing = ends[:, 0].tolist()  # 0 in scaled units
        return replace(whole, image=_pad_image(sample.image, margin, nothing))


def _pad_image(image: NDArray[np.float32], margin: int, fill: Sequence[float]) -> NDArray[np.float32]:
    """The image on a larger canvas: a picture's edge goes on, unless there is a value for each channel."""
    if not fill:
        return np.pad(image, [(0, 0), *[(margin, margin)] * (image.ndim - 1)], mode="edge")
    return np.stack([np.pad(one, margin, constant_values=value) for one, value in zip(image, fill, strict=True)])


def _assume_upright(bank: Bank, frame_size: tuple[int, int]) -> None:
    """Let each crop stand in its frame as tall as the camera hangs high."""
    rows: NDArray[np.bool_] = np.any(bank.masks > 0, axis=2)
    height = (rows.shape[1] - rows.argmax(axis=1) - rows[:, ::-1].argmax(axis=1)) * bank.entries["spacing"][:, 0]
    bank.entries["source_size"], bank.entries["depth"] = frame_size, height
    bank.entries["centre"] = np.stack(
        [DEFAULT_HORIZON + height / 2 / frame_size[0], np.full(len(bank), DEFAULT_HORIZON)], axis=1
    )


# -------------------------------------------------------------------- words


def _collect_class_values(dataset: Dataset, classes: ClassDefinitions, table: SampleTable) -> dict[str, int]:
    """Class values by name."""
    column = dataset.schema.domain.class_condition
    if classes.foreground_classes or column not in table.conditions:
        return classes.foreground_classes or {DEFAULT_CLASS: 1}
    names = sorted({str(record.condition[column]) for record in dataset.records if column in record.condition})
    return {name: value for value, name in enumerate(names, start=1)}


def _build_schema(
    found: Schema, classes: ClassDefinitions, metadata: CropMetadata, values: dict[str, int], root: Path
) -> Schema:
    channels = get_channel_names(found, classes, root)
    grounds = {name for below in metadata.count_supporting_classes(values).values() for name in below}
    objects = tuple(name for name in values if name not in grounds) if found.domain.has_ground else ()
    conditions = tuple(name for name in found.conditions if name != found.domain.class_condition)
    return replace(found, channels=channels, classes=values, objects=objects, regions={}, conditions=conditions)


def _choose_size(records: Sequence[Record], channels: int, dims: int) -> int:
    """The edge that holds nine in ten of the crops, or as much as memory allows."""
    least, most = CROP_SIZE_LIMITS[dims]
    edge, size = float(np.quantile([max(record.shape) for record in records], 0.9)), least
    while size < edge and size < most:
        size *= 2
    while size > least and len(records) * channels * size**dims * 2 > MAX_BANK_BYTES:
        size //= 2
    return size
