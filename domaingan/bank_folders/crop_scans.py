"""Crops of scans as people have them: small NIfTI files with masks, and what is 0 and 1 in their intensities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.nifti.scan_records import ScanFiles, open_scans
from domaingan.adapters.tables import CLASSES_JSON, ClassDefinitions, SampleTable
from domaingan.bank_folders.crop_files import CropFiles
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Schema
from domaingan.imaging.body import is_hounsfield
from domaingan.imaging.intensity import find_ring, measure_percentiles
from domaingan.imaging.ranges import HOUNSFIELD_RANGE, is_hounsfield_range

SCALED_UNITS_LIMITS = (-0.5, 2.5)
"""Crops that lie within are in scaled units already, if they reach half of one."""

SAMPLED_VOXELS_PER_CROP = 2000
"""About so many voxels of each crop are looked at for a range of intensities."""

SubjectRanges = dict[str, NDArray[np.float32]]
"""For each subject what is 0 and 1 in scaled units, ``(C, 2)``."""

VoxelValues = NDArray[Any]


def open_scan_crops(
    root: Path, crop_files: Mapping[str, CropFiles], classes: ClassDefinitions, table: SampleTable
) -> Dataset:
    """The crops as a dataset, 2D where every one is a single slice; its masks hold what is stored.

    Raises:
        DataError: a file cannot be read, has other channels than most, or does not fit its mask.
    """
    scans = [ScanFiles(name, pair.image, {"image": pair.image}, pair.mask) for name, pair in crop_files.items()]
    dataset = open_scans(root, "nifti", scans, [], classes if classes.foreground_classes else None, table)
    if dataset.problems:
        raise DataError(dataset.problems[0].reason, path=dataset.problems[0].path)
    return dataset


def get_channel_names(schema: Schema, classes: ClassDefinitions | None, root: Path) -> tuple[str, ...]:
    """The channels as ``classes.json`` calls them, where it does.

    Raises:
        DataError: it names more or fewer than there are.
    """
    channels = tuple(classes.channels) if classes else ()
    if channels and len(channels) != len(schema.channels):
        listed, path = f"channels {', '.join(channels)}", root / CLASSES_JSON
        raise DataError(listed, path=path, expected=f"{len(schema.channels)}, as are stored")
    return channels or schema.channels


def find_without_surroundings(dataset: Dataset) -> set[str]:
    """The names of the crops that show nothing around their object, whose contrast cannot be known."""
    return {sample.name for sample in dataset if sample.mask is not None and not find_ring(sample.mask).any()}


def get_intensity_ranges(
    dataset: Dataset, stored_range: tuple[float, float] | list[tuple[float, float]] | None
) -> SubjectRanges:
    """What is 0 and 1 in each subject's crops.

    What is given counts. Otherwise values that look like scaled units (see :mod:`domaingan.imaging.intensity`) are
    taken as they are, Hounsfield units have a range of their own, and of others the 0.5th and 99.5th percentiles of
    all crops of a
    subject are 0 and 1, zeros apart. Those are not the percentiles of whole scans, so that objects have other contrasts
    than they had: better to give the range.

    Raises:
        DataError: what is given is no range, or not one a channel.
    """
    channels = len(dataset.schema.channels)
    if stored_range is not None:
        ends = [stored_range] * channels if isinstance(stored_range, tuple) else stored_range
        if len(ends) != channels or not all(low < high for low, high in ends):
            found, path = f"range {stored_range}", Path(dataset.root) / CLASSES_JSON
            raise DataError(found, path=path, expected=f"[low, high], or one of each of {channels} channels")
        return {record.group: np.array(ends, dtype=np.float32) for record in dataset.records}
    values = _sample_values(dataset)
    together = np.concatenate(list(values.values()), axis=1)
    if together.size and together.min() >= SCALED_UNITS_LIMITS[0] and 0.5 <= together.max() <= SCALED_UNITS_LIMITS[1]:
        return dict.fromkeys(values, np.tile(np.array([0, 1], dtype=np.float32), (channels, 1)))
    ranges = {group: measure_percentiles(own) for group, own in values.items()}
    for i, channel in enumerate(together):
        if is_hounsfield(channel):
            for own_range in ranges.values():
                own_range[i] = HOUNSFIELD_RANGE
    return ranges


def find_hounsfield_channels(ranges: SubjectRanges) -> NDArray[np.bool_]:
    """Which channels are in Hounsfield units, by ranges that all subjects share."""
    stacked = np.stack(list(ranges.values()))
    is_shared = (stacked == stacked[:1]).all(axis=(0, 2))
    return is_shared & np.array([is_hounsfield_range((float(low), float(high))) for low, high in stacked[0]])


def _sample_values(dataset: Dataset) -> dict[str, VoxelValues]:
    """Some values of each subject's crops, ``(C, N)``."""
    values = defaultdict[str, list[VoxelValues]](list)
    for record, sample in zip(dataset.records, dataset, strict=True):
        shown = sample.image[:, (sample.image != 0).any(axis=0)]
        values[record.group].append(shown[:, :: max(1, shown.shape[1] // SAMPLED_VOXELS_PER_CROP)])
    return {group: np.concatenate(parts, axis=1) for group, parts in values.items()}
