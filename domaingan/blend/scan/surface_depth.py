"""How deep below a body's surface an object would lie, asked place by place: a scan's depths are never all measured.

Where the middle of an object may be is first read off coarse blocks, which leave nothing out that is deep enough. A
place that is tried is then measured exactly, against the object with all that has to be body around it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.distances import measure_surface_depth
from domaingan.imaging.intensity import find_extent

Mask = NDArray[np.bool_]

BLOCK_SIZES = (4, 2)
"""How many pixels the coarse blocks are long: places are looked for among the larger ones first."""

MAX_EXACT_PIXELS = 2**15
"""Of so few pixels all depths are measured at once."""

MAX_DEPTH_STEPS = 24
"""Up to so many pixels deep, what has to be body around an object is found step by step; deeper by all distances."""


class BodySurface:
    """Measure how deep pixels lie below the surface of a body. Large bodies are measured only where it is asked.

    The depths are those of :func:`domaingan.imaging.distances.measure_surface_depth`.

    Attributes:
        inside: ``(*host)`` where the body is.
        spacing: in mm.
    """

    def __init__(self, inside: Mask, spacing: Sequence[float]) -> None:
        self.inside, self.spacing = inside, tuple(float(size) for size in spacing)
        self.part = find_extent(inside)
        self._block_distances: dict[int, NDArray[np.float64]] = {}

    @cached_property
    def depth(self) -> NDArray[np.float32]:
        """How deep each pixel lies, in mm: ``(*host)``."""
        return measure_surface_depth(self.inside, self.spacing)

    @property
    def is_small(self) -> bool:
        """Whether all depths are measured at once."""
        return self.inside.size <= MAX_EXACT_PIXELS

    def find_deep(self, min_depth_mm: float, block: int = 1) -> Mask:
        """Find the pixels of the body that lie at least so deep.

        Args:
            min_depth_mm: how deep.
            block: edge of the blocks that are looked at, one of :data:`BLOCK_SIZES`: none that is deep enough is left
                out, but some that are not quite so deep may be there, too. 1 for exactly those.

        Returns:
            ``(*host)``.
        """
        if block == 1 or self.is_small:
            return (self.depth > 0) & (self.depth >= min_depth_mm)
        deep = np.zeros_like(self.inside)
        if self.part is not None:
            near = self._measure_blocks(block) >= min_depth_mm
            for axis, side in enumerate(self.part):
                near = np.repeat(near, block, axis=axis)[(slice(None),) * axis + (slice(side.stop - side.start),)]
            np.logical_and(self.inside[self.part], near, out=deep[self.part])
        return deep

    def _measure_blocks(self, block: int) -> NDArray[np.float64]:
        """The most that pixels of each block of the body's box can lie below the surface, in mm."""
        if block not in self._block_distances:
            assert self.part is not None
            blocks = self.inside[self.part]
            for axis, size in enumerate(blocks.shape):
                starts = range(0, size, block)
                blocks = np.logical_or.reduceat(blocks, starts, axis=axis)
            sides = np.array(self.spacing) * block
            distance = ndimage.distance_transform_edt(np.pad(blocks, 1), sampling=tuple(sides))
            # From a pixel to the middle of its block, and from there to a pixel at the middle of one without body.
            slack = float(np.linalg.norm(sides) / 2 + np.linalg.norm(self.spacing) / 2)
            self._block_distances[block] = distance[(slice(1, -1),) * blocks.ndim] + slack - min(self.spacing)
        return self._block_distances[block]

    def find_required_body(self, body: Mask, min_depth_mm: float) -> tuple[Mask, tuple[int, ...]]:
        """Find what has to be body so that an object lies at least so deep.

        Args:
            body: ``(*patch)``, the object.
            min_depth_mm: how deep.

        Returns:
            ``(*around)``, and where the patch's corner is in it.
        """
        reach = max(min_depth_mm, 0.0) + min(self.spacing) - 1e-4 * min(self.spacing)
        if min_depth_mm <= 0:
            reach += 2e-4 * min(self.spacing)  # pixels on the surface are 0 deep, and not in the body
        body_extent = find_extent(body)
        assert body_extent is not None
        steps = [math.ceil(reach / size) for size in self.spacing]
        wide = np.pad(body[body_extent], [(n, n) for n in steps])
        around = (
            _dilate_by_steps(wide, self.spacing, reach)
            if max(steps) <= MAX_DEPTH_STEPS
            else _dilate_by_distances(wide, self.spacing, reach)
        )
        return around, tuple(n - side.start for n, side in zip(steps, body_extent, strict=True))

    def is_inside_body(self, required: Mask, start: NDArray[np.int64]) -> bool:
        """Whether what has to be body is, with the first pixel of ``around`` there; beyond the host nothing is."""
        stop = start + required.shape
        if (start >= 0).all() and (stop <= self.inside.shape).all():
            where = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
            return not (required & ~self.inside[where]).any()
        first, last = np.maximum(start, 0), np.minimum(stop, self.inside.shape)
        if (first >= last).any():
            return False
        own = tuple(slice(int(a), int(b)) for a, b in zip(first - start, last - start, strict=True))
        where = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        is_all_in = np.count_nonzero(required[own]) == np.count_nonzero(required)
        return bool(is_all_in and not (required[own] & ~self.inside[where]).any())


def _dilate_by_distances(mask: Mask, spacing: Sequence[float], reach_mm: float) -> Mask:
    """What is at most so many mm away from a mask."""
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=tuple(spacing)) <= reach_mm)


def _dilate_by_steps(mask: Mask, spacing: Sequence[float], reach_mm: float) -> Mask:
    """The same, along one axis after the other, as far as it reaches."""
    nearest = np.where(mask, np.float32(0), np.float32(np.inf))
    for axis, size in enumerate(spacing):
        ahead, along = (slice(None),) * axis, nearest.copy()
        for step in range(1, min(math.floor(reach_mm / size), mask.shape[axis] - 1) + 1):
            farther = along + np.float32((step * size) ** 2)
            before, after = (*ahead, slice(None, -step)), (*ahead, slice(step, None))
            np.minimum(nearest[after], farther[before], out=nearest[after])
            np.minimum(nearest[before], farther[after], out=nearest[before])
    return nearest <= np.float32(reach_mm**2)
