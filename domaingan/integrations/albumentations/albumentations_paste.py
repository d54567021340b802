"""Paste as a transform of albumentations."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from domaingan import blend
from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.integrations.albumentations.box_labels import CORNER_COLUMNS, BoxLabels
from domaingan.integrations.albumentations.further_targets import convert_pixels, write_further_mask
from domaingan.integrations.albumentations.image_arrays import (
    Array,
    check_count,
)
from domaingan.integrations.albumentations.serialization import BankTransform, InMemoryBank, SeededTransform
from domaingan.integrations.albumentations.targets import TargetReader
from domaingan.integrations.bank_and_classes import Classes, dump_schema, make_schema
from domaingan.integrations.host_info import OneTimeWarnings, read_spacing

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing must not look for a newer version on the net

import albumentations as A
from albumentations.core.type_definitions import Targets


class Paste(SeededTransform, BankTransform, A.DualTransform):  # type: ignore[misc]
    """Paste crops from a bank into images, with their masks, boxes and labels.

    Args:
        bank: crops, or the folder they are in.
        classes: names of the masks' values: a dataset's schema, ``{name: value}``, or a ``classes.json`` or its
            content. For scans the bank's own unless given. For frames it is needed, and must name objects.
        method, per_image, only, variation, placement, atlas, overlap: as in :class:`domaingan.blend.Paste`. The atlas
            is the path of a file where the pipeline is to be saved.
        labels: for each label field of the boxes, the label of a class by name, or one label for all pasted objects:
            ``{"category": {"car": 3}, "crowd": 0}``. A single field needs none if it holds class names or the mask's
            values. Further masks (``additional_targets``) that do not hold classes are listed in the same way.
        spacing: size of a pixel of the hosts in mm, for scans: one number, or one for each axis. Unless given, 1 with a
            warning.
        meta_key: name of an optional target, a dictionary with more about the host: ``name`` (for bound entries),
            ``subject`` or ``sequence`` (for its horizon), ``spacing``, ``foreground``, ``range``.
        dims: 2, as in MONAI's counterpart; images have two dimensions in any case.
        p: share of the images that are pasted into.

    Targets:
        image: ``(H, W, C)`` or ``(H, W)``, uint8 or float32. Frames in [0, 1] if float; scans in any unit.
            Further images have the same channels, and get the same pixels.
        mask: ``(H, W)`` class values. It says where there is room, and is needed unless no ground is labelled. Without
            it, boxes with labels say where objects are, and masks of objects how much of them is visible.
        masks: ``(N, H, W)``, one for each object, in the order of the boxes; pasted objects come last.
        bboxes: in any format. The box of an object that is partly hidden shrinks to its visible part; objects that are
            less than 20 % visible are dropped; pasted objects come last.
        keypoints: those that a pasted object hides are dropped.

    The transform's parameters say what was pasted (``pasted``: one record for each crop), for ``save_applied_params``
    and ``A.ReplayCompose``. A replay writes the same pixels into the same places, and labels them as its own host is
    labelled.

    The draws for an image follow from the seed of ``A.Compose``, the image, and how often a loader asked for it: with a
    seed the bytes are the same with any number of workers. Albumentations' own transforms beside it begin, in each
    worker and in each epoch, from the state that they had when it started.

    Raises:
        DataError: as :class:`domaingan.blend.Paste`, and for images, masks and boxes that do not fit.
    """

    __module__ = "domaingan.albumentations"  # saved pipelines hold this name

    _targets = (Targets.IMAGE, Targets.MASK, Targets.BBOXES, Targets.KEYPOINTS)

    def __init__(
        self,
        bank: Bank | InMemoryBank | str | Path,
        classes: Classes = None,
        method: str | None = None,
        per_image: int | Sequence[int] = (1, 3),
        only: str | Sequence[str] = (),
        variation: blend.Variation | Mapping[str, Any] | None = None,
        placement: str = "uniform",
        atlas: Array | str | Path | None = None,
        overlap: bool = False,
        labels: Mapping[str, Any] | None = None,
        spacing: float | Sequence[float] | None = None,
        meta_key: str = "meta",
        dims: int | None = None,
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self._open_bank(bank, "crops")
        if self.bank.info.spatial_dims != 2 or dims not in (None, 2):
            found = f"a {self.bank.info.spatial_dims}D bank" if dims in (None, 2) else f"{dims} dims"
            raise DataError(found, path=self.bank.path, expected="a 2D bank (crops --dims 2), for images and slices")
        schema = make_schema(classes, self.bank)
        if isinstance(variation, Mapping):
            variation = blend.Variation.from_settings(variation)
        self.paste = blend.Paste(self.bank, method, per_image, only, variation, schema, None, placement, atlas, overlap)
        self.paste.check_schema(schema)
        self.warnings_once = OneTimeWarnings()
        self.box_labels = BoxLabels(schema.classes, dict(labels or {}), schema.objects, self.warnings_once)
        size = None if spacing is None else read_spacing(spacing, 2)
        needs_mask = self.paste.needs_mask()
        self.target_reader = TargetReader(
            self.bank.info, schema, self.box_labels, size, meta_key, self.warnings_once, needs_mask
        )
        self._available_keys.add(meta_key)
        self.settings = {
            "classes": dump_schema(schema),
            "method": method,
            "per_image": list(self.paste.per_image),
            "only": self.paste.only,
            "variation": None if variation is None else _convert_to_lists(asdict(variation)),
            "placement": placement,
            "atlas": str(atlas) if isinstance(atlas, Path) else atlas,
            "overlap": overlap,
            "labels": dict(labels or {}),
            "spacing": None if size is None else list(size),
            "meta_key": meta_key,
            "dims": dims,
        }

    # ---------------------------------------------------------------- drawing

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw one paste: what is pasted, and what is written where."""
        processor = self.get_processor("bboxes")
        host = self.target_reader.read_sample(data, processor)
        after = self.paste(host, self.random_generator)
        return {
            "pasted": [crop.to_dict() for crop in after.pasted_crops],
            "seed": self.call_seed,
            **self.target_reader.find_changes(host, after),
        }

    # ---------------------------------------------------------------- applying

    def apply_with_params(self, params: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Apply the drawn parameters; an empty list of masks may grow, too, and further masks may hold no classes."""
        if "masks" in kwargs and kwargs["masks"] is not None and not len(kwargs["masks"]) and "instances" in params:
            kwargs["masks"] = np.zeros((0, *params["instances"].shape), dtype=np.uint8)
        others = [name for name, kind in self._additional_targets.items() if kind == "mask" and name in kwargs]
        plain = {name: value for name, value in kwargs.items() if name not in others}
        applied: dict[str, Any] = super().apply_with_params(params | {"beside": plain}, *args, **plain)
        for name in others:
            mask = kwargs[name]
            if mask is not None:
                mask = write_further_mask(name, mask, kwargs.get("mask"), params, self.box_labels)
            applied[name] = mask
        return applied

    def apply(self, img: Array, patches: list[tuple[tuple[slice, ...], Array, Array]], **params: Any) -> Array:
        """Write the pasted pixels into a copy of the image.

        Raises:
            DataError: a replay for an image of another size.
        """
        if img.shape[:2] != params["relabelled"].shape:
            expected = f"{params['relabelled'].shape}, as it was pasted into"
            raise DataError(f"a replay for an image {img.shape[:2]}", expected=expected)
        written = img.copy()
        for where, changed, pixels in patches:
            own = convert_pixels(img, pixels, self.bank.info)
            written[where][changed] = own if img.ndim == 3 else own[:, 0]
        return written

    def apply_to_mask(self, mask: Array, relabelled: Array, values: Array, **params: Any) -> Array:
        """Write the values of the pasted objects into a copy of the mask."""
        written = mask.copy()
        written[relabelled] = values if mask.ndim == 2 else values[:, None]
        return written

    def apply_to_masks(
        self, masks: Array, before: int, older: Array, corners: Array, instances: Array, **params: Any
    ) -> Array:
        """Cut what pasted objects hide out of each object's mask, and add the masks of the pasted objects."""
        check_count(len(masks), before, "masks")
        kept, seen = masks[older], instances > len(older)
        kept[:, seen] = 0
        numbers = np.arange(len(older), len(corners)) + 1
        pasted = (instances == numbers.reshape(-1, 1, 1)) * masks.dtype.type(masks.max() if masks.any() else 1)
        return np.concatenate([kept, pasted.reshape(-1, *masks.shape[1:]).astype(masks.dtype)])

    def apply_to_bboxes(
        self,
        bboxes: Array,
        before: int,
        older: Array,
        corners: Array,
        moved: Array,
        kinds: list[str],
        beside: Mapping[str, Any],
        **params: Any,
    ) -> Array:
        """List the boxes ``(N, 4+)`` of what is still visible, and of what was pasted."""
        check_count(len(bboxes), before, "boxes")
        pasted = corners[len(older) :]
        if kinds:
            data = {**beside, "bboxes": bboxes}
            pasted = np.hstack([pasted, self.box_labels.make_columns(self.get_processor("bboxes"), data, kinds)])
        if not bboxes.size:
            return pasted if len(pasted) else bboxes
        rows = np.vstack([bboxes[older], pasted.reshape(len(pasted), bboxes.shape[1])])
        rows[moved, :CORNER_COLUMNS] = corners[moved]
        return rows.astype(bboxes.dtype)

    def apply_to_keypoints(
        self, keypoints: Array, older: Array, instances: Array, relabelled: Array, **params: Any
    ) -> Array:
        """List the keypoints ``(N, 2+)`` that no pasted object hides."""
        if not keypoints.size:
            return keypoints
        hiding = relabelled | (instances > len(older))  # also where little is left of an object that went
        columns, rows = np.floor(keypoints[:, :2]).astype(int).T
        inside = (rows >= 0) & (columns >= 0) & (rows < hiding.shape[0]) & (columns < hiding.shape[1])
        hidden = np.zeros(len(keypoints), dtype=bool)
        hidden[inside] = hiding[rows[inside], columns[inside]]
        return keypoints[~hidden]


def _convert_to_lists(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
