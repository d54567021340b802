"""New annotations: of objects that were made or moved, of crowds, and of what is labelled but no object."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.annotations.run_lengths import encode_mask
from domaingan.adapters.frames.frame_samples import find_object_components
from domaingan.core.errors import DataError
from domaingan.data import Crowd, Sample, Schema
from domaingan.imaging.instances import find_mask_objects

BoolMask = NDArray[np.bool_]

Geometry = dict[str, Any]
"""``bbox``, ``area`` and, of masks, ``segmentation``, as COCO has them."""

NewAnnotation = dict[str, Any]
"""An annotation without ids, with the name of its ``class``."""


def describe_geometry(mask: BoolMask) -> Geometry:
    """Describe a mask as COCO does.

    Args:
        mask: ``(H, W)``, true somewhere.

    Returns:
        Its ``bbox``, ``area`` and ``segmentation``.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    left, top = float(columns[0]), float(rows[0])
    width = float(columns[-1]) + 1 - left
    height = float(rows[-1]) + 1 - top
    return {
        "bbox": [left, top, width, height],
        "area": float(np.count_nonzero(mask)),
        "segmentation": encode_mask(mask),
    }


def make_object_annotations(sample: Sample, schema: Schema) -> list[NewAnnotation]:
    """Make annotations of the objects that a sample's boxes, mask and instances show.

    Args:
        sample: with boxes or a mask. Without boxes the objects are connected components.
        schema: names the classes.

    Raises:
        DataError: the sample has neither boxes nor a mask.
    """
    if sample.boxes is None and sample.mask is not None:
        components = find_object_components(sample.mask, schema)
        sample = Sample(sample.image, sample.mask, components.boxes, components.labels, instances=components.instances)
    if sample.boxes is None or sample.labels is None:
        raise DataError(f"sample {sample.name!r} has neither boxes nor a mask", expected="one of them, in this layout")
    return [make_object_annotation(sample, index, schema) for index in range(len(sample.boxes))]


def make_object_annotation(sample: Sample, index: int, schema: Schema) -> NewAnnotation:
    """Make the annotation of an object.

    Args:
        sample: with boxes and labels.
        index: of the object's box.
        schema: names the classes.
    """
    assert sample.boxes is not None and sample.labels is not None
    mask = None
    if sample.instances is not None:
        mask = sample.instances == index + 1
        if not mask.any():
            mask = None
    name = _get_class_name(int(sample.labels[index]), schema)
    return _make_annotation(name, sample.boxes[index], mask)


def make_crowd_annotation(crowd: Crowd, schema: Schema) -> NewAnnotation:
    """Make the annotation of a crowd.

    Args:
        crowd: the crowd.
        schema: names the classes.
    """
    annotation = _make_annotation(_get_class_name(crowd.label, schema), crowd.box, crowd.mask)
    annotation["iscrowd"] = 1
    if crowd.mask is None:
        annotation["area"] = crowd.area
    return annotation


def make_background_annotations(sample: Sample, schema: Schema) -> list[NewAnnotation]:
    """Make annotations of what is labelled but no object: grounds, what is ignored, and objects that were too small.

    Args:
        sample: any sample. One without a mask has none.
        schema: names the classes.
    """
    if sample.mask is None:
        return []
    if sample.instances is None:
        rest = sample.mask
        values = [value for name, value in schema.classes.items() if name not in schema.objects]
    else:
        rest = np.where(sample.instances > 0, 0, sample.mask)
        values = list(schema.classes.values())
    components = find_mask_objects(rest, values)
    annotations = []
    for index, value in enumerate(components.labels.tolist()):
        mask = components.instances == index + 1
        annotations.append(_make_annotation(_get_class_name(value, schema), components.boxes[index], mask))
    return annotations


def _make_annotation(name: str, box: NDArray[Any], mask: BoolMask | None) -> NewAnnotation:
    x1, y1, x2, y2 = box.astype(float).tolist()
    width, height = x2 - x1, y2 - y1
    return {
        "class": name,
        "segmentation": [] if mask is None else encode_mask(mask),
        "area": width * height if mask is None else float(np.count_nonzero(mask)),
        "bbox": [x1, y1, width, height],
        "iscrowd": 0,
    }


def _get_class_name(value: int, schema: Schema) -> str:
    return next(name for name, other_value in schema.classes.items() if other_value == value)
