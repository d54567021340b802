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
    """Gives samples the look of scenes, and records what it did in ``Sample.relight_result``. Labels stay, to the bit.

    Scenes are drawn so that every combination of their conditions comes up equally often, whatever its share. A scan
    changes within its body alone and keeps its range: it takes over how another scanner's tissues lie within it.

    Args:
        bank: scenes, generated or real, of frames or of scans, or the folder of such a bank.
        method: ``reinhard`` (default for frames), ``histogram`` (default for scans), ``fda``, ``fda:BETA``,
            ``reinhard-per-class``, or ``mix`` for one of those at random each time. Scans take ``histogram``, ``fda``
            or ``mix``. See :mod:`domaingan.blend.looks`.
        strength: a number, or the smallest and the largest, drawn uniformly. 0 is the host itself, 1 the scene's look
            in full.
        only: scenes of these values alone, such as ``"dusk"`` or ``{"lighting": ["dusk"]}``. All unless given.
        skip_same: whether a host stays as it is if it has the conditions of the scene drawn for it: dusk needs no dusk.
        schema: names the values of the hosts' masks; ``reinhard-per-class`` finds them in the bank by these names. The
            bank's own values unless given.

    Raises:
        DataError: a method, condition or value is unknown, the strength is impossible, or the bank holds crops.
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
        """Return the same relighting with some of the bank's scenes alone.

        Args:
            allowed: for each entry of the bank whether its look may be given.

        Returns:
            The relighting; None where none of its scenes is left.
        """
        entries = self.entries[allowed[self.entries]]
        if not len(entries):
            return None
        limited = copy.copy(self)
        limited.entries = entries
        limited.weights = _compute_balanced_weights(self.bank, entries)
        return limited

    def check_schema(self, schema: Schema) -> None:
        """Refuse a schema whose samples a scene's look cannot be given to.

        Args:
            schema: of the hosts.

        Raises:
            DataError: the hosts are of another domain, or have other dimensions or channels.
        """
        info = self.bank.info
        if (schema.domain, schema.spatial_dims) != (info.domain, info.spatial_dims):
            found = f"a bank of scenes of {info.spatial_dims}D {info.domain}s"
            expected = f"one of {schema.spatial_dims}D {schema.domain}s, as the hosts are"
            raise DataError(found, path=self.bank.path, expected=expected)
        if list(schema.channels) != info.channels or (info.domain.is_rgb and len(schema.channels) != 3):
            found = ", ".join(info.channels)
            expected = ", ".join(schema.channels)
            kind = ", in RGB" if info.domain.is_rgb else ""
            raise DataError(f"channels {found}", path=self.bank.path, expected=f"the hosts' {expected}{kind}")

    def __call__(self, sample: Sample, rng: RngOrSeed) -> Sample:
        """Relight a sample.

        Args:
            sample: the host; it is not changed.
            rng: a generator, or a seed.

        Returns:
            The sample with another image, of the host's type and range. The image is bit-identical to the host's where
            the strength is 0, where the host was left alone, and beside a scan's body. Conditions are the scene's,
            where it has any. Mask, boxes, labels and instances are the very same arrays. ``relight_result`` has index,
            method and strength.

        Raises:
            DataError: :func:`domaingan.blend.checks.check_host` refuses the sample.
        """
        rng = read_generator(rng)
        check_host(sample, self.bank.info)
        scene = self.bank[int(rng.choice(self.entries, p=self.weights))]
        strength = float(rng.uniform(*self.strength))
        has_look_already = self.skip_same and _has_conditions_of(sample, scene)
        if strength == 0 or has_look_already or _is_outside_body(sample):
            return replace(sample, relight_result=RelightResult())
        names = list(self.looks)
        name = names[0]
        if len(names) > 1:
            name = names[int(rng.integers(len(names)))]
        relight_image = self._relight_scan if self.bank.info.domain.has_body else self._relight_frame
        image = relight_image(sample, scene, self.looks[name], np.float32(strength))
        result = RelightResult(scene.index, scene.condition, name, strength)
        condition = sample.condition | scene.condition
        return replace(sample, image=image, condition=condition, relight_result=result)

    def _relight_frame(self, sample: Sample, scene: Crop, look: Look, strength: np.float32) -> NDArray[Any]:
        """Give a frame a scene's look; values that leave [0, 1] are compressed."""
        intensity_range = get_intensity_range(sample, FRAME)
        host = LookInput(to_scaled(sample.image, intensity_range), classes=self._get_bank_classes(sample))
        small = LookInput(_resize_to_scene(host.image, scene), classes=_resize_classes_to_scene(host.classes, scene))
        lit = look(host, small, LookInput(scene.image, classes=scene.mask if self.classes else None))
        channels = [soften_range(channel, float(channel.min()), float(channel.max()), 1) for channel in lit]
        mixed = np.clip(host.image + strength * (np.stack(channels) - host.image), 0, 1)
        return to_dtype(from_scaled(mixed, intensity_range), sample.image.dtype)

    def _get_bank_classes(self, sample: Sample) -> NDArray[np.uint8] | None:
        """Return the host's classes in the bank's values; None where either has none."""
        if sample.mask is None or not self.values:
            return None
        classes = np.full(sample.shape, UNLABELLED_VALUE, dtype=np.uint8)
        for host_value, bank_value in self.values.items():
            classes[sample.mask == host_value] = bank_value
        return classes

    def _relight_scan(self, sample: Sample, scene: Crop, look: Look, strength: np.float32) -> NDArray[Any]:
        """Give a scan's body a scene's look."""
        measured = with_foreground(sample, SCAN)
        foreground = get_foreground(measured)
        intensity_range = find_host_range(measured, self.bank.info)
        extent = find_body_extent(foreground)
        in_box = (slice(None), *extent)
        body = foreground[extent]
        host = LookInput(to_scaled(sample.image[in_box], intensity_range), body)
        small = LookInput(*downscale_body(host.image, body, scene.image.shape[1:]))
        lit = look(host, small, LookInput(scene.image, find_nonzero(scene.image)))
        relit = from_scaled(host.image + strength * (lit - host.image), intensity_range)
        image = sample.image.copy()
        image[in_box][:, body] = to_dtype(relit, sample.image.dtype)[:, body]
        return image


def _resize_to_scene(image: NDArray[np.float32], scene: Crop) -> NDArray[np.float32]:
    """Resize an image to a scene's resolution."""
    return np.asarray(resize(image, scene.image.shape[1:]), dtype=np.float32)


def _resize_classes_to_scene(classes: NDArray[np.uint8] | None, scene: Crop) -> NDArray[np.uint8] | None:
    """Resize class values to a scene's resolution."""
    return None if classes is None else resize(classes, scene.image.shape[1:], is_mask=True)


def _has_conditions_of(sample: Sample, scene: Crop) -> bool:
    """Whether the sample is known to have the scene's conditions. A scene without any has a look of its own."""
    if not scene.condition:
        return False
    return all(str(sample.condition.get(name)) == value for name, value in scene.condition.items())


def _is_outside_body(sample: Sample) -> bool:
    """Whether a slice is known to show nothing of the body."""
    return sample.foreground is not None and not sample.foreground.any()


def _select_scenes(bank: Bank, only: Mapping[str, Sequence[str]]) -> NDArray[np.int64]:
    """Find the scenes that have one of the values of each condition."""
    is_selected = np.ones(len(bank), dtype=bool)
    for name, values in only.items():
        matching: list[Any] = []
        for value in values:
            matching.extend(bank.find_matching(**{name: value}))
        is_selected &= np.isin(np.arange(len(bank)), matching)
    if not is_selected.any():
        wanted = " and ".join(f"{name}={','.join(values)}" for name, values in only.items())
        raise DataError(f"no scene with {wanted}" if only else "no scene", path=bank.path, expected="at least one")
    return np.flatnonzero(is_selected)


def _compute_balanced_weights(bank: Bank, entries: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weight scenes so that the weights of every combination of conditions have the same sum."""
    codes: list[Any] = [bank.entries[f"condition:{name}"][entries] for name in bank.info.conditions]
    if not codes:
        return np.full(len(entries), 1 / len(entries))
    combinations = np.stack(codes, axis=1)
    _, combination, counts = np.unique(combinations, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(counts) * counts[combination.reshape(-1)]), dtype=np.float64)


def read_look_selection(bank: Bank, only: LookSelection) -> dict[str, list[str]]:
    """Read which looks are meant.

    Args:
        bank: scenes.
        only: values by their conditions, or values alone, one or several.

    Returns:
        Values by their conditions.

    Raises:
        DataError: it is something else, or no condition has such a value.
    """
    if isinstance(only, Mapping):
        return {name: read_names(values, f"only of {name}") for name, values in only.items()}
    return find_conditions_of_looks(bank, read_names(only, "only"))


def find_conditions_of_looks(bank: Bank, values: Sequence[str]) -> dict[str, list[str]]:
    """Find the condition that each value belongs to: ``["dusk"]`` becomes ``{"lighting": ["dusk"]}``.

    Args:
        bank: scenes.
        values: of any of the bank's conditions.

    Raises:
        DataError: no condition has such a value.
    """
    values_by_condition: dict[str, list[str]] = {}
    for value in values:
        names = [name for name, known in bank.info.conditions.items() if value in known]
        if not names:
            known_values: set[str] = set()
            known_values.update(*bank.info.conditions.values())
            expected = "none: its scenes have no conditions"
            if known_values:
                expected = f"one of {', '.join(sorted(known_values))}"
            raise DataError(f"no look {value!r}", path=bank.path, expected=expected)
        values_by_condition.setdefault(names[0], []).append(value)
    return values_by_condition
