"""Where an object of a frame touches the ground: on which class it stands, and whether another object hides it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.data import Schema

GROUND_SEARCH_PIXELS = 3
"""The class that an object stands on is looked for in this many pixels below it."""

MAX_OCCLUDED_BASE_SHARE = 0.5
"""An object is occluded if other objects lie right below more than this share of its base."""

BASE_PARTS = 4
"""The base of an object is the lowest of so many equal parts of its height."""


def find_ground_contact(
    object_mask: NDArray[Any], extent: tuple[slice, ...], mask: NDArray[Any], schema: Schema
) -> tuple[int, bool]:
    """Find what an object stands on.

    Args:
        object_mask: ``(H, W)``, above 0 where the object is.
        extent: the box around the object.
        mask: ``(H, W)`` class values of the frame.
        schema: it names the classes of objects, and those to ignore; an object stands on neither.

    Returns:
        The class value that is most frequent right below the object's base (-1 if none is), and whether other objects
        hide where the object touches the ground.
    """
    rows, columns = extent
    body = object_mask[extent] > 0
    base = body[-max(1, len(body) // BASE_PARTS) :]
    base_columns = np.flatnonzero(base.any(axis=0))
    lowest_rows = rows.stop - 1 - base[::-1, base_columns].argmax(axis=0)
    base_columns += columns.start
    objects = [schema.classes[name] for name in schema.objects]

    beneath = mask[rows.stop : rows.stop + GROUND_SEARCH_PIXELS, base_columns]
    ground = beneath[~np.isin(beneath, [*objects, *schema.ignore])]
    values, counts = np.unique(ground, return_counts=True)
    supporting_class = int(values[counts.argmax()]) if len(values) else -1

    rows_below = lowest_rows + 1
    is_in_frame = rows_below < len(mask)
    touched = mask[np.minimum(rows_below, len(mask) - 1), base_columns]
    is_on_object = np.isin(touched, objects) & is_in_frame
    return supporting_class, bool(is_on_object.mean() > MAX_OCCLUDED_BASE_SHARE)
