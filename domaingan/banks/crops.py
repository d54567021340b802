"""From a dataset to a bank of its real crops: the region around each object, with its mask."""

from __future__ import annotations

import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from domaingan.banks import UNLABELLED_NAME, Bank, BankInfo, create_entries
from domaingan.banks.find_objects import BOX_WITHOUT_MASK, FoundObject, find_objects
from domaingan.core.arguments import read_edge_length
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.data.slice_axes import warn_about_thin_volumes
from domaingan.imaging.grabcut import cut_masks_from_boxes
from domaingan.imaging.horizon import MIN_DISTANCE, MIN_OBJECTS, estimate_horizon, find_standing_classes
from domaingan.imaging.near_duplicates import get_checksums
from domaingan.imaging.ranges import find_shared_ranges, warn_about_guessed_ranges

MEASURED_CONDITIONS = ("radius_mm", "volume_mm3", "contrast")
"""Numbers that are measured on a crop, and can be its conditions: the radius of a disc or ball as large as the object,
its volume (3D), and its contrast to its ring (scaled units, first channel)."""


MAX_CROP_CLASS_VALUE = 255
"""A bank's masks hold class values up to here."""


def crops(
    dataset: Dataset,
    size: int | None = None,
    condition: str | Sequence[str] | None = None,
    masks: str | None = None,
    seed: int = 0,
) -> Bank:
    """The real crops of a dataset as a bank.

    A crop of a scan is a connected component of all classes together (of all ``objects`` where the dataset names
    some), and its mask keeps every class. A crop of a frame is one of its instances, unless another one hides its feet;
    the bank also counts what was right below each class of them (``info.supporting_classes``), and knows how far below the horizon
    each stood (``depth_mm``, see :mod:`domaingan.imaging.horizon`). Its condition is the rarest class it holds (the
    one found in the fewest subjects, and among those the one with the fewest voxels), its sample's value in a column of
    ``samples.csv``, a number measured on it, or several of these together. A crop is cut at the dataset's own grid; an
    object that does not fit, with some surroundings, is shrunk to fit, and its ``spacing`` says so.

    Args:
        dataset: labelled samples, 2D or 3D.
        size: edge of a crop in pixels; 64 in 2D and 32 in 3D unless given.
        condition: ``lesion`` (scans) or ``object`` (frames) for the class, the default; the name of a column, which
            is a number where its values are; or one of :data:`MEASURED`. Several in a sequence.
        masks: ``grabcut`` to cut objects of frames that have a box alone out of it, see
            :mod:`domaingan.imaging.grabcut`; a warning says how many, as they are to be looked at. Such objects are
            left out and counted unless given.
        seed: of these cuts.

    Raises:
        DataError: there is no such way to masks, the size is not a power of two of at least 8, there is no such
            condition, a class value does not fit a bank's masks (1 to 255), or the dataset holds no object.
    """
    dims = dataset.schema.spatial_dims
    if size is None:
        size = 64 if dims == 2 else 32
    size = read_edge_length(size, dims)
    classes = check_crop_classes(dataset)
    names = _validate_conditions(condition, dataset.schema)
    warn_about_thin_volumes(dataset)
    left_out: Counter[str] = Counter()
    found: list[FoundObject] = []
    checksums: dict[str, str] = {}
    for sample in _with_grabcut_masks(dataset, masks, seed):
        found += find_objects(sample, dataset.schema, size, left_out)
        checksums |= dict.fromkeys(get_checksums(sample), sample.statistical_unit)
    if dataset.schema.domain.has_ground:
        found = _drop_occluded(found, left_out)
    if not found:
        raise DataError(
            "no object in any mask" + "".join(f", {n} {why}" for why, n in left_out.items()),
            path=dataset.root,
            expected=_describe_expected_objects(classes, left_out),
        )
    numbers = {name: column for name in names if (column := _collect_numbers(found, name, dims)) is not None}
    labels = {name: _collect_labels(found, name, dataset.schema) for name in names if name not in numbers}
    info = BankInfo(
        domain=dataset.schema.domain,
        spatial_dims=dims,
        channels=list(dataset.schema.channels),
        classes=classes,
        supporting_classes=_count_supporting_classes(found, dataset.schema),
        conditions={name: values for name, (_, values) in labels.items()},
        numbers=list(numbers),
        subjects=list(dict.fromkeys(crop.subject for crop in found)),
        source=dataset.root,
        left_out=dict(left_out),
        checksums=checksums,
    )
    if info.domain.has_body:
        scalings = [crop.scaling for crop in found if crop.scaling is not None]
        warn_about_guessed_ranges(info.channels, scalings, dataset.schema.ranges)
        info.ranges, info.percentiles = find_shared_ranges(info.channels, scalings)
    entries = create_entries(info, len(found))
    depths = [crop.depth for crop in found] if info.domain.has_body else _measure_horizon_distances(found)
    for entry, crop, depth in zip(entries, found, depths, strict=True):
        entry["subject"] = info.subjects.index(crop.subject)
        entry["spacing"], entry["centre"], entry["source_size"] = crop.spacing, crop.centre, crop.source_size
        entry["radius_mm"], entry["contrast"] = crop.radius_mm, crop.contrast
        entry["depth"] = depth
    for name, (own, values) in labels.items():
        entries[f"condition:{name}"] = [values.index(label) if label in values else -1 for label in own]
    for name, column in numbers.items():
        entries[f"number:{name}"] = column
    return Bank(info, np.stack([crop.image for crop in found]), np.stack([crop.mask for crop in found]), entries)


def check_crop_classes(dataset: Dataset, alternative: str = "") -> dict[str, int]:
    """Get the classes that a crop's mask may hold, if a bank's masks can hold them.

    Args:
        dataset: labelled samples.
        otherwise: what else would do, for the message.

    Returns:
        Value by name, as of :func:`list_crop_classes`.

    Raises:
        DataError: a value outside 1 to 255, or as of :func:`list_crop_classes`.
    """
    classes = list_crop_classes(dataset.schema)
    outside = {name: value for name, value in classes.items() if not 1 <= value <= MAX_CROP_CLASS_VALUE}
    if outside:
        name, more = next(iter(outside)), f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        found = f"class value {outside[name]} ({name}){more}"
        raise DataError(
            found, path=dataset.root, expected=f"values of 1 to {MAX_CROP_CLASS_VALUE} in crops{alternative}"
        )
    return classes


def _describe_expected_objects(classes: Iterable[str], left_out: Counter[str]) -> str:
    """What was expected where no object was found."""
    if left_out[BOX_WITHOUT_MASK]:
        return "masks; or --masks grabcut (masks='grabcut'), which cuts objects out of their boxes"
    return f"at least one of {', '.join(classes) or '(no classes named)'}"


def _with_grabcut_masks(dataset: Dataset, masks: str | None, seed: int) -> Iterator[Sample]:
    """The samples, with masks of objects that have a box alone where they are asked for.

    Raises:
        DataError: there is no such way to masks, or it is none for scans.
    """
    if masks is None:
        yield from dataset
        return
    if masks != "grabcut" or dataset.schema.domain.has_body:
        found = f"masks {masks!r}" + (" for scans" if dataset.schema.domain.has_body else "")
        raise DataError(found, path=dataset.root, expected="grabcut, for frames with boxes")
    total = 0
    for number, sample in enumerate(dataset):
        masked, n = cut_masks_from_boxes(sample, np.random.default_rng((seed, number)))
        total += n
        yield masked
    if total:
        said = f"{total} masks were cut out of boxes by GrabCut, which guesses: look at them before they are used"
        warnings.warn(said, AssumptionWarning, stacklevel=3)


def list_crop_classes(schema: Schema) -> dict[str, int]:
    """The classes that a crop's mask may hold: of frames those of objects, of scans all of them.

    Raises:
        DataError: frames whose objects are not named.
    """
    if schema.domain.has_body:
        return dict(schema.classes)
    if not schema.objects:
        raise DataError("no objects named", expected='"objects": [class, …] in classes.json')
    return {name: schema.classes[name] for name in schema.objects}


def _drop_occluded(objects: Sequence[FoundObject], left_out: Counter[str]) -> list[FoundObject]:
    """Those whose feet are seen, which are what places and sizes go by.

    A class of which most stand on other objects, as riders do on bicycles, keeps them all.
    """
    hidden: dict[int, list[bool]] = defaultdict(list)
    for crop in objects:
        hidden[_find_main_class(crop)].append(crop.is_occluded)
    kept = [crop for crop in objects if not crop.is_occluded or np.mean(hidden[_find_main_class(crop)]) > 0.5]
    if len(kept) < len(objects):
        left_out["objects whose feet others hide"] += len(objects) - len(kept)
    return kept


def _measure_horizon_distances(objects: Sequence[FoundObject]) -> list[float]:
    """How far below the horizon each object's feet are, in ``extent``'s unit; 0 where that is not known.

    The horizon is that of the drive, as every camera hangs at its own tilt; drives with few whole objects are taken
    together. Classes that stand on no ground (:func:`domaingan.imaging.horizon.find_standing_classes`) are left out.
    """
    whole = np.array([min(crop.low_corner) > 0 and max(crop.high_corner) < 1 for crop in objects])
    height = np.array([crop.high_corner[0] - crop.low_corner[0] for crop in objects])
    feet = np.array([crop.high_corner[0] for crop in objects])
    kinds = np.array([_find_main_class(crop) for crop in objects])
    stands = np.isin(kinds, find_standing_classes(height[whole], feet[whole], kinds[whole])) | ~np.isin(
        kinds, kinds[whole]
    )
    whole &= stands
    counts = Counter(crop.group for crop, is_whole in zip(objects, whole, strict=True) if is_whole)
    drives = np.array([crop.group if counts[crop.group] >= MIN_OBJECTS else "" for crop in objects])
    distance = np.zeros(len(objects))
    for drive in np.unique(drives):
        own = drives == drive
        row = estimate_horizon(height[own & whole], feet[own & whole], kinds[own & whole])
        if row is not None:
            distance[own] = feet[own] - row
    distance[~stands | (distance < MIN_DISTANCE)] = 0
    return [float(d * crop.source_size[0]) for d, crop in zip(distance, objects, strict=True)]


def _find_main_class(crop: FoundObject) -> int:
    return crop.voxels.most_common(1)[0][0]


def _count_supporting_classes(objects: Iterable[FoundObject], schema: Schema) -> dict[str, dict[str, int]]:
    """For each class of objects how often each other class, or nothing labelled, was right below one; frames alone."""
    names = {value: name for name, value in schema.classes.items()}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for crop in objects:
        if crop.supporting_class >= 0:
            counts[names[_find_main_class(crop)]][names.get(crop.supporting_class, UNLABELLED_NAME)] += 1
    return {name: dict(counter.most_common()) for name, counter in counts.items()}


def _validate_conditions(condition: str | Sequence[str] | None, schema: Schema) -> list[str]:
    own = schema.domain.class_condition
    asked = [own] if condition is None else [condition] if isinstance(condition, str) else list(condition)
    known = [
        own,
        *schema.conditions,
        *(name for name in MEASURED_CONDITIONS if name != "volume_mm3" or schema.spatial_dims == 3),
    ]
    for name in asked:
        if name not in known:
            raise DataError(f"no condition {name!r}", expected=f"one of {', '.join(known)}")
    return list(dict.fromkeys(asked)) or [own]


def _collect_numbers(objects: Sequence[FoundObject], name: str, dims: int) -> list[float] | None:
    """Each crop's value of a number condition, NaN where it is not known; None if the condition is of classes."""
    if name == "volume_mm3":
        return [4 / 3 * math.pi * crop.radius_mm**dims for crop in objects]
    if name in MEASURED_CONDITIONS:
        return [float(getattr(crop, name)) for crop in objects]
    values = [crop.condition.get(name, "") for crop in objects]
    known = [value for value in values if value != ""]
    if not known or any(isinstance(value, str) for value in known):
        return None
    return [math.nan if isinstance(value, str) else float(value) for value in values]


def _collect_labels(objects: Sequence[FoundObject], condition: str, schema: Schema) -> tuple[list[str], list[str]]:
    """Each crop's value of the condition (empty where it is not known), and the values that occur, rarest first."""
    if condition != schema.domain.class_condition:
        labels = [str(crop.condition.get(condition, "")) for crop in objects]
        counts = Counter(label for label in labels if label)
        return labels, sorted(counts, key=lambda label: (counts[label], label))
    order = sort_classes_by_rarity((crop.subject, crop.voxels) for crop in objects)
    names = {value: name for name, value in schema.classes.items()}
    rarest = [min(crop.voxels, key=order.index) for crop in objects]
    return [names[value] for value in rarest], [names[value] for value in sorted(set(rarest), key=order.index)]


def sort_classes_by_rarity(voxels_by_subject: Iterable[tuple[str, Counter[int]]]) -> list[int]:
    """Class values, rarest first: by the number of subjects that hold them, then by voxels.

    Args:
        held: a subject and its voxels of each class value, once or several times a subject.

    >>> sort_classes_by_rarity([("a", Counter({1: 5, 2: 90})), ("b", Counter({1: 5}))])
    [2, 1]
    """
    subjects: dict[int, set[str]] = defaultdict(set)
    voxels: Counter[int] = Counter()
    for subject, counts in voxels_by_subject:
        voxels.update(counts)
        for value in counts:
            subjects[value].add(subject)
    return sorted(voxels, key=lambda value: (len(subjects[value]), voxels[value], value))
