"""How the four numbers of a box are meant: corners or centre and size, pixels or shares of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BOX_FORMS = {
    "xyxy": "corners",
    "yxyx": "corners (y before x)",
    "cxcywh": "centres and sizes",
    "xywh": "first corners and sizes",
}
"""The forms a box may have, each in words."""


@dataclass(frozen=True)
class BoxFormat:
    """How the four numbers of a box are meant.

    Attributes:
        form: ``xyxy`` (corners), ``yxyx`` (corners, y before x), ``cxcywh`` (centre and size) or ``xywh`` (top left
            corner and size).
        is_relative: the numbers are shares of the input's width and height; otherwise they are pixels.
    """

    form: str = "xyxy"
    is_relative: bool = False

    def describe(self) -> str:
        """Say the format in words."""
        unit = "as shares of the picture" if self.is_relative else "in pixels"
        return f"{BOX_FORMS[self.form]} {unit}"

    def to_corners(self, numbers: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """Convert boxes of this format to corner boxes.

        Args:
            numbers: ``(N, 4)``, in this format.
            size: height and width of the network's input, in pixels.

        Returns:
            ``(N, 4)`` xyxy boxes in pixels of the input.
        """
        if self.form == "cxcywh":
            numbers = centres_to_corners(numbers)
        elif self.form == "xywh":
            starts = numbers[:, :2]
            numbers = np.concatenate([starts, starts + numbers[:, 2:]], axis=1)
        elif self.form == "yxyx":
            numbers = numbers[:, [1, 0, 3, 2]]
        if self.is_relative:
            height, width = size
            numbers = numbers * np.array([width, height, width, height], np.float32)
        return numbers.astype(np.float32)


CORNERS = BoxFormat("xyxy")
CENTRES = BoxFormat("cxcywh")
RELATIVE_CENTRES = BoxFormat("cxcywh", is_relative=True)


def centres_to_corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert boxes of centre and size to corner boxes.

    Args:
        boxes: ``(N, 4)``: x and y of the centre, width, height.

    Returns:
        ``(N, 4)`` xyxy boxes.

    >>> centres_to_corners(np.array([[5, 5, 4, 2]], np.float32)).tolist()
    [[3.0, 4.0, 7.0, 6.0]]
    """
    centres = boxes[:, :2]
    half_sizes = boxes[:, 2:] / 2
    return np.concatenate([centres - half_sizes, centres + half_sizes], axis=1)
