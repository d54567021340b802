"""What the objects of a frame may stand on: a ground that is labelled, a region that a person named, or any row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from domaingan.banks import UNLABELLED_NAME, Bank
from domaingan.blend.frame.perspective import Perspective
from domaingan.core.errors import DataError
from domaingan.data import RegionCorners, Schema
from domaingan.imaging.instances import isin_small

MIN_GROUND_SHARE = 0.1
"""Objects are pasted onto what at least this share of the real ones of their class stood on."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SupportingGround:
    """Where in a host's mask objects may stand.

    Attributes:
        supporting_values: for each object's host mask value the values of its ground; None where no ground is labelled,
            so that it stands wherever its row suits its size.
        excluded_values: host mask values that nothing stands on where no ground is labelled: objects, and what is
            ignored.
        region: corners ``(x, y)``, shares of width and height, of the region that the ground contact must be in;
            empty: anywhere.
    """

    supporting_values: Mapping[int, tuple[int, ...] | None]
    excluded_values: tuple[int, ...] = ()
    region: RegionCorners = ()

    def is_unknown_for(self, value: int) -> bool:
        """Whether nothing tells where a class stands: no ground is labelled, and no region named."""
        return self.supporting_values.get(value, ()) is None and not self.region

    def find_pixels(self, mask: NDArray[Any], first: int, last: int, value: int) -> Mask:
        """``(last + 1 - first, W)`` where an object of a class may stand in these rows of a mask ``(H, W)``."""
        part, own = mask[first : last + 1], self.supporting_values.get(value, ())
        found = ~isin_small(part, self.excluded_values) if own is None else isin_small(part, own)
        if self.region:
            found &= rasterize(self.region, mask.shape)[first : last + 1]
        return found

    def compute_share(self, mask: NDArray[Any], row: int, columns: NDArray[np.int64], value: int) -> float:
        """The share of these pixels of a row on which an object of a class may stand."""
        return float(self.find_pixels(mask, row, row, value)[0, columns].mean())


@lru_cache(maxsize=16)
def rasterize(region: RegionCorners, shape: tuple[int, ...]) -> Mask:
    """``(H, W)`` the pixels whose centres lie in a region."""
    height, width = shape
    corners = [(y * height - 0.5, x * width - 0.5) for x, y in region]
    return np.asarray(polygon2mask(shape, np.array(corners)), dtype=bool)


def find_ground(bank: Bank, schema: Schema, region: RegionCorners = ()) -> SupportingGround:
    """Where a bank's objects may stand in hosts.

    In this order: the ground that the hosts' schema names; what crops of the class stood on; if none of them was seen
    to stand on anything, what the other classes stood on; and where no ground is labelled, any row that suits the size.

    Args:
        bank: crops of frames.
        schema: of the hosts.
        region: where the ground contact must be, in place of the schema's.

    Raises:
        DataError: what the crops stood on is not labelled in the hosts, which label other grounds.
    """
    where = bank.path or bank.info.source
    is_told = (
        bank.info.supporting_classes or bank.entries["source_size"].any() or schema.ground or schema.region or region
    )
    if not is_told:  # a folder of crops
        raise DataError("no word of what crops stand on", path=where, expected='"ground": [class, …] in classes.json')
    own = {name: _find_class_ground(name, bank, schema) for name in bank.info.classes}
    together = set().union(*(values for values in own.values() if values))
    values: dict[int, tuple[int, ...] | None] = {}
    for name, found in own.items():
        shared = found or together
        values[schema.get_class_value(name)] = tuple(sorted(shared)) if found is not None and shared else None
    stood = {below for counts in bank.info.supporting_classes.values() for below in counts} - {UNLABELLED_NAME}
    if not together and stood and None not in own.values():
        found_there = ", ".join(sorted(stood))
        raise DataError(f"crops that stood on {found_there}", path=where, expected=f"of {', '.join(schema.classes)}")
    taken = [*(schema.classes[name] for name in schema.objects), *schema.ignore]
    return SupportingGround(values, tuple(dict.fromkeys(taken)), region or schema.region)


def _find_class_ground(name: str, bank: Bank, schema: Schema) -> set[int] | None:
    """The host mask values that a class stood on; empty where that was not seen, None where none is labelled."""
    if name in schema.ground:
        return {schema.classes[below] for below in schema.ground[name]}
    often = _find_frequent_surfaces(bank.info.supporting_classes.get(name, {}))
    others = {value for other, value in schema.classes.items() if other not in schema.objects} - set(schema.ignore)
    if often is None or (often and not others):
        return None
    return {schema.classes[below] for below in often if below in schema.classes}


def _find_frequent_surfaces(counts: Mapping[str, int]) -> list[str] | None:
    """What crops of a class stood on often; empty where none was seen to, None where most stood on nothing labelled."""
    labelled = {name: n for name, n in counts.items() if name != UNLABELLED_NAME}
    total = sum(labelled.values())
    if counts.get(UNLABELLED_NAME, 0) > total:
        return None
    return [name for name, n in labelled.items() if n >= MIN_GROUND_SHARE * total]


def describe_guess(bank: Bank, schema: Schema, ground: SupportingGround, perspective: Perspective) -> list[str]:
    """In a line that places are learned from boxes, where no ground is labelled, and what is known of the horizon.

    Args:
        bank: crops of frames.
        schema: of the hosts.
        ground: as of :func:`find_ground`.
        perspective: of the bank.

    Returns:
        One line; none where a ground or a region is known, or every crop is bound to its place.
    """
    free = set(perspective.class_values[bank.entries["host"] < 0].tolist())
    values = {name: schema.classes[name] for name in bank.info.classes}
    classes = [name for name, value in values.items() if value in free and ground.supporting_values[value] is None]
    if not classes or ground.region:
        return []
    known = int((perspective.distances > 0).sum())
    if perspective.default_horizon is None:
        rows = f"{len(bank)} objects tell no horizon, so that each goes into rows where objects of its size stood"
    else:
        rows = (
            f"the horizon ({perspective.default_horizon:.0%} of the height below the top) and sizes by {known} objects"
        )
    listed = ", ".join(classes[:5]) + (f" and {len(classes) - 5} more" if len(classes) > 5 else "")
    return [
        f"no ground is labelled for {listed}: places are learned from where boxes stand in the image, {rows}; "
        '"ground": [class, …] or "region": [left, top, right, bottom] in classes.json would name where they stand'
    ]
