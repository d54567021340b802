"""The Sample: an image with what is known of it; and the Schema that all samples of a dataset share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.data.domain import Domain, read_domain

ConditionValue = str | float

RegionCorners = tuple[tuple[float, float], ...]
"""Corners ``(x, y)`` of a part of a frame, shares of its width and height."""

BLOCK_SECONDS = 5.0
"""Seconds of a drive that count as one in statistics, and that must lie between what is trained on and what is tested:
at the speed of town traffic the view has changed by then."""


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
    """One labelled image or volume in memory.

    Attributes:
        image: ``(C, *spatial)`` float32; spatial is ``(H, W)`` or ``(X, Y, Z)``. Frames are RGB in [0, 1],
            scans are in their stored units.
        mask: ``(*spatial)`` integers, or None where the sample is not labelled.
        boxes: ``(N, 2 * dims)`` float32 corner boxes in pixels (xyxy) or voxels (xyzxyz).
        labels: ``(N,)`` integers, the class value of each box.
        condition: what is known about the whole sample, such as ``{"lighting": "dusk"}``.
        meta: what travels along: ``name``, ``subject``, ``sequence``, ``time``, ``split``, ``spacing`` (one number a
            spatial axis, in mm; 1 for frames), for scans ``affine`` and ``header``, and where known
            ``foreground`` (a boolean mask of the body), ``range`` (see :mod:`domaingan.imaging.intensity`) and
            ``absolute`` (of which channels the range is that of absolute units, see :mod:`domaingan.imaging.ranges`).
            For frames, where
            annotations say so: ``areas`` (``(N,)`` float64, each box's annotated area in square pixels) and ``crowds``
            (a tuple of :class:`Crowd`).
        instances: ``(*spatial)`` int32, where objects are told apart: ``i + 1`` where ``boxes[i]`` can be seen, else 0.
    """

    image: NDArray[np.float32]
    mask: NDArray[Any] | None = None
    boxes: NDArray[np.float32] | None = None
    labels: NDArray[np.int64] | None = None
    condition: dict[str, ConditionValue] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    instances: NDArray[np.int32] | None = None

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
        return tuple(self.meta.get("spacing") or (1.0,) * self.spatial_dims)

    @property
    def name(self) -> str:
        """The sample's name, unique in its dataset."""
        return str(self.meta.get("name", ""))

    @property
    def group(self) -> str:
        """Whom the sample belongs to, as :attr:`Record.group`: the subject, else the sequence, else its own name."""
        return str(self.meta.get("subject") or self.meta.get("sequence") or self.name)

    @property
    def statistical_unit(self) -> str:
        """What it counts with in statistics, and what a bank knows it by, as :attr:`Record.unit`."""
        return name_statistical_unit(self.group, str(self.meta.get("subject", "")), self.meta.get("time"))


@dataclass(frozen=True)
class Schema:
    """What all samples of a dataset share.

    Attributes:
        layout: name of the on-disk layout, such as ``nifti``.
        domain: what kind of images they are. A name (``scan`` or ``frame``) becomes its :class:`Domain`.
        spatial_dims: 2 or 3.
        channels: a name for each image channel.
        classes: the mask's values by name, without background; frames in which everything is labelled have no
            background, and may have a class of value 0.
        ignore: mask values that no score counts.
        objects: classes whose connected components are instances.
        regions: unions of classes that are scored together, such as ``{"tumour_core": (1, 3, 4)}``.
        conditions: names of the per-sample conditions.
        min_area: components of fewer pixels are no instances.
        ground: for each class of objects the classes that it may stand on, where a person named them (frames).
        region: corners of the region that objects must stand in, where a person named one (frames).
        description: what the layout's own file says of the dataset as a whole, key by key, to be written back.
        ranges: for channels of fixed range what is 0 and 1 in scaled units, where a person named it (scans).
    """

    layout: str
    domain: Domain
    spatial_dims: int
    channels: tuple[str, ...]
    classes: dict[str, int]
    ignore: tuple[int, ...] = ()
    objects: tuple[str, ...] = ()
    regions: dict[str, tuple[int, ...]] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()
    min_area: int = 0
    ground: dict[str, tuple[str, ...]] = field(default_factory=dict)
    region: RegionCorners = ()
    description: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain", read_domain(self.domain))

    def get_class_value(self, name: str) -> int:
        """The mask value of a class.

        Raises:
            DataError: there is no class of that name.
        """
        if name not in self.classes:
            raise DataError(f"no class {name!r}", expected=f"one of {', '.join(self.classes) or '(none)'}")
        return self.classes[name]

    def to_dict(self) -> dict[str, Any]:
        """Turn the schema into plain values for a JSON file; ``Schema(**values)`` is the schema again."""
        return asdict(self) | {"domain": self.domain.name}


def name_statistical_unit(group: str, subject: str, time: float | None) -> str:
    """What counts as one in statistics: of a drive a block of :data:`BLOCK` seconds, else the group."""
    return group if subject or time is None else f"{group}@{time // BLOCK_SECONDS * BLOCK_SECONDS:g}s"
