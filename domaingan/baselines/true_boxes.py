"""The true boxes of a frame as scores need them, with areas, crowds, and what is too small or ignored."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from domaingan.baselines.detection_frames import select_boxes
from domaingan.data import Sample, Schema
from domaingan.imaging.instances import find_mask_objects, isin_small
from domaingan.metrics.detections import Truth


def collect_truth(sample: Sample, schema: Schema, classes: Mapping[str, int]) -> Truth:
    """Collect what the detections in a frame are scored against.

    Args:
        sample: a frame with boxes, on the data's own grid.
        schema: its dataset's schema: which values are ignored, and from how many pixels on an object counts.
        classes: the classes that count, values by name.

    Returns:
        The boxes of these classes; as crowds the annotated crowds and the objects under ``schema.min_area``; and the
        ignored area.
    """
    boxes, labels = select_boxes(sample, classes)
    areas = _select_areas(sample, classes)
    crowds, crowd_labels = _collect_crowds(sample, schema, classes)
    ignored_mask = None
    if sample.mask is not None and schema.ignore:
        is_ignored = isin_small(sample.mask, schema.ignore)
        ignored_mask = is_ignored if is_ignored.any() else None
    scores = np.ones(len(boxes), np.float32)
    return Truth(boxes, scores, labels, areas, crowds, crowd_labels, ignored_mask)


def _select_areas(sample: Sample, classes: Mapping[str, int]) -> NDArray[np.float64] | None:
    """Select the areas of the boxes of these classes: as annotated, else the visible pixels, else None."""
    if sample.boxes is None or sample.labels is None:
        return None
    is_selected = np.isin(sample.labels, list(classes.values()))
    if sample.areas is not None:
        return sample.areas[is_selected]
    if sample.instances is None:
        return None
    n_boxes = len(sample.boxes)
    pixels = np.bincount(sample.instances.ravel(), minlength=n_boxes + 1)[1 : n_boxes + 1]
    return pixels[is_selected].astype(np.float64)


def _collect_crowds(
    sample: Sample, schema: Schema, classes: Mapping[str, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Collect boxes and labels of crowds, and of objects that are too small to be among the boxes."""
    values = list(classes.values())
    crowds = [crowd for crowd in sample.crowds if crowd.label in values]
    boxes = np.array([crowd.box for crowd in crowds], np.float32).reshape(-1, 4)
    labels = np.array([crowd.label for crowd in crowds], np.int64)
    if sample.mask is None or sample.instances is None or schema.min_area <= 1:
        return boxes, labels
    no_class = min(values, default=0) - 1
    without_instances = sample.mask.astype(np.int64)
    without_instances[sample.instances > 0] = no_class
    small = find_mask_objects(without_instances, values)
    return np.concatenate([boxes, small.boxes]), np.concatenate([labels, small.labels])
