"""Fidelity and diversity apart: which generated samples look real, and which real ones have their like among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.fidelity.validation import validate_features

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ManifoldScores:
    """How two sets lie in each other's neighbourhoods.

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
    """The four of two sets of features ``(N, F)`` and ``(M, F)``.

    A sample's neighbourhood is the closed ball that reaches to the k-th nearest other sample of its set. Precision
    and recall: Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991; density and coverage: Naeem et al. 2020,
    https://arxiv.org/abs/2002.09797. Coverage grows with M and k: compare it with that of held-out real samples.
    From one distribution 1 - (N-1)···(N-k) / ((M+N-1)···(M+N-k)) is expected.

    Raises:
        DataError: other shapes, NaN, or no more samples than k.
    """
    if k < 1:
        raise DataError(f"k = {k}", expected="1 or more")
    x, y = validate_features(real, fake, min_samples=max(2, k + 1))
    apart = _compute_distances(x, y)
    in_real, in_fake = apart <= _compute_radii(x, k)[:, None], apart <= _compute_radii(y, k)[None]
    return ManifoldScores(
        precision=float(in_real.any(0).mean()),
        recall=float(in_fake.any(1).mean()),
        density=float(in_real.sum() / (k * len(y))),
        coverage=float(in_real.any(1).mean()),
    )


def _compute_radii(samples: Floats, k: int) -> Floats:
    """Each sample's distance to its k-th nearest other; it is itself the nearest, at 0."""
    return np.partition(_compute_distances(samples, samples), k, axis=1)[:, k]


def _compute_distances(a: Floats, b: Floats) -> Floats:
    """Euclidean, pair by pair rather than by a matrix product: equal samples are at exactly 0, equal pairs agree."""
    from scipy.spatial.distance import cdist

    return cdist(a, b)
