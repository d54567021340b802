"""The true boxes of a frame as scores need them: with areas, crowds, what is too small and what is ignored."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from domaingan.baselines.detection_frames import select_boxes
from domaingan.data import Sample, Schema
from domaingan.imaging.instances import find_mask_objects, isin_small
from domaingan.metrics.detections import Truth


def collect_truth(sample: Sample, schema: Schema, classes: Mapping[str, int]) -> Truth:
    """Collect what detections in a frame are scored against.

    Args:
        sample: a frame with boxes, on the data's own grid.
        schema: of its dataset: which values are ignored, and from how many pixels on objects count.
        classes: the classes that count, values by name.

    Returns:
        The boxes of these classes; crowds and objects under ``schema.min_area`` as crowds; the ignored area.
    """
    boxes, labels = select_boxes(sample, classes)
    areas = _select_areas(sample, classes)
    crowds, crowd_labels = _collect_crowds(sample, schema, classes)
    ignored = None
    if sample.mask is not None and schema.ignore:
        ignored = isin_small(sample.mask, schema.ignore)
        ignored = ignored if ignored.any() else None
    return Truth(boxes, np.ones(len(boxes), np.float32), labels, areas, crowds, crowd_labels, ignored)


def _select_areas(sample: Sample, classes: Mapping[str, int]) -> NDArray[np.float64] | None:
    """Areas of the boxes of these classes: as annotated, else the pixels that are seen of each, where they are told."""
    if sample.boxes is None or sample.labels is None:
        return None
    kept = np.isin(sample.labels, list(classes.values()))
    if "areas" in sample.meta:
        return np.asarray(sample.meta["areas"], dtype=np.float64)[kept]
    if sample.instances is None:
        return None
    pixels = np.bincount(sample.instances.ravel(), minlength=len(sample.boxes) + 1)[1 : len(sample.boxes) + 1]
    return pixels[kept].astype(np.float64)


def _collect_crowds(
    sample: Sample, schema: Schema, classes: Mapping[str, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes and labels of crowds, and of objects that are too small to be among the boxes."""
    values = list(classes.values())
    crowds = [crowd for crowd in sample.meta.get("crowds", ()) if crowd.label in values]
    boxes = np.array([crowd.box for crowd in crowds], np.float32).reshape(-1, 4)
    labels = np.array([crowd.label for crowd in crowds], np.int64)
    if sample.mask is None or schema.min_area <= 1:
        return boxes, labels
    nothing = min(values, default=0) - 1
    rest = sample.mask.astype(np.int64)
    if sample.instances is not None:
        rest[sample.instances > 0] = nothing
        small = find_mask_objects(rest, values)
        return np.concatenate([boxes, small.boxes]), np.concatenate([labels, small.labels])
    return boxes, labels
