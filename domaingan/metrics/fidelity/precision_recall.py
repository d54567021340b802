"""Fidelity and diversity apart: which generated samples look real, and which real ones have a generated neighbour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.fidelity.feature_checks import validate_features

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ManifoldScores:
    """Shares of two sets that lie in each other's neighbourhoods.

    Attributes:
        precision: share of the generated samples that lie in the neighbourhood of some real one, in [0, 1].
        recall: share of the real samples that lie in the neighbourhood of some generated one, in [0, 1].
        density: in how many real neighbourhoods a generated sample lies, over k: 1 is expected of real samples.
        coverage: share of the real samples with a generated one in their neighbourhood, in [0, 1].
    """

    precision: float
    recall: float
    density: float
    coverage: float


def compute_precision_recall(real: NDArray[np.floating], fake: NDArray[np.floating], k: int = 5) -> ManifoldScores:
    """Compute precision, recall, density and coverage of two sets of features.

    A sample's neighbourhood is the closed ball that reaches to the k-th nearest other sample of its set. Precision
    and recall: Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991; density and coverage: Naeem et al. 2020,
    https://arxiv.org/abs/2002.09797. Coverage grows with M and k: compare it with that of held-out real samples.
    From one distribution 1 - (N-1)···(N-k) / ((M+N-1)···(M+N-k)) is expected.

    Args:
        real: ``(N, F)`` features of real images.
        fake: ``(M, F)`` features of generated images.
        k: which nearest neighbour bounds a neighbourhood.

    Raises:
        DataError: other shapes, NaN, or no more samples than k.
    """
    if k < 1:
        raise DataError(f"k = {k}", expected="1 or more")
    x, y = validate_features(real, fake, min_samples=max(2, k + 1))
    distances = _compute_distances(x, y)
    in_real = distances <= _compute_radii(x, k)[:, None]
    in_fake = distances <= _compute_radii(y, k)[None]
    return ManifoldScores(
        precision=float(in_real.any(0).mean()),
        recall=float(in_fake.any(1).mean()),
        density=float(in_real.sum() / (k * len(y))),
        coverage=float(in_real.any(1).mean()),
    )


def _compute_radii(samples: Floats, k: int) -> Floats:
    """Compute each sample's distance to its k-th nearest other; the nearest is itself, at 0."""
    return np.partition(_compute_distances(samples, samples), k, axis=1)[:, k]


def _compute_distances(a: Floats, b: Floats) -> Floats:
    """Compute Euclidean distances, pair by pair and not by a matrix product: equal samples are at exactly 0."""
    from scipy.spatial.distance import cdist

    return cdist(a, b)
