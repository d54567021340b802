"""Run the steps of a classic pipeline on an image and its labels: albumentations in 2D, MONAI in 3D."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.imaging.instances import MIN_VISIBLE_SHARE

Image = NDArray[np.float32]
Pipeline = Callable[[Image, NDArray[Any], int], tuple[Image, NDArray[Any]]]
"""Changes an image ``(C, *spatial)`` in [0, 1] and a mask of bytes ``(*spatial)``; the last argument is the seed."""

MAX_MASK_VALUES = 256
"""Different values that a mask may hold, since it is moved as bytes."""


def compose_2d(steps: list[Any]) -> Pipeline:
    """Compose transforms of albumentations to one pipeline.

    Args:
        steps: the transforms, in order.
    """
    import albumentations as A

    compose = A.Compose(steps)

    def run(image: Image, mask: NDArray[Any], seed: int) -> tuple[Image, NDArray[Any]]:
        compose.set_random_seed(seed)
        pixels = np.ascontiguousarray(np.moveaxis(image, 0, -1))
        changed = compose(image=pixels, mask=mask.astype(np.uint8))
        pixels = changed["image"]
        if pixels.ndim == 2:  # albumentations drops a single channel
            pixels = pixels[..., None]
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), changed["mask"]

    return run


def compose_3d(steps: list[Any]) -> Pipeline:
    """Compose MONAI's transforms of ``image`` and ``mask`` to one pipeline.

    Args:
        steps: the transforms, in order.
    """
    from monai import transforms as M

    compose = M.Compose(steps)

    def run(image: Image, mask: NDArray[Any], seed: int) -> tuple[Image, NDArray[Any]]:
        compose.set_random_state(seed)
        changed = compose({"image": image, "mask": mask[None].astype(np.float32)})
        voxels = np.asarray(changed["image"]).clip(0, 1)
        return voxels, np.rint(np.asarray(changed["mask"])[0])

    return run


def compose_with_boxes(steps: list[Any]) -> Any:
    """Compose transforms of albumentations to a pipeline that also moves boxes and their ``labels``.

    Boxes of which less than :data:`~domaingan.imaging.instances.MIN_VISIBLE_SHARE` stays in the frame are dropped.

    Args:
        steps: the transforms, in order.

    Returns:
        The ``Compose`` of albumentations.
    """
    import albumentations as A

    boxes = A.BboxParams(format="pascal_voc", label_fields=["labels"], min_visibility=MIN_VISIBLE_SHARE, clip=True)
    return A.Compose(steps, bbox_params=boxes)


def encode_as_bytes(mask: NDArray[Any]) -> tuple[NDArray[Any] | None, NDArray[Any]]:
    """Encode a mask as bytes, which is how the libraries move it.

    Args:
        mask: ``(*spatial)`` integers.

    Returns:
        A table and the mask. The table is None where the mask's values fit into bytes. Otherwise it lists the values,
        background first, and the mask holds positions in it.

    Raises:
        DataError: the mask has more values than a byte.
    """
    is_empty = mask.size == 0
    if mask.dtype == np.uint8 or (not is_empty and mask.min() >= 0 and mask.max() <= 255):
        return None, mask
    values = np.unique(np.append(mask, np.zeros(1, mask.dtype)))
    is_background = values == 0
    values = np.concatenate([values[is_background], values[~is_background]])  # pixels from outside get position 0
    if len(values) > MAX_MASK_VALUES:
        expected = f"at most {MAX_MASK_VALUES}, for classic augmentation"
        raise DataError(f"a mask of {len(values)} values", expected=expected)
    order = np.argsort(values)
    return values, order[np.searchsorted(values, mask, sorter=order)].astype(np.uint8)
