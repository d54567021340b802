"""What has changed in a sample's annotations: those that nothing was pasted over stay as their file has them.

Masks of objects may overlap in a file. So the objects of a sample are not compared with each other: each annotation
loses what was pasted over it, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.annotations.annotated_objects import AnnotatedObject
from domaingan.adapters.annotations.annotated_samples import AnnotationHeader, FrameAnnotations
from domaingan.adapters.annotations.made_annotations import (
    BoolMask,
    Geometry,
    NewAnnotation,
    describe_geometry,
    make_background_annotations,
    make_crowd_annotation,
    make_object_annotation,
    make_object_annotations,
)
from domaingan.adapters.annotations.run_lengths import RunLengths, decode_mask, encode_mask
from domaingan.data import Sample, Schema
from domaingan.imaging.instances import is_nearly_hidden

NEW_OBJECT = -1
"""The origin of an object that is not in the file."""


@dataclass
class AnnotationChanges:
    """How the annotations of an image differ from those of the file that it came from.

    Attributes:
        is_kept: whether annotations of the file that are not named here stay. Else they are left out.
        new_geometries: by the index of the annotation in its file.
        dropped_indices: of the annotations that are mostly covered.
        new_annotations: annotations that are not in the file.
        pasted_pixels: where objects were pasted, None for nowhere.
        is_moved: whether the picture was turned or warped, so that the places of key points are unknown.
    """

    is_kept: bool = True
    new_geometries: dict[int, Geometry] = field(default_factory=dict)
    dropped_indices: list[int] = field(default_factory=list)
    new_annotations: list[NewAnnotation] = field(default_factory=list)
    pasted_pixels: RunLengths | None = None
    is_moved: bool = False


def find_changes(sample: Sample, schema: Schema, layout: str, *, has_background: bool = True) -> AnnotationChanges:
    """Find how the annotations of a sample differ from those of its file.

    Args:
        sample: one that was read from annotations and perhaps changed, or any other with boxes or a mask.
        schema: names the classes.
        layout: in which it is written. A sample of another layout has no file whose annotations could stay.
        has_background: whether what is labelled but no object becomes annotations too.

    Raises:
        DataError: the sample has neither boxes nor a mask.
    """
    header = find_annotation_header(sample, layout)
    if header is not None:
        origins = _find_origins(sample, header.entry)
        if origins is not None and sample.is_moved:
            return _find_changes_by_moving(sample, header.entry, origins, schema, has_background)
        if origins is not None:
            return _find_changes_by_pasting(sample, header.entry, origins, schema)
    annotations = make_object_annotations(sample, schema)
    if has_background:
        annotations += make_background_annotations(sample, schema)
    return AnnotationChanges(is_kept=False, new_annotations=annotations + _make_crowds(sample, schema))


def find_annotation_header(sample: Sample, layout: str) -> AnnotationHeader | None:
    """Find how a sample was stored, where files of a layout list its objects; None where it is of another layout.

    Args:
        sample: any sample.
        layout: name of the layout.
    """
    header = sample.header
    if isinstance(header, AnnotationHeader) and header.layout_style.startswith(f"{layout}:"):
        return header
    return None


def _make_crowds(sample: Sample, schema: Schema) -> list[NewAnnotation]:
    return [make_crowd_annotation(crowd, schema) for crowd in sample.crowds]


def _find_origins(sample: Sample, entry: FrameAnnotations) -> NDArray[np.int64] | None:
    """Find the index of each box's object in the entry, :data:`NEW_OBJECT` for pasted ones; None if it is unknown."""
    if sample.boxes is None or sample.labels is None:
        return None
    if sample.origins is not None:
        origins = np.asarray(sample.origins, dtype=np.int64)
        has_one_each = origins.shape == (len(sample.boxes),)
        return origins if has_one_each and origins.max(initial=NEW_OBJECT) < len(entry.objects) else None
    boxes = np.array([one.box for one in entry.objects], dtype=np.float32).reshape(-1, 4)
    labels = np.array([one.class_value for one in entry.objects], dtype=np.int64)
    is_unchanged = np.array_equal(sample.boxes, boxes) and np.array_equal(sample.labels, labels)
    return np.arange(len(boxes)) if is_unchanged else None


# ------------------------------------------------------------------- after pasting


def _find_changes_by_pasting(
    sample: Sample, entry: FrameAnnotations, origins: NDArray[np.int64], schema: Schema
) -> AnnotationChanges:
    """Find the changes of an image into which objects were pasted."""
    assert sample.boxes is not None
    pasted = _find_pasted_pixels(sample, origins)
    changes = AnnotationChanges(pasted_pixels=None if pasted is None else encode_mask(pasted))
    index_of_origin = {origin: index for index, origin in enumerate(origins.tolist()) if origin >= 0}
    for origin, annotation in enumerate(entry.objects):
        if origin not in index_of_origin:
            changes.dropped_indices.append(annotation.annotation_index)
        elif annotation.run_lengths is not None and pasted is not None:
            _remove_covered_part(changes, annotation, pasted)
        else:
            _update_box(changes, annotation, sample.boxes[index_of_origin[origin]])
    if pasted is not None:
        for annotation in (*entry.crowds, *entry.other_annotations):
            _remove_covered_part(changes, annotation, pasted)
    for index in np.flatnonzero(origins < 0).tolist():
        changes.new_annotations.append(make_object_annotation(sample, index, schema))
    return changes


def _find_pasted_pixels(sample: Sample, origins: NDArray[np.int64]) -> BoolMask | None:
    """Find where pasted objects are visible; None where none was pasted, or there are no instances."""
    is_pasted = origins < 0
    if sample.instances is None or not is_pasted.any():
        return None
    is_pasted_by_instance = np.concatenate([[False], is_pasted])  # instance 0 is no object
    return is_pasted_by_instance[sample.instances]


def _remove_covered_part(changes: AnnotationChanges, annotation: AnnotatedObject, pasted: BoolMask) -> None:
    """Remove pasted pixels from an annotation's mask. Drop the annotation where too little of it is left."""
    if annotation.run_lengths is None:
        x1, y1, x2, y2 = (round(side) for side in annotation.box)
        box_pixels = pasted[y1:y2, x1:x2]
        n_free = int(np.count_nonzero(~box_pixels))
        if is_nearly_hidden(n_free, box_pixels.size):
            changes.dropped_indices.append(annotation.annotation_index)
        return
    whole = decode_mask(annotation.run_lengths)
    visible = whole & ~pasted
    n_visible, n_whole = int(np.count_nonzero(visible)), int(np.count_nonzero(whole))
    if n_visible == n_whole:
        return
    if is_nearly_hidden(n_visible, n_whole):
        changes.dropped_indices.append(annotation.annotation_index)
    else:
        changes.new_geometries[annotation.annotation_index] = describe_geometry(visible)


def _update_box(changes: AnnotationChanges, annotation: AnnotatedObject, box: NDArray[np.float32]) -> None:
    """Give an annotation that has only a box the part of the box that is left."""
    whole_box = np.array(annotation.box, dtype=np.float32)
    if np.array_equal(box, whole_box):
        return
    x1, y1, x2, y2 = box.astype(float).tolist()
    share = (x2 - x1) * (y2 - y1) / float(np.prod(whole_box[2:] - whole_box[:2]))
    changes.new_geometries[annotation.annotation_index] = {
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": annotation.area * share,
    }


# ------------------------------------------------------------------- after moving


def _find_changes_by_moving(
    sample: Sample, entry: FrameAnnotations, origins: NDArray[np.int64], schema: Schema, has_background: bool
) -> AnnotationChanges:
    """Find the changes of an image that was turned or warped: objects keep all but their geometry, the rest is new."""
    changes = AnnotationChanges(is_kept=False, is_moved=True)
    for index, origin in enumerate(origins.tolist()):
        made = make_object_annotation(sample, index, schema)
        if origin < 0:
            changes.new_annotations.append(made)
        else:
            annotation_index = entry.objects[int(origin)].annotation_index
            geometry: dict[str, Any] = {key: made[key] for key in ("bbox", "area", "segmentation")}
            changes.new_geometries[annotation_index] = geometry
    if has_background:
        changes.new_annotations += make_background_annotations(sample, schema)
    changes.new_annotations += _make_crowds(sample, schema)
    return changes
