"""What all layouts of NIfTI files share: from the names of a sample's files to its record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.adapters.nifti.nifti_files import list_label_values, read_nifti_header, read_nifti_mask
from domaingan.adapters.nifti.nifti_geometry import MAX_CORNER_DISTANCE, measure_corner_distance
from domaingan.adapters.nifti.nifti_header import NiftiHeader
from domaingan.adapters.nifti.scan_samples import ScanReader
from domaingan.adapters.tables import ClassDefinitions, SampleTable
from domaingan.adapters.values import find_classes_in_masks, make_no_sample_error, make_problem
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset, Problem, Record, Schema
from domaingan.imaging.ranges import with_ranges


@dataclass(frozen=True)
class ScanFiles:
    """The files of one sample, as a layout finds them by name.

    Attributes:
        name: the sample's name.
        path: what to name when something is wrong with it as a whole.
        images: a file for each channel; a file with a fourth axis holds several.
        mask: None where the sample is not labelled.
        foreground: a mask of the body, where there is one.
        split: the split that the layout itself says.
    """

    name: str
    path: Path
    images: Mapping[str, Path]
    mask: Path | None = None
    foreground: Path | None = None
    split: str = ""


# -------------------------------------------------------------- names to records


@dataclass(frozen=True)
class _SurveyedScan:
    """One scan whose headers agree: its record, with three spatial axes or two, and each file's channel count."""

    scan: ScanFiles
    record: Record
    counts: tuple[int, ...]


def open_scans(
    root: Path,
    layout: str,
    scans: Iterable[ScanFiles],
    problems: Sequence[Problem],
    classes: ClassDefinitions | None,
    table: SampleTable,
    description: Mapping[str, Any] | None = None,
) -> Dataset:
    """The dataset of these scans: headers compared, classes found in the masks where nothing names them.

    A dataset is 2D where every scan is a single slice, ``(X, Y)`` or ``(X, Y, 1)``.

    Raises:
        DataError: not one of them can be used.
    """
    if classes is not None and 0 in classes.foreground_classes.values():
        name = next(name for name, value in classes.foreground_classes.items() if value == 0)
        raise DataError(f"class {name!r} has value 0", path=root, expected="0 for the background alone")
    found, problems = [], list(problems)
    for scan in scans:
        try:
            found.append(_survey_scan(scan))
        except DataError as error:
            problems.append(make_problem(error, scan.path))
    dims = 2 if all(_is_flat(one.record.shape) for one in found) else 3
    commonest = Counter((one.counts, tuple(one.scan.images)) for one in found).most_common(1)
    counts, names = commonest[0][0] if commonest else ((), ())
    records = []
    for one in found:
        if one.counts != counts:
            several = dict(zip(names, counts, strict=True))
            problems.append(Problem(str(one.scan.path), f"{one.counts} channels a file; expected {several}"))
        elif len(one.record.shape) < dims:
            problems.append(Problem(str(one.scan.path), f"shape {one.record.shape}; expected 3 axes, as the others"))
        else:
            shape, spacing = one.record.shape[:dims], one.record.spacing[:dims]
            records.append(table.merge_into(replace(one.record, shape=shape, spacing=spacing)))
    if classes is None:
        records, classes = find_classes_in_masks(records, problems, _list_values_in_file, single_class_name="lesion")
    if not records:
        raise make_no_sample_error(root, problems)
    channels = [f"{name}_{i}" if n > 1 else name for name, n in zip(names, counts, strict=True) for i in range(n)]
    schema = Schema(
        layout=layout,
        domain=SCAN,
        spatial_dims=dims,
        channels=tuple(channels),
        classes=classes.foreground_classes,
        ignore=tuple(classes.ignore),
        objects=tuple(classes.objects),
        regions={name: tuple(values) for name, values in classes.regions.items()},
        conditions=table.conditions,
        description=dict(description or {}),
    )
    return with_ranges(Dataset(records, ScanReader(schema), schema, root, problems), classes.range)


def _is_flat(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or shape[2] == 1


def _survey_scan(scan: ScanFiles) -> _SurveyedScan:
    headers = {path: read_nifti_header(path) for path in scan.images.values()}
    reference_path = next(iter(headers))
    reference = headers[reference_path]
    for path in (scan.mask, scan.foreground):
        if path is not None:
            headers[path] = read_nifti_header(path)
            if _count_channels(headers[path].shape) > 1:
                raise DataError(f"shape {headers[path].shape}", path=path, expected="one value a voxel in a mask")
    for path, header in headers.items():
        if _get_grid_shape(header) != _get_grid_shape(reference):
            expected = f"{_get_grid_shape(reference)}, as {reference_path.name}"
            raise DataError(f"shape {_get_grid_shape(header)}", path=path, expected=expected)
        distance = _measure_distance(header, reference)
        if distance > MAX_CORNER_DISTANCE:
            expected = f"the place of {reference_path.name}"
            raise DataError(f"affine: lies up to {distance:.1f} voxels away", path=path, expected=expected)
    spatial = reference.shape[:3]
    spacing = np.linalg.norm(np.asarray(reference.affine)[:3, : len(spatial)], axis=0).tolist()
    files = {f"image_{i}": path for i, path in enumerate(scan.images.values())}
    files |= {name: path for name, path in (("mask", scan.mask), ("foreground", scan.foreground)) if path is not None}
    record = Record(scan.name, scan.name, "", scan.split, {}, spatial, tuple(spacing), reference.affine, files)
    return _SurveyedScan(scan, record, tuple(_count_channels(headers[path].shape) for path in scan.images.values()))


def _get_grid_shape(header: NiftiHeader) -> tuple[int, ...]:
    """The shape in space; (X, Y, 1) is (X, Y)."""
    return header.shape[:2] if _is_flat(header.shape) else header.shape[:3]


def _count_channels(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape[3:], dtype=int))


def _measure_distance(header: NiftiHeader, reference: NiftiHeader) -> float:
    """How far apart the corners of two grids of one shape lie, in voxels; 0 where a file does not say where it is.

    A file may hold two affines, and two files may differ in which of them counts: the closest pair is taken.
    """
    if not header.affines or not reference.affines:
        return 0.0
    grid = _get_grid_shape(reference)
    distances = [
        measure_corner_distance(np.asarray(a), np.asarray(b), grid) for a in header.affines for b in reference.affines
    ]
    return min(distances)


def _list_values_in_file(path: Path) -> list[int]:
    return list_label_values(read_nifti_mask(path)[0])
