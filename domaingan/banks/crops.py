"""From a dataset to a bank of its real crops: the region around each object, with its mask."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.bank import Bank
from domaingan.banks.crop_conditions import collect_labels, collect_numbers, validate_conditions
from domaingan.banks.find_objects import BOX_WITHOUT_MASK, FoundObject, find_objects
from domaingan.banks.ground_statistics import count_supporting_classes, drop_occluded, measure_horizon_distances
from domaingan.banks.info import MAX_CLASS_VALUE, BankInfo, create_entries
from domaingan.core.arguments import read_edge_length
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.data.slice_axes import warn_about_thin_volumes
from domaingan.imaging.grabcut import cut_masks_from_boxes
from domaingan.imaging.near_duplicates import get_checksums
from domaingan.imaging.ranges import find_shared_ranges, warn_about_guessed_ranges

DEFAULT_SIZES = {2: 64, 3: 32}
"""Default edge of crops and scenes in pixels, by dimensions."""


def crops(
    dataset: Dataset,
    size: int | None = None,
    condition: str | Sequence[str] | None = None,
    masks: str | None = None,
    seed: int = 0,
) -> Bank:
    """Crop every object of a dataset.

    A crop of a scan is a connected component of all classes together (of all ``objects`` where the dataset names
    some), and its mask keeps every class. A crop of a frame is one of its instances, unless another object hides where
    it touches the ground. Crops are cut at the dataset's own grid. An object that does not fit, with some of its
    surroundings, is downscaled, and its ``spacing`` says so.

    For frames the bank also counts what each class stands on (``info.supporting_classes``), and measures how far below
    the horizon each object touches the ground (column ``depth``, see :mod:`domaingan.imaging.horizon`).

    Args:
        dataset: labelled samples, 2D or 3D.
        size: edge of a crop in pixels, a power of two; 64 in 2D and 32 in 3D unless given.
        condition: what the crops are conditioned on, one name or several. ``lesion`` (scans) or ``object`` (frames) is
            the class, and the default: the rarest class that a crop shows, which is the one of the fewest subjects,
            and among those the one of the fewest voxels. The name of a column of ``samples.csv`` is a number where its
            values are numbers. Or a measurement of
            :data:`~domaingan.banks.crop_conditions.MEASURED_CONDITIONS`.
        masks: ``grabcut`` to segment objects of frames that have only a box, see :mod:`domaingan.imaging.grabcut`. A
            warning gives their number, as they have to be looked at. Unless given, such objects are left out and
            counted.
        seed: seed of GrabCut.

    Returns:
        A bank in memory.

    Raises:
        DataError: ``masks`` or ``size`` is not one of these, there is no such condition, a class value does not fit
            into a bank's masks (1 to 255), or the dataset has no object.
    """
    schema = dataset.schema
    size = read_edge_length(DEFAULT_SIZES[schema.spatial_dims] if size is None else size, schema.spatial_dims)
    classes = check_crop_classes(dataset)
    names = validate_conditions(condition, schema)
    warn_about_thin_volumes(dataset)
    left_out: Counter[str] = Counter()
    objects: list[FoundObject] = []
    checksums: dict[str, str] = {}
    for sample in _with_grabcut_masks(dataset, masks, seed):
        objects += find_objects(sample, schema, size, left_out)
        checksums |= dict.fromkeys(get_checksums(sample), sample.statistical_unit)
    if schema.domain.has_ground:
        objects = drop_occluded(objects, left_out)
    if not objects:
        reasons = "".join(f", {n} {reason}" for reason, n in left_out.items())
        expected = _describe_expected_objects(classes, left_out)
        raise DataError(f"no object in any mask{reasons}", path=dataset.root, expected=expected)
    info = BankInfo(
        domain=schema.domain,
        spatial_dims=schema.spatial_dims,
        channels=list(schema.channels),
        classes=classes,
        supporting_classes=count_supporting_classes(objects, schema),
        subjects=list(dict.fromkeys(found.subject for found in objects)),
        source=dataset.root,
        left_out=dict(left_out),
        checksums=checksums,
    )
    if info.domain.has_body:
        scalings = [found.scaling for found in objects if found.scaling is not None]
        warn_about_guessed_ranges(info.channels, scalings, schema.ranges)
        info.ranges, info.percentiles = find_shared_ranges(info.channels, scalings)
    entries = _fill_entries(info, objects, names, schema)
    images = np.stack([found.image for found in objects])
    return Bank(info, images, np.stack([found.mask for found in objects]), entries)


def _fill_entries(info: BankInfo, objects: list[FoundObject], names: list[str], schema: Schema) -> NDArray[np.void]:
    """Write what is known of each object into the bank's entries, and its conditions into the info."""
    number_columns = {}
    label_columns = {}
    for name in names:
        numbers = collect_numbers(objects, name, info.spatial_dims)
        if numbers is not None:
            number_columns[name] = numbers
            info.numbers.append(name)
        else:
            label_columns[name], info.conditions[name] = collect_labels(objects, name, schema)
    entries = create_entries(info, len(objects))
    entries["subject"] = [info.subjects.index(found.subject) for found in objects]
    for column in ("spacing", "centre", "source_size", "radius_mm", "contrast", "depth"):
        entries[column] = [getattr(found, column) for found in objects]
    if info.domain.has_ground:
        entries["depth"] = measure_horizon_distances(objects)
    for name, labels in label_columns.items():
        values = info.conditions[name]
        entries[f"condition:{name}"] = [values.index(label) if label in values else -1 for label in labels]
    for name, numbers in number_columns.items():
        entries[f"number:{name}"] = numbers
    return entries


def _describe_expected_objects(classes: Iterable[str], left_out: Counter[str]) -> str:
    """Describe what was expected where no object was found."""
    if left_out[BOX_WITHOUT_MASK]:
        return "masks; or --masks grabcut (masks='grabcut'), which cuts objects out of their boxes"
    return f"at least one of {', '.join(classes) or '(no classes named)'}"


# -------------------------------------------------------------------- classes


def list_crop_classes(schema: Schema) -> dict[str, int]:
    """List the classes that the mask of a crop may hold: of frames those of objects, of scans all.

    Args:
        schema: of the dataset.

    Returns:
        Class values by name.

    Raises:
        DataError: the objects of frames are not named.
    """
    if schema.domain.has_body:
        return dict(schema.classes)
    if not schema.objects:
        raise DataError("no objects named", expected='"objects": [class, …] in classes.json')
    return {name: schema.classes[name] for name in schema.objects}


def check_crop_classes(dataset: Dataset, alternative: str = "") -> dict[str, int]:
    """List the classes that the mask of a crop may hold, and check that a bank can store their values.

    Args:
        dataset: labelled samples.
        alternative: end of the message: what else could be done.

    Returns:
        Class values by name, see :func:`list_crop_classes`.

    Raises:
        DataError: a value is not in 1 to 255, or the objects of frames are not named.
    """
    classes = list_crop_classes(dataset.schema)
    too_large = {name: value for name, value in classes.items() if not 1 <= value <= MAX_CLASS_VALUE}
    if too_large:
        name, value = next(iter(too_large.items()))
        others = f" and {len(too_large) - 1} more" if len(too_large) > 1 else ""
        expected = f"values of 1 to {MAX_CLASS_VALUE} in crops{alternative}"
        raise DataError(f"class value {value} ({name}){others}", path=dataset.root, expected=expected)
    return classes


# ------------------------------------------------------------- masks from boxes


def _with_grabcut_masks(dataset: Dataset, masks: str | None, seed: int) -> Iterator[Sample]:
    """Yield the samples. If ``masks`` is ``grabcut``, objects that have only a box are segmented by GrabCut."""
    if masks is None:
        yield from dataset
        return
    if masks != "grabcut" or dataset.schema.domain.has_body:
        found = f"masks {masks!r} for scans" if dataset.schema.domain.has_body else f"masks {masks!r}"
        raise DataError(found, path=dataset.root, expected="grabcut, for frames with boxes")
    total = 0
    for number, sample in enumerate(dataset):
        segmented, n = cut_masks_from_boxes(sample, np.random.default_rng((seed, number)))
        total += n
        yield segmented
    if total:
        warning = f"{total} masks were cut out of boxes by GrabCut, which guesses: look at them before they are used"
        warnings.warn(warning, AssumptionWarning, stacklevel=3)
