"""Mixing the images of a batch with one another: MixUp and CutMix, in 2D and 3D.

MONAI has both, but its CutMix indexes tensors with lists, which PyTorch gives up, and puts the boxes of a whole batch
in one place.
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
    """Mixes every image of a batch with another one of it, and its labels in the same way.

    Args:
        method: ``cutmix`` or ``mixup``.
        alpha: weights are drawn from Beta(alpha, alpha): 1 is uniform, less is nearer to one image or the other.

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
        """The mixed batch.

        Args:
            images: ``(B, C, *spatial)``.
            labels: ``(B, K, *spatial)`` shares of classes (one-hot); with ``cutmix`` class values ``(B, 1, *spatial)``
                of any type, which stay class values.
            rng: of weights, places and partners.

        Returns:
            Both, of the same shapes and types.

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
    """The box that the other image is seen in: its share of the image is 1 - weight, but what leaves it is lost.

    Yun et al. 2019, equation 2, with the same share of every edge in any number of dimensions.
    """
    share = (1 - weight) ** (1 / len(shape))
    middles = rng.random(len(shape))
    ends = [((m - share / 2) * n, (m + share / 2) * n) for m, n in zip(middles.tolist(), shape, strict=True)]
    return tuple(slice(max(0, round(a)), min(n, round(b))) for (a, b), n in zip(ends, shape, strict=True))


def _paste_boxes(batch: Tensor, boxes: list[tuple[slice, ...]], partners: list[int]) -> Tensor:
    mixed = batch.clone()
    for own, (box, other) in enumerate(zip(boxes, partners, strict=True)):
        where: Any = (slice(None), *box)
        mixed[own][where] = batch[other][where]
    return mixed


def _mix_batch(batch: Tensor, weights: list[float], partners: list[int]) -> Tensor:
    own = batch.new_tensor(weights).reshape(-1, *[1] * (batch.ndim - 1))
    return own * batch + (1 - own) * batch[partners]
