"""What the objects of all frames together show of the ground: on what each class stands, and where the horizon is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.find_objects import FoundObject
from domaingan.banks.info import UNLABELLED_NAME
from domaingan.data import Schema
from domaingan.imaging.horizon import MIN_DISTANCE, MIN_OBJECTS, estimate_horizon, find_standing_classes

MAX_OCCLUDED_SHARE = 0.5
"""A class of which more than this share is occluded stands on other objects by nature, as riders do on bicycles."""

Numbers = NDArray[np.float64]


def drop_occluded(objects: Sequence[FoundObject], left_out: Counter[str]) -> list[FoundObject]:
    """Drop the objects whose ground contact is hidden, as places and sizes are derived from it.

    Classes that stand on other objects by nature keep all of theirs.

    Args:
        objects: those of all frames.
        left_out: what is dropped is counted here; it is changed in place.

    Returns:
        The others, in the same order.
    """
    occluded_by_class: dict[int, list[bool]] = defaultdict(list)
    for found in objects:
        occluded_by_class[found.main_class].append(found.is_occluded)
    riding_classes = {
        value for value, is_occluded in occluded_by_class.items() if np.mean(is_occluded) > MAX_OCCLUDED_SHARE
    }
    kept = [found for found in objects if not found.is_occluded or found.main_class in riding_classes]
    if len(kept) < len(objects):
        left_out["objects whose ground contact is hidden"] += len(objects) - len(kept)
    return kept


def count_supporting_classes(objects: Iterable[FoundObject], schema: Schema) -> dict[str, dict[str, int]]:
    """Count what the objects of each class stand on.

    Args:
        objects: those of all samples; objects of scans stand on nothing.
        schema: it names the classes.

    Returns:
        For each class of objects how often each class was found right below one of them, the most frequent first.
    """
    names = {value: name for name, value in schema.classes.items()}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for found in objects:
        if found.supporting_class < 0:
            continue
        supporting_name = names.get(found.supporting_class, UNLABELLED_NAME)
        counts[names[found.main_class]][supporting_name] += 1
    return {name: dict(counter.most_common()) for name, counter in counts.items()}


def measure_horizon_distances(objects: Sequence[FoundObject]) -> list[float]:
    """Measure how far below the horizon each object touches the ground.

    The horizon is estimated for each drive, as every camera has its own tilt. Drives with few whole objects are taken
    together. Classes that do not stand on the ground (see :func:`domaingan.imaging.horizon.find_standing_classes`)
    have no distance.

    Args:
        objects: those of all frames.

    Returns:
        The distance of each object in pixels of its frame; 0 where it is not known.
    """
    heights = np.array([found.high_corner[0] - found.low_corner[0] for found in objects])
    contact_rows = np.array([found.high_corner[0] for found in objects])
    classes = np.array([found.main_class for found in objects])
    is_whole = np.array([min(found.low_corner) > 0 and max(found.high_corner) < 1 for found in objects])

    standing = find_standing_classes(heights[is_whole], contact_rows[is_whole], classes[is_whole])
    is_class_judged = np.isin(classes, classes[is_whole])
    is_standing = np.isin(classes, standing) | ~is_class_judged
    is_used = is_whole & is_standing

    distances = np.zeros(len(objects))
    drives = _merge_small_drives([found.group for found in objects], is_used)
    for drive in np.unique(drives):
        is_own = drives == drive
        chosen = is_own & is_used
        horizon = estimate_horizon(heights[chosen], contact_rows[chosen], classes[chosen])
        if horizon is not None:
            distances[is_own] = contact_rows[is_own] - horizon
    distances[~is_standing | (distances < MIN_DISTANCE)] = 0
    return [float(distance * found.source_size[0]) for distance, found in zip(distances, objects, strict=True)]


def _merge_small_drives(drives: Sequence[str], is_used: NDArray[np.bool_]) -> NDArray[np.str_]:
    """Name the drive of each object; those with too few objects for a horizon of their own share an empty name."""
    counts = Counter(drive for drive, is_counted in zip(drives, is_used, strict=True) if is_counted)
    return np.array([drive if counts[drive] >= MIN_OBJECTS else "" for drive in drives])
