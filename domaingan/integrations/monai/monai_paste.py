"""Paste as a dictionary transform of MONAI."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import MetaTensor
from numpy.typing import NDArray

from domaingan import blend
from domaingan.augmentation.offline.slice_pasting import paste_volume
from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import Sample
from domaingan.integrations.bank_and_classes import Classes, make_schema, open_bank_of_kind
from domaingan.integrations.host_info import UNKNOWN_SPACING_WARNING, add_host_name, read_spacing
from domaingan.integrations.monai.image_metadata import check_not_moved, read_image_info
from domaingan.integrations.monai.seeded_transform import SeededMapTransform
from domaingan.integrations.monai.tensors import add_record, convert_like, make_sample, write_label


class RandPasted(SeededMapTransform):
    """Paste crops from a bank into an image or volume and its label.

    Args:
        keys: of the image ``(C, *spatial)`` and of its label ``(1, *spatial)`` of class values, in this order.
        bank: crops, or the folder they are in.
        classes: names of the label's values: a dataset's schema, ``{name: value}``, or a ``classes.json`` or its
            content. For scans the bank's own unless given. For frames it is needed, and must name objects.
        method, per_image, only, variation, placement, atlas, overlap: as in :class:`domaingan.blend.Paste`.
        meta_key: key in the data of a dictionary with more about the host. ``name`` is for bound entries; without it a
            host's name is looked for in the path of the image's file. ``spacing`` is in mm; without it that of the
            affine is used. ``foreground`` and ``range`` are those of ``Sample``.
        prob: share of the images that are pasted into.
        allow_missing_keys: leave data alone that has no such image or label.
        spacing: size of a voxel in mm, one number or one for each axis, for scans that do not say it themselves:
            arrays, plain tensors (as of ``track_meta=False`` or a ``PersistentDataset``) and oblique slices. Unless
            given, 1
            with a warning.
        dims: 2 to paste the crops of a 2D bank also into volumes, slice by slice; the bank's unless given.

    Tensors, ``MetaTensor`` and arrays come back with the same type, device, affine and metadata. A ``MetaTensor`` image
    also has ``meta["pasted"]``, a JSON list with one record for each crop. The list is empty where nothing was pasted,
    so that batches keep it. The data that is given is not changed.

    Raises:
        DataError: as :class:`domaingan.blend.Paste`, and for images and labels that do not fit.
    """

    __module__ = "domaingan.monai"  # pickled pipelines hold this name

    def __init__(
        self,
        keys: Sequence[Hashable],
        bank: Bank | str | Path,
        classes: Classes = None,
        method: str | None = None,
        per_image: int | Sequence[int] = (1, 3),
        only: str | Sequence[str] = (),
        variation: blend.Variation | Mapping[str, Any] | None = None,
        placement: str = "uniform",
        atlas: NDArray[Any] | str | Path | None = None,
        overlap: bool = False,
        meta_key: str = "meta",
        prob: float = 0.5,
        allow_missing_keys: bool = False,
        spacing: float | Sequence[float] | None = None,
        dims: int | None = None,
    ) -> None:
        super().__init__(keys, prob, allow_missing_keys)
        if len(self.keys) != 2:
            raise DataError(f"{len(self.keys)} keys", expected="those of an image and of its label")
        self.bank = open_bank_of_kind(bank, "crops")
        self.schema = make_schema(classes, self.bank)
        if isinstance(variation, Mapping):
            variation = blend.Variation.from_settings(variation)
        self.paste = blend.Paste(
            self.bank, method, per_image, only, variation, self.schema, None, placement, atlas, overlap
        )
        self.paste.check_schema(self.schema)
        self.meta_key = meta_key
        if dims is not None and dims != self.bank.info.spatial_dims:
            raise DataError(f"a {self.bank.info.spatial_dims}D bank", path=self.bank.path, expected=f"a {dims}D one")
        self.is_sliced = dims == 2 and self.bank.info.domain.has_body
        self.spacing = spacing
        if spacing is not None and not (self.is_sliced and np.size(spacing) == 3):
            self.spacing = read_spacing(spacing, self.schema.spatial_dims)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Paste into the image and its label, or leave both as they are.

        Args:
            data: with the image and the label under ``keys``; it is not changed.

        Returns:
            A copy of the data with the new image and label.
        """
        result = dict(data)
        if self.find_missing_keys(result):
            return result
        image_key, label_key = self.keys
        image, label = result[image_key], result[label_key]
        self.start_item(image)
        if not self._do_transform:
            result[image_key] = add_record(image, image, "pasted", [])
            return result
        host = self._read_host(image, label, data)
        rng = np.random.default_rng(self.seed)
        if host.spatial_dims > self.bank.info.spatial_dims:
            after = paste_volume(self.paste, host, self.schema, rng)
        else:
            after = self.paste(host, rng)
        assert host.mask is not None and after.mask is not None
        records = [crop.to_dict() for crop in after.pasted_crops]
        new_image = convert_like(after.image, image)
        result[image_key] = add_record(new_image, image, "pasted", records)
        result[label_key] = write_label(label, host.mask, after.mask)
        return result

    def _read_host(self, image: Any, label: Any, data: Mapping[Hashable, Any]) -> Sample:
        info, schema = self.bank.info, self.schema
        if self.is_sliced and len(image.shape) == 4:  # a volume, into whose slices crops are pasted
            info = info.model_copy(update={"spatial_dims": 3})
            schema = replace(schema, spatial_dims=3)
        host_info = read_image_info(image, data, self.meta_key, info.spatial_dims)
        if info.domain.is_metric and "spacing" not in host_info:
            host_info["spacing"] = None
            if self.spacing is None:
                self.warnings_once.warn(UNKNOWN_SPACING_WARNING)
            else:
                host_info["spacing"] = read_spacing(self.spacing, info.spatial_dims)
        if info.hosts and isinstance(image, MetaTensor):
            check_not_moved(image)
        named_info = add_host_name(host_info, info, self.warnings_once)
        return make_sample(image, label, named_info, schema, info)


RandPasteD = RandPasteDict = RandPasted
"""Names by which MONAI calls its dictionary transforms, too."""
