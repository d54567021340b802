"""From a dataset to a bank of its real crops: the region around each object, with its mask."""

from __future__ import annotations

import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from domaingan.banks import UNLABELLED, Bank, BankInfo, new_entries
from domaingan.banks.find_objects import BOX_ALONE, Found, find_objects
from domaingan.core.arguments import read_size
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.data.slice_axes import warn_of_thin_stacks
from domaingan.imaging.grabcut import cut_from_boxes
from domaingan.imaging.horizon import FEWEST, NEAREST, horizon, standing_kinds
from domaingan.imaging.near_duplicates import get_checksums
from domaingan.imaging.ranges import say_ranges, shared_ranges

MEASURED = ("radius_mm", "volume_mm3", "contrast")
"""Numbers that are measured on a crop, and can be its conditions: the radius of a disc or ball as large as the object,
its volume (3D), and its contrast to its ring (scaled units, first channel)."""


LARGEST_BANK_VALUE = 255
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
    the bank also counts what was right below each class of them (``info.ground``), and knows how far below the horizon
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
    size = read_size(size, dims)
    classes = check_crop_values(dataset)
    names = _known(condition, dataset.schema)
    warn_of_thin_stacks(dataset)
    left_out: Counter[str] = Counter()
    found: list[Found] = []
    checksums: dict[str, str] = {}
    for sample in _masked(dataset, masks, seed):
        found += find_objects(sample, dataset.schema, size, left_out)
        checksums |= dict.fromkeys(get_checksums(sample), sample.unit)
    if dataset.schema.domain.has_ground:
        found = _with_feet(found, left_out)
    if not found:
        raise DataError(
            "no object in any mask" + "".join(f", {n} {why}" for why, n in left_out.items()),
            path=dataset.root,
            expected=_wanted(classes, left_out),
        )
    numbers = {name: column for name in names if (column := _numbers(found, name, dims)) is not None}
    labels = {name: _labelled(found, name, dataset.schema) for name in names if name not in numbers}
    info = BankInfo(
        domain=dataset.schema.domain,
        spatial_dims=dims,
        channels=list(dataset.schema.channels),
        classes=classes,
        ground=_ground(found, dataset.schema),
        conditions={name: values for name, (_, values) in labels.items()},
        numbers=list(numbers),
        subjects=list(dict.fromkeys(crop.subject for crop in found)),
        source=dataset.root,
        left_out=dict(left_out),
        checksums=checksums,
    )
    if info.domain.has_body:
        scalings = [crop.scaling for crop in found if crop.scaling is not None]
        say_ranges(info.channels, scalings, dataset.schema.ranges)
        info.ranges, info.percentiles = shared_ranges(info.channels, scalings)
    entries = new_entries(info, len(found))
    depths = [crop.depth_mm for crop in found] if info.domain.has_body else _below_horizon(found)
    for entry, crop, depth in zip(entries, found, depths, strict=True):
        entry["subject"] = info.subjects.index(crop.subject)
        entry["spacing"], entry["centre"], entry["extent"] = crop.spacing, crop.centre, crop.extent
        entry["radius_mm"], entry["contrast"] = crop.radius_mm, crop.contrast
        entry["depth_mm"] = depth
    for name, (own, values) in labels.items():
        entries[f"condition:{name}"] = [values.index(label) if label in values else -1 for label in own]
    for name, column in numbers.items():
        entries[f"number:{name}"] = column
    return Bank(info, np.stack([crop.image for crop in found]), np.stack([crop.mask for crop in found]), entries)


def check_crop_values(dataset: Dataset, otherwise: str = "") -> dict[str, int]:
    """Get the classes that a crop's mask may hold, if a bank's masks can hold them.

    Args:
        dataset: labelled samples.
        otherwise: what else would do, for the message.

    Returns:
        Value by name, as of :func:`cropped_classes`.

    Raises:
        DataError: a value outside 1 to 255, or as of :func:`cropped_classes`.
    """
    classes = cropped_classes(dataset.schema)
    outside = {name: value for name, value in classes.items() if not 1 <= value <= LARGEST_BANK_VALUE}
    if outside:
        name, more = next(iter(outside)), f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        found = f"class value {outside[name]} ({name}){more}"
        raise DataError(found, path=dataset.root, expected=f"values of 1 to {LARGEST_BANK_VALUE} in crops{otherwise}")
    return classes


def _wanted(classes: Iterable[str], left_out: Counter[str]) -> str:
    """What was expected where no object was found."""
    if left_out[BOX_ALONE]:
        return "masks; or --masks grabcut (masks='grabcut'), which cuts objects out of their boxes"
    return f"at least one of {', '.join(classes) or '(no classes named)'}"


def _masked(dataset: Dataset, masks: str | None, seed: int) -> Iterator[Sample]:
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
        masked, n = cut_from_boxes(sample, np.random.default_rng((seed, number)))
        total += n
        yield masked
    if total:
        said = f"{total} masks were cut out of boxes by GrabCut, which guesses: look at them before they are used"
        warnings.warn(said, AssumptionWarning, stacklevel=3)


def cropped_classes(schema: Schema) -> dict[str, int]:
    """The classes that a crop's mask may hold: of frames those of objects, of scans all of them.

    Raises:
        DataError: frames whose objects are not named.
    """
    if schema.domain.has_body:
        return dict(schema.classes)
    if not schema.objects:
        raise DataError("no objects named", expected='"objects": [class, …] in classes.json')
    return {name: schema.classes[name] for name in schema.objects}


def _with_feet(found: Sequence[Found], left_out: Counter[str]) -> list[Found]:
    """Those whose feet are seen, which are what places and sizes go by.

    A class of which most stand on other objects, as riders do on bicycles, keeps them all.
    """
    hidden: dict[int, list[bool]] = defaultdict(list)
    for crop in found:
        hidden[_kind(crop)].append(crop.hidden)
    kept = [crop for crop in found if not crop.hidden or np.mean(hidden[_kind(crop)]) > 0.5]
    if len(kept) < len(found):
        left_out["objects whose feet others hide"] += len(found) - len(kept)
    return kept


def _below_horizon(found: Sequence[Found]) -> list[float]:
    """How far below the horizon each object's feet are, in ``extent``'s unit; 0 where that is not known.

    The horizon is that of the drive, as every camera hangs at its own tilt; drives with few whole objects are taken
    together. Classes that stand on no ground (:func:`domaingan.imaging.horizon.standing_kinds`) are left out.
    """
    whole = np.array([min(crop.low) > 0 and max(crop.high) < 1 for crop in found])
    height = np.array([crop.high[0] - crop.low[0] for crop in found])
    feet = np.array([crop.high[0] for crop in found])
    kinds = np.array([_kind(crop) for crop in found])
    stands = np.isin(kinds, standing_kinds(height[whole], feet[whole], kinds[whole])) | ~np.isin(kinds, kinds[whole])
    whole &= stands
    counts = Counter(crop.drive for crop, is_whole in zip(found, whole, strict=True) if is_whole)
    drives = np.array([crop.drive if counts[crop.drive] >= FEWEST else "" for crop in found])
    distance = np.zeros(len(found))
    for drive in np.unique(drives):
        own = drives == drive
        row = horizon(height[own & whole], feet[own & whole], kinds[own & whole])
        if row is not None:
            distance[own] = feet[own] - row
    distance[~stands | (distance < NEAREST)] = 0
    return [float(d * crop.extent[0]) for d, crop in zip(distance, found, strict=True)]


def _kind(crop: Found) -> int:
    return crop.voxels.most_common(1)[0][0]


def _ground(found: Iterable[Found], schema: Schema) -> dict[str, dict[str, int]]:
    """For each class of objects how often each other class, or nothing labelled, was right below one; frames alone."""
    names = {value: name for name, value in schema.classes.items()}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for crop in found:
        if crop.below >= 0:
            counts[names[_kind(crop)]][names.get(crop.below, UNLABELLED)] += 1
    return {name: dict(counter.most_common()) for name, counter in counts.items()}


def _known(condition: str | Sequence[str] | None, schema: Schema) -> list[str]:
    own = schema.domain.class_condition
    asked = [own] if condition is None else [condition] if isinstance(condition, str) else list(condition)
    known = [own, *schema.conditions, *(name for name in MEASURED if name != "volume_mm3" or schema.spatial_dims == 3)]
    for name in asked:
        if name not in known:
            raise DataError(f"no condition {name!r}", expected=f"one of {', '.join(known)}")
    return list(dict.fromkeys(asked)) or [own]


def _numbers(found: Sequence[Found], name: str, dims: int) -> list[float] | None:
    """Each crop's value of a number condition, NaN where it is not known; None if the condition is of classes."""
    if name == "volume_mm3":
        return [4 / 3 * math.pi * crop.radius_mm**dims for crop in found]
    if name in MEASURED:
        return [float(getattr(crop, name)) for crop in found]
    values = [crop.condition.get(name, "") for crop in found]
    known = [value for value in values if value != ""]
    if not known or any(isinstance(value, str) for value in known):
        return None
    return [math.nan if isinstance(value, str) else float(value) for value in values]


def _labelled(found: Sequence[Found], condition: str, schema: Schema) -> tuple[list[str], list[str]]:
    """Each crop's value of the condition (empty where it is not known), and the values that occur, rarest first."""
    if condition != schema.domain.class_condition:
        labels = [str(crop.condition.get(condition, "")) for crop in found]
        counts = Counter(label for label in labels if label)
        return labels, sorted(counts, key=lambda label: (counts[label], label))
    order = by_rarity((crop.subject, crop.voxels) for crop in found)
    names = {value: name for name, value in schema.classes.items()}
    rarest = [min(crop.voxels, key=order.index) for crop in found]
    return [names[value] for value in rarest], [names[value] for value in sorted(set(rarest), key=order.index)]


def by_rarity(held: Iterable[tuple[str, Counter[int]]]) -> list[int]:
    """Class values, rarest first: by the number of subjects that hold them, then by voxels.

    Args:
        held: a subject and its voxels of each class value, once or several times a subject.

    >>> by_rarity([("a", Counter({1: 5, 2: 90})), ("b", Counter({1: 5}))])
    [2, 1]
    """
    subjects: dict[int, set[str]] = defaultdict(set)
    voxels: Counter[int] = Counter()
    for subject, counts in held:
        voxels.update(counts)
        for value in counts:
            subjects[value].add(subject)
    return sorted(voxels, key=lambda value: (len(subjects[value]), voxels[value], value))
