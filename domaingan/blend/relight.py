"""Relight: the look of a scene from a bank given to a host, whose labels stay."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank, Crop, resolve_bank
from domaingan.banks.scenes import UNLABELLED_VALUE, downscale_body
from domaingan.blend.checks import check_host
from domaingan.blend.looks import Look, LookInput, parse_looks, soften_range
from domaingan.blend.scan.host_range import find_host_range
from domaingan.core.arguments import RngOrSeed, read_generator, read_names, read_number_range
from domaingan.core.errors import DataError
from domaingan.data import FRAME, SCAN, RelightResult, Sample, Schema
from domaingan.imaging.intensity import (
    find_body_extent,
    find_nonzero,
    from_scaled,
    get_foreground,
    get_intensity_range,
    to_dtype,
    to_scaled,
    with_foreground,
)
from domaingan.imaging.resample import resize

LookSelection = Mapping[str, str | Sequence[str]] | str | Sequence[str] | None
"""Which looks are meant: ``"dusk"``, ``["dusk", "night"]`` or ``{"lighting": ["dusk"]}``; None for all."""


class Relight:
    """Gives samples the look of scenes and says what it did in ``Sample.relight_result``; labels stay, to the bit.

    Args:
        bank: scenes, generated or real, of frames or of scans, or the folder of such a bank.
        method: ``reinhard``, ``histogram``, ``fda``, ``fda:BETA``, ``reinhard-per-class`` or ``mix`` (one of those at
            random each time), of scans ``histogram``, ``fda`` or ``mix``; see :mod:`domaingan.blend.looks`. Unless
            given ``reinhard``, of scans ``histogram``.
        strength: a number, or least and most, drawn uniformly: 0 is the host itself, 1 the scene's look in full.
        only: scenes of these values alone, such as ``"dusk"`` or ``{"lighting": ["dusk"]}``; all of them unless given.
        skip_same: leave a host as it is when its conditions are those of the scene drawn for it: dusk needs no dusk.
        schema: names the values of the hosts' masks, which ``reinhard-per-class`` finds in the bank by these names;
            unless given the values are the bank's own.

    Scenes are drawn so that every combination of their conditions comes up equally often, whatever its share. A scan
    is changed within its body alone, and keeps its range: of another scanner it gets how the tissues lie within it.

    Raises:
        DataError: an unknown method, condition or value, an impossible strength, or a bank of crops.
    """

    def __init__(
        self,
        bank: Bank | str | Path,
        method: str | None = None,
        strength: float | Sequence[float] = (0.7, 1.0),
        only: LookSelection = None,
        skip_same: bool = True,
        schema: Schema | None = None,
    ) -> None:
        bank = resolve_bank(bank, "scenes")
        info, strength = bank.info, read_number_range(strength, "a strength of")
        if info.kind != "scenes":
            raise DataError(f"a bank of {info.kind}", path=bank.path, expected="a bank of scenes to relight with")
        if not 0 <= strength[0] <= strength[1] <= 1:
            raise DataError(f"a strength of {strength[0]} to {strength[1]}", expected="0 to 1, least first")
        self.bank, self.strength, self.skip_same = bank, strength, skip_same
        self.classes = {} if info.generated else info.classes  # generated scenes have no masks
        named = self.classes if schema is None else schema.classes
        self.values = {value: self.classes[name] for name, value in named.items() if name in self.classes}
        self.method_name = method or info.domain.look_method
        self.looks = parse_looks(self.method_name, info.domain, bool(self.classes))
        self.only = read_look_selection(bank, only)
        self.entries = _select_scenes(bank, self.only)
        self.weights = _compute_balanced_weights(bank, self.entries)

    def restrict_to(self, allowed: NDArray[np.bool_]) -> Relight | None:
        """The same relighting, with some of the bank's scenes alone; None where none of them is left.

        Args:
            allowed: for each entry of the bank whether its look may be given.
        """
        entries = self.entries[allowed[self.entries]]
        if not len(entries):
            return None
        limited = copy.copy(self)
        limited.entries, limited.weights = entries, _compute_balanced_weights(self.bank, entries)
        return limited

    def check_schema(self, schema: Schema) -> None:
        """Refuse hosts that a scene's look cannot be given to.

        Raises:
            DataError: they are of another domain, or have other dimensions or channels.
        """
        info = self.bank.info
        if (schema.domain, schema.spatial_dims) != (info.domain, info.spatial_dims):
            found = f"a bank of scenes of {info.spatial_dims}D {info.domain}s"
            expected = f"one of {schema.spatial_dims}D {schema.domain}s, as the hosts are"
            raise DataError(found, path=self.bank.path, expected=expected)
        if list(schema.channels) != info.channels or (info.domain.is_rgb and len(schema.channels) != 3):
            found, expected = ", ".join(info.channels), ", ".join(schema.channels)
            kind = ", in RGB" if info.domain.is_rgb else ""
            raise DataError(f"channels {found}", path=self.bank.path, expected=f"the hosts' {expected}{kind}")

    def __call__(self, sample: Sample, rng: RngOrSeed) -> Sample:
        """The sample relit; ``sample`` itself is not changed. ``rng`` is a generator, or a seed.

        Image: of the host's type and range, bit-identical where the strength is 0, where the host was left alone, and
        beside a scan's body. Conditions: the scene's, where it has any. Mask, boxes, labels and instances: the very
        same arrays. ``relight_result`` says index, method and strength.

        Raises:
            DataError: as of :func:`domaingan.blend.checks.check_host`.
        """
        rng = read_generator(rng)
        check_host(sample, self.bank.info)
        scene = self.bank[int(rng.choice(self.entries, p=self.weights))]
        strength = float(rng.uniform(*self.strength))
        if strength == 0 or (self.skip_same and _has_conditions_of(sample, scene)) or _is_outside_body(sample):
            return replace(sample, relight_result=RelightResult())
        names = list(self.looks)
        name = names[int(rng.integers(len(names)))] if len(names) > 1 else names[0]
        relit = self._relight_scan if self.bank.info.domain.has_body else self._relight_frame
        image = relit(sample, scene, self.looks[name], np.float32(strength))
        result = RelightResult(scene.index, scene.condition, name, strength)
        condition = sample.condition | scene.condition
        return replace(sample, image=image, condition=condition, relight_result=result)

    def _relight_frame(self, sample: Sample, scene: Crop, look: Look, strength: np.float32) -> NDArray[Any]:
        ends = get_intensity_range(sample, FRAME)
        host = LookInput(to_scaled(sample.image, ends), classes=self._get_bank_classes(sample))
        small = LookInput(_resize_to_scene(host.image, scene), classes=_resize_classes_to_scene(host.classes, scene))
        lit = look(host, small, LookInput(scene.image, classes=scene.mask if self.classes else None))
        lit = np.stack([soften_range(channel, float(channel.min()), float(channel.max()), 1) for channel in lit])
        mixed = np.clip(host.image + strength * (lit - host.image), 0, 1)
        return to_dtype(from_scaled(mixed, ends), sample.image.dtype)

    def _get_bank_classes(self, sample: Sample) -> NDArray[np.uint8] | None:
        """The host's classes in the bank's values; None where either has none."""
        if sample.mask is None or not self.values:
            return None
        classes = np.full(sample.shape, UNLABELLED_VALUE, dtype=np.uint8)
        for value, stored in self.values.items():
            classes[sample.mask == value] = stored
        return classes

    def _relight_scan(self, sample: Sample, scene: Crop, look: Look, strength: np.float32) -> NDArray[Any]:
        measured = with_foreground(sample, SCAN)
        inside, ends = get_foreground(measured), find_host_range(measured, self.bank.info)
        box = (slice(None), *find_body_extent(inside))
        body = inside[box[1:]]
        host = LookInput(to_scaled(sample.image[box], ends), body)
        small = LookInput(*downscale_body(host.image, body, scene.image.shape[1:]))
        lit = look(host, small, LookInput(scene.image, find_nonzero(scene.image)))
        mixed = to_dtype(from_scaled(host.image + strength * (lit - host.image), ends), sample.image.dtype)
        image = sample.image.copy()
        image[box][:, body] = mixed[:, body]
        return image


def _resize_to_scene(image: NDArray[np.float32], scene: Crop) -> NDArray[np.float32]:
    return np.asarray(resize(image, scene.image.shape[1:]), dtype=np.float32)


def _resize_classes_to_scene(classes: NDArray[np.uint8] | None, scene: Crop) -> NDArray[np.uint8] | None:
    return None if classes is None else resize(classes, scene.image.shape[1:], is_mask=True)


def _has_conditions_of(sample: Sample, scene: Crop) -> bool:
    """Whether the sample is known to be under the scene's conditions; a scene without any has a look of its own."""
    return bool(scene.condition) and all(
        str(sample.condition.get(name)) == value for name, value in scene.condition.items()
    )


def _is_outside_body(sample: Sample) -> bool:
    """Whether a slice is known to show nothing of it."""
    return sample.foreground is not None and not sample.foreground.any()


def _select_scenes(bank: Bank, only: Mapping[str, Sequence[str]]) -> NDArray[np.int64]:
    keep = np.ones(len(bank), dtype=bool)
    for name, values in only.items():
        keep &= np.isin(np.arange(len(bank)), [i for value in values for i in bank.find_matching(**{name: value})])
    if not keep.any():
        wish = " and ".join(f"{name}={','.join(values)}" for name, values in only.items())
        raise DataError(f"no scene with {wish}" if only else "no scene", path=bank.path, expected="at least one")
    return np.flatnonzero(keep)


def _compute_balanced_weights(bank: Bank, entries: NDArray[np.int64]) -> NDArray[np.float64]:
    """Drawing weights: every combination of conditions the same in sum."""
    codes: list[Any] = [bank.entries[f"condition:{name}"][entries] for name in bank.info.conditions]
    if not codes:
        return np.full(len(entries), 1 / len(entries))
    _, kind, counts = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(counts) * counts[kind.reshape(-1)]), dtype=np.float64)


def read_look_selection(bank: Bank, only: LookSelection) -> dict[str, list[str]]:
    """Read which looks are meant: values by their conditions, or values alone, one or several.

    Raises:
        DataError: it is something else, or no condition has such a value.
    """
    if isinstance(only, Mapping):
        return {name: read_names(values, f"only of {name}") for name, values in only.items()}
    return find_conditions_of_looks(bank, read_names(only, "only"))


def find_conditions_of_looks(bank: Bank, values: Sequence[str]) -> dict[str, list[str]]:
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
