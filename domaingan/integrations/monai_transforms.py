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
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import TransformBackends, convert_to_dst_type
from numpy.typing import NDArray

from domaingan import blend
from domaingan.augmentation.offline.augmented_dataset import paste_volume
from domaingan.banks import Bank, BankInfo
from domaingan.blend.looks import PER_CLASS
from domaingan.blend.relight import LookSelection
from domaingan.core.errors import DataError
from domaingan.data import Sample, Schema
from domaingan.imaging.body_axes import compute_axes_from_affine
from domaingan.integrations.call_seeds import CallSeeds
from domaingan.integrations.image_samples import (
    UNKNOWN_SPACING_WARNING,
    Classes,
    OneTimeWarnings,
    add_host_name,
    make_host,
    make_schema,
    read_host_info,
    read_spacing,
    relight_host,
    resolve_bank,
)

FILE_NAME_KEY, SHAPE_KEY, ORIGINAL_AFFINE_KEY = "filename_or_obj", "spatial_shape", "original_affine"
"""Where a MetaTensor of MONAI's readers says what file it is of, and the file's shape and affine."""

MAX_TILT = 0.01
"""Axes are taken for those of the world up to a direction cosine of this."""


class _SeededTransform(RandomizableTransform, MapTransform):  # type: ignore[misc]
    """A random transform whose draws all follow from one seed, see :mod:`domaingan.integrations.call_seeds`."""

    backend: ClassVar[list[TransformBackends]] = [TransformBackends.TORCH, TransformBackends.NUMPY]
    bank: Bank

    def __init__(self, keys: Sequence[Hashable] | Hashable, prob: float, allow_missing_keys: bool) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        self.seed = 0
        self.call_seeds = CallSeeds()
        self.warnings_once = OneTimeWarnings()

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> _SeededTransform:
        """Begin anew from a seed, from what a generator draws next, or from a random seed."""
        super().set_random_state(seed, state)
        self.call_seeds = CallSeeds(
            None if seed is None and state is None else int(self.R.randint(2**32, dtype=np.uint32))
        )
        return self

    def start_item(self, image: Any) -> None:
        """Let everything that is drawn for this image follow from a seed of its own, and draw."""
        self.R = np.random.RandomState(self.call_seeds.make_seed(image) % 2**32)
        self.randomize()

    def randomize(self, data: Any = None) -> None:
        """Draw whether to do anything, and the seed of what is done."""
        super().randomize(None)
        self.seed = int(self.R.randint(2**32, dtype=np.uint32))

    def find_missing_keys(self, data: Mapping[Hashable, Any]) -> list[Hashable]:
        """The keys that are not there, or of which there is nothing (None).

        Raises:
            KeyError: there are such, and they may not be missing.
            DataError: there is one of which there is nothing, and it may not be missing, or something that is no array.
        """
        missing = [key for key in self.keys if data.get(key) is None]
        if missing and not self.allow_missing_keys:
            if missing[0] in data:
                raise DataError(f"{missing[0]!r} is None", expected="an array or tensor, or allow_missing_keys=True")
            raise KeyError(f"no {missing[0]!r} in the data of {type(self).__name__}, and allow_missing_keys is False")
        for key in self.keys:
            value = data.get(key)
            if value is not None and not isinstance(value, torch.Tensor | np.ndarray):
                raise DataError(f"{key!r} is a {type(value).__name__}", expected="an array or tensor")
        return missing


class RandPasted(_SeededTransform):
    """Puts crops from a bank into an image or volume, and into its label.

    Args:
        keys: of the image ``(C, *spatial)`` and of its label ``(1, *spatial)`` of class values, in this order.
        bank: crops, or the folder they are in.
        classes: names the values of the label: a dataset's schema, ``{name: value}``, or a ``classes.json`` or what is
            in one. Of scans those of the bank unless given; of frames it is needed, and names objects, too.
        method, per_image, only, variation, placement, atlas, overlap: as in :class:`domaingan.blend.Paste`.
        meta_key: where in the data more is known of the host, as in ``Sample.meta``: ``name`` (for bound entries;
            otherwise the image's file, in whose path a host's name is looked for), ``spacing`` (otherwise the
            affine's), ``foreground``, ``range``.
        prob: share of the images that are pasted into.
        allow_missing_keys: leave data alone that has no such image or label.
        spacing: mm a voxel of scans that do not say it (arrays, plain tensors, as of ``track_meta=False`` and of a
            ``PersistentDataset``; oblique slices): one number, or one an axis. 1, with a warning, unless given.
        dims: 2 to paste the crops of a 2D bank also into volumes, slice by slice; the bank's unless given.

    Tensors, ``MetaTensor`` and arrays come back as they came, of the same type, device, affine and meta; a
    ``MetaTensor`` image then has ``meta["pasted"]``, one record a crop as JSON: none where nothing was pasted, so that
    batches keep it. What is given is not changed.

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
        self.bank = resolve_bank(bank, "crops")
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
        """The data with crops pasted, or as it was."""
        result = dict(data)
        absent = self.find_missing_keys(result)
        if absent:
            return result
        image_key, label_key = self.keys
        image, label = result[image_key], result[label_key]
        self.start_item(image)
        if not self._do_transform:
            result[image_key] = _add_record(image, image, "pasted", [])
            return result
        host = self._read_host(image, label, data)
        rng = np.random.default_rng(self.seed)
        is_volume = host.spatial_dims > self.bank.info.spatial_dims
        after = paste_volume(self.paste, host, self.schema, rng) if is_volume else self.paste(host, rng)
        assert host.mask is not None and after.mask is not None
        result[image_key] = _add_record(
            _convert_like(after.image, image), image, "pasted", [crop.to_dict() for crop in after.pasted_crops]
        )
        result[label_key] = _write_label(label, host.mask, after.mask)
        return result

    def _read_host(self, image: Any, label: Any, data: Mapping[Hashable, Any]) -> Sample:
        info, schema = self.bank.info, self.schema
        if self.is_sliced and len(image.shape) == 4:  # a volume, to be pasted into slice by slice
            info, schema = info.model_copy(update={"spatial_dims": 3}), replace(schema, spatial_dims=3)
        known = _read_image_info(image, data, self.meta_key, info.spatial_dims)
        if info.domain.is_metric and "spacing" not in known:
            if self.spacing is None:
                self.warnings_once.warn(UNKNOWN_SPACING_WARNING)
            known["spacing"] = None if self.spacing is None else read_spacing(self.spacing, info.spatial_dims)
        if info.hosts and isinstance(image, MetaTensor):
            _check_not_moved(image)
        return _make_sample(image, label, add_host_name(known, info, self.warnings_once), schema, info)


class RandRelightd(_SeededTransform):
    """Gives frames or scans the look of scenes from a bank; all of ``keys`` that of the same scene.

    Args:
        keys: of images ``(C, *spatial)``, frames (RGB, uint8 or floats in [0, 1]) or scans in any unit.
        bank: scenes, the folder they are in, or one of pictures, scans or labelled frames.
        method, strength, only: as in :class:`domaingan.blend.Relight`.
        classes: names the values of the label, for ``reinhard-per-class``, as in :class:`RandPasted`; the bank's own
            unless given.
        label_key: of the label ``(1, *spatial)`` of class values, which is looked at alone; ``reinhard-per-class``
            needs it.
        meta_key: where in the data more is known of the host, as in ``Sample.meta``: ``foreground`` and ``range`` of a
            scan, and ``condition`` (a dictionary: a host that has the look already is left alone).
        prob: share of the images that are relit.
        allow_missing_keys: leave out the keys that are not there.

    Tensors, ``MetaTensor`` and arrays come back as they came; a ``MetaTensor`` then has ``meta["relit"]``, what was
    done as JSON. Of scans nothing beside the body changes.

    Raises:
        DataError: as :class:`domaingan.blend.Relight`, and for images and labels that do not fit.
    """

    __module__ = "domaingan.monai"  # pickled pipelines hold this name

    def __init__(
        self,
        keys: Sequence[Hashable] | Hashable,
        bank: Bank | str | Path,
        method: str | None = None,
        strength: float | Sequence[float] = (0.7, 1.0),
        only: LookSelection = None,
        classes: Classes = None,
        label_key: Hashable | None = None,
        meta_key: str = "meta",
        prob: float = 0.5,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, prob, allow_missing_keys)
        self.bank = resolve_bank(bank, "scenes")
        self.schema = make_schema(classes, self.bank)
        self.relight = blend.Relight(self.bank, method, strength, only, schema=self.schema)
        self.label_key, self.meta_key = label_key, meta_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The data with its images relit, or as they were."""
        result = dict(data)
        absent = self.find_missing_keys(result)
        if len(absent) == len(self.keys):
            return result
        self.start_item(next(result[key] for key in self.keys if key not in absent))
        label = data.get(self.label_key) if self.label_key is not None and PER_CLASS in self.relight.looks else None
        for key in self.keys:
            if key in absent:
                continue
            image = result[key]
            if not self._do_transform:
                result[key] = _add_record(image, image, "relit", None)
                continue
            known = _read_image_info(image, data, self.meta_key, self.bank.info.spatial_dims)
            host = _make_sample(image, label, known, self.schema, self.bank.info, is_changed=False)
            after = relight_host(self.relight, host, self.seed)
            assert after.relight_result is not None
            result[key] = _add_record(_convert_like(after.image, image), image, "relit", after.relight_result.to_dict())
        return result


def _read_image_info(image: Any, data: Mapping[Hashable, Any], key: str, dims: int) -> dict[str, Any]:
    """What is known of a host beside its pixels: what its image says, and what the user does."""
    known = read_host_info(data.get(key), tuple(image.shape[1:]), key)
    if isinstance(image, MetaTensor):
        file = image.meta.get(FILE_NAME_KEY)
        known = {"name": str(file)} | known if isinstance(file, str | Path) else known
        spacing = _find_spacing(image, dims)
        if spacing is not None:
            axes = compute_axes_from_affine(np.asarray(image.affine.detach().cpu().numpy(), dtype=np.float64), dims)
            known = {"spacing": spacing, **({"axes": axes} if dims == 3 else {})} | known
    return known


def _find_spacing(image: MetaTensor, dims: int) -> tuple[float, ...] | None:
    """The size of a voxel by the image's affine; None where that does not tell it.

    A 2D image may be a slice: of a volume whose affine it has kept, the first two columns are its own only if they are
    no others than the third; of one that lost the rows and columns of an axis, what is left must be a grid's.
    """
    affine = np.asarray(image.affine.detach().cpu().numpy(), dtype=np.float64)
    if affine.ndim != 2 or affine.shape[0] != affine.shape[1] or not np.isfinite(affine).all():
        return None
    columns = affine[:-1, :-1]
    if len(columns) < dims or not _is_stated(image, affine):
        return None
    sizes = np.linalg.norm(columns, axis=0)
    if not (sizes > 0).all():
        return None
    if dims == 2 and len(columns) > 2 and _is_slice(image) and not np.allclose(sizes, sizes[0], rtol=1e-3):
        return None
    if dims == 2 and len(columns) == 2 and not (_is_grid(columns) and _is_upright(image)):
        return None
    return tuple(sizes[:dims].tolist())


def _is_stated(image: MetaTensor, affine: NDArray[np.float64]) -> bool:
    """Whether an affine was read or set: one that MONAI put in place of none is the identity, of no file."""
    return (
        not np.array_equal(affine, np.eye(len(affine)))
        or FILE_NAME_KEY in image.meta
        or ORIGINAL_AFFINE_KEY in image.meta
    )


def _is_slice(image: MetaTensor) -> bool:
    """Whether a 2D image is known to come from a volume."""
    shape = np.asarray(image.meta.get(SHAPE_KEY, ())).reshape(-1)
    return int((shape > 1).sum()) > 2


def _is_grid(columns: NDArray[np.float64]) -> bool:
    """Whether the axes that these columns say are at right angles."""
    angles = columns.T @ columns
    return bool(np.abs(angles - np.diag(np.diag(angles))).max() < MAX_TILT * np.diag(angles).min())


def _is_upright(image: MetaTensor) -> bool:
    """Whether the volume that a slice came from had its axes along the world's: then nothing was lost with one."""
    original = np.asarray(image.meta.get(ORIGINAL_AFFINE_KEY, np.eye(3)), dtype=np.float64)
    columns = original[:-1, :-1] / np.maximum(np.linalg.norm(original[:-1, :-1], axis=0), 1e-12)
    return len(columns) < 3 or bool((np.abs(columns) > MAX_TILT).sum() == len(columns))


def _check_not_moved(image: MetaTensor) -> None:
    """Refuse a host of bound crops that was turned, flipped or moved since it was read.

    Their places are those in the file; another size of voxels is no move.

    Raises:
        DataError: the image's axes run another way than its file's, or its middle is elsewhere.
    """
    shape = np.asarray(image.meta.get(SHAPE_KEY, ())).reshape(-1).astype(np.int64)
    file = np.asarray(image.meta.get(ORIGINAL_AFFINE_KEY, np.zeros((0, 0))), dtype=np.float64)
    affine = np.asarray(image.affine.detach().cpu().numpy(), dtype=np.float64)
    dims = image.ndim - 1
    if (shape > 1).sum() != dims or (shape[:dims] < 2).any() or file.shape != affine.shape or len(affine) <= dims:
        return
    columns, own = affine[:-1, :dims], file[:-1, :dims]
    sizes, own_sizes = np.linalg.norm(columns, axis=0), np.linalg.norm(own, axis=0)
    if not (sizes > 0).all() or not (own_sizes > 0).all():
        return
    is_turned = bool(np.abs(columns / sizes - own / own_sizes).max() > MAX_TILT)
    middle = affine[:-1, -1] + columns @ ((np.array(image.shape[1:]) - 1) / 2)
    own_middle = file[:-1, -1] + own @ ((shape[:dims] - 1) / 2)
    is_moved = bool(np.linalg.norm(middle - own_middle) > max(*sizes, *own_sizes))
    if is_turned or is_moved:
        found = "a host that was turned or flipped" if is_turned else "a host that was cropped, padded or moved"
        expected = "it as in its file: the bank is bound to places in its hosts, so RandPasted comes before that"
        raise DataError(found, path=str(image.meta.get(FILE_NAME_KEY, "")) or None, expected=expected)


def _make_sample(
    image: Any, label: Any, host_info: Mapping[str, Any], schema: Schema, info: BankInfo, *, is_changed: bool = True
) -> Sample:
    """An image, and its label where there is one, as a sample.

    Raises:
        DataError: what is no array of real numbers, has nothing in it, or does not fit.
    """
    pixels, mask = _convert_to_array(image), None if label is None else _convert_to_array(label)
    if not pixels.size or pixels.dtype.kind not in "iuf":
        raise DataError(f"an image {pixels.shape} of {pixels.dtype}", expected="pixels, and real numbers for them")
    if mask is not None and mask.ndim == pixels.ndim and len(mask) == 1:
        mask = mask[0]
    elif mask is not None and mask.ndim == pixels.ndim:
        raise DataError(
            f"a label of {len(mask)} channels", expected="one, of class values: one-hot comes after pasting"
        )
    return make_host(pixels, mask, host_info, schema, info, is_changed=is_changed)


def _add_record(image: Any, original: Any, record: str, value: Any) -> Any:
    """The image with a record of what was done: a text, which batches can hold. Only a ``MetaTensor`` has one."""
    if isinstance(original, MetaTensor):
        if image is original:
            image = MetaTensor(
                original.as_tensor(), meta=dict(original.meta), applied_operations=original.applied_operations
            )
        image.meta[record] = json.dumps(value)
    return image


def _convert_to_array(values: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """An array of what may be a tensor: one of bfloat16, which NumPy has not, as float32."""
    if not isinstance(values, torch.Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    values = values.as_tensor() if isinstance(values, MetaTensor) else values
    return np.asarray((values.float() if values.dtype == torch.bfloat16 else values).numpy())


def _convert_like(values: np.ndarray[Any, np.dtype[Any]], original: Any) -> Any:
    """An array as what is given is: its type, device, and a copy of its meta."""
    return convert_to_dst_type(values, original)[0]


def _write_label(label: Any, before: NDArray[Any], after: NDArray[Any]) -> Any:
    """The label with the values that changed; all others are as they were, to the bit."""
    values = _convert_to_array(label).copy(order="K")
    changed = (before != after).reshape(values.shape)
    np.copyto(values, after.reshape(values.shape), where=changed, casting="unsafe")
    return _convert_like(values, label)


RandPasteD = RandPasteDict = RandPasted
RandRelightD = RandRelightDict = RandRelightd
