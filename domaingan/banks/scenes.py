"""From a dataset to a bank of its scenes: whole frames or scans, small, for their style under each condition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.bank import Bank
from domaingan.banks.crops import DEFAULT_SIZES
from domaingan.banks.info import BankInfo, create_entries
from domaingan.core.arguments import read_edge_length
from domaingan.core.errors import DataError
from domaingan.data import SCAN, ConditionValue, Dataset, Sample, Schema
from domaingan.imaging.intensity import find_body_extent, get_foreground, get_scaling, to_scaled, with_foreground
from domaingan.imaging.near_duplicates import get_checksums
from domaingan.imaging.ranges import Scaling, find_shared_ranges, warn_about_guessed_ranges
from domaingan.imaging.resample import resize

SCENE_CENTRE = 0.5
"""Centre of a scene relative to its frame: a scene is the whole frame."""

UNLABELLED_VALUE = 255
"""Value in the mask of a scene where no class is known."""

MIN_BODY_VALUE = 2.0**-10
"""The lowest value of the body in the scene of a scan, in scaled units. It is above 0, the value beside the body."""


def scenes(dataset: Dataset, size: int | None = None, condition: str | Sequence[str] | None = None) -> Bank:
    """Resize every frame or scan of a dataset to a square or cube.

    Frames keep their masks, for looks that go by class. Of scans the box around the body is taken, in scaled units (see
    :mod:`domaingan.imaging.intensity`): 0 beside the body, and above it inside. They have no masks.

    Args:
        dataset: frames or scans, labelled or not. Scans of two dimensions are slices.
        size: edge of a scene in pixels, a power of two; 64 in 2D and 32 in 3D unless given.
        condition: the name of one of the dataset's conditions, such as ``lighting``, or several; all of them unless
            given.

    Returns:
        A bank in memory. The values of a condition are sorted, rarest first; -1 stands for a sample without a value.
        ``source_size`` is the size of the whole frame in pixels, or of the body's box in mm. ``spacing`` is the size
        of a scene's pixel in the same unit. The masks hold the dataset's class values, and :data:`UNLABELLED_VALUE`
        where a frame has none.

    Raises:
        DataError: the size is not a power of two of at least 8, the dataset is empty or has no such condition, or a
            sample holds NaN or infinity.
    """
    schema = dataset.schema
    dims = schema.spatial_dims
    size = read_edge_length(DEFAULT_SIZES[dims] if size is None else size, dims)
    names = _validate_conditions(condition, schema)
    if not len(dataset):
        raise DataError(f"no {schema.domain}", path=dataset.root, expected="at least one")
    shape = (size,) * dims
    classes = _select_storable_classes(schema)
    images = np.zeros((len(dataset), len(schema.channels), *shape), dtype=np.float16)
    masks = np.full((len(dataset), *shape), UNLABELLED_VALUE, dtype=np.uint8)
    source_sizes = np.zeros((len(dataset), dims), dtype=np.float32)
    scalings: list[Scaling] = []
    subjects: list[str] = []
    checksums: dict[str, str] = {}
    columns: dict[str, list[str]] = {name: [] for name in names}
    for i, sample in enumerate(dataset):
        _check_finite(sample, schema)
        if schema.domain.has_body:
            images[i], source_sizes[i], scaling = _make_body_scene(sample, shape)
            scalings.append(scaling)
        else:
            images[i] = np.clip(resize(sample.image, shape), 0, 1)
            source_sizes[i] = sample.shape
            if sample.mask is not None and classes:
                masks[i] = _replace_unknown_classes(resize(sample.mask, shape, is_mask=True), classes)
        subjects.append(sample.statistical_unit)
        checksums |= dict.fromkeys(get_checksums(sample), sample.statistical_unit)
        for name in names:
            columns[name].append(_format_value(sample.condition.get(name, "")))
    if not (masks != UNLABELLED_VALUE).any():
        masks = np.zeros_like(masks)
        classes = {}
    info = BankInfo(
        kind="scenes",
        domain=schema.domain,
        spatial_dims=dims,
        channels=list(schema.channels),
        classes=classes,
        conditions={name: _sort_by_rarity(column) for name, column in columns.items()},
        subjects=list(dict.fromkeys(subjects)),
        source=dataset.root,
        checksums=checksums,
    )
    warn_about_guessed_ranges(info.channels, scalings, schema.ranges)
    if scalings:
        info.ranges, info.percentiles = find_shared_ranges(info.channels, scalings)
    entries = _fill_entries(info, subjects, columns, source_sizes, size)
    return Bank(info, images, masks, entries)


def _check_finite(sample: Sample, schema: Schema) -> None:
    """Refuse an image with NaN or infinity."""
    if not np.isfinite(sample.image).all():
        expected = "RGB in [0, 1]" if schema.domain.is_rgb else "finite intensities"
        raise DataError("NaN or infinite values", path=sample.name, expected=expected)


def _fill_entries(
    info: BankInfo,
    subjects: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    source_sizes: NDArray[np.float32],
    size: int,
) -> NDArray[np.void]:
    """Write what is known of each scene into the bank's entries."""
    entries = create_entries(info, len(subjects))
    entries["subject"] = [info.subjects.index(subject) for subject in subjects]
    entries["source_size"] = np.rint(source_sizes)
    entries["spacing"] = source_sizes / size
    entries["centre"] = SCENE_CENTRE
    for name, values in info.conditions.items():
        entries[f"condition:{name}"] = [values.index(value) if value else -1 for value in columns[name]]
    return entries


# --------------------------------------------------------------------- bodies


def downscale_body(
    image: NDArray[np.float32], inside: NDArray[np.bool_], shape: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Resize the body of a scan without mixing in what lies beside it.

    Args:
        image: ``(C, *spatial)`` in scaled units.
        inside: ``(*spatial)``, where the body is.
        shape: the new spatial shape.

    Returns:
        ``(C, *shape)`` values and ``(*shape)`` where the body is. Values are 0 beside the body and at least
        :data:`MIN_BODY_VALUE` inside, so that the image alone tells where the body is.
    """
    # Two voxels for each of the new grid are enough for a look, and a volume of millions is smoothed in no time.
    steps = [max(1, old // (2 * new)) for old, new in zip(inside.shape, shape, strict=True)]
    every = tuple(slice(None, None, step) for step in steps)
    image = image[(slice(None), *every)]
    inside = inside[every]
    share = np.asarray(resize(inside.astype(np.float32), shape))
    mean = np.asarray(resize(image * inside, shape)) / np.maximum(share, MIN_BODY_VALUE)
    is_body = share > min(0.5, float(share.max()) / 2)
    body: NDArray[np.float32] = np.where(is_body, np.maximum(mean, MIN_BODY_VALUE), 0).astype(np.float32)
    return body, is_body


def _make_body_scene(sample: Sample, shape: Sequence[int]) -> tuple[NDArray[np.float32], list[float], Scaling]:
    """Make the scene of a scan; return it with the size of the body's box in mm, and how the scan was scaled."""
    measured = with_foreground(sample, SCAN)
    inside = get_foreground(measured)
    scaling = get_scaling(measured, SCAN)
    scaled = to_scaled(sample.image, scaling.ends)
    box = find_body_extent(inside)
    image, _ = downscale_body(scaled[(slice(None), *box)], inside[box], shape)
    box_size = [(side.stop - side.start) * step for side, step in zip(box, sample.spacing, strict=True)]
    return image, box_size, scaling


# -------------------------------------------------------- classes and conditions


def _select_storable_classes(schema: Schema) -> dict[str, int]:
    """Select the classes that the masks of scenes hold; none if one of them needs the value of the unlabelled."""
    if schema.domain.has_body:
        return {}
    classes = {name: value for name, value in schema.classes.items() if value not in schema.ignore}
    return classes if all(value < UNLABELLED_VALUE for value in classes.values()) else {}


def _replace_unknown_classes(mask: NDArray[Any], classes: Mapping[str, int]) -> NDArray[np.uint8]:
    """Set the pixels of a mask that have none of these classes to :data:`UNLABELLED_VALUE`."""
    return np.where(np.isin(mask, list(classes.values())), mask, UNLABELLED_VALUE).astype(np.uint8)


def _validate_conditions(conditions: str | Sequence[str] | None, schema: Schema) -> tuple[str, ...]:
    """Check the names of requested conditions; None stands for all."""
    if conditions is None:
        return schema.conditions
    names = [conditions] if isinstance(conditions, str) else conditions
    for name in names:
        if name not in schema.conditions:
            listed = ", ".join(schema.conditions)
            expected = f"one of {listed}" if listed else "none: the dataset has no conditions"
            raise DataError(f"no condition {name!r}", expected=expected)
    return tuple(dict.fromkeys(names))


def _format_value(value: ConditionValue) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _sort_by_rarity(column: Sequence[str]) -> list[str]:
    """Sort the values of a column that are known, rarest first."""
    counts = Counter(value for value in column if value)
    return sorted(counts, key=lambda value: (counts[value], value))
