"""Paste and relight as dictionary transforms of MONAI (https://monai.io, 1.5 and later)::

    train = Compose(
        [
            LoadImaged(["image", "label"]),
            EnsureChannelFirstd(["image", "label"]),
            dg.monai.RandPasted(["image", "label"], "banks/lesions", prob=0.5),
            RandFlipd(["image", "label"], prob=0.5),
        ]
    ).set_random_state(0)

What they do is what :class:`domaingan.blend.Paste` and :class:`domaingan.blend.Relight` do.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_dst_type
from numpy.typing import NDArray

from domaingan import blend
from domaingan.bank import Bank, BankInfo
from domaingan.errors import DataError
from domaingan.sample import Sample, Schema
from domaingan.transforms.hosts import Classes, host_of, opened, relit, schema_of

NAME = "filename_or_obj"
"""Where a MetaTensor of MONAI's readers says what file it is of."""


class _Seeded(RandomizableTransform, MapTransform):  # type: ignore[misc]
    """A random transform whose draws all follow from one seed, drawn from MONAI's random state."""

    def __init__(self, keys: Sequence[Hashable] | Hashable, prob: float, allow_missing_keys: bool) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        self.seed = 0

    def randomize(self, data: Any = None) -> None:
        """Draw whether to do anything, and the seed of what is done."""
        super().randomize(None)
        self.seed = int(self.R.randint(2**32, dtype=np.uint32))

    def missing(self, data: Mapping[Hashable, Any]) -> list[Hashable]:
        """The keys that are not there.

        Raises:
            KeyError: there are such, and they may not be missing.
        """
        missing = [key for key in self.keys if key not in data]
        if missing and not self.allow_missing_keys:
            raise KeyError(f"no {missing[0]!r} in the data of {type(self).__name__}, and allow_missing_keys is False")
        return missing


class RandPasted(_Seeded):
    """Puts crops from a bank into an image or volume, and into its label.

    Args:
        keys: of the image ``(C, *spatial)`` and of its label ``(1, *spatial)`` of class values, in this order.
        bank: crops, or the folder they are in.
        classes: names the values of the label: a dataset's schema, ``{name: value}``, or a ``classes.json`` or what is
            in one. Of scans those of the bank unless given; of frames it is needed, and names objects, too.
        method, per_image, only, variation, placement, atlas, overlap: as in :class:`domaingan.blend.Paste`.
        meta_key: where in the data more is known of the host, as in ``Sample.meta``: ``name`` (for bound entries;
            otherwise the image's file), ``spacing`` (otherwise the affine's), ``foreground``, ``range``.
        prob: share of the images that are pasted into.
        allow_missing_keys: leave data alone that has no such image or label.

    Tensors, ``MetaTensor`` and arrays come back as they came, of the same type, device, affine and meta; a
    ``MetaTensor`` image then has ``meta["pasted"]``, one record a crop as JSON. What is given is not changed.

    Raises:
        DataError: as :class:`domaingan.blend.Paste`, and for images and labels that do not fit.
    """

    def __init__(
        self,
        keys: Sequence[Hashable],
        bank: Bank | str | Path,
        classes: Classes = None,
        method: str | None = None,
        per_image: tuple[int, int] = (1, 3),
        only: Sequence[str] = (),
        variation: blend.Variation | None = None,
        placement: str = "uniform",
        atlas: NDArray[Any] | str | Path | None = None,
        overlap: bool = False,
        meta_key: str = "meta",
        prob: float = 0.5,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, prob, allow_missing_keys)
        if len(self.keys) != 2:
            raise DataError(f"{len(self.keys)} keys", expected="those of an image and of its label")
        self.bank = opened(bank, "crops")
        self.schema = schema_of(classes, self.bank)
        self.paste = blend.Paste(
            self.bank, method, per_image, only, variation, self.schema, None, placement, atlas, overlap
        )
        self.paste.check(self.schema)
        self.meta_key = meta_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The data with crops pasted, or as it was."""
        result = dict(data)
        absent = self.missing(result)
        self.randomize()
        if absent or not self._do_transform:
            return result
        image, label = (result[key] for key in self.keys)
        host = _host(image, label, data.get(self.meta_key), self.schema, self.bank.info)
        after = self.paste(host, np.random.default_rng(self.seed))
        assert after.mask is not None
        result[self.keys[0]] = _told(after, image, "pasted")
        result[self.keys[1]] = _like(after.mask.reshape(label.shape), label)
        return result


class RandRelightd(_Seeded):
    """Gives frames or scans the look of scenes from a bank; all of ``keys`` that of the same scene.

    Args:
        keys: of images ``(C, *spatial)``, frames (RGB, uint8 or floats in [0, 1]) or scans in any unit.
        bank: scenes, the folder they are in, or one of pictures, scans or labelled frames.
        method, strength, only: as in :class:`domaingan.blend.Relight`.
        classes: names the values of the label, for ``lut``, as in :class:`RandPasted`; the bank's own unless given.
        label_key: of the label ``(1, *spatial)`` of class values, which is looked at alone; ``lut`` needs it.
        meta_key: where in the data more is known of the host, as in ``Sample.meta``: ``foreground`` and ``range`` of a
            scan, and ``condition`` (a dictionary: a host that has the look already is left alone).
        prob: share of the images that are relit.
        allow_missing_keys: leave out the keys that are not there.

    Tensors, ``MetaTensor`` and arrays come back as they came; a ``MetaTensor`` then has ``meta["relit"]``, what was
    done as JSON. Of scans nothing beside the body changes.

    Raises:
        DataError: as :class:`domaingan.blend.Relight`, and for images and labels that do not fit.
    """

    def __init__(
        self,
        keys: Sequence[Hashable] | Hashable,
        bank: Bank | str | Path,
        method: str | None = None,
        strength: tuple[float, float] = (0.7, 1.0),
        only: Mapping[str, Sequence[str]] | None = None,
        classes: Classes = None,
        label_key: Hashable | None = None,
        meta_key: str = "meta",
        prob: float = 0.5,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, prob, allow_missing_keys)
        self.bank = opened(bank, "scenes")
        self.schema = schema_of(classes, self.bank)
        self.relight = blend.Relight(self.bank, method, strength, only, schema=self.schema)
        self.label_key, self.meta_key = label_key, meta_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The data with its images relit, or as they were."""
        result = dict(data)
        absent = self.missing(result)
        self.randomize()
        label = data.get(self.label_key) if self.label_key is not None and "lut" in self.relight.looks else None
        for key in self.keys if self._do_transform else ():
            if key not in absent:
                image = result[key]
                host = _host(image, label, data.get(self.meta_key), self.schema, self.bank.info)
                result[key] = _told(relit(self.relight, host, self.seed), image, "relit")
        return result


def _host(image: Any, label: Any, known: Mapping[str, Any] | None, schema: Schema, info: BankInfo) -> Sample:
    """An image, and its label where there is one, as a sample."""
    pixels, mask = _array(image), None if label is None else _array(label)
    if mask is not None and mask.ndim == pixels.ndim and len(mask) == 1:
        mask = mask[0]
    meta: dict[str, Any] = {}
    if isinstance(image, MetaTensor):
        spacing = affine_to_spacing(image.affine, pixels.ndim - 1)
        meta = {"spacing": tuple(float(size) for size in spacing), "name": str(image.meta.get(NAME, ""))}
    return host_of(pixels, mask, meta | dict(known or {}), schema, info)


def _told(after: Sample, given: Any, record: str) -> Any:
    """A sample's image as what is given is, with a record of what was done: a text, which batches can hold."""
    image = _like(after.image, given)
    if isinstance(given, MetaTensor):
        image.meta[record] = json.dumps(after.meta[record])
    return image


def _array(values: Any) -> np.ndarray[Any, np.dtype[Any]]:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _like(values: np.ndarray[Any, np.dtype[Any]], given: Any) -> Any:
    """An array as what is given is: its type, device, and a copy of its meta."""
    return convert_to_dst_type(values, given)[0]
