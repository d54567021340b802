"""What every model under test looks like, wherever it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.detections import Detections

Picture = NDArray[np.uint8]
"""``(H, W, 3)`` RGB."""

Answer = Detections | NDArray[np.integer]
"""What a model returns for a picture: boxes in its pixels, or an ``(H, W)`` mask; in the model's own class numbers."""

ModelTask = Literal["detection", "segmentation"]


class Model(Protocol):
    """A detector or a segmenter of pictures.

    Attributes:
        name: a short name for readers.
        task: ``detection`` or ``segmentation``.
        classes: the model's own numbers (labels, or mask values) by class name.
        has_fixed_classes: ``classes`` names every class that the model knows. Otherwise ``classes`` grows with what a
            detector finds, and is empty for a segmenter whose values are the data's own.
    """

    name: str
    task: ModelTask
    classes: dict[str, int]
    has_fixed_classes: bool

    def predict(self, image: Picture) -> Answer:
        """Return what the model finds in a picture, in pixels of the picture."""

    def describe(self) -> list[str]:
        """Say in sentences how the model was read: what a reader must know to trust its numbers."""


def as_picture_list(pictures: Sequence[Picture] | Picture) -> list[Picture]:
    """Return a list of pictures for one picture or several."""
    if isinstance(pictures, np.ndarray):
        return [pictures]
    return list(pictures)
