"""Annotations of a COCO file that are written again with another geometry, or with keys that they lacked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.annotations.annotated_objects import read_annotation
from domaingan.adapters.annotations.run_lengths import parse_counts
from domaingan.adapters.annotations.stored_values import is_number
from domaingan.adapters.frames.picture_header import PictureShape
from domaingan.core.errors import DataError

Annotation = dict[str, Any]

KEYPOINT_NUMBERS = 3
"""Numbers of a key point: x, y and how visible it is."""

HIDDEN = 1
VISIBLE = 2


def replace_geometry(
    stored: Mapping[str, Any], geometry: Mapping[str, Any], pasted: NDArray[np.bool_] | None, is_moved: bool
) -> Annotation:
    """Replace the geometry of an annotation.

    Args:
        stored: the annotation as its file holds it.
        geometry: the new ``bbox``, ``area`` and ``segmentation``, as far as they have changed. Run lengths are written
            as a list of numbers where they were one.
        pasted: ``(H, W)`` where objects were pasted. Key points there become hidden.
        is_moved: whether the picture was turned or warped. Then key points are left out.
    """
    annotation = {**stored, **geometry}
    before, after = stored.get("segmentation"), geometry.get("segmentation")
    has_count_list = isinstance(before, dict) and isinstance(before.get("counts"), list)
    if has_count_list and isinstance(after, dict):
        counts = parse_counts(after["counts"]).tolist()
        annotation["segmentation"] = {"size": after["size"], "counts": counts}
    if is_moved:
        annotation.pop("keypoints", None)
        annotation.pop("num_keypoints", None)
        return annotation
    keypoints = stored.get("keypoints")
    if pasted is not None and isinstance(keypoints, list):
        annotation["keypoints"] = _hide_keypoints(keypoints, pasted)
    return annotation


def _hide_keypoints(keypoints: Sequence[Any], pasted: NDArray[np.bool_]) -> list[Any]:
    """Mark visible key points as hidden where something was pasted."""
    height, width = pasted.shape
    changed = list(keypoints)
    for start in range(0, len(keypoints) - KEYPOINT_NUMBERS + 1, KEYPOINT_NUMBERS):
        x, y, visibility = keypoints[start : start + KEYPOINT_NUMBERS]
        if visibility != VISIBLE or not is_number(x) or not is_number(y):
            continue
        row, column = int(y), int(x)
        is_inside = 0 <= row < height and 0 <= column < width
        is_covered = is_inside and pasted[row, column]
        changed[start + KEYPOINT_NUMBERS - 1] = HIDDEN if is_covered else VISIBLE
    return changed


def add_missing_keys(stored: Annotation, shape: PictureShape) -> Annotation:
    """Add the keys that pycocotools needs.

    Args:
        stored: an annotation.
        shape: height and width of its picture.

    Returns:
        The annotation with ``iscrowd``, ``area`` and ``bbox``; as it is where it cannot be used at all.
    """
    missing_keys = [key for key in ("iscrowd", "area", "bbox") if stored.get(key) in (None, [])]
    if not missing_keys:
        return stored
    try:
        found = read_annotation(stored, 0, 0, shape, _ignore_problem)
    except DataError:
        return stored
    x1, y1, x2, y2 = found.box
    values: Annotation = {"iscrowd": 0, "area": found.area, "bbox": [x1, y1, x2 - x1, y2 - y1]}
    return stored | {key: values[key] for key in missing_keys}


def _ignore_problem(reason: str) -> None:
    """The problem was reported when the file was read."""
