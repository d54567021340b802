"""Mixing the images of a batch with one another: MixUp and CutMix, by MONAI, in 2D and 3D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from domaingan.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

MIXTURES = ("mixup", "cutmix")
"""Weighted sums of two images (Zhang et al. 2018, https://arxiv.org/abs/1710.09412); a box of one in the other (Yun et
al. 2019, https://arxiv.org/abs/1905.04899)."""


class Interpolation:
    """Mixes every image of a batch with another one of it, and its labels in the same way.

    Args:
        method: ``cutmix`` or ``mixup``.
        alpha: weights are drawn from Beta(alpha, alpha): 1 is uniform, less is nearer to one image or the other.

    Raises:
        DataError: there is no such method, or alpha is not positive.
    """

    def __init__(self, method: str = "cutmix", alpha: float = 1.0) -> None:
        if method not in MIXTURES or not alpha > 0:
            raise DataError(f"{method} with alpha {alpha}", expected=f"{' or '.join(MIXTURES)}, and alpha above 0")
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
        from monai.transforms import CutMix, MixUp

        if self.method == "mixup" and not labels.is_floating_point():
            raise DataError(f"labels of {labels.dtype}", expected="shares of classes for mixup: one-hot, float")
        kind: Any = CutMix if self.method == "cutmix" else MixUp
        mixer = kind(batch_size=len(images), alpha=self.alpha)
        mixer.set_random_state(int(rng.integers(2**31)))
        mixer.randomize(images)
        mixed, shares = (mixer(part.float(), randomize=False) for part in (images, labels))
        return mixed.to(images.dtype), shares.to(labels.dtype)
