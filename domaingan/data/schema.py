"""The Schema that all samples of a dataset share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from domaingan.core.errors import DataError
from domaingan.data.domain import Domain, read_domain

RegionCorners = tuple[tuple[float, float], ...]
"""Corners ``(x, y)`` of a part of a frame, shares of its width and height."""


@dataclass(frozen=True)
class Schema:
    """Describe what all samples of a dataset share.

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
        ground: for each class of objects the classes that support it, where a person named them (frames).
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
        """Get the mask value of a class.

        Args:
            name: of the class.

        Raises:
            DataError: there is no class of that name.
        """
        if name not in self.classes:
            raise DataError(f"no class {name!r}", expected=f"one of {', '.join(self.classes) or '(none)'}")
        return self.classes[name]

    def to_dict(self) -> dict[str, Any]:
        """Turn the schema into plain values for a JSON file; ``Schema(**values)`` is the schema again."""
        return asdict(self) | {"domain": self.domain.name}
