"""A mean over people and trainings, with an interval for what other people and other trainings would change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

LEVEL = 0.95
"""Confidence level of every interval."""

POWER = 0.8
"""The smallest effect that a study could show is shown with this probability."""

ZERO_TOLERANCE = 1e-12
"""Means and variances below this are zero: their sums were only rounded."""

MAX_DETECTABLE_ERRORS = 1e4
"""Upper end of the search for the detectable effect, in standard errors."""

Table = NDArray[np.float64]


@dataclass(frozen=True)
class MeanEstimate:
    """A mean, and how far other people and other trainings would move it.

    Attributes:
        mean: the mean over people of each person's mean; None without any value.
        error: its standard error; None where there are fewer than two people or two trainings.
        freedom: degrees of freedom of that error, not always a whole number.
        n_people: how many people have a value.
        n_trainings: how many trainings have one.
    """

    mean: float | None
    error: float | None
    freedom: float | None
    n_people: int
    n_trainings: int

    def compute_interval(self, level: float = LEVEL) -> list[float | None]:
        """Compute the Student's t interval; its ends are None without an error.

        Args:
            level: confidence level, in (0, 1).
        """
        if self.mean is None or self.error is None:
            return [None, None]
        half = float(stats.t.ppf(0.5 + level / 2, self.freedom)) * self.error
        return [self.mean - half, self.mean + half]

    def compute_p(self) -> float | None:
        """Compute the two-sided p of no difference; below 0.05 exactly where the 95 % interval excludes 0."""
        if self.mean is None or self.error is None:
            return None
        if abs(self.mean) < ZERO_TOLERANCE:
            return 1.0
        if self.error < ZERO_TOLERANCE:
            return 0.0
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.freedom))

    def compute_detectable_effect(self) -> float | None:
        """Compute the smallest true effect that such a study shows with a probability of 80 %."""
        if self.error is None or self.freedom is None:
            return None
        return self.error * compute_detectable_errors(round(self.freedom, 1))


def estimate_mean(table: Table, groups: NDArray[np.int64] | None = None) -> MeanEstimate:
    """Estimate a mean over people and trainings, both of which are a sample of those that could have been.

    People and trainings are crossed random effects. Where trainings come in groups (folds or training sets with several
    seeds each), a group's trainings share their training people, so the groups count: each is averaged first.

    The variance of the mean is estimated from sums of squares, which also holds where cells are missing (Henderson's
    method I: Searle, Casella and McCulloch, "Variance components", 1992, chapter 5). Its degrees of freedom are
    Satterthwaite's (Biometrics Bulletin 2, 1946). An estimated variance may be too small by chance or even negative.
    Therefore it is never taken below those over people alone, over groups alone, and over trainings as if they had no
    groups. Two groups hardly tell how far groups differ: there is then one degree of freedom.
    ``benchmarks/results/null-studies.md`` shows how often the interval misses.

    Args:
        table: ``(trainings, people)``, such as paired differences; NaN where a training did not test a person.
        groups: ``(trainings,)``, the fold or training set of each; by default all are one.

    Returns:
        The mean with its error.

    >>> estimate_mean(np.array([[0.1, 0.3, 0.2], [0.2, 0.4, 0.3]])).mean
    0.25
    """
    values = np.asarray(table, dtype=float)
    labels = np.zeros(len(values), dtype=int) if groups is None else np.asarray(groups)
    has_training = ~np.isnan(values).all(axis=1)
    values, labels = values[has_training], labels[has_training]
    values = values[:, ~np.isnan(values).all(axis=0)]
    n_trainings, n_people = values.shape
    if not values.size:
        return MeanEstimate(None, None, None, n_people, n_trainings)
    averaged = _average_in_groups(values, labels)
    mean = float(average_known(averaged, axis=0).mean())
    if min(n_trainings, n_people) < 2:
        return MeanEstimate(mean, None, None, n_people, n_trainings)
    variances = _list_variances(averaged)
    if len(averaged) < n_trainings:
        variances += _list_variances(values)
    variance, freedom = max(variances, key=lambda pair: (pair[0], -pair[1]))
    if len(averaged) < n_trainings and len(averaged) == 2:
        freedom = 1.0
    return MeanEstimate(mean, float(np.sqrt(variance)), freedom, n_people, n_trainings)


def estimate_rest_variance(table: Table) -> float | None:
    """Estimate the variance of what neither the person nor the training explains; None where nothing is left.

    Args:
        table: ``(trainings, people)``; NaN where there is no value.
    """
    values = table[~np.isnan(table).all(axis=1)]
    values = values[:, ~np.isnan(values).all(axis=0)]
    is_known = ~np.isnan(values)
    weights = _weigh_sums_of_squares(is_known.tobytes(), is_known.shape) if values.size else None
    if weights is None or len(weights.factors) < 3:
        return None
    return max(0.0, float(np.linalg.solve(weights.squares, _compute_sums_of_squares(values))[-1]))


def average_known(table: Table, axis: int) -> Table:
    """Average the values that are not NaN along an axis; NaN where there is none."""
    is_known = ~np.isnan(table)
    counts = is_known.sum(axis)
    sums = np.where(is_known, table, 0.0).sum(axis)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


@lru_cache(maxsize=512)
def compute_detectable_errors(freedom: float, alpha: float = 1 - LEVEL, power: float = POWER) -> float:
    """Compute the smallest effect that a two-sided t test shows with a power, in standard errors (noncentral t).

    Args:
        freedom: degrees of freedom.
        alpha: level of significance.
        power: probability that an effect of this size is shown.

    >>> round(compute_detectable_errors(1000.0), 2)
    2.8
    """
    critical = float(stats.t.ppf(1 - alpha / 2, freedom))

    def find_excess(effect: float) -> float:
        return compute_power(effect, freedom, critical) - power

    upper = 4.0
    while find_excess(upper) < 0 and upper < MAX_DETECTABLE_ERRORS:
        upper *= 2
    return float(optimize.brentq(find_excess, 0.0, upper, xtol=1e-4))


def compute_power(effect: float, freedom: float, critical: float) -> float:
    """Compute how probably a t test shows an effect.

    Args:
        effect: the true effect, in standard errors.
        freedom: degrees of freedom of the test.
        critical: |t| above which a difference is shown.
    """
    above = stats.nct.sf(critical, freedom, effect)
    below = stats.nct.cdf(-critical, freedom, effect)
    return float(np.nan_to_num(above) + np.nan_to_num(below))


def compute_true_error(is_known: NDArray[np.bool_], variances: NDArray[np.float64]) -> tuple[float, float]:
    """Compute the standard error of a mean whose variances are known, and the degrees of freedom of its estimate.

    Args:
        is_known: ``(trainings, people)``, which cells have a value.
        variances: ``(3,)``, of people, of trainings and of the rest.
    """
    weights = _weigh_sums_of_squares(is_known.tobytes(), is_known.shape)
    if weights is None:  # every training has tested one person of its own
        return float(np.sqrt(variances.sum() / is_known.sum())), float(is_known.sum() - 1)
    components = np.array([variances[factor] for factor in weights.factors])
    if 0 not in weights.factors:
        components[-1] += variances[0]  # one value a person: people are part of the rest
    if 1 not in weights.factors:
        components[-1] += variances[1]
    variance = float(weights.weights @ weights.squares @ components)
    freedom = variance**2 / float(components @ weights.products @ components)
    return float(np.sqrt(variance)), freedom


def _average_in_groups(values: Table, groups: NDArray[np.int64]) -> Table:
    """Average the trainings of each group; of one group every training counts for itself."""
    names = np.unique(groups)
    if len(names) == 1:
        return values
    return np.array([average_known(values[groups == name], axis=0) for name in names])


def _list_variances(table: Table) -> list[tuple[float, float]]:
    """List estimates of the variance of the mean, each with its degrees of freedom: both effects, and each alone."""
    rows, columns = average_known(table, axis=1), average_known(table, axis=0)
    variances = []
    for means in (rows, columns):
        if len(means) > 1:
            variances.append((float(means.var(ddof=1)) / len(means), len(means) - 1.0))
    is_known = ~np.isnan(table)
    weights = _weigh_sums_of_squares(is_known.tobytes(), is_known.shape)
    if weights is not None:
        variances.append(weights.estimate(table))
    return variances


@dataclass(frozen=True)
class _Weights:
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
        sums = _compute_sums_of_squares(table)[list(self.factors)]
        components = np.maximum(np.linalg.solve(self.squares, sums), 0.0)
        variance = float(self.weights @ sums)
        spread = float(components @ self.products @ components)
        freedom = max(variance, 0.0) ** 2 / spread if spread > 0 else 1.0
        smallest, largest = min(table.shape) - 1, max(table.shape) - 1
        return variance, float(np.clip(freedom, smallest, largest))


def _compute_sums_of_squares(table: Table) -> NDArray[np.float64]:
    """Compute the sums of squares between people, between trainings, and of all values, around the mean."""
    is_known = ~np.isnan(table)
    values = np.where(is_known, table, 0.0)
    centred = np.where(is_known, values - values.sum() / is_known.sum(), 0.0)
    between_people = (centred.sum(0) ** 2 / is_known.sum(0)).sum()
    between_trainings = (centred.sum(1) ** 2 / is_known.sum(1)).sum()
    return np.array([between_people, between_trainings, (centred**2).sum()])


@lru_cache(maxsize=64)
def _weigh_sums_of_squares(known: bytes, shape: tuple[int, int]) -> _Weights | None:
    """Compute the weights for a pattern of cells; None where it tells no two factors apart.

    Args:
        known: bytes of a boolean table: which cells have a value.
        shape: of that table, ``(trainings, people)``.
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
    of_training, of_person = np.nonzero(is_known)
    indicators = [np.eye(shape[1])[of_person], np.eye(shape[0])[of_training], np.eye(cells)]
    cell_weights = 1 / (shape[1] * per_person[of_person])
    in_mean = np.array([((indicators[factor].T @ cell_weights) ** 2).sum() for factor in factors])
    if np.linalg.matrix_rank(squares) < len(factors):
        return None
    weights = np.linalg.solve(squares.T, in_mean)
    products = _multiply_forms([indicators[factor] for factor in factors], weights)
    return _Weights(tuple(factors), squares, weights, products)


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
