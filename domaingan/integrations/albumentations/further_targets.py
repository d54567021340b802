"""Further images and masks of a pipeline (``additional_targets``), and what a paste writes into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from domaingan.banks import BankInfo
from domaingan.core.errors import DataError
from domaingan.imaging.intensity import to_dtype
from domaingan.integrations.albumentations.box_labels import BoxLabels
from domaingan.integrations.albumentations.image_arrays import Array, drop_mask_channel, move_channels_first
from domaingan.integrations.host_images import MAX_BYTE, convert_image


def convert_pixels(image: Array, pixels: Array, info: BankInfo) -> Array:
    """Pasted pixels as another image of the same place stores its own: bytes as shares, or the other way round.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``.
        pixels: ``(N, C)`` as they were pasted into the host.
        info: of the bank.

    Raises:
        DataError: the image has other channels than the bank, or is of a type or range that frames do not have.
    """
    convert_image(move_channels_first(image), info)
    if image.dtype == pixels.dtype:
        return pixels
    if info.domain.is_rgb and image.dtype == np.uint8:
        return np.rint(np.clip(pixels, 0, 1) * MAX_BYTE).astype(np.uint8)
    if info.domain.is_rgb and pixels.dtype == np.uint8:
        return (pixels / MAX_BYTE).astype(image.dtype)
    return to_dtype(pixels, image.dtype)


def write_further_mask(
    name: str, other: Array, mask: Array | None, changes: Mapping[str, Any], labels: BoxLabels
) -> Array:
    """A further mask of the place with what a paste says in it.

    Args:
        name: of the target.
        other: ``(H, W)`` or ``(H, W, 1)``; not changed.
        mask: the host's mask of classes.
        drawn: ``relabelled`` and ``values``, see :meth:`Hosts.written`.
        labels: may list the target by name: the value of each class, or one for all that is pasted. One that is not
            listed holds classes as the host's mask does.

    Raises:
        DataError: it is not listed and does not hold classes, or is of a type too small for what is written.
    """
    relabelled, values = changes["relabelled"], np.asarray(changes["values"])
    if name in labels.label_tables:
        listed = labels.label_tables[name]
        table = listed if isinstance(listed, Mapping) else dict.fromkeys(labels.objects or labels.classes, listed)
        by_value = {labels.classes[kind]: value for kind, value in table.items() if kind in labels.classes}
        wanted = np.isin(values, list(by_value))
        rows, columns = (axis[wanted] for axis in np.nonzero(relabelled))
        values = np.array([by_value[value] for value in values[wanted].tolist()], dtype=np.int64)
    else:
        if (
            mask is not None
            and values.size
            and not _is_class_mask(drop_mask_channel(other), drop_mask_channel(mask), values, labels.classes)
        ):
            found = f"{name} holds {', '.join(map(str, np.unique(other)[:3].tolist()))}, mask class values"
            raise DataError(found, expected=f"labels={{{name!r}: {{class: value}}}}, what it says of what is pasted")
        rows, columns = np.nonzero(relabelled)
    if other.dtype.kind in "iu" and values.size and values.max() > np.iinfo(other.dtype).max:
        raise DataError(f"{name} of {other.dtype}", expected=f"a type that holds {values.max()}")
    written = other.copy()
    written[rows, columns] = values if other.ndim == 2 else values[:, None]
    return written


def _is_class_mask(other: Array, mask: Array, written: Array, classes: Mapping[str, int]) -> bool:
    """Whether a further mask is one of classes, as the host's is, or of yes and no where the classes are no more."""
    if other.shape != mask.shape or np.array_equal(other, mask):
        return other.shape == mask.shape
    values = np.unique(other)
    if np.isin(values, (0, 1)).all() or np.isin(values, (0, 255)).all():
        return bool(np.isin(written, (0, 1)).all() and values[-1] <= 1)
    return bool(np.isin(values, [0, *classes.values(), *np.unique(mask).tolist()]).all())
