"""Pictures as a detector's input expects them, and its boxes back in the picture's own pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from domaingan.robustness_eval.model_under_test import Picture

PADDING_GREY = 114
"""The grey around a picture that YOLO's detectors are trained with."""


@dataclass(frozen=True)
class InputFormat:
    """How a picture becomes an input.

    Attributes:
        size: height and width of the input, in pixels; None takes the picture as it is.
        is_centred: the picture lies in the middle; otherwise at the top left.
        is_bgr: channels in the order blue, green, red; otherwise red, green, blue.
        has_unit_range: values from 0 to 1; otherwise 0 to 255.
        is_stretched: the picture fills the input, whatever its aspect ratio.
        is_channels_last: the input is ``(1, H, W, 3)``; otherwise ``(1, 3, H, W)``.
    """

    size: tuple[int, int] | None
    is_centred: bool = True
    is_bgr: bool = False
    has_unit_range: bool = True
    is_stretched: bool = False
    is_channels_last: bool = False

    def describe(self) -> str:
        """Say in words how a picture goes in."""
        values = "0 to 1" if self.has_unit_range else "0 to 255"
        order = "BGR" if self.is_bgr else "RGB"
        return f"a picture goes in {self._describe_place()}, {order}, {values}"

    def _describe_place(self) -> str:
        if self.size is None:
            return "at its own size"
        size = f"{self.size[0]}×{self.size[1]}"
        if self.is_stretched:
            return f"stretched to {size}"
        place = "in the middle" if self.is_centred else "at the top left"
        return f"fitted {place} of {size}"

    def __call__(self, image: Picture) -> tuple[NDArray[np.float32], PlacedPicture]:
        """Turn a picture into an input.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.

        Returns:
            The ``(1, 3, h, w)`` or ``(1, h, w, 3)`` float32 input, and where the picture lies in it.
        """
        placed = self.place(image.shape[:2])
        canvas = self._draw_canvas(image, placed)
        if self.is_bgr:
            canvas = canvas[..., ::-1]
        if not self.is_channels_last:
            canvas = canvas.transpose(2, 0, 1)
        values = np.ascontiguousarray(canvas, dtype=np.float32)
        if self.has_unit_range:
            values = values / np.float32(255)
        return values[None], placed

    def _draw_canvas(self, image: Picture, placed: PlacedPicture) -> Picture:
        """Scale the picture and put it on grey, ``(h, w, 3)``."""
        if self.size is None:
            return image
        top, left = placed.corner
        height, width = placed.shape
        canvas = np.full((*self.size, 3), PADDING_GREY, dtype=np.uint8)
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        canvas[top : top + height, left : left + width] = resized
        return canvas

    def place(self, shape: tuple[int, ...]) -> PlacedPicture:
        """Compute where a picture of ``shape`` (height, width) lies in the input."""
        if self.size is None:
            return PlacedPicture((0, 0), (int(shape[0]), int(shape[1])), (1.0, 1.0))
        height_ratio = self.size[0] / shape[0]
        width_ratio = self.size[1] / shape[1]
        if self.is_stretched:
            return PlacedPicture((0, 0), self.size, (height_ratio, width_ratio))
        ratio = min(height_ratio, width_ratio)
        height = min(self.size[0], max(1, round(shape[0] * ratio)))
        width = min(self.size[1], max(1, round(shape[1] * ratio)))
        corner = (0, 0)
        if self.is_centred:
            corner = (_halve(self.size[0] - height), _halve(self.size[1] - width))
        return PlacedPicture(corner, (height, width), (ratio, ratio))


def _halve(length: int) -> int:
    """Halve free space; of an odd number of pixels the smaller half comes first, as in YOLO."""
    return round(length / 2 - 0.1)


@dataclass(frozen=True)
class PlacedPicture:
    """Where a picture lies in an input.

    Attributes:
        corner: its top left, (row, column), in pixels of the input.
        shape: its height and width in the input.
        ratio: the factors by which its height and its width were scaled.
    """

    corner: tuple[int, int]
    shape: tuple[int, int]
    ratio: tuple[float, float]

    def to_picture_origin(self, boxes: NDArray[Any]) -> NDArray[np.float32]:
        """Count boxes of the input from the picture's top left in it, still in pixels of the input."""
        top, left = self.corner
        return (boxes - np.array([left, top, left, top])).astype(np.float32)

    def unletterbox(self, boxes: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Convert boxes of the input to pixels of the picture.

        Args:
            boxes: ``(N, 4)`` xyxy boxes in pixels of the input.
            shape: height and width of the picture, in pixels.

        Returns:
            ``(N, 4)`` xyxy boxes, clipped to the picture.
        """
        top, left = self.corner
        height_ratio, width_ratio = self.ratio
        height, width = shape[0], shape[1]
        shifted = boxes - np.array([left, top, left, top], np.float32)
        scaled = shifted / np.array([width_ratio, height_ratio, width_ratio, height_ratio], np.float32)
        return np.clip(scaled, 0, np.array([width, height, width, height])).astype(np.float32)
