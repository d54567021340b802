"""From MONAI's tensors and arrays to samples, and back into the type that they came in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.utils import convert_to_dst_type
from numpy.typing import NDArray

from domaingan.banks import BankInfo
from domaingan.core.errors import DataError
from domaingan.data import Sample, Schema
from domaingan.integrations.host_images import make_host

Array = NDArray[Any]


def make_sample(
    image: Any, label: Any, host_info: Mapping[str, Any], schema: Schema, info: BankInfo, *, is_changed: bool = True
) -> Sample:
    """Make a sample of an image and its label.

    Args:
        image: ``(C, *spatial)`` array or tensor.
        label: ``(1, *spatial)`` or ``(*spatial)`` class values, or None.
        host_info: as of :func:`domaingan.integrations.host_info.read_host_info`.
        schema: of the hosts.
        info: of the bank.
        is_changed: whether something is written into the label; then all of its values must be known.

    Raises:
        DataError: the image is empty or holds no real numbers, or one of both does not fit.
    """
    pixels = convert_to_array(image)
    mask = None if label is None else convert_to_array(label)
    if not pixels.size or pixels.dtype.kind not in "iuf":
        raise DataError(f"an image {pixels.shape} of {pixels.dtype}", expected="pixels, and real numbers for them")
    if mask is not None and mask.ndim == pixels.ndim:
        if len(mask) != 1:
            expected = "one, of class values: one-hot comes after pasting"
            raise DataError(f"a label of {len(mask)} channels", expected=expected)
        mask = mask[0]
    return make_host(pixels, mask, host_info, schema, info, is_changed=is_changed)


def convert_to_array(values: Any) -> Array:
    """Convert an array or a tensor to an array; bfloat16, which NumPy does not have, becomes float32."""
    if not isinstance(values, torch.Tensor):
        return np.asarray(values)
    tensor = values.detach().cpu()
    if isinstance(tensor, MetaTensor):
        tensor = tensor.as_tensor()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return np.asarray(tensor.numpy())


def convert_like(values: Array, original: Any) -> Any:
    """Convert an array to the type and device of the original, with a copy of its metadata."""
    return convert_to_dst_type(values, original)[0]


def add_record(image: Any, original: Any, key: str, record: Any) -> Any:
    """Add a record of what was done to an image's metadata, as a text, which batches can hold.

    Args:
        image: after the transform; the original itself where nothing was done.
        original: as it was given; it is not changed.
        key: in the metadata.
        record: anything that JSON holds.

    Returns:
        The image; only a ``MetaTensor`` has a record.
    """
    if not isinstance(original, MetaTensor):
        return image
    if image is original:
        image = MetaTensor(
            original.as_tensor(), meta=dict(original.meta), applied_operations=original.applied_operations
        )
    image.meta[key] = json.dumps(record)
    return image


def write_label(label: Any, before: Array, after: Array) -> Any:
    """Write the values that changed into a copy of a label; all others stay as they were, to the bit.

    Args:
        label: as it was given.
        before: ``(*spatial)`` class values before a paste.
        after: the same after it.
    """
    values = convert_to_array(label).copy(order="K")
    is_changed = (before != after).reshape(values.shape)
    np.copyto(values, after.reshape(values.shape), where=is_changed, casting="unsafe")
    return convert_like(values, label)
