"""What every model under test looks like, wherever it comes from."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from domaingan.metrics.detections import Detections

Picture = NDArray[np.uint8]
"""``(H, W, 3)`` RGB."""

Answer = Detections | NDArray[np.integer]
"""What a model says of a picture: boxes in its pixels, or an ``(H, W)`` mask; labels and values in its own numbers."""

ModelTask = Literal["detection", "segmentation"]


class Model(Protocol):
    """A detector or a segmenter of pictures.

    Attributes:
        name: a short name for people.
        task: ``detection`` or ``segmentation``.
        classes: its own numbers (of labels, or of mask values) by class name.
        complete: whether ``classes`` is all that it knows; where not, it grows with what the model finds, and is empty
            for a segmenter whose values are the data's own.
    """

    name: str
    task: ModelTask
    classes: dict[str, int]
    has_fixed_classes: bool

    def predict(self, image: Picture) -> Answer:
        """What the model sees in a picture."""

    def describe(self) -> list[str]:
        """How it was read, in sentences: what a person must know to trust its numbers."""
