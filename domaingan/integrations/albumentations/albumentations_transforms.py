"""Paste and relight as transforms of albumentations (https://albumentations.ai, 2.0)::

    train = A.Compose(
        [dg.albumentations.Paste("banks/people", classes="data/classes.json"), A.HorizontalFlip()],
        bbox_params=A.BboxParams("coco", label_fields=["category"]),
        seed=0,
    )
    train(image=image, mask=mask, bboxes=boxes, category=names)

What they do is what :class:`domaingan.blend.Paste` and :class:`domaingan.blend.Relight` do. ``A.load`` and
``A.from_dict`` know them once this module has been imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan import blend
from domaingan.banks import Bank
from domaingan.blend.looks import PER_CLASS
from domaingan.blend.relight import LookSelection
from domaingan.core.errors import DataError
from domaingan.integrations.albumentations.box_labels import CORNER_COLUMNS, BoxLabels
from domaingan.integrations.albumentations.serialization import BankTransform, InMemoryBank, SeededTransform
from domaingan.integrations.albumentations.targets import (
    TargetReader,
    check_count,
    convert_pixels,
    drop_mask_channel,
    move_channels_first,
    write_further_mask,
)
from domaingan.integrations.image_samples import (
    Classes,
    OneTimeWarnings,
    dump_schema,
    make_host,
    make_schema,
    read_host_info,
    read_spacing,
    relight_host,
)

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing must not look for a newer version on the net

import albumentations as A
from albumentations.core.type_definitions import Targets

Array = NDArray[Any]


class Paste(SeededTransform, BankTransform, A.DualTransform):  # type: ignore[misc]
    """Puts crops from a bank into images, and says so in masks, boxes and keypoints.

    Args:
        bank: crops, or the folder they are in.
        classes: names the values of the masks: a dataset's schema, ``{name: value}``, or a ``classes.json`` or what is
            in one. Of scans those of the bank unless given; of frames it is needed, and names objects, too.
        method, per_image, only, variation, placement, atlas, overlap: as in :class:`domaingan.blend.Paste`; the atlas
            is a file's path, where the pipeline is to be saved.
        labels: for each of the boxes' label fields the label of a class by name, or one label for all that is pasted:
            ``{"category": {"car": 3}, "crowd": 0}``. A lone field needs none if it holds names or the mask's values.
            Further masks (``additional_targets``) that hold something else than classes are listed in the same way.
        spacing: mm a pixel of the hosts, for scans: one number, or one an axis; 1, with a warning, unless given.
        meta_key: an optional target with what else is known of the host, as in ``Sample.meta``: ``name`` (for bound
            entries), ``subject`` or ``sequence`` (for its horizon), ``spacing``, ``foreground``, ``range``.
        dims: 2, as in MONAI's counterpart; images are of two dimensions in any case.
        p: share of the images that are pasted into.

    Targets:
        image: ``(H, W, C)`` or ``(H, W)``, uint8 or float32. Frames in [0, 1] if float; scans in any unit.
            Further images are of the same channels, and get the same pixels.
        mask: ``(H, W)`` class values; needed, as it says where there is room, unless no ground is labelled: then boxes
            with labels tell where something is, and masks of objects how much of them is seen.
        masks: ``(N, H, W)`` one an object, in the order of the boxes; pasted objects come last.
        bboxes: in any format. Those of objects that are partly hidden shrink to what is seen, those of objects less
            than 20 % of which can be seen go; pasted objects come last.
        keypoints: those that a pasted object hides go.

    What was pasted is in the transform's parameters (``pasted``: one record a crop), for ``save_applied_params`` and
    ``A.ReplayCompose``: a replay writes the same pixels into the same places, and labels them as its host's labels are.

    Every image has draws of its own, from the seed of ``A.Compose``, the image, and how often a loader asked for it:
    with a seed the same bytes with any number of workers. Albumentations' transforms beside it go on, in each
    worker and in each epoch again, from where they were when it started.

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
        """Everything about one paste: what was pasted, and what is written where."""
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
        """The image with the pasted pixels.

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
        """The mask with the pasted objects' values."""
        written = mask.copy()
        written[relabelled] = values if mask.ndim == 2 else values[:, None]
        return written

    def apply_to_masks(
        self, masks: Array, before: int, older: Array, corners: Array, instances: Array, **params: Any
    ) -> Array:
        """Each object's mask less what pasted objects hide of it, and theirs."""
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
        """``(N, 4+)`` the boxes of what can still be seen, and of what was pasted."""
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
        """``(N, 2+)`` the keypoints that no pasted object hides."""
        if not keypoints.size:
            return keypoints
        hiding = relabelled | (instances > len(older))  # also where little is left of an object that went
        columns, rows = np.floor(keypoints[:, :2]).astype(int).T
        inside = (rows >= 0) & (columns >= 0) & (rows < hiding.shape[0]) & (columns < hiding.shape[1])
        hidden = np.zeros(len(keypoints), dtype=bool)
        hidden[inside] = hiding[rows[inside], columns[inside]]
        return keypoints[~hidden]


class Relight(SeededTransform, BankTransform, A.ImageOnlyTransform):  # type: ignore[misc]
    """Gives frames, or slices of scans, the look of scenes from a bank.

    Args:
        bank: scenes, the folder they are in, or one of pictures, scans or labelled frames.
        method, strength, only: as in :class:`domaingan.blend.Relight`.
        classes: names the values of the masks, for ``reinhard-per-class``, as in :class:`Paste`; the bank's own unless
            given.
        meta_key: an optional target with what else is known of the host, as in ``Sample.meta``: ``foreground`` and
            ``range`` of a scan, and ``condition`` (a dictionary: a host that has the look already is left alone).
        p: share of the images that are relit.

    Targets:
        image: ``(H, W, C)`` or ``(H, W)``, uint8 or float32. Frames RGB, in [0, 1] if float; scans in any unit.
        mask: ``(H, W)`` class values, which is looked at alone; ``reinhard-per-class`` needs it.

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
        """The seed of scene and strength."""
        return {"seed": int(self.random_generator.integers(2**63))}

    def apply_with_params(self, params: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Apply the drawn parameters; what else is known of the image is not one of them, as replays have their own."""
        known = {"beside": {name: kwargs.get(name) for name in ("mask", self.meta_key)}}
        applied: dict[str, Any] = super().apply_with_params(params | known, *args, **kwargs)
        return applied

    def apply(self, img: Array, seed: int, beside: Mapping[str, Any], **params: Any) -> Array:
        """The image relit."""
        by_class = beside["mask"] is not None and PER_CLASS in self.relight.looks
        mask = drop_mask_channel(beside["mask"]) if by_class else None
        known = read_host_info(beside[self.meta_key], img.shape[:2], self.meta_key)
        host = make_host(move_channels_first(img), mask, known, self.schema, self.bank.info, is_changed=False)
        return np.ascontiguousarray(np.moveaxis(relight_host(self.relight, host, seed).image, 0, -1)).reshape(img.shape)


def _convert_to_lists(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
