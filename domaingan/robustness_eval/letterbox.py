"""Pictures as a detector's input wants them, and its boxes back in the picture's own pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.robustness_eval.model_under_test import Picture

PADDING_GREY = 114
"""What YOLO's detectors are trained to see around a picture."""


@dataclass(frozen=True)
class InputFormat:
    """How a picture becomes an input.

    Attributes:
        size: height and width of the input; None takes the picture as it is.
        centred: the picture lies in the middle, else at the top left.
        bgr: channels in the order blue, green, red.
        unit: 0 to 1, else 0 to 255.
        channels_last: the input is (1, h, w, 3).
        stretched: the picture fills the input, whatever its aspect.
    """

    size: tuple[int, int] | None
    is_centred: bool = True
    is_bgr: bool = False
    has_unit_range: bool = True
    is_stretched: bool = False
    is_channels_last: bool = False

    def describe(self) -> str:
        """In words."""
        where = "in the middle" if self.is_centred else "at the top left"
        how = "stretched to" if self.is_stretched else f"fitted {where} of"
        fitted = "at its own size" if self.size is None else f"{how} {self.size[0]}×{self.size[1]}"
        values = "0 to 1" if self.has_unit_range else "0 to 255"
        return f"a picture goes in {fitted}, {'BGR' if self.is_bgr else 'RGB'}, {values}"

    def __call__(self, image: Picture) -> tuple[NDArray[np.float32], PlacedPicture]:
        """The ``(1, 3, h, w)`` or ``(1, h, w, 3)`` float32 input, and where the picture lies in it."""
        placed = self.place(image.shape[:2])
        if self.size is None:
            canvas = image
        else:
            (top, left), (height, width) = placed.corner, placed.shape
            canvas = np.full((*self.size, 3), PADDING_GREY, dtype=np.uint8)
            resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
            canvas[top : top + height, left : left + width] = resized
        ordered = canvas[..., ::-1] if self.is_bgr else canvas
        ordered = ordered if self.is_channels_last else ordered.transpose(2, 0, 1)
        planes = np.ascontiguousarray(ordered, dtype=np.float32)
        return (planes / np.float32(255) if self.has_unit_range else planes)[None], placed

    def place(self, shape: tuple[int, ...]) -> PlacedPicture:
        """Where a picture of ``shape`` comes to lie."""
        if self.size is None:
            return PlacedPicture((0, 0), (int(shape[0]), int(shape[1])), (1.0, 1.0))
        if self.is_stretched:
            return PlacedPicture((0, 0), self.size, (self.size[0] / shape[0], self.size[1] / shape[1]))
        ratio = min(self.size[0] / shape[0], self.size[1] / shape[1])
        inner = tuple(min(n, max(1, round(m * ratio))) for m, n in zip(shape, self.size, strict=True))
        free = [n - m for n, m in zip(self.size, inner, strict=True)]
        corner = tuple(round(n / 2 - 0.1) for n in free) if self.is_centred else (0, 0)
        return PlacedPicture((corner[0], corner[1]), (inner[0], inner[1]), (ratio, ratio))


@dataclass(frozen=True)
class PlacedPicture:
    """Where a picture lies in an input: its top left (row, column), its shape there, and by what it was scaled."""

    corner: tuple[int, int]
    shape: tuple[int, int]
    ratio: tuple[float, float]

    def to_picture_origin(self, boxes: NDArray[Any]) -> NDArray[np.float32]:
        """Corner boxes of the input, counted from the picture's top left in it."""
        top, left = self.corner
        return (boxes - np.array([left, top, left, top])).astype(np.float32)

    def unletterbox(self, boxes: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Corner boxes of the input in the pixels of the picture of ``shape``, clipped to it."""
        top, left = self.corner
        down, right = self.ratio
        own = (boxes - np.array([left, top, left, top], np.float32)) / np.array([right, down] * 2, np.float32)
        return np.clip(own, 0, np.array([shape[1], shape[0], shape[1], shape[0]])).astype(np.float32)
