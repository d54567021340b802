"""What became of a sample's annotations: those that nothing was pasted over stay as their file has them.

Masks of objects may overlap in a file. So the objects of a sample are not compared with each other: each annotation
loses what was pasted over it, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.coco.coco_annotations import CocoObject
from domaingan.adapters.coco.coco_samples import CocoEntry, CocoHeader
from domaingan.adapters.coco.run_lengths import RunLengths, decode_mask, encode_mask
from domaingan.adapters.frames.frame_samples import find_object_components
from domaingan.core.errors import DataError
from domaingan.data import Crowd, Sample, Schema
from domaingan.imaging.instances import MIN_VISIBLE_SHARE, find_mask_objects

Geometry = dict[str, Any]
"""``bbox``, ``area`` and, of masks, ``segmentation`` as COCO has them."""

BoolMask = NDArray[np.bool_]


@dataclass
class AnnotationChanges:
    """How the annotations of an image differ from those of the file it came from.

    Attributes:
        is_kept: whether annotations of the file that are not named here stay; else they go.
        changed: new geometry by the number of the annotation in its file.
        dropped: numbers of those of which too little can be seen.
        added: new annotations: ``class`` (its name), ``iscrowd`` and their geometry.
        covered: where was pasted, None for nowhere.
        is_moved: whether the picture's geometry is another, so that points in it are not known any more.
    """

    is_kept: bool = True
    changed: dict[int, Geometry] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list)
    covered: RunLengths | None = None
    is_moved: bool = False


def find_changes(sample: Sample, schema: Schema) -> AnnotationChanges:
    """Find what is to be written of a sample's annotations.

    Args:
        sample: as it was read from a COCO set and pasted into, or any other with boxes or a mask.
        schema: names the classes.

    Raises:
        DataError: it has neither boxes nor a mask.
    """
    header = sample.header
    origins = _find_origins(sample, header.entry) if isinstance(header, CocoHeader) else None
    if not isinstance(header, CocoHeader) or origins is None:
        crowds = [_make_crowd_annotation(one, schema) for one in sample.crowds]
        return AnnotationChanges(is_kept=False, added=_make_all_annotations(sample, schema) + crowds)
    return (
        _find_changes_by_moving(sample, header.entry, origins, schema)
        if sample.is_moved
        else _find_changes_by_pasting(sample, header.entry, origins, schema)
    )


def _find_origins(sample: Sample, entry: CocoEntry) -> NDArray[np.int64] | None:
    """For each box which of the entry's objects it was, -1 for one that came; None where that is not known."""
    if sample.boxes is None or sample.labels is None:
        return None
    origins = sample.origins
    if origins is not None:
        numbers = np.asarray(origins, dtype=np.int64)
        is_known = numbers.shape == (len(sample.boxes),) and numbers.max(initial=-1) < len(entry.objects)
        return numbers if is_known else None
    boxes = np.array([one.box for one in entry.objects], dtype=np.float32).reshape(-1, 4)
    labels = np.array([one.class_value for one in entry.objects], dtype=np.int64)
    is_same = np.array_equal(sample.boxes, boxes) and np.array_equal(sample.labels, labels)
    return np.arange(len(boxes)) if is_same else None


# ---------------------------------------------------------------------- pasted over


def _find_changes_by_pasting(
    sample: Sample, entry: CocoEntry, origins: NDArray[np.int64], schema: Schema
) -> AnnotationChanges:
    assert sample.boxes is not None
    pasted = _find_pasted_pixels(sample, origins)
    changes = AnnotationChanges(covered=None if pasted is None else encode_mask(pasted))
    places = {int(origin): place for place, origin in enumerate(origins.tolist()) if origin >= 0}
    for number, one in enumerate(entry.objects):
        if number not in places:
            changes.dropped.append(one.number)
        elif one.run_lengths is not None and pasted is not None:
            _remove_covered_part(changes, one, pasted)
        else:
            _update_box(changes, one, sample.boxes[places[number]])
    for one in (*entry.crowds, *entry.others):
        if pasted is not None:
            _remove_covered_part(changes, one, pasted)
    for place in np.flatnonzero(origins < 0).tolist():
        changes.added.append(_make_object_annotation(sample, place, schema))
    return changes


def _find_pasted_pixels(sample: Sample, origins: NDArray[np.int64]) -> BoolMask | None:
    """Where objects are seen that were pasted; None where none was, or nobody knows."""
    if sample.instances is None or not (origins < 0).any():
        return None
    return np.concatenate([[False], origins < 0])[sample.instances]


def _remove_covered_part(changes: AnnotationChanges, annotation: CocoObject, pasted: BoolMask) -> None:
    """Take what was pasted from an annotation's mask, or the annotation away where too little of it is left."""
    if annotation.run_lengths is None:
        x1, y1, x2, y2 = (round(side) for side in annotation.box)
        part = pasted[y1:y2, x1:x2]
        if part.size and 1 - part.mean() < MIN_VISIBLE_SHARE:
            changes.dropped.append(annotation.number)
        return
    whole = decode_mask(annotation.run_lengths)
    left = whole & ~pasted
    n, before = int(np.count_nonzero(left)), int(np.count_nonzero(whole))
    if n == before:
        return
    if n < MIN_VISIBLE_SHARE * before:
        changes.dropped.append(annotation.number)
    else:
        changes.changed[annotation.number] = describe_geometry(left)


def _update_box(changes: AnnotationChanges, annotation: CocoObject, box: NDArray[np.float32]) -> None:
    """Give an annotation that has a box alone the box that is left of it."""
    before = np.array(annotation.box, dtype=np.float32)
    if not np.array_equal(box, before):
        x1, y1, x2, y2 = (float(n) for n in box)
        share = (x2 - x1) * (y2 - y1) / float(np.prod(before[2:] - before[:2]))
        changes.changed[annotation.number] = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": annotation.area * share}


def describe_geometry(mask: BoolMask) -> Geometry:
    """Describe a mask ``(H, W)``, true somewhere, as COCO does."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = float(rows[0]), float(columns[0])
    box = [left, top, float(columns[-1]) + 1 - left, float(rows[-1]) + 1 - top]
    return {"bbox": box, "area": float(np.count_nonzero(mask)), "segmentation": encode_mask(mask)}


# ------------------------------------------------------------------- made or moved


def _find_changes_by_moving(
    sample: Sample, entry: CocoEntry, origins: NDArray[np.int64], schema: Schema
) -> AnnotationChanges:
    """Objects keep what is said of them but for where they are; all else is anew."""
    changes = AnnotationChanges(is_kept=False, is_moved=True)
    for place, origin in enumerate(origins.tolist()):
        made = _make_object_annotation(sample, place, schema)
        if origin < 0:
            changes.added.append(made)
        else:
            number = entry.objects[origin].number
            changes.changed[number] = {key: made[key] for key in ("bbox", "area", "segmentation")}
    changes.added += _make_background_annotations(sample, schema)
    changes.added += [_make_crowd_annotation(one, schema) for one in sample.crowds]
    return changes


def _make_all_annotations(sample: Sample, schema: Schema) -> list[dict[str, Any]]:
    """All that a sample shows, as new annotations.

    Raises:
        DataError: it has neither boxes nor a mask.
    """
    if sample.boxes is None and sample.mask is not None:
        found = find_object_components(sample.mask, schema)
        sample = Sample(sample.image, sample.mask, found.boxes, found.labels, instances=found.instances)
    if sample.boxes is None or sample.labels is None:
        raise DataError(f"sample {sample.name!r} has neither boxes nor a mask", expected="one of them, in this layout")
    made = [_make_object_annotation(sample, place, schema) for place in range(len(sample.boxes))]
    return made + _make_background_annotations(sample, schema)


def _make_object_annotation(sample: Sample, index: int, schema: Schema) -> dict[str, Any]:
    assert sample.boxes is not None and sample.labels is not None
    seen = None if sample.instances is None else sample.instances == index + 1
    name = _get_class_name(int(sample.labels[index]), schema)
    return _make_annotation(name, sample.boxes[index], seen if seen is not None and seen.any() else None)


def _make_crowd_annotation(crowd: Crowd, schema: Schema) -> dict[str, Any]:
    made = _make_annotation(_get_class_name(crowd.label, schema), crowd.box, crowd.mask)
    return made | {"iscrowd": 1, "area": crowd.area if crowd.mask is None else made["area"]}


def _make_background_annotations(sample: Sample, schema: Schema) -> list[dict[str, Any]]:
    """Annotations of what is labelled but no object: a ground, what is ignored, and objects that were too small."""
    if sample.mask is None:
        return []
    rest = sample.mask if sample.instances is None else np.where(sample.instances > 0, 0, sample.mask)
    named: Sequence[int] = [*schema.classes.values()]
    if sample.instances is None:
        named = [value for name, value in schema.classes.items() if name not in schema.objects]
    found = find_mask_objects(rest, named)
    pairs = enumerate(zip(found.boxes, found.labels.tolist(), strict=True), start=1)
    return [
        _make_annotation(_get_class_name(value, schema), box, found.instances == number)
        for number, (box, value) in pairs
    ]


def _make_annotation(name: str, box: NDArray[Any], mask: BoolMask | None) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(n) for n in box)
    width, height = x2 - x1, y2 - y1
    area = width * height if mask is None else float(np.count_nonzero(mask))
    segments = [] if mask is None else encode_mask(mask)
    return {"class": name, "segmentation": segments, "area": area, "bbox": [x1, y1, width, height], "iscrowd": 0}


def _get_class_name(value: int, schema: Schema) -> str:
    return next(name for name, other in schema.classes.items() if other == value)
