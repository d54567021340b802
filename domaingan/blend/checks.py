"""Whether what a bank holds can go into a host. Each refusal is one line, before anything is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import BankInfo
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema


def check_host(sample: Any, info: BankInfo) -> None:
    """Refuse a host that the bank does not fit.

    Args:
        sample: the host.
        info: of the bank.

    Raises:
        DataError: the host is no sample, has other dimensions or channels than the bank, a mask of another shape than
            its image, or NaN or infinity in its image.
    """
    if not isinstance(sample, Sample):
        raise DataError(f"a host that is a {type(sample).__name__}", expected="a sample, as dataset[0] is")
    check_channels(sample.image, info, sample.name)
    if sample.mask is not None and sample.mask.shape != sample.shape:
        raise DataError(f"a mask {sample.mask.shape}", path=sample.name, expected=f"{sample.shape}, as the image is")
    if not is_finite(sample.image):
        raise DataError("NaN or infinite values", path=sample.name, expected="finite intensities")


def read_schema(value: Any) -> Schema | None:
    """Read a schema.

    Args:
        value: a schema, a dataset that has one, or None.

    Raises:
        DataError: it is something else.
    """
    if isinstance(value, Dataset):
        return value.schema
    if value is None or isinstance(value, Schema):
        return value
    raise DataError(f"a schema that is a {type(value).__name__}", expected="the schema of a dataset, or the dataset")


def check_channels(image: NDArray[Any], info: BankInfo, name: str = "") -> None:
    """Refuse an image of other dimensions or channels than the bank's.

    Args:
        image: ``(C, *spatial)``.
        info: of the bank.
        name: of the image, for the message.

    Raises:
        DataError: the image has other dimensions or another number of channels.
    """
    if image.ndim != info.spatial_dims + 1:
        raise DataError(f"a {image.ndim - 1}D image", path=name, expected=f"{info.spatial_dims}D, as the bank is")
    if len(image) != len(info.channels):
        found = f"{len(image)} channel{'s' if len(image) > 1 else ''}"
        raise DataError(found, path=name, expected=f"{len(info.channels)}, as the bank has: {', '.join(info.channels)}")


def is_finite(image: NDArray[Any]) -> bool:
    """Whether an image, which is not empty, has neither NaN nor infinity."""
    if image.dtype.kind != "f":
        return True
    # NaN spreads to both ends, and infinity is one of them. So no array as large as the image is made.
    return bool(np.isfinite(image.min()) and np.isfinite(image.max()))
