"""Crops of scans as people keep them: small NIfTI files with masks, and the range of their intensities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.class_definitions import CLASSES_JSON, ClassDefinitions
from domaingan.adapters.nifti.scan_records import ScanFiles, open_scans
from domaingan.adapters.sample_table import SampleTable
from domaingan.bank_folders.crop_files import CropFiles
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Schema
from domaingan.imaging.body import is_hounsfield
from domaingan.imaging.intensity import find_ring, measure_percentiles
from domaingan.imaging.ranges import HOUNSFIELD_RANGE, is_hounsfield_range

SCALED_UNITS_LIMITS = (-0.5, 2.5)
"""Values of crops that are in scaled units already lie within these limits."""

MIN_SCALED_MAXIMUM = 0.5
"""Their highest value is at least this."""

SAMPLED_VOXELS_PER_CROP = 2000
"""About this many voxels of each crop are used to find a range of intensities."""

SubjectRanges = dict[str, NDArray[np.float32]]
"""``(C, 2)`` stored values that are 0 and 1 in scaled units, for each subject."""

StoredRange = tuple[float, float] | list[tuple[float, float]] | None
"""The range in ``classes.json``: one for all channels, one for each, or none."""

VoxelValues = NDArray[Any]


def open_scan_crops(
    root: Path, crop_files: Mapping[str, CropFiles], classes: ClassDefinitions, table: SampleTable
) -> Dataset:
    """Open crops of scans as a dataset. Masks hold what is stored. It is 2D if every crop is a single slice.

    Args:
        root: the folder.
        crop_files: its files by name.
        classes: what ``classes.json`` names.
        table: the rows of ``samples.csv``.

    Returns:
        The crops; they are read when they are asked for.

    Raises:
        DataError: a file cannot be read, has other channels than most, or does not fit its mask.
    """
    scans = [ScanFiles(name, files.image, {"image": files.image}, files.mask) for name, files in crop_files.items()]
    named_classes = classes if classes.foreground_classes else None
    dataset = open_scans(root, "nifti", scans, [], named_classes, table)
    if dataset.problems:
        raise DataError(dataset.problems[0].reason, path=dataset.problems[0].path)
    return dataset


def get_channel_names(schema: Schema, classes: ClassDefinitions | None, root: Path) -> tuple[str, ...]:
    """Get the names of the channels: those in ``classes.json``, else those of the schema.

    Args:
        schema: of the dataset as it is stored.
        classes: what ``classes.json`` names, if there is one.
        root: the folder, for messages.

    Returns:
        One name for each channel.

    Raises:
        DataError: ``classes.json`` names more or fewer channels than there are.
    """
    names = tuple(classes.channels) if classes else ()
    if not names:
        return schema.channels
    if len(names) != len(schema.channels):
        found = f"channels {', '.join(names)}"
        raise DataError(found, path=root / CLASSES_JSON, expected=f"{len(schema.channels)}, as are stored")
    return names


def find_without_surroundings(dataset: Dataset) -> set[str]:
    """Find the crops that show nothing around their object, so that their contrast cannot be known.

    Args:
        dataset: crops with masks; all of them are read.

    Returns:
        Their names.
    """
    bare = set()
    for sample in dataset:
        if sample.mask is not None and not find_ring(sample.mask).any():
            bare.add(sample.name)
    return bare


# ----------------------------------------------------------- intensity ranges


def get_intensity_ranges(dataset: Dataset, stored_range: StoredRange) -> SubjectRanges:
    """Get the range of intensities of each subject's crops.

    A range in ``classes.json`` counts. Otherwise values that look like scaled units (see
    :mod:`domaingan.imaging.intensity`) keep them, and Hounsfield units have their fixed range. In all other channels
    the 0.5th and 99.5th percentiles of a subject's crops, without zeros, become 0 and 1. These are not the percentiles
    of whole scans, so that objects get another contrast than they had: it is better to name the range.

    Args:
        dataset: crops of scans; all of them are read unless a range is stored.
        stored_range: the range in ``classes.json``.

    Returns:
        The range of each subject.

    Raises:
        DataError: the stored range is none, or not one for each channel.
    """
    channels = len(dataset.schema.channels)
    if stored_range is not None:
        ends = _check_stored_range(stored_range, channels, Path(dataset.root) / CLASSES_JSON)
        return {record.group: np.array(ends, dtype=np.float32) for record in dataset.records}
    values = _sample_values(dataset)
    all_values = np.concatenate(list(values.values()), axis=1)
    if _is_in_scaled_units(all_values):
        unit_range = np.array([0, 1], dtype=np.float32)
        return dict.fromkeys(values, np.tile(unit_range, (channels, 1)))
    ranges = {subject: measure_percentiles(subject_values) for subject, subject_values in values.items()}
    for channel, channel_values in enumerate(all_values):
        if is_hounsfield(channel_values):
            for subject_range in ranges.values():
                subject_range[channel] = HOUNSFIELD_RANGE
    return ranges


def _check_stored_range(
    stored_range: tuple[float, float] | list[tuple[float, float]], channels: int, path: Path
) -> list[tuple[float, float]]:
    """Repeat a single range for all channels, and check that every range rises."""
    ends = [stored_range] * channels if isinstance(stored_range, tuple) else stored_range
    if len(ends) != channels or not all(low < high for low, high in ends):
        expected = f"[low, high], or one of each of {channels} channels"
        raise DataError(f"range {stored_range}", path=path, expected=expected)
    return ends


def _is_in_scaled_units(values: VoxelValues) -> bool:
    """Tell whether ``(C, N)`` values look like scaled units."""
    low, high = SCALED_UNITS_LIMITS
    return bool(values.size and values.min() >= low and MIN_SCALED_MAXIMUM <= values.max() <= high)


def find_hounsfield_channels(ranges: SubjectRanges) -> NDArray[np.bool_]:
    """Find the channels in Hounsfield units: all subjects have the same range, and it is one of such units.

    Args:
        ranges: of each subject.

    Returns:
        ``(C,)``.
    """
    stacked = np.stack(list(ranges.values()))
    first = stacked[0]
    is_shared = (stacked == first).all(axis=(0, 2))
    is_hounsfield_unit = [is_hounsfield_range((float(low), float(high))) for low, high in first]
    return is_shared & np.array(is_hounsfield_unit)


def _sample_values(dataset: Dataset) -> dict[str, VoxelValues]:
    """Sample voxels that are not 0 from each subject's crops: ``(C, N)`` values by subject."""
    parts: dict[str, list[VoxelValues]] = defaultdict(list)
    for record, sample in zip(dataset.records, dataset, strict=True):
        shown = sample.image[:, (sample.image != 0).any(axis=0)]
        step = max(1, shown.shape[1] // SAMPLED_VOXELS_PER_CROP)
        parts[record.group].append(shown[:, ::step])
    return {subject: np.concatenate(arrays, axis=1) for subject, arrays in parts.items()}
