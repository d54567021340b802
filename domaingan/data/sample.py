"""The Sample: an image with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.data.blend_results import PastedCrop, PasteResult, RelightResult
from domaingan.data.geometry import Geometry, IntensityRange
from domaingan.data.source import Source

ConditionValue = str | float


@dataclass(frozen=True, eq=False)
class Crowd:
    """A region of many objects of a class that nothing tells apart (COCO's ``iscrowd``); no box of a sample is of it.

    What is detected in it is neither right nor wrong.

    Attributes:
        label: class value of its objects.
        box: ``(4,)`` float32 corner box in pixels (xyxy).
        area: what its annotation says of its area, in square pixels.
        mask: ``(H, W)`` bool, its region; None where only its box is known.
    """

    label: int
    box: NDArray[np.float32]
    area: float
    mask: NDArray[np.bool_] | None = None


@dataclass(eq=False)  # arrays have no one truth value
class Sample:
    """Hold one labelled image or volume in memory, with everything that is known of it.

    ``Sample(image, meta={…})`` reads the keys ``name``, ``subject``, ``sequence``, ``split``, ``time``, ``spacing``,
    ``affine``, ``axes``, ``header``, ``foreground``, ``range``, ``absolute``, ``areas`` and ``crowds`` of ``meta`` into
    the fields, see :func:`take_known_keys`.

    Attributes:
        image: ``(C, *spatial)`` float32; spatial is ``(H, W)`` or ``(X, Y, Z)``. Frames are RGB in [0, 1],
            scans are in their stored units.
        mask: ``(*spatial)`` integers, or None where the sample is not labelled.
        boxes: ``(N, 2 * dims)`` float32 corner boxes in pixels (xyxy) or voxels (xyzxyz).
        labels: ``(N,)`` integers, the class value of each box.
        condition: what is known about the whole sample, such as ``{"lighting": "dusk"}``.
        meta: a user's own entries. Nothing in the package reads them.
        instances: ``(*spatial)`` int32, where objects are told apart: ``i + 1`` where ``boxes[i]`` can be seen, else 0.
        source: which sample it is, and whom it belongs to.
        geometry: how the axes lie in space.
        header: how the files were stored that it was read from, in the words of the adapter that read them.
        foreground: ``(*spatial)`` bool, where a scan shows the body. None where it was not measured yet.
        intensity_range: which stored values are 0 and 1 in scaled units. None where it was not measured yet.
        areas: ``(N,)`` float64, the annotated area of each box in square pixels, where annotations say it.
        crowds: regions of many objects, where annotations say so.
        dropped: number of objects that were too small to get a box when the sample was read.
        origins: ``(N,)`` for each box the number of the object when the sample was read, -1 for pasted objects. None
            where no object was changed.
        is_moved: whether classic augmentation moved the objects since they were read.
        paste_result: what was pasted. None where nobody tried.
        relight_result: which look was given. None where nobody tried.
        unlabelled: ``(*spatial)`` bool, where nobody labelled what there is, though something may be. No loss is
            computed there. None in a labelled image; in an unlabelled one that serves as a host it may be all false.
    """

    image: NDArray[np.float32]
    mask: NDArray[Any] | None = None
    boxes: NDArray[np.float32] | None = None
    labels: NDArray[np.int64] | None = None
    condition: dict[str, ConditionValue] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    instances: NDArray[np.int32] | None = None
    source: Source = field(default_factory=Source)
    geometry: Geometry = field(default_factory=Geometry)
    header: object | None = None
    foreground: NDArray[np.bool_] | None = None
    intensity_range: IntensityRange | None = None
    areas: NDArray[np.float64] | None = None
    crowds: tuple[Crowd, ...] = ()
    dropped: int = 0
    origins: NDArray[np.int64] | None = None
    is_moved: bool = False
    paste_result: PasteResult | None = None
    relight_result: RelightResult | None = None
    unlabelled: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if not KNOWN_KEYS.isdisjoint(self.meta):
            take_known_keys(self)

    @property
    def spatial_dims(self) -> int:
        """2 for a frame or a slice, 3 for a volume."""
        return self.image.ndim - 1

    @property
    def shape(self) -> tuple[int, ...]:
        """The spatial shape, without channels."""
        return self.image.shape[1:]

    @property
    def spacing(self) -> tuple[float, ...]:
        """Size of one pixel or voxel along each spatial axis, in mm (1 where nothing is known)."""
        return self.geometry.spacing or (1.0,) * self.spatial_dims

    @property
    def name(self) -> str:
        """The sample's name, unique in its dataset."""
        return self.source.name

    @property
    def group(self) -> str:
        """Whom the sample belongs to, see :attr:`Source.group`."""
        return self.source.group

    @property
    def statistical_unit(self) -> str:
        """What counts as one in statistics, and what a bank knows it by, see :attr:`Source.statistical_unit`."""
        return self.source.statistical_unit

    @property
    def pasted_crops(self) -> tuple[PastedCrop, ...]:
        """The crops that a paste tried, in order; none where nothing was pasted."""
        return () if self.paste_result is None else self.paste_result.crops


_SOURCE_KEYS = ("name", "subject", "sequence", "split", "time")

_GEOMETRY_KEYS = ("spacing", "affine", "axes")

_FIELD_KEYS = ("header", "foreground", "areas", "crowds")

KNOWN_KEYS = {*_SOURCE_KEYS, *_GEOMETRY_KEYS, *_FIELD_KEYS, "range"}
"""Keys of ``meta`` that are fields of a sample. ``absolute`` beside ``range`` is read with it."""


def take_known_keys(sample: Sample) -> None:
    """Move the entries of a sample's ``meta`` that are known by name into its fields.

    The dictionary itself is not changed. An entry replaces what the field held; None clears it.

    Args:
        sample: its ``meta`` may have the keys of :data:`KNOWN_KEYS`, of the types that the fields have; ``range`` is
            the ``(C, 2)`` of :class:`IntensityRange`, ``absolute`` its ``(C,)``.
    """
    known = {key: value for key, value in sample.meta.items() if key in KNOWN_KEYS}
    source = {key: value for key, value in known.items() if key in _SOURCE_KEYS}
    for key in ("name", "subject", "sequence", "split"):
        if key in source:
            source[key] = str(source[key] or "")
    sample.source = replace(sample.source, **source)
    sample.geometry = replace(sample.geometry, **_read_geometry(known))
    if "range" in known:
        sample.intensity_range = _read_range(known["range"], sample.meta.get("absolute"))
    if "foreground" in known:
        inside = known["foreground"]
        sample.foreground = None if inside is None else np.asarray(inside, dtype=bool)
    if "header" in known:
        sample.header = known["header"]
    if "areas" in known:
        sample.areas = known["areas"]
    if "crowds" in known:
        sample.crowds = tuple(known["crowds"] or ())
    taken = {*known, "absolute"} if "range" in known else set(known)
    sample.meta = {key: value for key, value in sample.meta.items() if key not in taken}


def _read_geometry(known: Mapping[str, Any]) -> dict[str, Any]:
    """Read the fields of a :class:`Geometry` that are known."""
    geometry: dict[str, Any] = {}
    if "spacing" in known:
        geometry["spacing"] = tuple(known["spacing"]) if known["spacing"] is not None else ()
    if "affine" in known:
        geometry["affine"] = known["affine"]
    if "axes" in known:
        axes = known["axes"]
        geometry["axes"] = None if axes is None else tuple((int(axis), int(sign)) for axis, sign in axes)
    return geometry


def _read_range(ends: Any, absolute: Any) -> IntensityRange | None:
    if ends is None:
        return None
    flags = None if absolute is None else np.asarray(absolute, dtype=bool)
    return IntensityRange(np.asarray(ends, dtype=np.float32), flags)
