"""Matrix products in pieces that stay on one thread, so that a DataLoader's workers do not wait for each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]

MAX_PRODUCT_SIZE = 64**3
"""OpenBLAS computes a product of at most this many multiplications on one thread. Beyond it several threads wait for
each other: where other processes use the cores too, a product of 0.2 ms takes 300 ms."""


def multiply_in_pieces(matrix: Values, columns: Values) -> Values:
    """Multiply a matrix ``(m, k)`` by a few columns ``(k, n)``."""
    step = max(1, MAX_PRODUCT_SIZE // columns.size)
    pieces = [matrix[start : start + step] @ columns for start in range(0, len(matrix), step)]
    return np.concatenate(pieces)


def multiply_rows(rows: Values, matrix: Values) -> Values:
    """Multiply rows ``(m, k)`` by a square matrix ``(k, k)``."""
    step = max(1, MAX_PRODUCT_SIZE // matrix.size)
    whole = len(rows) // step * step
    product = np.empty_like(rows)
    pieces = (-1, step, len(matrix))
    np.matmul(rows[:whole].reshape(pieces), matrix, out=product[:whole].reshape(pieces))
    np.matmul(rows[whole:], matrix, out=product[whole:])
    return product


def multiply_columns(matrix: Values, columns: Values) -> Values:
    """Multiply a square matrix ``(k, k)`` by each of ``(n, k, m)``."""
    step = max(1, MAX_PRODUCT_SIZE // matrix.size)
    product = np.empty_like(columns)
    for start in range(0, columns.shape[-1], step):
        piece = (..., slice(start, start + step))
        np.matmul(matrix, columns[piece], out=product[piece])
    return product
