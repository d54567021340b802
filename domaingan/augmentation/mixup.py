"""Mixing the images of a batch with one another: MixUp and CutMix, in 2D and 3D.

MONAI has both, but its CutMix indexes tensors with lists, which PyTorch no longer allows, and puts the boxes of a whole
batch in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

MIXING_METHODS = ("mixup", "cutmix")
"""Weighted sums of two images (Zhang et al. 2018, https://arxiv.org/abs/1710.09412); a box of one in the other (Yun et
al. 2019, https://arxiv.org/abs/1905.04899)."""


class BatchMixing:
    """Mix every image of a batch with another image of the batch, and its labels in the same way.

    Args:
        method: ``cutmix`` or ``mixup``.
        alpha: weights are drawn from Beta(alpha, alpha). 1 is uniform; smaller values stay nearer to one of the images.

    Raises:
        DataError: there is no such method, or alpha is not positive.
    """

    def __init__(self, method: str = "cutmix", alpha: float = 1.0) -> None:
        if method not in MIXING_METHODS or not alpha > 0:
            raise DataError(
                f"{method} with alpha {alpha}", expected=f"{' or '.join(MIXING_METHODS)}, and alpha above 0"
            )
        self.method, self.alpha = method, alpha

    def __call__(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Mix a batch.

        Args:
            images: ``(B, C, *spatial)``.
            labels: ``(B, K, *spatial)`` shares of classes (one-hot). With ``cutmix`` also class values
                ``(B, 1, *spatial)`` of any type, which stay class values.
            rng: source of weights, places and partners.

        Returns:
            The mixed images and labels, of the same shapes and types.

        Raises:
            DataError: ``mixup`` of class values, whose sums mean nothing.
        """
        order = rng.permutation(len(images))
        partners = order[np.argsort(order) - 1].tolist()  # the one before in that order: never the image itself
        weights = rng.beta(self.alpha, self.alpha, len(images))
        if self.method == "cutmix":
            boxes = [_sample_box(images.shape[2:], weight, rng) for weight in weights.tolist()]
            return _paste_boxes(images, boxes, partners), _paste_boxes(labels, boxes, partners)
        if not labels.is_floating_point():
            raise DataError(f"labels of {labels.dtype}", expected="shares of classes for mixup: one-hot, float")
        return _mix_batch(images, weights.tolist(), partners), _mix_batch(labels, weights.tolist(), partners)


def _sample_box(shape: tuple[int, ...], weight: float, rng: np.random.Generator) -> tuple[slice, ...]:
    """Sample the box in which the other image is shown. Its share of the image is 1 - weight before it is clipped.

    Yun et al. 2019, equation 2, with the same share of every edge in any number of dimensions.
    """
    share = (1 - weight) ** (1 / len(shape))
    middles = rng.random(len(shape)).tolist()
    slices = []
    for middle, size in zip(middles, shape, strict=True):
        start = round((middle - share / 2) * size)
        stop = round((middle + share / 2) * size)
        slices.append(slice(max(0, start), min(size, stop)))
    return tuple(slices)


def _paste_boxes(batch: Tensor, boxes: list[tuple[slice, ...]], partners: list[int]) -> Tensor:
    mixed = batch.clone()
    for own, (box, other) in enumerate(zip(boxes, partners, strict=True)):
        where: Any = (slice(None), *box)
        mixed[own][where] = batch[other][where]
    return mixed


def _mix_batch(batch: Tensor, weights: list[float], partners: list[int]) -> Tensor:
    own = batch.new_tensor(weights).reshape(-1, *[1] * (batch.ndim - 1))
    return own * batch + (1 - own) * batch[partners]
