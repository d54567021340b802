"""Turn the arrays that another library passes into samples that crops and looks can be blended into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import BankInfo
from domaingan.blend import Relight
from domaingan.blend.checks import check_channels
from domaingan.blend.looks import PER_CLASS
from domaingan.core.errors import DataError
from domaingan.data import IntensityRange, Sample, Schema
from domaingan.integrations.class_masks import convert_mask

FRAME_RANGE_TOLERANCE = 0.25
"""Frames may leave [0, 1] by this much, as sharp resizing makes them. Whitened frames leave it further."""

MAX_BYTE = 255.0
"""The value in a frame of bytes that is 1 in scaled units."""


def convert_image(image: NDArray[Any], info: BankInfo) -> Sample:
    """Convert a channel-first image to a sample; its pixels stay as they are, and frames of bytes get a range.

    Args:
        image: ``(C, *spatial)``, integers or floats; frames are uint8, or floats in [0, 1].
        info: of the bank that is blended into it.

    Raises:
        DataError: the image has other channels or dimensions than the bank, or is a frame of another range. NaN is
            refused later.
    """
    check_channels(image, info)
    if info.domain.has_body:
        return Sample(np.ascontiguousarray(image))  # scans are measured as a whole
    if image.dtype == np.uint8:
        ends = np.array([[0, MAX_BYTE]] * len(image), dtype=np.float32)
        return Sample(image, intensity_range=IntensityRange(ends))
    if image.dtype.kind != "f":
        raise DataError(f"a frame of {image.dtype}", expected="floats in [0, 1], or uint8")
    low, high = float(image.min()), float(image.max())
    if low < -FRAME_RANGE_TOLERANCE or high > 1 + FRAME_RANGE_TOLERANCE:
        raise DataError(f"a frame of {low:g} to {high:g}", expected="floats in [0, 1], or uint8")
    return Sample(image)


def make_host(
    image: NDArray[Any],
    mask: NDArray[Any] | None,
    host_info: Mapping[str, Any],
    schema: Schema,
    info: BankInfo,
    *,
    is_changed: bool = True,
) -> Sample:
    """Make the host of a bank: an image as a sample, with its mask and what else is known of it.

    Args:
        image: see :func:`convert_image`.
        mask: ``(*spatial)`` class values of any type, or None.
        host_info: as of :func:`domaingan.integrations.host_info.read_host_info`.
        schema: of the hosts.
        info: of the bank.
        is_changed: whether something is written into the mask; then all of its values must be known.

    Raises:
        DataError: as :func:`convert_image` and :func:`domaingan.integrations.class_masks.convert_mask`, or the mask has
            another shape than the image.
    """
    host = convert_image(image, info)
    if mask is not None and mask.shape != host.shape:
        raise DataError(f"a mask {mask.shape}", expected=f"{host.shape}, as the image is")
    meta = host.meta | dict(host_info)
    condition = dict(meta.pop("condition", {}))
    mask = None if mask is None else convert_mask(mask, schema, is_changed=is_changed)
    return replace(host, mask=mask, condition=condition, meta=meta)


def relight_host(relight: Relight, host: Sample, seed: int) -> Sample:
    """Give a host a look that follows from the seed.

    Args:
        relight: the bank of scenes and the method.
        host: as of :func:`make_host`.
        seed: of scene and strength.

    Raises:
        DataError: the host has no mask, and the method goes class by class.
    """
    if relight.method_name == PER_CLASS and host.mask is None:
        raise DataError("no mask", expected="a mask of classes beside the image, which reinhard-per-class needs")
    return relight(host, np.random.default_rng(seed))
