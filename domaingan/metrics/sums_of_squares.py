"""Sums of squares of a table of trainings and people, and the variance of its mean from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]

MAX_DENSE_CELLS = 3000
"""Above this many cells the degrees of freedom of a table with gaps are those of a full one of its size."""


@dataclass(frozen=True)
class SquareWeights:
    """What turns the sums of squares of a table into the variance of its mean.

    The factors are those of people, trainings and the rest that the table can tell apart.

    Attributes:
        factors: positions of these factors.
        squares: ``(factors, factors)``, what a unit of each variance adds to each sum of squares.
        weights: ``(factors,)``, of the sums of squares in the variance of the mean.
        products: ``(factors, factors)``, whose quadratic form in the variances is half the variance of that estimate.
    """

    factors: tuple[int, ...]
    squares: NDArray[np.float64]
    weights: NDArray[np.float64]
    products: NDArray[np.float64]

    def estimate(self, table: Table) -> tuple[float, float]:
        """Estimate the variance of the mean of a table, and its degrees of freedom."""
        sums = compute_sums_of_squares(table)[list(self.factors)]
        components = np.maximum(np.linalg.solve(self.squares, sums), 0.0)
        variance = float(self.weights @ sums)
        spread = float(components @ self.products @ components)
        freedom = max(variance, 0.0) ** 2 / spread if spread > 0 else 1.0
        smallest, largest = min(table.shape) - 1, max(table.shape) - 1
        return variance, float(np.clip(freedom, smallest, largest))


def compute_sums_of_squares(table: Table) -> NDArray[np.float64]:
    """Compute the sums of squares between people, between trainings, and of all values, around the mean."""
    is_known = ~np.isnan(table)
    values = np.where(is_known, table, 0.0)
    centred = np.where(is_known, values - values.sum() / is_known.sum(), 0.0)
    between_people = (centred.sum(0) ** 2 / is_known.sum(0)).sum()
    between_trainings = (centred.sum(1) ** 2 / is_known.sum(1)).sum()
    return np.array([between_people, between_trainings, (centred**2).sum()])


@lru_cache(maxsize=64)
def weigh_sums_of_squares(known: bytes, shape: tuple[int, int]) -> SquareWeights | None:
    """Compute the weights for a pattern of cells; None where it tells no two factors apart.

    Args:
        known: bytes of a boolean table: which cells have a value.
        shape: of that table, ``(trainings, people)``.

    Returns:
        The weights, by Henderson's method I (Searle, Casella and McCulloch, "Variance components", 1992, chapter 5).
    """
    is_known = np.frombuffer(known, dtype=bool).reshape(shape)
    per_person, per_training = is_known.sum(0), is_known.sum(1)
    factors = [2]
    if per_training.max() > 1 and shape[0] > 1:
        factors.insert(0, 1)
    if per_person.max() > 1 and shape[1] > 1:
        factors.insert(0, 0)
    if len(factors) == 1:
        return None
    cells = int(is_known.sum())
    people_size = (per_person**2).sum() / cells
    training_size = (per_training**2).sum() / cells
    squares = np.array(
        [
            [cells - people_size, shape[1] - training_size, shape[1] - 1.0],
            [shape[0] - people_size, cells - training_size, shape[0] - 1.0],
            [cells - people_size, cells - training_size, cells - 1.0],
        ]
    )[np.ix_(factors, factors)]
    if np.linalg.matrix_rank(squares) < len(factors):
        return None
    of_training, of_person = np.nonzero(is_known)
    cell_weights = 1 / (shape[1] * per_person[of_person])
    levels = [of_person, of_training, np.arange(cells)]
    in_mean = np.array([(np.bincount(levels[factor], cell_weights) ** 2).sum() for factor in factors])
    weights = np.linalg.solve(squares.T, in_mean)
    if len(factors) == 3 and (is_known.all() or cells > MAX_DENSE_CELLS):
        products = _multiply_mean_squares(shape, cells)
    else:
        products = _multiply_forms([np.eye(levels[factor].max() + 1)[levels[factor]] for factor in factors], weights)
    return SquareWeights(tuple(factors), squares, weights, products)


def _multiply_mean_squares(shape: tuple[int, int], cells: int) -> NDArray[np.float64]:
    """Compute the products of a full table, whose mean squares are independent; nearly those of one with gaps.

    The variance of the mean is (MS_people + MS_trainings - MS_rest) / cells, and that of a mean square is twice its
    squared expectation over its degrees of freedom.
    """
    trainings, people = shape
    per_person, per_training = cells / people, cells / trainings
    expectations = np.array([[per_person, 0.0, 1.0], [0.0, per_training, 1.0], [0.0, 0.0, 1.0]])
    freedoms = np.array([people - 1, trainings - 1, (people - 1) * (trainings - 1)])
    products: NDArray[np.float64] = expectations.T @ (expectations / freedoms[:, None]) / cells**2
    return products


def _multiply_forms(indicators: list[Table], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the squared norms of ``Z_j' A Z_k``: A is the weighted form, Z the cells of each factor's levels.

    The variance of a quadratic form A of normal values with covariance V is 2 tr(AVAV).
    """

    def apply_form(columns: Table) -> Table:
        applied = -weights.sum() * np.broadcast_to(columns.mean(0), columns.shape)
        for indicator, weight in zip(indicators, weights, strict=True):
            sizes = indicator.sum(0)
            means = (indicator.T @ columns) / sizes[:, None]
            applied = applied + weight * (indicator @ means)
        return applied

    applied = [apply_form(indicator) for indicator in indicators]
    products: list[list[Any]] = []
    for left in indicators:
        products.append([((left.T @ right) ** 2).sum() for right in applied])
    return np.array(products)
