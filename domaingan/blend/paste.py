"""Paste: crops from a bank into a host sample, its mask and boxes merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.bank import Bank, Crop
from domaingan.blend.labels import merge_boxes, merge_mask
from domaingan.blend.methods import METHODS, blend_patch
from domaingan.blend.placement import grown, place
from domaingan.blend.variation import NONE, Variation, apply
from domaingan.errors import DataError
from domaingan.sample import Sample, Schema
from domaingan.tissue import (
    RING_WIDTH,
    contrast,
    foreground,
    from_scaled,
    intensity_range,
    ring,
    surface_depth,
    tissue,
    to_scaled,
)

GAP = 2
"""Pixels kept free between a pasted object and an older one."""

SHALLOW = 0.1
"""Objects are pasted at least as deep below the body's surface as this quantile of the real ones lay. It keeps
them off scalp and skull where those are in the image, and is all that is learned of their places: a narrower prior
from few subjects costs more than it brings."""


class Paste:
    """Puts crops from a bank into samples, at most where they fit, and says what it did in ``meta["pasted"]``.

    Args:
        bank: crops of the hosts' dimensions and channels.
        method: ``feather`` (default) or ``alpha``; see :mod:`domaingan.blend.methods`.
        per_image: fewest and most crops a sample, drawn uniformly.
        only: values of the bank's class conditions to paste, such as ``["enhancing"]``; all of them unless given.
        variation: how crops are varied; flips, rotation and scale unless given.
        classes: the hosts' mask values by name, where they differ from the bank's.

    Raises:
        DataError: an unknown method or class, an empty choice, or a bank of scenes.
    """

    def __init__(
        self,
        bank: Bank,
        method: str = "feather",
        per_image: tuple[int, int] = (1, 3),
        only: Sequence[str] = (),
        variation: Variation | None = None,
        classes: Mapping[str, int] | None = None,
    ) -> None:
        if bank.info.kind != "crops":
            raise DataError(f"a bank of {bank.info.kind}", path=bank.path, expected="a bank of crops")
        if method not in METHODS:
            raise DataError(f"no method {method!r}", expected=f"one of {', '.join(METHODS)}")
        if not 0 <= per_image[0] <= per_image[1]:
            raise DataError(f"{per_image[0]} to {per_image[1]} crops an image", expected="0 or more, fewest first")
        self.bank, self.per_image = bank, per_image
        self.method_name, self.method = method, METHODS[method]()
        self.variation = variation or Variation()
        self.entries = _chosen(bank, only)
        self.weights = _tempered(bank, self.entries)
        self.values = _value_table(bank, classes)
        scan = bank.info.domain == "scan"
        self.depth_mm = float(np.quantile(bank.entries["depth_mm"][self.entries], SHALLOW)) if scan else 0.0

    def check(self, schema: Schema) -> None:
        """Refuse hosts that the bank's crops do not fit.

        Raises:
            DataError: other dimensions, domain or channels.
        """
        info = self.bank.info
        if schema.spatial_dims != info.spatial_dims:
            raise DataError(
                f"a {info.spatial_dims}D bank",
                path=self.bank.path,
                expected=f"{schema.spatial_dims}D, as the hosts are",
            )
        if list(schema.channels) != info.channels:
            found, expected = ", ".join(info.channels), ", ".join(schema.channels)
            raise DataError(f"channels {found}", path=self.bank.path, expected=f"the hosts' {expected}")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The sample with crops pasted; ``sample`` itself is not changed.

        Every pixel further from a pasted mask than the method's reach is bit-identical to the host's. Samples
        without a mask come back as they are: their objects, and so the free places, are not known.
        """
        if sample.mask is None:
            return replace(sample, meta=sample.meta | {"pasted": []})
        n = int(rng.integers(self.per_image[0], self.per_image[1] + 1))
        host = _Host.of(sample, self.bank.info.domain)
        records = [self._paste_one(host, rng) for _ in range(n)]
        merged = replace(sample, image=host.image, mask=host.mask, boxes=host.boxes, labels=host.labels)
        return replace(merged, meta=sample.meta | {"pasted": records})

    def _paste_one(self, host: _Host, rng: np.random.Generator) -> dict[str, Any]:
        index, bound = self._draw(host.sample.name, rng)
        crop = self.bank[index]
        draw = (NONE if bound else self.variation).draw(host.sample.spatial_dims, rng)
        record: dict[str, Any] = {"index": index, **crop.condition, "method": self.method_name, "place": None}
        margin = max(self.method.reach, RING_WIDTH) + 1
        patch = apply(crop, draw, host.sample.spacing, margin)
        if patch is None:
            return record
        image, mask = patch
        if bound:
            corner: NDArray[Any] | None = np.array(crop.entry["place"]) + _trim(crop, margin)
        else:
            taken = grown(host.mask, GAP)
            corner = place(mask > 0, host.depth, self.depth_mm, taken, host.sample.spacing, rng)
        if corner is None:
            return record
        target = _own_contrast(crop) * draw.contrast
        host.paste(image, self.values[mask], corner, self.method, target)
        return record | {"place": [int(c) for c in corner], "scale": draw.scale, "contrast": draw.contrast}

    def _draw(self, name: str, rng: np.random.Generator) -> tuple[int, bool]:
        """A free entry, or one bound to this very host."""
        entries = self.bank.entries["host"][self.entries]
        code = self.bank.info.hosts.index(name) if name in self.bank.info.hosts else None
        usable = (entries < 0) if code is None else (entries < 0) | (entries == code)
        if not usable.any():
            raise DataError(f"no entry for host {name!r}", path=self.bank.path, expected="free entries or its own")
        weights = self.weights * usable
        index = int(rng.choice(self.entries, p=weights / weights.sum()))
        return index, int(self.bank.entries["host"][index]) >= 0


@dataclass
class _Host:
    """A host while crops go into it: its own copies of image and labels, and what is measured once."""

    sample: Sample
    image: NDArray[np.float32]
    mask: NDArray[Any]
    boxes: NDArray[np.float32] | None
    labels: NDArray[np.int64] | None
    ends: NDArray[np.float32]
    inside: NDArray[np.bool_]
    depth: NDArray[np.float32]
    darkest: NDArray[np.float32]

    @classmethod
    def of(cls, sample: Sample, domain: str) -> _Host:
        assert sample.mask is not None
        inside = foreground(sample) if domain == "scan" else np.ones(sample.shape, dtype=bool)
        depth = (
            surface_depth(inside, sample.spacing)
            if domain == "scan"
            else np.where(inside, np.inf, 0).astype(np.float32)
        )
        ends = intensity_range(sample, domain)
        copies = sample.image.copy(), sample.mask.copy()
        darkest = sample.image.reshape(len(sample.image), -1).min(axis=1)
        return cls(sample, *copies, sample.boxes, sample.labels, ends, inside, depth, darkest)

    def paste(
        self, image: NDArray[np.float32], values: NDArray[Any], corner: NDArray[Any], method: Any, target: Any
    ) -> None:
        """Blend a patch in at ``corner``, clipped to the host, and merge the labels."""
        source, where = _overlap(values.shape, self.mask.shape, corner)
        image, values = image[(slice(None), *source)], values[source]
        stored = self.image[(slice(None), *where)]
        older = self.mask[where] > 0
        blended, changed = blend_patch(
            to_scaled(stored, self.ends),
            image,
            values > 0,
            self.inside[where] & ~older,
            tissue(image),
            method,
            target,
        )
        # Only what changed goes through the scaled units and back: all else stays bit-identical. A dark object in a
        # dark place must not become darker than anything a scanner stores.
        stored[:, changed] = np.maximum(from_scaled(blended, self.ends)[:, changed], self.darkest[:, None])
        pasted = np.zeros_like(self.mask)
        pasted[where] = values
        merged = merge_mask(self.mask, pasted)
        if self.boxes is not None and self.labels is not None:
            self.boxes, self.labels = merge_boxes(self.boxes, self.labels, self.mask, merged, pasted)
        self.mask = merged


def _overlap(
    patch: Sequence[int], host: Sequence[int], corner: NDArray[Any]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The part of a patch that lies in the host, and where in the host that is."""
    start = [max(0, int(c)) for c in corner]
    stop = [min(h, int(c) + p) for p, h, c in zip(patch, host, corner, strict=True)]
    source = tuple(slice(a - int(c), b - int(c)) for a, b, c in zip(start, stop, corner, strict=True))
    return source, tuple(slice(a, b) for a, b in zip(start, stop, strict=True))


def _trim(crop: Crop, margin: int) -> NDArray[Any]:
    """How far :func:`domaingan.blend.variation.apply` moves the corner of an unvaried crop by trimming it."""
    return np.argwhere(crop.mask > 0).min(axis=0) - margin


def _own_contrast(crop: Crop) -> NDArray[np.float32]:
    return contrast(crop.image, crop.mask, ring(crop.mask, inside=tissue(crop.image)))


def _chosen(bank: Bank, only: Sequence[str]) -> NDArray[np.int64]:
    if not only:
        chosen = np.arange(len(bank))
    else:
        names = [name for name, values in bank.info.conditions.items() if set(only) <= set(values)]
        if not names:
            known = sorted({value for values in bank.info.conditions.values() for value in values})
            raise DataError(f"no class {', '.join(only)}", path=bank.path, expected=f"one of {', '.join(known)}")
        chosen = np.unique(np.concatenate([bank.matching(**{names[0]: value}) for value in only]))
    if not len(chosen):
        raise DataError("no crops to paste", path=bank.path, expected="at least one")
    return chosen


def _tempered(bank: Bank, entries: NDArray[np.int64]) -> NDArray[np.float64]:
    """Drawing weights: each value of the first condition by the square root of its count, so that rare ones come up."""
    weights = np.ones(len(entries))
    for name in list(bank.info.conditions)[:1]:
        codes = bank.entries[f"condition:{name}"][entries]
        counts = np.unique(codes, return_counts=True)
        by_code = dict(zip(counts[0].tolist(), counts[1].tolist(), strict=True))
        weights = np.array([by_code[int(code)] ** -0.5 for code in codes])
    return weights / weights.sum()


def _value_table(bank: Bank, classes: Mapping[str, int] | None) -> NDArray[np.int64]:
    """Host mask value for every bank mask value."""
    table = np.zeros(256, dtype=np.int64)
    for name, value in bank.info.classes.items():
        if classes is not None and name not in classes:
            raise DataError(f"class {name!r}", path=bank.path, expected=f"the hosts' {', '.join(classes)}")
        table[value] = value if classes is None else classes[name]
    return table
