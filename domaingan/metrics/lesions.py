"""Which lesions were found: connected components of the truth, matched with those of the prediction."""

from __future__ import annotations

from collections import Counter
from math import pi

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.metrics.measures import SIZE_WORDS
from domaingan.metrics.voxel_units import VoxelUnits

MIN_LESION_IOU = 0.1
"""A predicted component can match a true lesion from this intersection over union on. Outlines of lesions are vague,
and the question is whether it was found (Jaeger et al. 2020; nnDetection, Baumgartner et al. 2021)."""

LESION_DIAMETERS = (5.0, 10.0)
"""Diameters of a sphere (in 2D a disc) of a lesion's size, from which on it is medium and large: in mm, in pixels where
no spacing is known. From 10 mm on a lesion is measurable, from 5 mm on with thin slices (RANO-BM, Lin et al. 2015)."""

LabelledMask = NDArray[np.int32]


class LesionMatches:
    """Match true and predicted lesions piece by piece, and compute how many were found.

    A lesion is a connected component; voxels that share a corner are connected. Pairs are matched one to one, those of
    the highest intersection over union first, down to :data:`MIN_LESION_IOU`. It is panoptica's rule with this
    threshold (Kofler et al. 2023).

    >>> truth = np.array([[1, 1, 0, 0, 1]], bool)
    >>> matches = LesionMatches()
    >>> matches.add(truth, np.array([[1, 0, 0, 0, 0]], bool), VoxelUnits((1.0, 1.0), True))
    >>> matches.compute_sensitivity(), matches.n_false
    (0.5, 0)
    """

    def __init__(self) -> None:
        self.n_true: Counter[str] = Counter()
        self.n_found: Counter[str] = Counter()
        self.n_false = 0

    def add(self, is_true: NDArray[np.bool_], is_predicted: NDArray[np.bool_], units: VoxelUnits) -> None:
        """Match the lesions of one piece.

        Args:
            is_true: ``(*spatial)``, true where the class is.
            is_predicted: the same of the prediction.
            units: size of its voxels.
        """
        true_labels, n_true = label_lesions(is_true)
        predicted_labels, n_predicted = label_lesions(is_predicted)
        matched = match_lesions(true_labels, predicted_labels)
        sizes = np.bincount(true_labels.ravel(), minlength=n_true + 1)[1:] * units.voxel_size
        for number, size in enumerate(sizes.tolist(), start=1):
            name = name_lesion_size(size, units.dims)
            self.n_true[name] += 1
            self.n_found[name] += number in matched
        self.n_false += n_predicted - len(matched)

    def compute_sensitivity(self, size: str | None = None) -> float:
        """Compute the share of true lesions that were found.

        Args:
            size: small, medium or large; all sizes by default.

        Returns:
            0 to 1; NaN where there is no such lesion.
        """
        if size is None:
            n_true, n_found = self.n_true.total(), self.n_found.total()
        else:
            n_true, n_found = self.n_true[size], self.n_found[size]
        return n_found / n_true if n_true else float("nan")

    def compute_f1(self) -> float:
        """Compute the F1 of lesions: twice the found ones, divided by all true and all predicted ones.

        Returns:
            0 to 1; NaN where there is no lesion and none was predicted.
        """
        n_found = self.n_found.total()
        n_both = self.n_true.total() + n_found + self.n_false
        return 2 * n_found / n_both if n_both else float("nan")


def label_lesions(mask: NDArray[np.bool_]) -> tuple[LabelledMask, int]:
    """Number the connected components of a mask.

    Args:
        mask: ``(*spatial)``.

    Returns:
        The numbered mask, 0 outside, and how many components there are.
    """
    structure = np.ones((3,) * mask.ndim, bool)
    labels, count = ndimage.label(mask, structure)
    return labels, int(count)


def match_lesions(true_labels: LabelledMask, predicted_labels: LabelledMask) -> dict[int, int]:
    """Match components one to one, in order of their intersection over union.

    Args:
        true_labels: ``(*spatial)`` numbered components.
        predicted_labels: the same of the prediction.

    Returns:
        For each true component that was found the number of the predicted one.
    """
    is_in_both = (true_labels > 0) & (predicted_labels > 0)
    if not is_in_both.any():
        return {}
    base = int(predicted_labels.max()) + 1
    codes = true_labels[is_in_both].astype(np.int64) * base + predicted_labels[is_in_both]
    pair_codes, overlaps = np.unique(codes, return_counts=True)
    true_numbers, predicted_numbers = np.divmod(pair_codes, base)
    true_sizes = np.bincount(true_labels.ravel())[true_numbers]
    predicted_sizes = np.bincount(predicted_labels.ravel())[predicted_numbers]
    ious = overlaps / (true_sizes + predicted_sizes - overlaps)
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for row in np.argsort(-ious, kind="stable"):
        if ious[row] < MIN_LESION_IOU:
            break
        true_number, predicted_number = int(true_numbers[row]), int(predicted_numbers[row])
        if true_number not in matched and predicted_number not in taken:
            matched[true_number] = predicted_number
            taken.add(predicted_number)
    return matched


def name_lesion_size(size: float, dims: int) -> str:
    """Name the size class of a lesion, see :data:`LESION_DIAMETERS`.

    Args:
        size: its volume (3D) or area (2D).
        dims: 2 or 3.

    >>> name_lesion_size(64.0, 3), name_lesion_size(66.0, 3), name_lesion_size(600.0, 3)
    ('small', 'medium', 'large')
    """
    diameter = 2 * (size / pi) ** 0.5 if dims == 2 else (6 * size / pi) ** (1 / 3)
    return SIZE_WORDS[int(np.searchsorted(LESION_DIAMETERS, diameter, side="right"))]
