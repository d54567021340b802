"""From the files of scans to their records and their dataset: what all layouts of NIfTI files share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.adapters.class_definitions import ClassDefinitions
from domaingan.adapters.mask_values import find_classes_in_masks
from domaingan.adapters.nifti.nifti_geometry import MAX_CORNER_DISTANCE, measure_corner_distance
from domaingan.adapters.nifti.nifti_header import NiftiHeader
from domaingan.adapters.nifti.nifti_reading import list_label_values, read_nifti_header, read_nifti_mask
from domaingan.adapters.nifti.scan_samples import IMAGE_KEY_PREFIX, ScanReader
from domaingan.adapters.problems import make_no_sample_error, make_problem
from domaingan.adapters.sample_table import SampleTable
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset, Problem, Record, Schema
from domaingan.imaging.ranges import with_ranges

SINGLE_CLASS_NAME = "lesion"
"""Name of the class of scans whose masks hold only one value, where nothing names it."""


@dataclass(frozen=True)
class ScanFiles:
    """The files of one sample, as a layout finds them by name.

    Attributes:
        name: the sample's name.
        path: what a message names where something is wrong with the whole sample.
        images: the file of each channel. A file with a fourth axis holds several channels.
        mask: None where the sample is not labelled.
        foreground: a mask of the body, None where there is none.
        split: the split that the layout itself says.
    """

    name: str
    path: Path
    images: Mapping[str, Path]
    mask: Path | None = None
    foreground: Path | None = None
    split: str = ""


@dataclass(frozen=True)
class _SurveyedScan:
    """A scan whose headers agree.

    Attributes:
        scan: its files.
        record: its record, with two or three spatial axes.
        channel_counts: how many channels each image's file holds.
    """

    scan: ScanFiles
    record: Record
    channel_counts: tuple[int, ...]


def open_scans(
    root: Path,
    layout: str,
    scans: Iterable[ScanFiles],
    problems: Sequence[Problem],
    classes: ClassDefinitions | None,
    table: SampleTable,
    description: Mapping[str, Any] | None = None,
) -> Dataset:
    """Make the dataset of some scans: compare their headers, and find the classes in their masks if nothing names them.

    A dataset is 2D where every scan is a single slice, ``(X, Y)`` or ``(X, Y, 1)``.

    Args:
        root: the dataset's folder.
        layout: name of its layout.
        scans: the files of its samples.
        problems: of samples whose files do not fit together.
        classes: the classes of its masks. None: they are found in the masks.
        table: its ``samples.csv``.
        description: what else the layout says. It is kept for writing.

    Raises:
        DataError: a class has the value 0, or not one of the scans can be used.
    """
    if classes is not None:
        _check_no_class_is_background(classes, root)
    problems = list(problems)
    surveyed: list[_SurveyedScan] = []
    for scan in scans:
        try:
            surveyed.append(_survey_scan(scan))
        except DataError as error:
            problems.append(make_problem(error, scan.path))
    n_dims = 2 if all(_is_flat(one.record.shape) for one in surveyed) else 3
    channel_counts = _find_commonest_channels(surveyed)
    records = []
    for one in surveyed:
        if one.channel_counts != tuple(channel_counts.values()):
            found = f"{one.channel_counts} channels a file"
            problems.append(Problem(str(one.scan.path), f"{found}; expected {channel_counts}"))
        elif len(one.record.shape) < n_dims:
            found = f"shape {one.record.shape}"
            problems.append(Problem(str(one.scan.path), f"{found}; expected 3 axes, as the others"))
        else:
            shape, spacing = one.record.shape[:n_dims], one.record.spacing[:n_dims]
            records.append(table.merge_into(replace(one.record, shape=shape, spacing=spacing)))
    if classes is None:
        records, classes = find_classes_in_masks(records, problems, _list_values_in_file, SINGLE_CLASS_NAME)
    if not records:
        raise make_no_sample_error(root, problems)
    schema = Schema(
        layout=layout,
        domain=SCAN,
        spatial_dims=n_dims,
        channels=tuple(_name_channels(channel_counts)),
        classes=classes.foreground_classes,
        ignore=tuple(classes.ignore),
        objects=tuple(classes.objects),
        regions={name: tuple(values) for name, values in classes.regions.items()},
        conditions=table.conditions,
        description=dict(description or {}),
    )
    return with_ranges(Dataset(records, ScanReader(schema), schema, root, problems), classes.range)


def _check_no_class_is_background(classes: ClassDefinitions, root: Path) -> None:
    for name, value in classes.foreground_classes.items():
        if value == 0:
            raise DataError(f"class {name!r} has value 0", path=root, expected="0 for the background alone")


def _find_commonest_channels(surveyed: Sequence[_SurveyedScan]) -> dict[str, int]:
    """Find how many channels each image's file holds in most scans, by the images' names."""
    counts = Counter((one.channel_counts, tuple(one.scan.images)) for one in surveyed)
    if not counts:
        return {}
    (channel_counts, names), _ = counts.most_common(1)[0]
    return dict(zip(names, channel_counts, strict=True))


def _name_channels(channel_counts: Mapping[str, int]) -> list[str]:
    """Name the channels after the images; those of a file with several get numbers."""
    channels = []
    for name, count in channel_counts.items():
        if count == 1:
            channels.append(name)
        else:
            channels += [f"{name}_{i}" for i in range(count)]
    return channels


def _is_flat(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or shape[2] == 1


def _survey_scan(scan: ScanFiles) -> _SurveyedScan:
    """Compare the headers of a scan's files.

    Raises:
        DataError: a file cannot be read, or has another shape or another place than the first image.
    """
    headers = {path: read_nifti_header(path) for path in scan.images.values()}
    reference_path = next(iter(headers))
    reference = headers[reference_path]
    for path in (scan.mask, scan.foreground):
        if path is not None:
            headers[path] = read_nifti_header(path)
            if _count_channels(headers[path]) > 1:
                raise DataError(f"shape {headers[path].shape}", path=path, expected="one value a voxel in a mask")
    for path, header in headers.items():
        _check_same_grid(header, path, reference, reference_path)
    spatial_shape = reference.shape[:3]
    axes = np.asarray(reference.affine)[:3, : len(spatial_shape)]
    files = {f"{IMAGE_KEY_PREFIX}{i}": path for i, path in enumerate(scan.images.values())}
    if scan.mask is not None:
        files["mask"] = scan.mask
    if scan.foreground is not None:
        files["foreground"] = scan.foreground
    record = Record(
        scan.name,
        subject=scan.name,
        split=scan.split,
        shape=spatial_shape,
        spacing=tuple(np.linalg.norm(axes, axis=0).tolist()),
        affine=reference.affine,
        files=files,
    )
    channel_counts = tuple(_count_channels(headers[path]) for path in scan.images.values())
    return _SurveyedScan(scan, record, channel_counts)


def _check_same_grid(header: NiftiHeader, path: Path, reference: NiftiHeader, reference_path: Path) -> None:
    """Check that a file has the grid of the reference.

    Raises:
        DataError: its shape or its place is another.
    """
    if _get_grid_shape(header) != _get_grid_shape(reference):
        expected = f"{_get_grid_shape(reference)}, as {reference_path.name}"
        raise DataError(f"shape {_get_grid_shape(header)}", path=path, expected=expected)
    distance = _measure_distance(header, reference)
    if distance > MAX_CORNER_DISTANCE:
        found = f"affine: lies up to {distance:.1f} voxels away"
        raise DataError(found, path=path, expected=f"the place of {reference_path.name}")


def _get_grid_shape(header: NiftiHeader) -> tuple[int, ...]:
    """Get the shape in space; (X, Y, 1) is (X, Y)."""
    return header.shape[:2] if _is_flat(header.shape) else header.shape[:3]


def _count_channels(header: NiftiHeader) -> int:
    return int(np.prod(header.shape[3:], dtype=int))


def _measure_distance(header: NiftiHeader, reference: NiftiHeader) -> float:
    """Measure how far apart the corners of two grids of one shape lie, in voxels.

    A file may have two affines, and two files may differ in which one counts: the closest pair is taken.

    Returns:
        The distance; 0 where a file does not say where it lies.
    """
    if not header.affines or not reference.affines:
        return 0.0
    shape = _get_grid_shape(reference)
    distances = []
    for affine in header.affines:
        for reference_affine in reference.affines:
            distances.append(measure_corner_distance(np.asarray(affine), np.asarray(reference_affine), shape))
    return min(distances)


def _list_values_in_file(path: Path) -> list[int]:
    mask, _ = read_nifti_mask(path)
    return list_label_values(mask)
