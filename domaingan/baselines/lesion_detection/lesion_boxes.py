"""The boxes of lesions: a mask's connected components, each with the rarest class that it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.banks.crop_conditions import sort_classes_by_rarity
from domaingan.banks.find_objects import MIN_OBJECT_PIXELS
from domaingan.data import Sample, Schema
from domaingan.imaging.instances import get_box_axes, isin_small
from domaingan.imaging.intensity import label_components
from domaingan.imaging.padded_crops import count_voxels


@dataclass(frozen=True, eq=False)
class LesionBoxes:
    """The lesions of a mask.

    Attributes:
        boxes: ``(N, 2 * dims)`` float32 corners along the array's axes: first all lows, then all highs.
        labels: ``(N,)`` int64 class values.
        n_pixels: ``(N,)`` int64 pixels of each.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    n_pixels: NDArray[np.int64]

    @property
    def is_large(self) -> NDArray[np.bool_]:
        """``(N,)`` whether a lesion has as many pixels as one that can be a crop; smaller ones do not count."""
        dims = self.boxes.shape[1] // 2
        is_large: NDArray[np.bool_] = self.n_pixels >= MIN_OBJECT_PIXELS[dims]
        return is_large


def find_lesion_boxes(mask: NDArray[Any], values: Sequence[int]) -> LesionBoxes:
    """Find the boxes of the lesions in a mask.

    A lesion is a connected component of all classes together, as the classes of a lesion are nested. Its label is the
    rarest class that it holds. So are the crops of scans, see :func:`domaingan.banks.crops.crops`.

    Args:
        mask: ``(*spatial)`` class values.
        values: the class values that belong to lesions, the rarest first.

    >>> found = find_lesion_boxes(np.array([[1, 1, 0, 2, 1]]), [2, 1])
    >>> found.boxes.tolist(), found.labels.tolist(), found.n_pixels.tolist()
    ([[0.0, 0.0, 1.0, 2.0], [0.0, 3.0, 1.0, 5.0]], [1, 2], [2, 2])
    """
    boxes: list[list[int]] = []
    labels: list[int] = []
    n_pixels: list[int] = []
    numbered, _ = label_components(isin_small(mask, values))
    for number, extent in enumerate(ndimage.find_objects(numbered), start=1):
        is_inside = numbered[extent] == number
        present = set(np.unique(mask[extent][is_inside]).tolist())
        boxes.append([*(side.start for side in extent), *(side.stop for side in extent)])
        labels.append(next(value for value in values if value in present))
        n_pixels.append(int(is_inside.sum()))
    stacked = np.array(boxes, dtype=np.float32).reshape(-1, 2 * mask.ndim)
    return LesionBoxes(stacked, np.array(labels, dtype=np.int64), np.array(n_pixels, dtype=np.int64))


def sort_lesion_values(samples: Iterable[Sample], schema: Schema) -> tuple[int, ...]:
    """Sort the class values of lesions by how rare they are in training samples, the rarest first.

    Args:
        samples: training samples; those without a mask are left out.
        schema: names the classes. Ignored values are none of them; where it names objects, these alone are lesions.

    Returns:
        The class values; those that no sample holds come first.
    """
    names = schema.objects or tuple(schema.classes)
    values = {schema.classes[name] for name in names} - set(schema.ignore) - {0}
    counts = []
    for sample in samples:
        if sample.mask is not None:
            counts.append((sample.statistical_unit, count_voxels(np.asarray(sample.mask))))
    occurring = [value for value in sort_classes_by_rarity(counts) if value in values]
    return (*sorted(values - set(occurring)), *occurring)


def to_box_order(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring boxes from the order of the array's axes to the order of :class:`domaingan.data.Sample`, or back.

    Slices are ``(H, W)`` but their boxes are xyxy; volumes keep their order.

    Args:
        boxes: ``(N, 2 * dims)``.
    """
    dims = boxes.shape[1] // 2
    order = get_box_axes(dims)
    return boxes[:, [*order, *(axis + dims for axis in order)]]
