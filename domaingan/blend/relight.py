"""Relight: the look of a scene from a bank given to a host, whose labels stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.bank import Bank, Crop
from domaingan.blend.looks import RELIGHTS
from domaingan.errors import DataError
from domaingan.grid import resize
from domaingan.sample import Sample, Schema


class Relight:
    """Gives samples the look of scenes and says what it did in ``meta["relit"]``; labels stay, to the bit.

    Args:
        bank: scenes, generated or real.
        method: ``reinhard`` (default) or ``fda``; see :mod:`domaingan.blend.looks`.
        strength: least and most, drawn uniformly: 0 is the host itself, 1 the scene's look in full.
        only: scenes of these values alone, such as ``{"lighting": ["dusk"]}``; all of them unless given.
        skip_same: leave a host as it is when its conditions are those of the scene drawn for it: dusk needs no dusk.

    Scenes are drawn so that every combination of their conditions comes up equally often, whatever its share.

    Raises:
        DataError: an unknown method, condition or value, an impossible strength, or a bank of crops.
    """

    def __init__(
        self,
        bank: Bank,
        method: str = "reinhard",
        strength: tuple[float, float] = (0.7, 1.0),
        only: Mapping[str, Sequence[str]] | None = None,
        skip_same: bool = True,
    ) -> None:
        if bank.info.kind != "scenes":
            raise DataError(f"a bank of {bank.info.kind}", path=bank.path, expected="a bank of scenes to relight with")
        if method not in RELIGHTS:
            raise DataError(f"no method {method!r} for scenes", expected=f"one of {', '.join(RELIGHTS)}")
        if not 0 <= strength[0] <= strength[1] <= 1:
            raise DataError(f"a strength of {strength[0]} to {strength[1]}", expected="0 to 1, least first")
        self.bank, self.strength, self.skip_same = bank, strength, skip_same
        self.method_name, self.method = method, RELIGHTS[method]()
        self.entries = _chosen(bank, only or {})
        self.weights = _even(bank, self.entries)

    def check(self, schema: Schema) -> None:
        """Refuse hosts that a scene's look cannot be given to.

        Raises:
            DataError: they are no frames, or have other channels.
        """
        if schema.domain != "frame" or schema.spatial_dims != 2:
            raise DataError("a bank of scenes", path=self.bank.path, expected=f"crops: the hosts are {schema.domain}s")
        if list(schema.channels) != self.bank.info.channels or len(schema.channels) != 3:
            found, expected = ", ".join(self.bank.info.channels), ", ".join(schema.channels)
            raise DataError(f"channels {found}", path=self.bank.path, expected=f"the hosts' {expected}, in RGB")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The sample relit; ``sample`` itself is not changed.

        Image: float32 in [0, 1], bit-identical where the strength is 0 or the host was left alone. Conditions: the
        scene's, where it has any. Mask, boxes, labels and instances: the very same arrays. ``meta["relit"]``: index,
        method and strength, or None for a host left alone.
        """
        scene = self.bank[int(rng.choice(self.entries, p=self.weights))]
        strength = float(rng.uniform(*self.strength))
        if strength == 0 or (self.skip_same and _has_look(sample, scene)):
            return replace(sample, meta=sample.meta | {"relit": None})
        small = np.asarray(resize(sample.image, scene.image.shape[1:]), dtype=np.float32)
        relit = self.method(sample.image, small, scene.image)
        image = np.clip(sample.image + np.float32(strength) * (relit - sample.image), 0, 1).astype(np.float32)
        record = {"index": scene.index, **scene.condition, "method": self.method_name, "strength": strength}
        condition = sample.condition | scene.condition
        return replace(sample, image=image, condition=condition, meta=sample.meta | {"relit": record})


def _has_look(sample: Sample, scene: Crop) -> bool:
    """Whether the sample is known to be under the scene's conditions; a scene without any has a look of its own."""
    return bool(scene.condition) and all(
        str(sample.condition.get(name)) == value for name, value in scene.condition.items()
    )


def _chosen(bank: Bank, only: Mapping[str, Sequence[str]]) -> NDArray[np.int64]:
    keep = np.ones(len(bank), dtype=bool)
    for name, values in only.items():
        keep &= np.isin(np.arange(len(bank)), [i for value in values for i in bank.matching(**{name: value})])
    if not keep.any():
        wish = " and ".join(f"{name}={','.join(values)}" for name, values in only.items())
        raise DataError(f"no scene with {wish}" if only else "no scene", path=bank.path, expected="at least one")
    return np.flatnonzero(keep)


def _even(bank: Bank, entries: NDArray[np.int64]) -> NDArray[np.float64]:
    """Drawing weights: every combination of conditions the same in sum."""
    codes: list[Any] = [bank.entries[f"condition:{name}"][entries] for name in bank.info.conditions]
    if not codes:
        return np.full(len(entries), 1 / len(entries))
    _, kind, counts = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(counts) * counts[kind.reshape(-1)]), dtype=np.float64)


def looks_named(bank: Bank, values: Sequence[str]) -> dict[str, list[str]]:
    """Values of any of a bank's conditions as what ``only`` takes: ``["dusk"]`` becomes ``{"lighting": ["dusk"]}``.

    Raises:
        DataError: no condition has such a value.
    """
    found: dict[str, list[str]] = {}
    for value in values:
        names = [name for name, known in bank.info.conditions.items() if value in known]
        if not names:
            known = sorted({v for values in bank.info.conditions.values() for v in values})
            expected = f"one of {', '.join(known)}" if known else "none: its scenes have no conditions"
            raise DataError(f"no look {value!r}", path=bank.path, expected=expected)
        found.setdefault(names[0], []).append(value)
    return found
