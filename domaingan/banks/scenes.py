"""From a dataset to a bank of its scenes: whole frames or scans, small, for their look under each condition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.core.arguments import read_edge_length
from domaingan.core.errors import DataError
from domaingan.data import SCAN, ConditionValue, Dataset, Sample, Schema
from domaingan.imaging.intensity import find_body_extent, get_foreground, get_scaling, to_scaled, with_foreground
from domaingan.imaging.near_duplicates import get_checksums
from domaingan.imaging.ranges import Scaling, find_shared_ranges, warn_about_guessed_ranges
from domaingan.imaging.resample import resize

SCENE_CENTRE = 0.5
"""Where a scene lies in its frame: it is all of it."""

UNLABELLED_VALUE = 255
"""What a scene's mask holds where no class is known."""

MIN_BODY_VALUE = 2.0**-10
"""The darkest that the body of a scan is in a scene, in scaled units: not 0, which is what lies beside it."""


def scenes(dataset: Dataset, size: int | None = None, conditions: Sequence[str] | None = None) -> Bank:
    """The frames or scans of a dataset as a bank of scenes: each as a whole, squeezed to a square or cube.

    Frames keep their masks, where they have any, for looks that go by class: their values are the dataset's, and 255
    (:data:`UNLABELLED`) where a frame has none. Of scans it is the box around the body that is squeezed, in scaled
    units (see :mod:`domaingan.imaging.intensity`), 0 beside the body and above it inside; they have no masks.

    Args:
        dataset: frames or scans; they need not be labelled. Scans of two dimensions are slices.
        size: edge of a scene in pixels; 64 unless given, or 32 in 3D.
        conditions: names of the dataset's conditions, such as ``("lighting", "weather")``; all it has unless given.

    Returns:
        A bank in memory. A condition's values come rarest first; a sample without a value has code -1. ``spacing`` is
        the size of a scene's pixel (of frames in the frame's own, of scans in mm), ``extent`` the size of the whole
        frame, or of the body's box, in the same unit.

    Raises:
        DataError: the size is not a power of two of at least 8, the dataset is empty or has no such condition, or a
            sample holds NaN or infinity.
    """
    schema = dataset.schema
    size = size or (64 if schema.spatial_dims == 2 else 32)
    size = read_edge_length(size, schema.spatial_dims)
    names = _validate_conditions(conditions, schema)
    if not len(dataset):
        raise DataError(f"no {schema.domain}", path=dataset.root, expected="at least one")
    cube = (size,) * schema.spatial_dims
    images = np.zeros((len(dataset), len(schema.channels), *cube), dtype=np.float16)
    masks = np.full((len(dataset), *cube), UNLABELLED_VALUE, dtype=np.uint8)
    extents = np.zeros((len(dataset), schema.spatial_dims), dtype=np.float32)
    subjects, labels, scalings = [], [], list[Scaling]()
    checksums: dict[str, str] = {}
    classes = _select_storable_classes(schema)
    for i, sample in enumerate(dataset):
        if not np.isfinite(sample.image).all():
            expected = "RGB in [0, 1]" if schema.domain.is_rgb else "finite intensities"
            raise DataError("NaN or infinite values", path=sample.name, expected=expected)
        if schema.domain.has_body:
            images[i], extents[i], scaling = _make_body_scene(sample, cube)
            scalings.append(scaling)
        else:
            images[i], extents[i] = np.clip(resize(sample.image, cube), 0, 1), sample.shape
            if sample.mask is not None and classes:
                masks[i] = _replace_unknown_classes(resize(sample.mask, cube, is_mask=True), classes)
        subjects.append(sample.statistical_unit)
        checksums |= dict.fromkeys(get_checksums(sample), sample.statistical_unit)
        labels.append([_format_value(sample.condition.get(name, "")) for name in names])
    labelled = bool((masks != UNLABELLED_VALUE).any())
    info = BankInfo(
        kind="scenes",
        domain=schema.domain,
        spatial_dims=schema.spatial_dims,
        channels=list(schema.channels),
        classes=classes if labelled else {},
        conditions={
            name: _sort_by_rarity(column) for name, column in zip(names, zip(*labels, strict=True), strict=True)
        },
        subjects=list(dict.fromkeys(subjects)),
        source=dataset.root,
        checksums=checksums,
    )
    warn_about_guessed_ranges(info.channels, scalings, schema.ranges)
    if scalings:
        info.ranges, info.percentiles = find_shared_ranges(info.channels, scalings)
    entries = _fill_entries(info, subjects, labels, extents, size)
    return Bank(info, images, masks if labelled else np.zeros_like(masks), entries)


def downscale_body(
    image: NDArray[np.float32], inside: NDArray[np.bool_], shape: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A scan's body at another size, none of what lies beside it mixed in: ``(C, *shape)`` and where it is.

    Args:
        image: ``(C, *spatial)`` in scaled units.
        inside: ``(*spatial)``, the body.
        shape: the new size.

    Returns:
        0 beside the body, at least :data:`LEAST` inside, so that the image alone says where the body is.
    """
    # Every other voxel of the new grid's is enough for a look, and a volume of millions is smoothed in no time.
    steps = tuple(slice(None, None, max(1, old // (2 * new))) for old, new in zip(inside.shape, shape, strict=True))
    image, inside = image[(slice(None), *steps)], inside[steps]
    share = np.asarray(resize(inside.astype(np.float32), shape))
    filled = np.asarray(resize(image * inside, shape)) / np.maximum(share, MIN_BODY_VALUE)
    within = share > min(0.5, float(share.max()) / 2)
    body: NDArray[np.float32] = np.where(within, np.maximum(filled, MIN_BODY_VALUE), 0).astype(np.float32)
    return body, within


def _make_body_scene(sample: Sample, shape: Sequence[int]) -> tuple[NDArray[np.float32], list[float], Scaling]:
    """The body of a scan as a scene, the size of its box in mm, and how it was scaled."""
    measured = with_foreground(sample, SCAN)
    inside, scaling = get_foreground(measured), get_scaling(measured, SCAN)
    box = find_body_extent(inside)
    scaled = to_scaled(sample.image, scaling.ends)
    image, _ = downscale_body(scaled[(slice(None), *box)], inside[box], shape)
    return image, [(s.stop - s.start) * mm for s, mm in zip(box, sample.spacing, strict=True)], scaling


def _select_storable_classes(schema: Schema) -> dict[str, int]:
    """The classes that a scene's mask can hold: bytes, of which the last says that nothing is known."""
    known = {name: value for name, value in schema.classes.items() if value not in schema.ignore}
    return known if not schema.domain.has_body and all(value < UNLABELLED_VALUE for value in known.values()) else {}


def _replace_unknown_classes(mask: NDArray[Any], classes: Mapping[str, int]) -> NDArray[np.uint8]:
    return np.where(np.isin(mask, list(classes.values())), mask, UNLABELLED_VALUE).astype(np.uint8)


def _fill_entries(
    info: BankInfo, subjects: Sequence[str], labels: Sequence[Sequence[str]], extents: NDArray[np.float32], size: int
) -> NDArray[np.void]:
    entries = create_entries(info, len(subjects))
    entries["subject"] = [info.subjects.index(subject) for subject in subjects]
    entries["source_size"], entries["spacing"], entries["centre"] = np.rint(extents), extents / size, SCENE_CENTRE
    for k, (name, values) in enumerate(info.conditions.items()):
        entries[f"condition:{name}"] = [values.index(row[k]) if row[k] else -1 for row in labels]
    return entries


def _validate_conditions(conditions: Sequence[str] | None, schema: Schema) -> tuple[str, ...]:
    names = schema.conditions if conditions is None else tuple(dict.fromkeys(conditions))
    unknown = [name for name in names if name not in schema.conditions]
    if unknown:
        known = f"one of {', '.join(schema.conditions)}" if schema.conditions else "none: the dataset has no conditions"
        raise DataError(f"no condition {unknown[0]!r}", expected=known)
    return names


def _format_value(value: ConditionValue) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _sort_by_rarity(column: Sequence[str]) -> list[str]:
    counts = Counter(value for value in column if value)
    return sorted(counts, key=lambda value: (counts[value], value))
