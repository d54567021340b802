"""Training patches for a detector of lesions: those of the segmenter, with boxes of what their masks show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from domaingan.baselines.batches import Patches, list_class_values
from domaingan.baselines.lesion_detection.lesion_boxes import find_lesion_boxes

LesionItem = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]

LesionBatch = tuple[Tensor, list[dict[str, Tensor]]]
"""Images ``(B, C, *patch)``, and for each the ``boxes`` and ``labels`` of its lesions."""


class LesionPatches(TorchDataset[LesionItem]):
    """Training patches with boxes, by number: item ``i`` is the same whichever worker makes it.

    Boxes are found in the mask after everything was pasted and augmented, so that they fit what is seen. What a
    patch's border leaves of a lesion counts from :data:`domaingan.banks.find_objects.MIN_OBJECT_PIXELS` on.

    Args:
        patches: the patches, with masks.
        values: class values of lesions, the rarest first.
    """

    def __init__(self, patches: Patches, values: Sequence[int]) -> None:
        self.patches = patches
        self._class_values = list_class_values(patches.schema)
        self._indices = [self._class_values.index(value) for value in values]
        self._label_values = np.array(sorted(self._indices))

    def __len__(self) -> int:
        return len(self.patches)

    def __getitem__(self, item: int) -> LesionItem:
        """Make a patch.

        Args:
            item: its number.

        Returns:
            The scaled image ``(C, *patch)``, boxes ``(N, 2 * dims)`` along the array's axes, and labels ``(N,)``: 0, 1,
            … for the classes by value.
        """
        image, mask = self.patches[item]
        found = find_lesion_boxes(mask, self._indices)
        labels = np.searchsorted(self._label_values, found.labels[found.is_large])
        return image, found.boxes[found.is_large], labels.astype(np.int64)


def collate_lesions(items: list[LesionItem]) -> LesionBatch:
    """Make a batch of patches, which differ in their number of boxes."""
    images = torch.from_numpy(np.stack([image for image, _, _ in items]))
    targets: list[dict[str, Any]] = []
    for _, boxes, labels in items:
        targets.append({"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels)})
    return images, targets
