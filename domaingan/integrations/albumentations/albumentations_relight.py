"""Relight as a transform of albumentations."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domaingan import blend
from domaingan.banks import Bank
from domaingan.blend.looks import PER_CLASS
from domaingan.blend.relight import LookSelection
from domaingan.integrations.albumentations.image_arrays import (
    Array,
    drop_mask_channel,
    move_channels_first,
)
from domaingan.integrations.albumentations.serialization import BankTransform, InMemoryBank, SeededTransform
from domaingan.integrations.bank_and_classes import Classes, dump_schema, make_schema
from domaingan.integrations.host_images import make_host, relight_host
from domaingan.integrations.host_info import read_host_info

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing must not look for a newer version on the net

import albumentations as A


class Relight(SeededTransform, BankTransform, A.ImageOnlyTransform):  # type: ignore[misc]
    """Give frames, or slices of scans, the look of scenes from a bank.

    Args:
        bank: scenes, the folder they are in, or a folder of pictures, scans or labelled frames.
        method, strength, only: as in :class:`domaingan.blend.Relight`.
        classes: names of the masks' values, for ``reinhard-per-class``, as in
            :class:`domaingan.albumentations.Paste`; the bank's own unless given.
        meta_key: name of an optional target, a dictionary with more about the host: ``foreground`` and ``range`` of a
            scan, and ``condition``, a dictionary. A host that has the look already is left alone.
        p: share of the images that are relit.

    Targets:
        image: ``(H, W, C)`` or ``(H, W)``, uint8 or float32. Frames RGB, in [0, 1] if float; scans in any unit.
        mask: ``(H, W)`` class values; it is only read. ``reinhard-per-class`` needs it.

    Raises:
        DataError: as :class:`domaingan.blend.Relight`, and for images and masks that do not fit.
    """

    __module__ = "domaingan.albumentations"  # saved pipelines hold this name

    def __init__(
        self,
        bank: Bank | InMemoryBank | str | Path,
        method: str | None = None,
        strength: float | Sequence[float] = (0.7, 1.0),
        only: LookSelection = None,
        classes: Classes = None,
        meta_key: str = "meta",
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self._open_bank(bank, "scenes")
        self.schema, self.meta_key = make_schema(classes, self.bank), meta_key
        self.relight = blend.Relight(self.bank, method, strength, only, schema=self.schema)
        self._available_keys.add(meta_key)
        self.settings = {
            "method": method,
            "strength": list(self.relight.strength),
            "only": self.relight.only,
            "classes": None if classes is None else dump_schema(self.schema),
            "meta_key": meta_key,
        }

    def get_params(self) -> dict[str, Any]:
        """Draw the seed of scene and strength."""
        return {"seed": int(self.random_generator.integers(2**63))}

    def apply_with_params(self, params: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Apply the drawn parameters. A replay takes the mask, and what is known of the host, from its own image."""
        beside = {name: kwargs.get(name) for name in ("mask", self.meta_key)}
        applied: dict[str, Any] = super().apply_with_params(params | {"beside": beside}, *args, **kwargs)
        return applied

    def apply(self, img: Array, seed: int, beside: Mapping[str, Any], **params: Any) -> Array:
        """Relight the image."""
        mask = beside["mask"]
        is_mask_used = mask is not None and PER_CLASS in self.relight.looks
        mask = drop_mask_channel(mask) if is_mask_used else None
        host_info = read_host_info(beside[self.meta_key], img.shape[:2], self.meta_key)
        host = make_host(move_channels_first(img), mask, host_info, self.schema, self.bank.info, is_changed=False)
        pixels = relight_host(self.relight, host, seed).image
        channels_last = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        return channels_last.reshape(img.shape)
