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
from domaingan.bank_folders.crop_files import Pair, Said, read_said
from domaingan.bank_folders.crop_pictures import GROUND, open_pictures
from domaingan.bank_folders.crop_scans import Ranges, absolute_of, bare, measured, named_channels, open_crops
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.banks.find_objects import around
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Reader, Record, Sample, Schema
from domaingan.imaging.intensity import extent

OBJECT = "object"
"""The class of everything labelled, where nothing names any."""

HORIZON = 0.5
"""The row of the horizon of frames of which nothing else is known, as a share of their height."""

MOST = 1 << 28
"""Bytes that a bank of a folder's crops may take; larger crops are shrunk to fewer pixels."""

SIZES = {2: (16, 128), 3: (16, 64)}
"""Smallest and largest edge of such crops, by dimensions."""


def bank_of_crops(root: Path, pairs: Mapping[str, Pair]) -> Bank:
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
    classes, said = read_said(root)
    table = read_sample_table(root, pairs)
    is_frame = next(iter(pairs.values())).image.suffix.lower() in PICTURE_SUFFIXES
    found = (open_pictures if is_frame else open_crops)(root, pairs, classes, table)
    schema = _schema(found.schema, classes, said, _values(found, classes, table), root)
    column = schema.domain.class_condition
    reader = _Named(found.read, schema, not classes.foreground_classes, column in table.conditions, root / SAMPLES_CSV)
    plain = Dataset(found.records, reader, schema, root)
    ranges, left_out = Ranges(), dict[str, int]()
    if not is_frame:
        ranges = measured(plain, said.range)
        without = bare(plain)
        plain = plain.select(i for i, record in enumerate(plain.records) if record.name not in without)
        left_out = {"crops without any surroundings": len(without)} if without else {}
    if not len(plain):
        raise DataError("no crop that shows more than its object", path=root, expected="crops with surroundings")
    size = _size(plain.records, len(schema.channels), schema.spatial_dims)
    canvases = Dataset(plain.records, _OnCanvas(plain.read, size, ranges), schema, root)
    bank = crops(canvases, size, [column, *schema.conditions])
    bank.entries["depth_mm"], bank.entries["centre"], bank.entries["extent"] = 0, 0, 0
    if is_frame and said.frame:
        _stand(bank, said.frame)
    told = {"ground": said.grounds(bank.info.classes), "left_out": bank.info.left_out | left_out}
    return Bank(bank.info.model_copy(update=told), bank.images, bank.masks, bank.entries)


# ------------------------------------------------------------------ readers


@dataclass(frozen=True)
class _Named:
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
    told: bool
    column: bool
    table: Path

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
        if self.told or "mask" not in record.files:
            mask = (mask > 0) * np.int32(classes[self._class(record, objects)])
        else:
            wanted = {classes[name] for name in objects} - set(self.schema.ignore)
            mask = np.where(np.isin(mask, list(wanted)), mask, 0)
        if not mask.any():
            found = "an empty mask"
            raise DataError(found, path=record.files.get("mask", image), expected=f"some of {', '.join(objects)}")
        return replace(sample, mask=mask)

    def _class(self, record: Record, objects: Sequence[str]) -> str:
        column = self.schema.domain.class_condition
        sole = objects[0] if len(objects) == 1 and not self.column else ""
        name = str(record.condition.get(column, sole))
        if name not in objects:
            found = f"{column} {name!r} of {record.name!r}" if name else f"no {column} for {record.name!r}"
            raise DataError(found, path=self.table, expected=f"one of {', '.join(objects)}")
        return name


@dataclass(frozen=True)
class _OnCanvas:
    """Puts a crop on a canvas as large as will be cut from it, and says that it is one object.

    Attributes:
        read: gives the crop.
        size: edge of what is cut.
        ranges: of scans what their subjects' intensities are; empty of frames.
    """

    read: Reader
    size: int
    ranges: Ranges = field(default_factory=dict)

    def __call__(self, record: Record) -> Sample:
        """Read a crop."""
        sample = self.read(record)
        assert sample.mask is not None
        where = extent(sample.mask > 0) or ()
        low, high = np.array([[side.start, side.stop] for side in where]).T
        margin = -(-around(low, high, self.size)[1] // 2)
        mask = np.pad(sample.mask, margin)
        whole = replace(sample, mask=mask, instances=(mask > 0).astype(np.int32))
        if not self.ranges:
            kinds, counts = np.unique(mask[mask > 0], return_counts=True)
            whole.labels = kinds[counts.argmax()].reshape(1).astype(np.int64)
            grey = () if "mask" in record.files else [GROUND] * len(sample.image)
            return replace(whole, image=_padded(sample.image, margin, grey))
        ends = self.ranges[record.group]
        inside = np.ones(mask.shape, dtype=bool)
        whole.meta = sample.meta | {"range": ends, "foreground": inside, "absolute": absolute_of(self.ranges)}
        nothing = ends[:, 0].tolist()  # 0 in scaled units
        return replace(whole, image=_padded(sample.image, margin, nothing))


def _padded(image: NDArray[np.float32], margin: int, beside: Sequence[float]) -> NDArray[np.float32]:
    """The image on a larger canvas: a picture's edge goes on, unless there is a value for each channel."""
    if not beside:
        return np.pad(image, [(0, 0), *[(margin, margin)] * (image.ndim - 1)], mode="edge")
    return np.stack([np.pad(one, margin, constant_values=value) for one, value in zip(image, beside, strict=True)])


def _stand(bank: Bank, frame: tuple[int, int]) -> None:
    """Let each crop stand in its frame as tall as the camera hangs high."""
    rows: NDArray[np.bool_] = np.any(bank.masks > 0, axis=2)
    height = (rows.shape[1] - rows.argmax(axis=1) - rows[:, ::-1].argmax(axis=1)) * bank.entries["spacing"][:, 0]
    bank.entries["extent"], bank.entries["depth_mm"] = frame, height
    bank.entries["centre"] = np.stack([HORIZON + height / 2 / frame[0], np.full(len(bank), HORIZON)], axis=1)


# -------------------------------------------------------------------- words


def _values(found: Dataset, classes: ClassDefinitions, table: SampleTable) -> dict[str, int]:
    """Class values by name."""
    column = found.schema.domain.class_condition
    if classes.foreground_classes or column not in table.conditions:
        return classes.foreground_classes or {OBJECT: 1}
    names = sorted({str(record.condition[column]) for record in found.records if column in record.condition})
    return {name: value for value, name in enumerate(names, start=1)}


def _schema(found: Schema, classes: ClassDefinitions, said: Said, values: dict[str, int], root: Path) -> Schema:
    channels = named_channels(found, classes, root)
    grounds = {name for below in said.grounds(values).values() for name in below}
    objects = tuple(name for name in values if name not in grounds) if found.domain.has_ground else ()
    conditions = tuple(name for name in found.conditions if name != found.domain.class_condition)
    return replace(found, channels=channels, classes=values, objects=objects, regions={}, conditions=conditions)


def _size(records: Sequence[Record], channels: int, dims: int) -> int:
    """The edge that holds nine in ten of the crops, or as much as memory allows."""
    least, most = SIZES[dims]
    edge, size = float(np.quantile([max(record.shape) for record in records], 0.9)), least
    while size < edge and size < most:
        size *= 2
    while size > least and len(records) * channels * size**dims * 2 > MOST:
        size //= 2
    return size
