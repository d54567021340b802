"""Write what was pasted into further images and masks of a pipeline (``additional_targets``)."""

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
    """Convert pasted pixels to the type of another image of the same scene, between bytes and floats in [0, 1].

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, the other image.
        pixels: ``(N, C)`` as they were pasted into the host.
        info: of the bank.

    Returns:
        ``(N, C)`` of the image's type.

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
    """Write what was pasted into a further mask of the same scene.

    Args:
        name: of the target.
        other: ``(H, W)`` or ``(H, W, 1)``, the further mask; not changed.
        mask: the host's mask of classes, None if there is none.
        changes: ``relabelled`` and ``values``, see
            :meth:`domaingan.integrations.albumentations.targets.TargetReader.find_changes`.
        labels: its tables may list the target by name: the value of each class, or one value for all that is pasted.
            A target that is not listed holds the same classes as the host's mask.

    Returns:
        A copy of ``other`` with the pasted objects.

    Raises:
        DataError: the target is not listed and does not hold classes, or its type is too small for a value.
    """
    rows, columns = np.nonzero(changes["relabelled"])
    values = np.asarray(changes["values"])
    if name in labels.label_tables:
        value_by_class = _map_class_values(name, labels)
        is_listed = np.isin(values, list(value_by_class))
        rows = rows[is_listed]
        columns = columns[is_listed]
        listed_classes = values[is_listed].tolist()
        values = np.array([value_by_class[value] for value in listed_classes], dtype=np.int64)
    elif mask is not None and values.size:
        _check_class_mask(name, other, mask, values, labels)
    if other.dtype.kind in "iu" and values.size and values.max() > np.iinfo(other.dtype).max:
        raise DataError(f"{name} of {other.dtype}", expected=f"a type that holds {values.max()}")
    written = other.copy()
    written[rows, columns] = values if other.ndim == 2 else values[:, None]
    return written


def _map_class_values(name: str, labels: BoxLabels) -> dict[int, Any]:
    """Map each class value to the value that the table of a target lists for it."""
    table = labels.label_tables[name]
    if not isinstance(table, Mapping):
        table = dict.fromkeys(labels.objects or labels.classes, table)
    value_by_class: dict[int, Any] = {}
    for class_name, value in table.items():
        if class_name in labels.classes:
            value_by_class[labels.classes[class_name]] = value
    return value_by_class


def _check_class_mask(name: str, other: Array, mask: Array, values: Array, labels: BoxLabels) -> None:
    """Refuse a further mask that does not hold the classes of the host's mask."""
    if _is_class_mask(drop_mask_channel(other), drop_mask_channel(mask), values, labels.classes):
        return
    shown = ", ".join(map(str, np.unique(other)[:3].tolist()))
    expected = f"labels={{{name!r}: {{class: value}}}}, what it says of what is pasted"
    raise DataError(f"{name} holds {shown}, mask class values", expected=expected)


def _is_class_mask(other: Array, mask: Array, written: Array, classes: Mapping[str, int]) -> bool:
    """Tell whether a further mask holds classes as the host's mask does.

    A mask of 0 and 1 does only if what is written is 0 and 1, too.
    """
    if other.shape != mask.shape:
        return False
    if np.array_equal(other, mask):
        return True
    values = np.unique(other)
    if np.isin(values, (0, 1)).all() or np.isin(values, (0, 255)).all():
        return bool(np.isin(written, (0, 1)).all() and values[-1] <= 1)
    class_values = [0, *classes.values(), *np.unique(mask).tolist()]
    return bool(np.isin(values, class_values).all())
