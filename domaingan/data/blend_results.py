"""What blending did to a sample: the crops that were pasted, the look that was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_OPTIONAL_KEYS = {
    "scale": "scale",
    "contrast": "contrast",
    "foot": "ground_contact",
    "slice": "slice_index",
    "host": "host",
    "donor": "donor",
}
"""The keys of a stored crop that are left out where nothing is known, and the fields that they hold."""

_STORED_KEYS = {"index", "method", "seed", "place", *_OPTIONAL_KEYS}


@dataclass(frozen=True)
class PastedCrop:
    """Say what a paste did with one crop.

    Attributes:
        index: of the crop in its bank.
        condition: the crop's conditions by name.
        method: name of the blending method.
        seed: everything about this crop follows from it, see :meth:`domaingan.blend.Paste.redo`.
        place: corner of the crop in the host, in pixels or voxels. None where no place was found.
        scale: how much larger the object is than in its own image. None where no place was found.
        contrast: factor of the crop's contrast, of scans.
        ground_contact: row and column of the ground contact, of frames.
        slice_index: of 2D crops in a volume the number of the slice.
        host: name of the sample that it was pasted into, in written datasets.
        donor: subject that the crop is from, in written datasets. Empty where the bank names none.
    """

    index: int
    condition: Mapping[str, Any] = field(default_factory=dict)
    method: str = ""
    seed: int = 0
    place: tuple[int, ...] | None = None
    scale: float | None = None
    contrast: float | None = None
    ground_contact: tuple[float, ...] | None = None
    slice_index: int | None = None
    host: str | None = None
    donor: str | None = None

    @property
    def is_placed(self) -> bool:
        """Whether a place was found, so that it is in the image."""
        return self.place is not None

    def to_dict(self) -> dict[str, Any]:
        """Turn it into plain values, as ``pasted.json`` and the transforms' parameters hold it."""
        stored: dict[str, Any] = {"index": self.index, **self.condition, "method": self.method, "seed": self.seed}
        stored["place"] = None if self.place is None else list(self.place)
        for key, name in _OPTIONAL_KEYS.items():
            value = getattr(self, name)
            if value is not None:
                stored[key] = list(value) if isinstance(value, tuple) else value
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> PastedCrop:
        """Read what :meth:`to_dict` made. A value under any other name is a condition.

        >>> crop = PastedCrop(3, {"lesion": "oedema"}, "feather", 7, (4, 5), 1.0)
        >>> PastedCrop.from_dict(crop.to_dict()) == crop
        True
        """
        place, contact = stored.get("place"), stored.get("foot")
        return cls(
            index=int(stored["index"]),
            condition={key: value for key, value in stored.items() if key not in _STORED_KEYS},
            method=stored.get("method", ""),
            seed=int(stored["seed"]),
            place=None if place is None else tuple(place),
            scale=stored.get("scale"),
            contrast=stored.get("contrast"),
            ground_contact=None if contact is None else tuple(contact),
            slice_index=stored.get("slice"),
            host=stored.get("host"),
            donor=stored.get("donor"),
        )


def read_pasted_crops(crops: Sequence[PastedCrop | Mapping[str, Any]]) -> list[PastedCrop]:
    """Read what was pasted, whether as :class:`PastedCrop` or as ``pasted.json`` holds it."""
    return [crop if isinstance(crop, PastedCrop) else PastedCrop.from_dict(crop) for crop in crops]


@dataclass(frozen=True)
class PasteResult:
    """Say what a paste did to a sample.

    Attributes:
        crops: one entry a crop that was tried, in order.
        touched: the parts of the image outside of which it is bit-identical to the host's.
    """

    crops: tuple[PastedCrop, ...] = ()
    touched: tuple[tuple[slice, ...], ...] = ()


@dataclass(frozen=True)
class RelightResult:
    """Say what a relighting did to a sample.

    Attributes:
        index: of the scene in its bank. None where the host was left as it was.
        condition: the scene's conditions by name.
        method: name of the look.
        strength: 0 is the host itself, 1 the scene's look in full.
        host: name of the sample that was relit, in written datasets.
        donor: subject that the scene is from, in written datasets. Empty where the bank names none.
    """

    index: int | None = None
    condition: Mapping[str, Any] = field(default_factory=dict)
    method: str = ""
    strength: float = 0.0
    host: str | None = None
    donor: str | None = None

    @property
    def is_relit(self) -> bool:
        """Whether the look was given."""
        return self.index is not None

    def to_dict(self) -> dict[str, Any] | None:
        """Turn it into plain values, as ``relit.json`` and the transforms' parameters hold it; None if left alone."""
        if self.index is None:
            return None
        stored = {"index": self.index, **self.condition, "method": self.method, "strength": self.strength}
        for name in ("host", "donor"):
            value = getattr(self, name)
            if value is not None:
                stored[name] = value
        return stored
