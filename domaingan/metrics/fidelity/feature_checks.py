"""Checks of two sets of features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError


def validate_features(
    real: NDArray[np.floating], fake: NDArray[np.floating], min_samples: int = 2
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check two sets of features, and return both as float64.

    Args:
        real: ``(N, F)``.
        fake: ``(M, F)``.
        min_samples: how many each set needs.

    Returns:
        Both sets, of the same shapes.

    Raises:
        DataError: other shapes, NaN or infinity, or fewer samples than ``min_samples``.
    """
    pair = []
    for name, features in (("real", real), ("generated", fake)):
        array = np.asarray(features, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != np.shape(real)[-1]:
            found = f"{name} features of shape {array.shape}"
            raise DataError(found, expected="(N, F) and (M, F) with the same F")
        if len(array) < min_samples:
            raise DataError(f"{len(array)} {name} images", expected=f"{min_samples} or more")
        if not np.isfinite(array).all():
            raise DataError(f"NaN or infinity in the {name} features", expected="numbers")
        pair.append(array)
    return pair[0], pair[1]
