"""A folder of crops with masks as a bank: pictures of single objects, or small scans of single lesions.

Where a crop lay in its frame or body is not known. So its depth and centre are 0 (not known), an object keeps its own
scale (millimetres, or a frame's pixels), and intensities are those that the folder implies. Where the size of the
frames is named, a usual view is assumed: objects are as tall as the camera is high, so that the horizon, in the middle
of the frame, passes their heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.class_definitions import ClassDefinitions
from domaingan.adapters.frames.picture_files import PICTURE_SUFFIXES
from domaingan.adapters.sample_table import SAMPLES_CSV, SampleTable, read_sample_table
from domaingan.bank_folders.crop_files import CropFiles
from domaingan.bank_folders.crop_metadata import CropMetadata, read_crop_metadata
from domaingan.bank_folders.crop_pictures import open_picture_crops
from domaingan.bank_folders.crop_readers import LabelledReader, PaddedReader
from domaingan.bank_folders.crop_scans import (
    SubjectRanges,
    find_without_surroundings,
    get_channel_names,
    get_intensity_ranges,
    open_scan_crops,
)
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Schema

DEFAULT_CLASS = "object"
"""Class of all crops if nothing names any."""

DEFAULT_HORIZON = 0.5
"""Row of the horizon if nothing is known of a frame, as a share of its height."""

MAX_BANK_BYTES = 1 << 28
"""Memory that a bank of a folder's crops may take. Larger crops are stored with fewer pixels."""

BYTES_PER_VALUE = 2
"""Banks store images as float16."""

CROP_SIZE_LIMITS = {2: (16, 128), 3: (16, 64)}
"""Smallest and largest edge of such crops in pixels, by dimensions."""

FITTING_SHARE = 0.9
"""A crop's edge is chosen so that this share of the files fits without being downscaled."""


def build_crop_bank(root: Path, crop_files: Mapping[str, CropFiles]) -> Bank:
    """Build a bank from a folder of crops.

    Each file is one object, even if its mask has several parts. Its class is what the value in its mask means in
    ``classes.json``. If that names no classes, it is the value in the column ``object`` (frames) or ``lesion`` (scans)
    of ``samples.csv``, or else ``object``. Other columns become conditions. For the other keys of ``classes.json`` see
    :class:`domaingan.bank_folders.crop_metadata.CropMetadata`. Depths, centres and source sizes are 0 (not known)
    unless ``classes.json`` names the size of the frames.

    The edge of a crop is the power of two that holds nine in ten of the files, within :data:`CROP_SIZE_LIMITS` and
    :data:`MAX_BANK_BYTES`. For the intensities of scans see
    :func:`domaingan.bank_folders.crop_scans.get_intensity_ranges`.

    Args:
        root: the folder.
        crop_files: its files, see :func:`domaingan.bank_folders.crop_files.find_crop_files`.

    Returns:
        A bank in memory.

    Raises:
        DataError: a file cannot be read or does not fit its mask, a mask is empty, or a table is wrong.
    """
    classes, metadata = read_crop_metadata(root)
    table = read_sample_table(root, crop_files)
    is_frame = next(iter(crop_files.values())).image.suffix.lower() in PICTURE_SUFFIXES
    open_files = open_picture_crops if is_frame else open_scan_crops
    stored = open_files(root, crop_files, classes, table)
    class_values = _collect_class_values(stored, classes, table)
    schema = _build_schema(stored.schema, classes, metadata, class_values, root)
    class_condition = schema.domain.class_condition
    reader = LabelledReader(
        stored.read,
        schema,
        is_class_from_table=not classes.foreground_classes,
        has_class_column=class_condition in table.conditions,
        table_path=root / SAMPLES_CSV,
    )
    labelled = Dataset(stored.records, reader, schema, root)
    ranges: SubjectRanges = {}
    left_out: dict[str, int] = {}
    if not is_frame:
        ranges = get_intensity_ranges(labelled, metadata.range)
        labelled, left_out = _drop_without_surroundings(labelled)
    if not len(labelled):
        raise DataError("no crop that shows more than its object", path=root, expected="crops with surroundings")
    size = _choose_size(labelled.records, len(schema.channels), schema.spatial_dims)
    padded = Dataset(labelled.records, PaddedReader(labelled.read, size, ranges), schema, root)
    bank = crops(padded, size, [class_condition, *schema.conditions])
    for column in ("depth", "centre", "source_size"):
        bank.entries[column] = 0
    if is_frame and metadata.frame:
        _assume_upright(bank, metadata.frame)
    update = {
        "supporting_classes": metadata.count_supporting_classes(bank.info.classes),
        "left_out": bank.info.left_out | left_out,
    }
    return Bank(bank.info.model_copy(update=update), bank.images, bank.masks, bank.entries)


def _drop_without_surroundings(dataset: Dataset) -> tuple[Dataset, dict[str, int]]:
    """Drop the crops that show nothing but their object; return the others, and how many were dropped."""
    bare = find_without_surroundings(dataset)
    if not bare:
        return dataset, {}
    kept = [i for i, record in enumerate(dataset.records) if record.name not in bare]
    return dataset.select(kept), {"crops without any surroundings": len(bare)}


def _assume_upright(bank: Bank, frame_size: tuple[int, int]) -> None:
    """Place each crop in its frame as if its object were as tall as the camera is high. Entries change in place."""
    has_object: NDArray[np.bool_] = np.any(bank.masks > 0, axis=2)  # in each row
    rows_above = has_object.argmax(axis=1)
    rows_below = has_object[:, ::-1].argmax(axis=1)
    rows = has_object.shape[1] - rows_above - rows_below
    height = rows * bank.entries["spacing"][:, 0]
    bank.entries["source_size"] = frame_size
    bank.entries["depth"] = height
    centre_rows = DEFAULT_HORIZON + height / 2 / frame_size[0]
    centre_columns = np.full(len(bank), DEFAULT_HORIZON)
    bank.entries["centre"] = np.stack([centre_rows, centre_columns], axis=1)


# ---------------------------------------------------------- classes and sizes


def _collect_class_values(dataset: Dataset, classes: ClassDefinitions, table: SampleTable) -> dict[str, int]:
    """Collect the class values by name: those of ``classes.json``, else one for each name in the table."""
    if classes.foreground_classes:
        return classes.foreground_classes
    column = dataset.schema.domain.class_condition
    if column not in table.conditions:
        return {DEFAULT_CLASS: 1}
    names = {str(record.condition[column]) for record in dataset.records if column in record.condition}
    return {name: value for value, name in enumerate(sorted(names), start=1)}


def _build_schema(
    stored: Schema, classes: ClassDefinitions, metadata: CropMetadata, class_values: dict[str, int], root: Path
) -> Schema:
    """Build the schema of the crops. In frames what objects stand on is no object."""
    supporting: set[str] = set()
    for names in metadata.count_supporting_classes(class_values).values():
        supporting.update(names)
    objects = [name for name in class_values if name not in supporting] if stored.domain.has_ground else []
    return replace(
        stored,
        channels=get_channel_names(stored, classes, root),
        classes=class_values,
        objects=tuple(objects),
        regions={},
        conditions=tuple(name for name in stored.conditions if name != stored.domain.class_condition),
    )


def _choose_size(records: Sequence[Record], channels: int, dims: int) -> int:
    """Choose the edge of the crops, in pixels: a power of two that holds most of them, if memory allows."""
    min_size, max_size = CROP_SIZE_LIMITS[dims]
    longest_sides = [max(record.shape) for record in records]
    wanted = float(np.quantile(longest_sides, FITTING_SHARE))
    size = min_size
    while size < wanted and size < max_size:
        size *= 2
    while size > min_size and len(records) * channels * size**dims * BYTES_PER_VALUE > MAX_BANK_BYTES:
        size //= 2
    return size
