"""From a dataset to a bank of its real crops: the region around each object, with its mask."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.bank import Bank, BankInfo, new_entries
from domaingan.errors import DataError
from domaingan.grid import resize
from domaingan.sample import Dataset, Sample, Schema, Value
from domaingan.tissue import components, contrast, foreground, intensity_range, ring, surface_depth, tissue, to_scaled

MIN_PIXELS = {2: 12, 3: 30}
"""Smallest object that becomes a crop, in pixels or voxels; smaller specks are counted as left out."""

HALF_RANGE = 60_000.0
"""Where scaled values are cut off, as float16 ends at 65,504 (a channel that is almost flat has no range)."""

CLASS_CONDITION = {"scan": "lesion", "frame": "object"}
"""What the class of a crop is called as a condition, by domain."""

BENEATH = 3
"""So many pixels below an object say what it stands on."""

MARGIN = 1.25
"""How much larger than the object a crop must be to hold some of its surroundings."""


@dataclass(frozen=True)
class _Found:
    image: NDArray[np.float16]
    mask: NDArray[np.uint8]
    spacing: tuple[float, ...]
    extent: tuple[int, ...]
    centre: NDArray[np.float32]
    radius_mm: float
    contrast: float
    depth_mm: float
    voxels: Counter[int]
    below: int
    subject: str
    condition: dict[str, Value]


def crops(dataset: Dataset, size: int | None = None, condition: str | None = None) -> Bank:
    """The real crops of a dataset as a bank.

    A crop of a scan is a connected component of all classes together (of all ``objects`` where the dataset names
    some), and its mask keeps every class. A crop of a frame is one of its instances; the bank also counts what was
    right below each class of them (``info.ground``). Its condition is the rarest class it holds (the one found in the
    fewest subjects, and among those the one with the fewest voxels), or its sample's value in a column of
    ``samples.csv``. A crop is cut at the dataset's own grid; an object that does not fit, with some surroundings, is
    shrunk to fit, and its ``spacing`` says so.

    Args:
        dataset: labelled samples, 2D or 3D.
        size: edge of a crop in pixels; 64 in 2D and 32 in 3D unless given.
        condition: ``lesion`` (scans) or ``object`` (frames) for the class, the default; or the name of a column.

    Raises:
        DataError: the size is not a power of two of at least 8, there is no such condition, a class value does not
            fit a bank's masks (1 to 255), or the dataset holds no object.
    """
    dims = dataset.schema.spatial_dims
    if size is None:
        size = 64 if dims == 2 else 32
    if size < 8 or size & (size - 1):
        raise DataError(f"size {size}", expected="a power of two, at least 8")
    classes = cropped_classes(dataset.schema)
    if not all(1 <= value <= 255 for value in classes.values()):
        raise DataError(f"class values {classes}", path=dataset.root, expected="values of 1 to 255")
    condition = _known(condition, dataset.schema)
    left_out: Counter[str] = Counter()
    found = [crop for sample in dataset for crop in find_objects(sample, dataset.schema, size, left_out)]
    if not found:
        raise DataError(
            "no object in any mask" + "".join(f", {n} {why}" for why, n in left_out.items()),
            path=dataset.root,
            expected=f"at least one of {', '.join(classes) or '(no classes named)'}",
        )
    labels, values = _labelled(found, condition, dataset.schema)
    info = BankInfo(
        domain=dataset.schema.domain,
        spatial_dims=dims,
        channels=list(dataset.schema.channels),
        classes=classes,
        ground=_ground(found, dataset.schema),
        conditions={condition: values},
        subjects=list(dict.fromkeys(crop.subject for crop in found)),
        source=dataset.root,
        left_out=dict(left_out),
    )
    entries = new_entries(info, len(found))
    for entry, crop, label in zip(entries, found, labels, strict=True):
        entry["subject"] = info.subjects.index(crop.subject)
        entry["spacing"], entry["centre"], entry["extent"] = crop.spacing, crop.centre, crop.extent
        entry["radius_mm"], entry["contrast"] = crop.radius_mm, crop.contrast
        entry["depth_mm"] = crop.depth_mm
        entry[f"condition:{condition}"] = values.index(label) if label in values else -1
    return Bank(info, np.stack([crop.image for crop in found]), np.stack([crop.mask for crop in found]), entries)


def cropped_classes(schema: Schema) -> dict[str, int]:
    """The classes that a crop's mask may hold: of frames those of objects, of scans all of them.

    Raises:
        DataError: frames whose objects are not named.
    """
    if schema.domain == "scan":
        return dict(schema.classes)
    if not schema.objects:
        raise DataError("no objects named", expected='"objects": [class, …] in classes.json')
    return {name: schema.classes[name] for name in schema.objects}


def _ground(found: Iterable[_Found], schema: Schema) -> dict[str, dict[str, int]]:
    """For each class of objects how often each other class was right below one; frames alone."""
    names = {value: name for name, value in schema.classes.items()}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for crop in found:
        if crop.below in names:
            counts[names[crop.voxels.most_common(1)[0][0]]][names[crop.below]] += 1
    return {name: dict(counter.most_common()) for name, counter in counts.items()}


def _known(condition: str | None, schema: Schema) -> str:
    own = CLASS_CONDITION[schema.domain]
    if condition not in (None, own, *schema.conditions):
        raise DataError(f"no condition {condition!r}", expected=f"one of {', '.join([own, *schema.conditions])}")
    return condition or own


def _labelled(found: Sequence[_Found], condition: str, schema: Schema) -> tuple[list[str], list[str]]:
    """Each crop's value of the condition (empty where it is not known), and the values that occur, rarest first."""
    if condition != CLASS_CONDITION[schema.domain]:
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


def voxels_of(mask: NDArray[Any]) -> Counter[int]:
    """How many pixels of each class value a mask holds; background does not count."""
    values, counts = np.unique(mask[mask > 0], return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def find_objects(sample: Sample, schema: Schema, size: int, left_out: Counter[str]) -> list[_Found]:
    """Every object of one sample as a crop of ``size``; what is not taken is counted in ``left_out``."""
    if sample.mask is None:
        left_out["samples without a mask"] += 1
        return []
    layers = list(_layers(sample, schema))
    if not layers:
        return []
    ends = intensity_range(sample, schema.domain)
    scaled = to_scaled(sample.image, ends)
    scan = schema.domain == "scan"
    inside = foreground(sample) if scan else np.ones(sample.shape, dtype=bool)
    box = _box(inside)
    depth = surface_depth(inside, sample.spacing) if scan else np.zeros(sample.shape, dtype=np.float32)
    found = []
    for own, where in layers:
        if (own[where] > 0).sum() < MIN_PIXELS[sample.spatial_dims]:
            left_out[f"objects under {MIN_PIXELS[sample.spatial_dims]} pixels"] += 1
            continue
        crop = _cut(sample, scaled, own, where, box, depth, size)
        if crop.voxels:
            found.append(crop if scan else replace(crop, below=_below(own, where, sample.mask, schema)))
        else:
            left_out[f"objects too thin to be shrunk to {size} pixels"] += 1
    return found


def _layers(sample: Sample, schema: Schema) -> Iterator[tuple[NDArray[Any], tuple[slice, ...]]]:
    """Each object of a sample: its class values on the whole grid, 0 elsewhere, and the part that holds it."""
    assert sample.mask is not None
    values = [schema.class_value(name) for name in (schema.objects or schema.classes)]
    wanted = np.where(np.isin(sample.mask, [v for v in values if v not in schema.ignore]), sample.mask, 0)
    if sample.instances is not None:
        numbered = [sample.instances]
    elif schema.objects:  # objects touch one another: each class has components of its own. Lesions' classes nest.
        numbered = [components(wanted == v)[0] for v in values]
    else:
        numbered = [components(wanted)[0]]
    for labels in numbered:
        for number, where in enumerate(ndimage.find_objects(labels), start=1):
            if where is not None:
                own = np.zeros(wanted.shape, dtype=wanted.dtype)
                own[where] = np.where(labels[where] == number, wanted[where], 0)
                yield own, where


def _below(own: NDArray[Any], where: tuple[slice, ...], mask: NDArray[Any], schema: Schema) -> int:
    """The class most often found up to 3 pixels below the lowest quarter of an object; -1 where there is none."""
    body = own[where] > 0
    feet = body[-max(1, len(body) // 4) :]
    columns = np.flatnonzero(feet.any(axis=0)) + where[1].start
    low = where[0].stop
    beneath = mask[low : low + BENEATH, columns]
    others = [schema.classes[name] for name in schema.objects] + list(schema.ignore)
    values, counts = np.unique(beneath[~np.isin(beneath, others)], return_counts=True)
    return int(values[counts.argmax()]) if len(values) else -1


def _box(inside: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    where = ndimage.find_objects(inside.astype(np.uint8))[0]
    return np.array([s.start for s in where]), np.array([s.stop for s in where])


def _cut(
    sample: Sample,
    scaled: NDArray[np.float32],
    mask: NDArray[Any],
    where: tuple[slice, ...],
    box: tuple[NDArray[Any], NDArray[Any]],
    depth: NDArray[np.float32],
    size: int,
) -> _Found:
    low, high = np.array([s.start for s in where]), np.array([s.stop for s in where])
    extent = int(max(size, np.ceil((high - low).max() * MARGIN)))
    corner = (low + high) // 2 - extent // 2
    image = window(scaled, corner, extent)
    piece = window(mask, corner, extent, empty=0).astype(np.uint8)
    if extent > size:
        image = resize(image, (size,) * sample.spatial_dims)
        piece = resize(piece, (size,) * sample.spatial_dims, label=True)
    spacing = tuple(s * extent / size for s in sample.spacing)
    volume = float((piece > 0).sum() * np.prod(spacing))
    radius = (volume / np.pi) ** 0.5 if sample.spatial_dims == 2 else (3 * volume / (4 * np.pi)) ** (1 / 3)
    around = ring(piece, inside=tissue(image))
    return _Found(
        image=np.clip(image, -HALF_RANGE, HALF_RANGE).astype(np.float16),
        mask=piece,
        spacing=spacing,
        extent=tuple(round(n * s) for n, s in zip(sample.shape, sample.spacing, strict=True)),
        centre=np.clip(((low + high) / 2 - box[0]) / (box[1] - box[0]), 0, 1).astype(np.float32),
        radius_mm=float(radius),
        contrast=float(contrast(image, piece, around)[0]),
        depth_mm=float(depth[mask > 0].min()),
        voxels=voxels_of(piece),
        below=-1,
        condition=dict(sample.condition),
        subject=sample.unit,
    )


def window(
    array: NDArray[Any], corner: NDArray[Any], extent: int | Sequence[int], empty: float | None = None
) -> NDArray[Any]:
    """A patch of ``extent`` cut from the last axes at ``corner``; outside ``empty``, or a channel's minimum."""
    dims = len(corner)
    lead, shape = array.shape[: array.ndim - dims], array.shape[array.ndim - dims :]
    size = np.broadcast_to(np.asarray(extent), (dims,)).tolist()
    starts = [min(max(0, int(c)), n) for c, n in zip(corner, shape, strict=True)]
    stops = [min(max(0, int(c) + e), n) for c, n, e in zip(corner, shape, size, strict=True)]
    if empty is None:
        outside = array.min(axis=tuple(range(array.ndim - dims, array.ndim)), keepdims=True)
    else:
        outside = np.asarray(empty, dtype=array.dtype)
    out = np.broadcast_to(outside, (*lead, *size)).copy()
    if all(a < b for a, b in zip(starts, stops, strict=True)):
        source: list[Any] = [slice(a, b) for a, b in zip(starts, stops, strict=True)]
        target: list[Any] = [slice(s.start - int(c), s.stop - int(c)) for s, c in zip(source, corner, strict=True)]
        out[(Ellipsis, *target)] = array[(Ellipsis, *source)]
    return out
